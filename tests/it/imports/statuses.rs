//! Files that say who may no longer be mailed.

use std::path::Path;

use serde_json::Value;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::imports::Import;
use widerspruch::db::models::recipients::{self, Recipient};
use widerspruch::domain::day::past_day;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{RecipientStatus, TrackingSource};
use widerspruch::import::status::StatedStatus;
use widerspruch::tracking::settings;
use widerspruch::tracking::stated_status::{self, Stated};

use super::command::{import as command, said, stopped};
use crate::support::import::{ACTOR, import, import_with};
use crate::support::{On, World, on_both};

use RecipientStatus::{Active, Bounced, Unsubscribed};

fn person(world: &World, address: &str) -> Recipient {
    let found = world.read(|conn| recipients::find_by_address(conn, world.account_id, address));
    found.unwrap_or_else(|| panic!("{address} is no recipient"))
}

fn status(world: &World, address: &str) -> RecipientStatus {
    person(world, address).status
}

fn counts(import: &Import) -> [i64; 5] {
    [
        import.added,
        import.unsubscribed,
        import.undeliverable,
        import.kept_out,
        import.refused,
    ]
}

on_both!(files_of_other_tools_mail_nobody_who_left, |world| {
    for (text, ended) in [
        (
            "uuid,email,name,status\n1,an@lm.example,A,enabled\n2,ab@lm.example,B,blocklisted\n",
            Unsubscribed,
        ),
        (
            "Email Address,First Name,UNSUB_TIME,UNSUB_REASON\nan@mc.example,A,,\n\
             ab@mc.example,B,2024-06-01 08:00:00,NORMAL\n",
            Unsubscribed,
        ),
        (
            "Email Address,First Name,CLEAN_TIME\nan@cl.example,A,\nab@cl.example,B,2024-06-01 08:00:00\n",
            Bounced,
        ),
        (
            "id,email,subscribed_to_emails\n1,an@gh.example,true\n2,ab@gh.example,false\n",
            Unsubscribed,
        ),
        (
            "EMAIL,DOUBLE_OPT-IN,OPT_IN,Email blacklisted\nan@br.example,Yes,,No\nab@br.example,Yes,,Yes\n",
            Unsubscribed,
        ),
        (
            "id,email,dnc_reason\n1,an@mt.example,\n2,ab@mt.example,1\n",
            Unsubscribed,
        ),
        (
            "name,email,unsubscribed,bounced,complaint,confirmed\nA,an@sy.example,0,0,0,1\nB,ab@sy.example,0,1,0,1\n",
            Bounced,
        ),
        (
            "email,First Name,Opted out of email,Email hard bounce reason\nan@hs.example,A,false,\nab@hs.example,B,true,\n",
            Unsubscribed,
        ),
        (
            "E-Mail;Status\nan@de.example;aktiv\nab@de.example;Unbestätigt\n",
            Unsubscribed,
        ),
    ] {
        let done = import(world, text, None);
        let domain = text
            .split("an@")
            .nth(1)
            .and_then(|rest| rest.split(',').next());
        let domain = domain
            .and_then(|rest| rest.split(';').next())
            .expect("a domain");
        assert_eq!(status(world, &format!("an@{domain}")), Active, "{text}");
        assert_eq!(status(world, &format!("ab@{domain}")), ended, "{text}");
        assert_eq!(done.unsubscribed + done.undeliverable, 1, "{text}");
        assert_eq!(done.refused, 0, "{text}");
    }
});

on_both!(the_worst_of_several_columns_holds, |world| {
    let done = import(
        world,
        "E-Mail;Status;Abgemeldet am;Bounce\n\
         a@example.org;aktiv;;\n\
         b@example.org;aktiv;01.05.2026;\n\
         c@example.org;gesperrt;;nein\n\
         d@example.org;aktiv;;ja\n\
         e@example.org;Bounce;01.05.2026;ja\n\
         f@example.org;Kunde;;\n\
         g@example.org;Spam-Beschwerde;;\n",
        None,
    );
    assert_eq!(counts(&done), [6, 4, 1, 0, 1]);
    let at = |address: &str| {
        let person = person(world, address);
        (person.status, person.status_source)
    };
    assert_eq!(at("a@example.org"), (Active, None));
    let by_file = Some(TrackingSource::Import);
    assert_eq!(at("b@example.org"), (Unsubscribed, by_file));
    assert_eq!(at("c@example.org"), (Unsubscribed, by_file));
    assert_eq!(at("d@example.org"), (Bounced, by_file));
    assert_eq!(at("e@example.org"), (Unsubscribed, by_file));
    let complained = Some(TrackingSource::Complaint);
    assert_eq!(at("g@example.org"), (Unsubscribed, complained));
    let since = past_day("2026-05-01", None, Timestamp::now())
        .ok()
        .map(Timestamp::millis);
    assert_eq!(person(world, "b@example.org").status_changed_at, since);
    assert_eq!(
        world.rows(
            "import_refusals",
            "value = 'Kunde' AND reason LIKE '%„Kunde“%'"
        ),
        1
    );
});

on_both!(a_file_ends_mails_to_recipients_who_are_there, |world| {
    for name in ["active", "bounced", "left", "unsure"] {
        world.make_recipient(&format!("{name}@example.org"));
    }
    let (bounced, left) = (
        person(world, "bounced@example.org"),
        person(world, "left@example.org"),
    );
    world.write(|conn| {
        let (source, now) = (TrackingSource::Bounce, Timestamp(1_000));
        recipients::set_status(conn, world.account_id, bounced.id, Bounced, source, now)?;
        let (source, actor) = (TrackingSource::Recipient, Actor::Recipient);
        settings::unsubscribe(conn, world.account_id, left.id, source, &actor, now)
    });
    let file =
        "email,unsubscribed\nactive@example.org,1\nbounced@example.org,1\nleft@example.org,1\n";
    let done = import(world, file, None);
    assert_eq!(counts(&done), [0, 2, 0, 0, 0]);
    assert_eq!((done.updated, done.unchanged), (2, 1));
    for name in ["active", "bounced", "left"] {
        assert_eq!(
            status(world, &format!("{name}@example.org")),
            Unsubscribed,
            "{name}"
        );
    }
    let own = person(world, "left@example.org");
    assert_eq!(
        (own.status_source, own.status_changed_at),
        (Some(TrackingSource::Recipient), Some(1_000))
    );
    // With the evidence: which import said it, and in which word.
    let entries = world.read(|conn| {
        let id = person(world, "active@example.org").id;
        widerspruch::db::models::audit::of_recipient(conn, world.account_id, id)
    });
    let last: Value =
        serde_json::from_str(&entries.last().expect("an entry").details).expect("JSON");
    assert_eq!(last["import"], done.id);
    assert_eq!(last["said"], "unsubscribed");

    // That a subscription was never confirmed elsewhere is no unsubscription here.
    import(
        world,
        "email,status\nunsure@example.org,unconfirmed\n",
        None,
    );
    assert_eq!(status(world, "unsure@example.org"), Active);
    // It goes back in no way.
    for file in [
        "email,status\nactive@example.org,subscribed\nbounced@example.org,active\nleft@example.org,active\n",
        "email,unsubscribed,confirmed\nactive@example.org,0,1\nbounced@example.org,no,1\nleft@example.org,,1\n",
        "email,first name\nactive@example.org,Neu\nbounced@example.org,Neu\nleft@example.org,Neu\n",
        "email,bounced\nactive@example.org,1\nbounced@example.org,1\nleft@example.org,1\n",
    ] {
        let done = import(world, file, None);
        assert_eq!(done.unsubscribed + done.undeliverable, 0, "{file}");
        for name in ["active", "bounced", "left"] {
            assert_eq!(
                status(world, &format!("{name}@example.org")),
                Unsubscribed,
                "{file}"
            );
        }
    }
    assert_eq!(
        import(world, "email\nactive@example.org\n", None).kept_out,
        1
    );
});

on_both!(what_was_said_meanwhile_goes_before_the_file, |world| {
    let id = world.make_recipient("anna@example.org");
    world.write(|conn| {
        let (source, now) = (TrackingSource::Recipient, Timestamp(1_000));
        settings::unsubscribe(conn, world.account_id, id, source, &Actor::Recipient, now)
    });
    for status in [Bounced, Unsubscribed] {
        let stated = Stated {
            recipient_id: id,
            status,
            since: Timestamp(2_000),
            source: TrackingSource::Import,
            said: "bounced",
        };
        let ended = world.write(|conn| {
            let now = Timestamp::now();
            stated_status::end_mails(conn, world.account_id, 1, &[stated], &ACTOR, now)
        });
        assert!(ended.is_empty(), "{status:?}");
        let anna = person(world, "anna@example.org");
        assert_eq!(anna.status, Unsubscribed, "{status:?}");
        assert_eq!(anna.status_source, Some(TrackingSource::Recipient));
        assert_eq!(anna.status_changed_at, Some(1_000));
    }
});

on_both!(p9_an_imported_unsubscription_is_remembered, |world| {
    let admin = world.admin();
    import(world, "email,opt_out\nanna@example.org,yes\n", None);
    let id = person(world, "anna@example.org").id;
    admin.submit(&format!("/empfaenger/{id}/loeschen"), &[]);
    let done = import(world, "email,status\nANNA@example.org,active\n", None);
    assert_eq!(counts(&done), [1, 0, 0, 1, 0]);
    let again = person(world, "anna@example.org");
    assert_eq!(
        (again.status, again.status_source),
        (Unsubscribed, Some(TrackingSource::Remembered))
    );
});

on_both!(a_whole_file_can_be_declared, |world| {
    world.make_recipient("known@example.org");
    let text = "email,status\nknown@example.org,active\nnew@example.org,active\nbounced@example.org,bounced\n";
    import_with(world, text, None, |settings| {
        settings.everybody = Some(StatedStatus::Undeliverable);
    });
    assert_eq!(status(world, "known@example.org"), Bounced);
    assert_eq!(status(world, "new@example.org"), Bounced);
    import_with(world, text, None, |settings| {
        settings.everybody = Some(StatedStatus::Unsubscribed);
    });
    for name in ["known", "new", "bounced"] {
        assert_eq!(
            status(world, &format!("{name}@example.org")),
            Unsubscribed,
            "{name}"
        );
    }
});

fn the_command_line_knows_the_same(on: On) {
    let world = stopped(on);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the file");
        path
    };
    let run = |arguments: &[&str], file: &Path| {
        let mut all = vec!["--group", "Alle"];
        all.extend(arguments);
        command(&world, &all, file)
    };
    let file = write(
        "a.csv",
        "email,status\na@example.org,active\nb@example.org,bounced\nc@example.org,Kunde\n",
    );
    let preview = said(&run(&["--preview"], &file));
    assert!(preview.contains("column 2: status"), "{preview}");
    assert!(
        preview.contains("1 active, 0 unsubscribed, 1 undeliverable, 0 unconfirmed, 1 refused."),
        "{preview}"
    );
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    let summary = said(&run(&[], &file));
    assert!(
        summary.starts_with("2 added, 0 updated, 0 unchanged, 1 refused.\n1 undeliverable"),
        "{summary}"
    );
    let summary = said(&run(
        &["--status", "unsubscribed", "--column", "status=ignore"],
        &file,
    ));
    assert!(
        summary.starts_with("1 added, 2 updated, 0 unchanged, 0 refused.\n3 unsubscribed"),
        "{summary}"
    );
    assert_eq!(world.rows("recipients", "status = 'unsubscribed'"), 3);

    // A file of which nothing was taken is no success.
    let file = write(
        "b.csv",
        "email,status\nx@example.org,Kunde\ny@example.org,VIP\n",
    );
    let output = run(&[], &file);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("all 2 rows were refused"), "{errors}");
    let output = run(&[], &write("c.csv", "email\n"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_command_line_knows_the_same_sqlite() {
    the_command_line_knows_the_same(On::Sqlite);
}

#[test]
fn the_command_line_knows_the_same_postgres() {
    the_command_line_knows_the_same(On::Postgres);
}
