//! Tab *Daten*.

use diesel::prelude::*;
use serde_json::json;
use widerspruch::db::models::objections::{self, Memory, Remembered};
use widerspruch::db::schema::outbox_mails;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};
use widerspruch::tracking::settings::{self, remembered_address};

use super::{add, by_address};
use crate::erasure::bytes::files_with;
use crate::support::{World, eventually, on_both};

on_both!(data_and_free_fields_are_changed, |world| {
    let id = add(world, world.account_id, "jana@example.org", "Jana", "");
    let admin = world.admin();
    let path = format!("/empfaenger/{id}");
    let page = admin.visit(&path);
    assert_eq!(
        page.all(".tabs a"),
        ["Daten", "Gruppen", "Tracking", "Verlauf"]
    );
    assert_eq!(page.all(".tabs a[aria-current]"), ["Daten"]);

    admin.submit(
        &path,
        &[
            ("email", "Jana.Weiss@example.org"),
            ("vorname", "Jana"),
            ("nachname", "Weiß"),
            ("neues-feld", "Straße"),
            ("neuer-wert", "Ring 5"),
        ],
    );
    let jana = by_address(world, "jana.weiss@example.org").unwrap();
    assert_eq!((jana.id, jana.last_name.as_str()), (id, "Weiß"));
    assert_eq!(jana.fields, r#"{"strasse":"Ring 5"}"#);
    assert!(by_address(world, "jana@example.org").is_none());
    admin
        .visit("/empfaenger/suche?q=jana.weiss")
        .assert_says("1 Treffer");

    let page = admin.visit(&path);
    assert_eq!(
        page.attribute("input[name=wert]", "value").as_deref(),
        Some("Ring 5")
    );
    let same = [
        ("email", "Jana.Weiss@example.org"),
        ("feld", "strasse"),
        ("wert", ""),
    ];
    admin.submit(&path, &same).assert_says("Gespeichert.");
    assert_eq!(
        by_address(world, "jana.weiss@example.org").unwrap().fields,
        "{}"
    );
});

on_both!(
    an_address_that_belongs_to_somebody_else_is_refused,
    |world| {
        let id = add(world, world.account_id, "jana@example.org", "", "");
        let other = add(world, world.account_id, "tom@example.org", "", "");
        let answer = world.admin().post(
            &format!("/empfaenger/{id}"),
            &[("email", "TOM@example.org")],
        );
        assert_eq!(answer.status, 422);
        answer.assert_says("Diese Adresse gehört schon einem anderen Empfänger.");
        let link = answer.attribute("form.form a", "href");
        assert_eq!(link, Some(format!("/empfaenger/{other}")));
        assert!(by_address(world, "jana@example.org").is_some());
    }
);

on_both!(
    p9_a_new_address_brings_neither_loss_nor_evasion_of_an_objection,
    |world| {
        let actor = widerspruch::db::models::audit::Actor::Recipient;
        let id = add(world, world.account_id, "jana@example.org", "", "");
        let tom = add(world, world.account_id, "tom@example.org", "", "");
        world.write(|conn| {
            let (source, now) = (TrackingSource::Recipient, Timestamp::now());
            settings::object(conn, world.account_id, id, source, &actor, now)?;
            let memory = Memory {
                address: remembered_address(&world.state.remembering, "tim@example.org"),
                kind: Remembered::Objection,
                made_at: 1_700_000_000_000,
            };
            objections::remember(conn, world.account_id, &memory, "self")
        });
        let admin = world.admin();
        admin.submit(
            &format!("/empfaenger/{id}"),
            &[("email", "neu@example.org")],
        );
        let renamed = by_address(world, "neu@example.org").unwrap();
        assert_eq!(renamed.tracking, RecipientTracking::Objected);
        assert_eq!(renamed.tracking_source, Some(TrackingSource::Recipient));

        admin
            .submit(
                &format!("/empfaenger/{tom}"),
                &[("email", "tim@example.org")],
            )
            .assert_says("ist ein Widerspruch gemerkt");
        let renamed = by_address(world, "tim@example.org").unwrap();
        assert_eq!(renamed.tracking, RecipientTracking::Objected);
        assert_eq!(renamed.tracking_changed_at, Some(1_700_000_000_000));
    }
);

/// What somebody is known to have said: whether they objected, and whether mails go there.
fn said(world: &World, address: &str) -> (bool, RecipientStatus) {
    let found = by_address(world, address).expect("the recipient");
    (found.tracking == RecipientTracking::Objected, found.status)
}

on_both!(p9_the_old_address_keeps_what_was_said_under_it, |world| {
    let program = world.program();
    for (way, old, new) in [
        ("page", "alt1@example.org", "neu1@example.org"),
        ("program", "alt2@example.org", "neu2@example.org"),
        ("patch", "alt3@example.org", "neu3@example.org"),
    ] {
        let id = add(world, world.account_id, old, "Jana", "");
        let path = format!("/api/v1/recipients/{id}");
        program
            .put(&format!("{path}/tracking"), &json!({"setting": "objected"}))
            .expect(200);
        program
            .put(&format!("{path}/unsubscription"), &json!({}))
            .expect(204);
        let data = json!({"email": new});
        match way {
            "page" => {
                world
                    .admin()
                    .submit(&format!("/empfaenger/{id}"), &[("email", new)])
                    .assert_says("Gespeichert.");
            }
            "patch" => {
                let kind = ("content-type", "application/merge-patch+json");
                let patched = program.send("PATCH", &path, Some(data.to_string()), &[kind]);
                patched.expect(200);
            }
            _ => {
                program.put(&path, &data).expect(200);
            }
        }
        let both = (true, RecipientStatus::Unsubscribed);
        assert_eq!(said(world, new), both, "{way}: the person's own");
        // Another spelling of the old address is the old address.
        let again = old.to_uppercase();
        program
            .post("/api/v1/recipients", &json!({"email": again}))
            .expect(201);
        assert_eq!(said(world, old), both, "{way}: remembered");
    }
});

on_both!(
    p9_a_new_address_brings_an_unsubscription_that_is_remembered_for_it,
    |world| {
        for (address, kinds) in [
            ("ab@example.org", &[Remembered::Unsubscription][..]),
            (
                "beides@example.org",
                &[Remembered::Unsubscription, Remembered::Objection],
            ),
        ] {
            for kind in kinds {
                let memory = Memory {
                    address: remembered_address(&world.state.remembering, address),
                    kind: *kind,
                    made_at: 1_700_000_000_000,
                };
                world.write(|conn| objections::remember(conn, world.account_id, &memory, "self"));
            }
        }
        let jana = add(world, world.account_id, "jana@example.org", "", "");
        let tom = add(world, world.account_id, "tom@example.org", "", "");
        let admin = world.admin();
        admin
            .submit(
                &format!("/empfaenger/{jana}"),
                &[("email", "ab@example.org")],
            )
            .assert_says("Für die neue Adresse ist eine Abmeldung gemerkt");
        assert_eq!(
            said(world, "ab@example.org"),
            (false, RecipientStatus::Unsubscribed)
        );
        let found = by_address(world, "ab@example.org").unwrap();
        assert_eq!(found.status_source, Some(TrackingSource::Remembered));
        assert_eq!(found.status_changed_at, Some(1_700_000_000_000));
        world
            .program()
            .put(
                &format!("/api/v1/recipients/{tom}"),
                &json!({"email": "beides@example.org"}),
            )
            .expect(200);
        assert_eq!(
            said(world, "beides@example.org"),
            (true, RecipientStatus::Unsubscribed)
        );
    }
);

on_both!(
    p9_without_the_setting_a_change_of_address_remembers_nothing,
    |world| {
        let id = add(world, world.account_id, "jana@example.org", "", "");
        let actor = widerspruch::db::models::audit::Actor::Recipient;
        world.write(|conn| {
            let (source, now) = (TrackingSource::Recipient, Timestamp::now());
            settings::set_account_options(conn, world.account_id, true, false, &actor, now)?;
            settings::object(conn, world.account_id, id, source, &actor, now)
        });
        let admin = world.admin();
        admin.submit(
            &format!("/empfaenger/{id}"),
            &[("email", "neu@example.org")],
        );
        assert_eq!(world.rows("objections", "1 = 1"), 0);
        assert!(said(world, "neu@example.org").0, "the person's own stays");
    }
);

on_both!(bounces_of_the_old_address_end_with_it, |world| {
    let jana = add(world, world.account_id, "jana@example.org", "", "");
    world.write(|conn| {
        let now = Timestamp::now();
        widerspruch::db::models::bounces::give_up(conn, world.account_id, jana, now)
    });
    let admin = world.admin();
    let path = format!("/empfaenger/{jana}");
    admin
        .submit(&path, &[("email", "Jana@example.org")])
        .assert_says("Gespeichert.");
    assert_eq!(
        said(world, "jana@example.org").1,
        RecipientStatus::Bounced,
        "the same address"
    );
    admin
        .submit(&path, &[("email", "neu@example.org")])
        .assert_says("An die neue werden wieder E-Mailings gesendet.");
    assert_eq!(said(world, "neu@example.org").1, RecipientStatus::Active);
});

on_both!(mails_are_stopped_and_resumed, |world| {
    let id = add(world, world.account_id, "jana@example.org", "", "");
    let status = || by_address(world, "jana@example.org").unwrap().status;
    let admin = world.admin();
    let page = admin.submit(&format!("/empfaenger/{id}/abmelden"), &[]);
    page.assert_says("Abgemeldet seit")
        .assert_says("durch einen Benutzer des Kontos");
    assert_eq!(status(), RecipientStatus::Unsubscribed);
    assert!(page.all("button").contains(&"Wieder anmelden".to_owned()));
    admin
        .submit(&format!("/empfaenger/{id}/wieder-anmelden"), &[])
        .assert_says("Aktiv seit");
    assert_eq!(status(), RecipientStatus::Active);
});

on_both!(p7_mails_with_the_old_address_leave_the_outbox, |world| {
    let jana = world.make_recipient("jana@example.org");
    let tom = world.make_recipient("tom@example.org");
    let mailing = world.make_sent_mailing("Herbstbrief", 0);
    for id in [jana, tom] {
        world.write(|conn| {
            diesel::insert_into(outbox_mails::table)
                .values((
                    outbox_mails::account_id.eq(world.account_id),
                    outbox_mails::mailing_id.eq(mailing),
                    outbox_mails::recipient_id.eq(id),
                    outbox_mails::file.eq(format!("{id}.eml")),
                    // Not zero: mails this old would be swept out.
                    outbox_mails::created_at.eq(Timestamp::now().millis()),
                ))
                .execute(conn)?;
            Ok(())
        });
    }
    let admin = world.admin();
    // Another spelling of the same address moves nothing.
    let path = format!("/empfaenger/{jana}");
    admin.submit(&path, &[("email", "Jana@Example.org")]);
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 2);
    admin.submit(&path, &[("email", "jana.weiss@example.org")]);
    let left = world.rows("outbox_mails", "1 = 1");
    let of_tom = world.rows("outbox_mails", &format!("recipient_id = {tom}"));
    assert_eq!((left, of_tom), (1, 1));
});

on_both!(p7_the_bytes_of_the_old_address_leave_the_files, |world| {
    let old = "jana.altename@geheim.example.org";
    let id = world.make_recipient(old);
    if world.on == crate::support::On::Sqlite {
        assert!(!files_with(world.dir.path(), old).is_empty(), "the control");
    }
    let path = format!("/empfaenger/{id}");
    let admin = world.admin();
    admin.submit(&path, &[("email", "jana@example.org")]);
    eventually(
        "the cleaning comes to an end",
        || files_with(world.dir.path(), old),
        Vec::is_empty,
    );
});
