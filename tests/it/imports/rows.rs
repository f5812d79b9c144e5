//! What the rows of a file do to recipients, objections and groups.

use widerspruch::db::models::audit::{self, Actor};
use widerspruch::db::models::imports::{self, Import, ImportStatus};
use widerspruch::db::models::recipients::{self, Recipient};
use widerspruch::db::models::refusals;
use widerspruch::db::models::{accounts, groups};
use widerspruch::db::paging::Position;
use widerspruch::db::search;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};
use widerspruch::import::run::{self, RunError};
use widerspruch::tracking::settings;

use crate::support::import::{ACTOR, begin, import, import_file};
use crate::support::{World, on_both};

fn counts(import: &Import) -> [i64; 4] {
    [
        import.added,
        import.updated,
        import.unchanged,
        import.refused,
    ]
}

/// More than one slice takes, on either database.
const MANY: i64 = 30_000;

fn many_rows() -> String {
    let rows = (0..MANY).map(|n| format!("person{n}@example.org;Name {n}"));
    let header = std::iter::once("E-Mail;Vorname".to_owned());
    header.chain(rows).collect::<Vec<_>>().join("\n")
}

fn person(world: &World, key: &str) -> Recipient {
    world
        .read(|conn| recipients::find_by_address(conn, world.account_id, key))
        .expect("the recipient")
}

on_both!(rows_add_update_and_leave, |world| {
    let group =
        world.write(|conn| groups::create(conn, world.account_id, "Kunden", Timestamp::now()));
    let first = import(
        world,
        "E-Mail;Vorname;Nachname;Ort\n\
         anna@example.org;Anna;Alt;Köln\n\
         kein-empfaenger;;;\n\
         bernd@example.org;Bernd;;\n\
         Anna@Example.org;;Neu;\n\
         bernd@example.org;;;\n",
        Some(group),
    );
    assert_eq!(counts(&first), [2, 1, 1, 1]);
    assert_eq!(first.rows_read, 5);
    let anna = person(world, "anna@example.org");
    assert_eq!(
        (anna.first_name.as_str(), anna.last_name.as_str()),
        ("Anna", "Neu")
    );
    assert_eq!(anna.fields, r#"{"ort":"Köln"}"#);
    assert_eq!(anna.address, "anna@example.org");

    // An empty cell deletes nothing, another column adds a field.
    let second = import(
        world,
        "E-Mail;Vorname;Nachname;Ort;Farbe\n\
         anna@example.org;;Ganzneu;;rot\n\
         bernd@example.org;Bernd;;;\n\
         clara@example.org;;;;\n",
        Some(group),
    );
    assert_eq!(counts(&second), [1, 1, 1, 0]);
    let anna = person(world, "anna@example.org");
    assert_eq!(
        (anna.first_name.as_str(), anna.last_name.as_str()),
        ("Anna", "Ganzneu")
    );
    let fields: serde_json::Value = serde_json::from_str(&anna.fields).unwrap();
    assert_eq!(fields, serde_json::json!({ "ort": "Köln", "farbe": "rot" }));

    let (members, account) = world.read(|conn| {
        Ok((
            groups::find(conn, world.account_id, group)?.member_count,
            accounts::find(conn, world.account_id)?.recipient_count,
        ))
    });
    assert_eq!((members, account), (3, 3));
    assert_eq!(world.rows("memberships", "1 = 1"), 3);
    for (needle, hits) in [("ganzneu", 1), ("alt", 0), ("neu", 1), ("clara@", 1)] {
        let found = world
            .read(|conn| search::find(conn, world.account_id, needle, Position::First, 10))
            .rows;
        assert_eq!(found.len(), hits, "{needle}");
    }
    let keys = world.rows("(SELECT DISTINCT public_key FROM recipients) AS k", "1 = 1");
    assert_eq!(keys, 3, "everybody has a key of his own");
});

on_both!(refused_rows_are_kept_with_line_value_and_reason, |world| {
    let done = import(
        world,
        "E-Mail\nanna@example.org\nanna@\n\nbernd@example.org\n",
        None,
    );
    assert_eq!(counts(&done), [2, 0, 0, 1]);
    let refused = world.read(|conn| refusals::after(conn, world.account_id, done.id, 0, 10));
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].line, refused[0].value.as_str()), (3, "anna@"));
    assert!(!refused[0].reason.is_empty());

    let purge = |days| {
        let before = Timestamp::now().plus_days(days);
        world.write(|conn| refusals::purge(conn, before))
    };
    assert_eq!(purge(-7), 0);
    assert_eq!(purge(1), 2, "with the names of the columns");
});

on_both!(
    p9_p11_an_import_records_objections_and_takes_none_back,
    |world| {
        world.make_recipient("da@example.org");
        let own = world.make_recipient("selbst@example.org");
        world.write(|conn| {
            settings::object(
                conn,
                world.account_id,
                own,
                TrackingSource::Recipient,
                &Actor::Recipient,
                Timestamp(1_000),
            )
        });
        let done = import(
            world,
            "E-Mail;Tracking deaktiviert\n\
         da@example.org;ja\n\
         neu@example.org;ja\n\
         offen@example.org;nein\n\
         selbst@example.org;nein\n\
         spaet@example.org;\n\
         spaet@example.org;ja\n",
            None,
        );
        assert_eq!(counts(&done), [3, 2, 1, 0]);
        for key in ["da@example.org", "neu@example.org", "spaet@example.org"] {
            let found = person(world, key);
            assert_eq!(found.tracking, RecipientTracking::Objected, "{key}");
            assert_eq!(found.tracking_source, Some(TrackingSource::Import), "{key}");
        }
        assert_eq!(
            person(world, "offen@example.org").tracking,
            RecipientTracking::Unset
        );
        let own = person(world, "selbst@example.org");
        assert_eq!(own.tracking, RecipientTracking::Objected);
        assert_eq!(own.tracking_source, Some(TrackingSource::Recipient));
        assert_eq!(own.tracking_changed_at, Some(1_000));

        let again = import(
            world,
            "E-Mail;Tracking deaktiviert\nselbst@example.org;ja\nda@example.org;ja\n",
            None,
        );
        assert_eq!(counts(&again), [0, 0, 2, 0]);
        assert_eq!(
            person(world, "selbst@example.org").tracking_changed_at,
            Some(1_000)
        );

        let entries = world.read(|conn| audit::newest(conn, world.account_id, 50));
        let mut objected: Vec<_> = entries
            .iter()
            .filter(|entry| entry.action == "recipient_objected" && entry.actor == "Test")
            .map(|entry| entry.address.clone().unwrap())
            .collect();
        objected.sort();
        assert_eq!(
            objected,
            ["da@example.org", "neu@example.org", "spaet@example.org"]
        );
    }
);

on_both!(p9_an_import_remembers_what_deleted_people_said, |world| {
    let admin = world.admin();
    let (objected, unsubscribed) = (
        world.make_recipient("nein@example.org"),
        world.make_recipient("weg@example.org"),
    );
    world.write(|conn| {
        let actor = Actor::Recipient;
        let source = TrackingSource::Recipient;
        settings::object(
            conn,
            world.account_id,
            objected,
            source,
            &actor,
            Timestamp(1_000),
        )?;
        settings::unsubscribe(
            conn,
            world.account_id,
            unsubscribed,
            source,
            &actor,
            Timestamp(2_000),
        )
    });
    for id in [objected, unsubscribed] {
        admin.submit(&format!("/empfaenger/{id}/loeschen"), &[]);
    }
    assert_eq!(world.rows("recipients", "1 = 1"), 0);

    let done = import(
        world,
        "E-Mail;Tracking deaktiviert\nnein@example.org;nein\nWEG@example.org;\nfrei@example.org;\n",
        None,
    );
    assert_eq!(counts(&done), [3, 0, 0, 0]);
    let nein = person(world, "nein@example.org");
    assert_eq!(nein.tracking, RecipientTracking::Objected);
    assert_eq!(nein.tracking_source, Some(TrackingSource::Remembered));
    assert_eq!(nein.tracking_changed_at, Some(1_000));
    assert_eq!(nein.status, RecipientStatus::Active);
    let weg = person(world, "weg@example.org");
    assert_eq!(weg.status, RecipientStatus::Unsubscribed);
    assert_eq!(weg.status_changed_at, Some(2_000));
    assert_eq!(weg.tracking, RecipientTracking::Unset);
    let frei = person(world, "frei@example.org");
    assert_eq!(
        (frei.tracking, frei.status),
        (RecipientTracking::Unset, RecipientStatus::Active)
    );
});

on_both!(an_import_stops_where_told_and_goes_on_there, |world| {
    let begun = begin(world, &many_rows(), None);
    let (db, key) = (&world.state.db, &world.state.remembering);
    let mut slices = 0;
    let ended = run::run(db, key, &ACTOR, &begun, &import_file(world), |_| {
        slices += 1;
        slices < 2
    });
    assert!(!ended.unwrap());
    let stopped = world.read(|conn| imports::find(conn, world.account_id, begun.id));
    assert_eq!(stopped.status, ImportStatus::Running);
    assert!(stopped.rows_read > 0 && stopped.rows_read < MANY);
    assert_eq!(world.rows("recipients", "1 = 1"), stopped.rows_read);

    // Somebody who still believes it stands at its beginning writes nothing.
    let stale = run::run(db, key, &ACTOR, &begun, &import_file(world), |_| true);
    assert!(matches!(stale, Err(RunError::Ended)));
    assert_eq!(world.rows("recipients", "1 = 1"), stopped.rows_read);

    assert!(run::run(db, key, &ACTOR, &stopped, &import_file(world), |_| true).unwrap());
    let done = world.read(|conn| imports::find(conn, world.account_id, begun.id));
    assert_eq!(counts(&done), [MANY, 0, 0, 0]);
    assert_eq!(done.status, ImportStatus::Done);
    assert_eq!(world.rows("recipients", "1 = 1"), MANY);
});

on_both!(a_cancelled_import_writes_no_more, |world| {
    let begun = begin(world, &many_rows(), None);
    let (db, key) = (&world.state.db, &world.state.remembering);
    let outcome = run::run(db, key, &ACTOR, &begun, &import_file(world), |_| {
        world.write(|conn| {
            let status = ImportStatus::Cancelled;
            imports::finish(
                conn,
                world.account_id,
                begun.id,
                status,
                None,
                Timestamp::now(),
            )
        });
        true
    });
    assert!(matches!(outcome, Err(RunError::Ended)));
    let after = world.read(|conn| imports::find(conn, world.account_id, begun.id));
    assert_eq!(after.status, ImportStatus::Cancelled);
    assert!(after.rows_read < MANY);
    assert_eq!(world.rows("recipients", "1 = 1"), after.rows_read);
});
