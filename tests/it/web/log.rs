//! *Benutzerkonto → Protokoll*: what stands in it, what is found, what can't be changed, what goes.

use std::fmt::Write;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use widerspruch::db::Conn;
use widerspruch::db::models::audit_list;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::token::PersonalLink;

use super::public::personal;
use crate::support::agent::Answer;
use crate::support::{On, World, on_both};

const LOG: &str = "/benutzerkonto/protokoll";
const DAY: i64 = 86_400_000;

/// Writes an entry as if it had been written then.
fn enter_at(world: &World, at: i64, action: &str) {
    let account = world.account_id;
    world.write(|conn| {
        diesel::sql_query(format!(
            "INSERT INTO audit_log (account_id, at, actor, user_id, action, details)
             VALUES ({account}, {at}, 'Versand', NULL, '{action}', '{{}}')"
        ))
        .execute(conn)?;
        Ok(())
    });
}

/// Tries a statement that should not be possible, and gives whether it was refused.
fn is_refused(world: &World, statement: &str) -> bool {
    let tried = world.state.db.write(|conn| {
        match conn {
            Conn::Sqlite(conn) => conn.batch_execute(statement)?,
            Conn::Postgres(conn) => conn.batch_execute(statement)?,
        }
        Ok(())
    });
    tried.is_err()
}

/// What the rows of the page say was done.
fn acts(page: &Answer) -> Vec<String> {
    page.all("tbody th")
}

on_both!(changes_stand_in_the_log_and_are_found, |world| {
    let admin = world.admin();
    admin.visit(LOG).assert_says("Noch keine Einträge");
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let ben = world.make_recipient("ben@example.org");
    world.deliver(mailing, anna, Decision::Personal);
    admin.submit("/benutzerkonto/tracking/deaktivieren", &[]);
    admin.submit("/benutzerkonto/tracking/aktivieren", &[]);
    admin.submit(
        &format!("/empfaenger/{ben}/tracking"),
        &[("tracking_off", "ja")],
    );
    let own = personal(world, PersonalLink::Preferences, mailing, anna);
    world.visitor().submit(&own, &[]);
    admin.get(&format!("/analysen/{mailing}/kennzahlen.csv"));
    enter_at(
        world,
        Timestamp::now().millis() - 10 * DAY,
        "mailing_paused",
    );

    let page = admin.visit(LOG);
    page.assert_says("6 Einträge")
        .assert_says("Eva Admin")
        .assert_says("Empfänger selbst")
        .assert_says("anna@example.org")
        .assert_says("Quelle: Empfänger selbst")
        .assert_says("vorher: deaktiviert; jetzt: aktiv");
    assert_eq!(
        acts(&page)[1..],
        [
            "Analyse heruntergeladen Export und Auskunft",
            "Tracking eines Empfängers deaktiviert Tracking",
            "Tracking eines Empfängers deaktiviert Tracking",
            "Tracking des Kontos aktiviert Tracking",
            "Tracking des Kontos deaktiviert Tracking",
        ]
    );
    let user = world.read(|conn| audit_list::people(conn, world.account_id))[0].0;
    let day = |days: i64| {
        let at = Timestamp::now().plus_days(days).millis();
        widerspruch::web::filters::format_as(at, "%Y-%m-%d")
    };
    for (query, expected) in [
        ("bereich=tracking".to_owned(), 4),
        ("bereich=versand".to_owned(), 1),
        ("bereich=loeschung".to_owned(), 0),
        ("wer=empfaenger".to_owned(), 1),
        ("wer=programm".to_owned(), 1),
        (format!("wer={user}"), 4),
        (format!("wer={user}&bereich=export"), 1),
        (format!("von={}", day(0)), 5),
        (format!("bis={}", day(-1)), 1),
        (format!("von={}&bis={}", day(0), day(0)), 5),
        (format!("empfaenger={ben}"), 1),
    ] {
        let page = admin.visit(&format!("{LOG}?{query}"));
        assert_eq!(acts(&page).len(), expected, "{query}");
    }
    for (query, message) in [
        ("von=gestern", "Geben Sie einen Tag an"),
        ("empfaenger=anna", "Geben Sie die Nummer"),
    ] {
        let answer = admin.get(&format!("{LOG}?{query}"));
        assert_eq!(answer.status, 422, "{query}");
        answer.assert_says(message);
        assert_eq!(admin.get(&format!("{LOG}.csv?{query}")).status, 400);
    }
});

on_both!(the_log_is_paged_and_downloaded_whole, |world| {
    let now = Timestamp::now().millis();
    let mut rows = String::new();
    for n in 0..5_120 {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            rows,
            "{comma}({}, {}, '=kaputt', NULL, 'mailing_sent', '{{}}')",
            world.account_id,
            now + n
        );
    }
    world.write(|conn| {
        diesel::sql_query(format!(
            "INSERT INTO audit_log (account_id, at, actor, user_id, action, details) VALUES {rows}"
        ))
        .execute(conn)?;
        Ok(())
    });
    let admin = world.admin();
    let first = admin.visit(LOG);
    first.assert_says("5.120 Einträge");
    assert_eq!(acts(&first).len(), 50);
    let next = first.attribute("a[rel=next]", "href").expect("a next page");
    let second = admin.visit(&next);
    assert_eq!(acts(&second).len(), 50);
    assert_ne!(first.all("tbody tr"), [] as [String; 0]);
    let file = admin.get(&format!("{LOG}.csv?bereich=versand"));
    assert_eq!(file.status, 200);
    assert!(file.html().starts_with('\u{feff}'));
    let rows = file.rows();
    assert_eq!(rows.lines().count(), 5_121, "each entry once, and the head");
    assert!(rows.contains(";'=kaputt;"), "no cell is a formula");
    assert_eq!(
        world.rows(
            "audit_log",
            "action = 'log_exported' AND actor = 'Eva Admin'"
        ),
        1
    );
});

on_both!(
    p11_no_entry_is_changed_or_removed_before_its_time,
    |world| {
        let (now, years) = (Timestamp::now(), 3 * 365 * DAY);
        enter_at(world, now.millis(), "mailing_sent");
        enter_at(world, now.millis() - years + 3 * DAY, "mailing_paused");
        enter_at(world, now.millis() - years - 3 * DAY, "mailing_resumed");
        for statement in [
            "UPDATE audit_log SET actor = 'Niemand'",
            "UPDATE audit_log SET at = 0",
            "DELETE FROM audit_log WHERE action = 'mailing_sent'",
            "DELETE FROM audit_log WHERE action = 'mailing_paused'",
            "DELETE FROM audit_log",
            "DELETE FROM accounts",
        ] {
            assert!(is_refused(world, statement), "{statement}");
        }
        if world.on == On::Postgres {
            assert!(is_refused(world, "TRUNCATE audit_log"));
        }
        assert!(is_refused(world, "UPDATE accounts SET audit_years = 0"));
        assert_eq!(world.rows("audit_log", "action <> 'mailing_resumed'"), 2);

        // What is over goes with the housekeeping, which may have come by already.
        world.write(|conn| audit_list::prune(conn, now, 500));
        assert_eq!(world.write(|conn| audit_list::prune(conn, now, 500)), 0);
        assert_eq!(world.rows("audit_log", "action = 'mailing_resumed'"), 0);
        assert_eq!(world.rows("audit_log", "1 = 1"), 2);

        // A shorter time is itself written down.
        let admin = world.admin();
        let keep = format!("{LOG}/aufbewahrung");
        for wrong in ["0", "4", "x", ""] {
            assert_eq!(
                admin.post(&keep, &[("jahre", wrong)]).status,
                400,
                "{wrong}"
            );
        }
        admin
            .submit(&keep, &[("jahre", "1")])
            .assert_says("Aufbewahrung des Protokolls geändert")
            .assert_says("vorher: 3; Jahre: 1");
        world.write(|conn| audit_list::prune(conn, now, 500));
        assert_eq!(world.rows("audit_log", "action = 'mailing_paused'"), 0);
        assert_eq!(world.rows("audit_log", "action = 'mailing_sent'"), 1);
        assert!(
            is_refused(world, "DELETE FROM audit_log"),
            "a year at least"
        );
    }
);

on_both!(p11_the_log_names_nobody_who_is_gone, |world| {
    let anna = world.make_recipient("anna@example.org");
    let admin = world.admin();
    admin.submit(
        &format!("/empfaenger/{anna}/tracking"),
        &[("tracking_off", "ja")],
    );
    admin.visit(&format!("/empfaenger/{anna}/auskunft"));
    admin.visit(LOG).assert_says("anna@example.org");
    admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    let page = admin.visit(&format!("{LOG}?empfaenger={anna}"));
    page.assert_says("Empfänger gelöscht")
        .assert_says(&format!("Nr. {anna}"))
        .assert_says("3 Einträge")
        .assert_silent_about("anna@example.org");
    let file = admin.get(&format!("{LOG}.csv"));
    let text = String::from_utf8(file.body).expect("text");
    assert!(
        text.contains("Empfänger gelöscht") && !text.contains("anna@"),
        "{text}"
    );
    // Entered again under another number: the old entries stay nobody's.
    world.make_recipient("anna@example.org");
    admin
        .visit(&format!("{LOG}?empfaenger={anna}"))
        .assert_silent_about("anna@example.org");
});

on_both!(the_log_is_the_administrators_and_of_one_account, |world| {
    world
        .admin()
        .submit("/benutzerkonto/tracking/deaktivieren", &[]);
    world.make_user("reader@example.org", Roles::NONE.with(Role::Recipients));
    let reader = world.signed_in("reader@example.org");
    for path in [LOG, "/benutzerkonto/protokoll.csv"] {
        assert_eq!(reader.get(path).status, 403, "{path}");
    }
    let keep = format!("{LOG}/aufbewahrung");
    assert_eq!(reader.post(&keep, &[("jahre", "1")]).status, 403);
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    stranger
        .visit(LOG)
        .assert_says("Noch keine Einträge")
        .assert_silent_about("deaktiviert Tracking");
    let file = stranger.get(&format!("{LOG}.csv"));
    let text = String::from_utf8(file.body).expect("text");
    assert_eq!(
        text.lines().count(),
        2,
        "the head, and this download: {text}"
    );
});
