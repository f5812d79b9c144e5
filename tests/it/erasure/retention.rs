//! *Aufbewahrung*, and the whole account's past at once.

use diesel::prelude::*;
use diesel::sql_query;
use widerspruch::db::reports;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::erasure::retention;

use super::wait_until_over;
use crate::support::program::Program;
use crate::support::{On, World, attempts, eventually, on_both};

const PAST: &str = "/benutzerkonto/tracking/vergangenheit";
const RETENTION: &str = "/benutzerkonto/aufbewahrung";

/// Lets a mailing and its mails be that many days older than they are.
pub fn age(world: &World, mailing: i64, days: i64) {
    let by = days * 24 * 3_600_000;
    world.write(|conn| {
        sql_query(format!(
            "UPDATE mailings SET send_started_at = send_started_at - {by} WHERE id = {mailing}"
        ))
        .execute(conn)?;
        sql_query(format!(
            "UPDATE deliveries SET handed_at = handed_at - {by} WHERE mailing_id = {mailing}"
        ))
        .execute(conn)?;
        Ok(())
    });
}

/// Two mailings to Anna and Ben, who opened both and clicked; Anna's keys.
struct Story {
    anna: i64,
    ben: i64,
    old: i64,
    new: i64,
    old_key: Option<[u8; 16]>,
}

fn story(world: &World) -> Story {
    let old = world.make_sent_mailing("Herbstbrief", 2);
    let new = world.make_sent_mailing("Winterbrief", 2);
    let anna = world.make_recipient("anna@example.org");
    let ben = world.make_recipient("ben@example.org");
    let visitor = world.visitor();
    let mut old_key = None;
    for mailing in [old, new] {
        for recipient in [anna, ben] {
            let key = world.deliver(mailing, recipient, Decision::Personal);
            visitor.get(&world.pixel(mailing, key));
            visitor.get(&world.pixel(mailing, key));
            visitor.get(&world.click(mailing, key, 2));
            if (mailing, recipient) == (old, anna) {
                old_key = key;
            }
        }
    }
    Story {
        anna,
        ben,
        old,
        new,
        old_key,
    }
}

on_both!(p5_what_is_too_old_is_pseudonymised_by_itself, |world| {
    let of = story(world);
    age(world, of.old, 100);
    let figures = || world.read(|conn| reports::figures(conn, world.account_id, &[of.old, of.new]));
    let before = figures();
    let admin = world.admin();
    admin
        .visit(RETENTION)
        .assert_says("Zurzeit wird nichts von selbst pseudonymisiert");
    let page = admin.submit(RETENTION, &[("monate", "3")]);
    page.assert_says("2 Zustellungen")
        .assert_says("aus 1 E-Mailing")
        .assert_says("4 Öffnungen")
        .assert_says("2 Klicks")
        .assert_says("0 Zahlen")
        .assert_says("Herbstbrief")
        .assert_silent_about("Winterbrief");
    assert_eq!(world.rows("deliveries", "recipient_id IS NULL"), 0);

    // Nothing is due before the night.
    let start_due = |now| {
        retention::start_due(&world.state.db, now).expect("the database answers");
        wait_until_over(world);
    };
    start_due(Timestamp::now());
    assert_eq!(world.rows("deliveries", "recipient_id IS NULL"), 0);
    let night = Timestamp::now().plus_days(1);
    start_due(night);
    assert_eq!(world.rows("deliveries", "recipient_id IS NULL"), 2);
    assert_eq!(
        world.rows(
            "deliveries",
            &format!("mailing_id = {} AND pseudonym IS NULL", of.old)
        ),
        0
    );
    assert_eq!(figures(), before);
    let receipt = admin.visit(&format!("/belege/{}", 1));
    receipt
        .assert_says("Aufbewahrung")
        .assert_says("2 Zustellungen, 4 Öffnungen, 2 Klicks")
        .assert_says("Herbstbrief")
        .assert_says("gleich")
        .assert_silent_about("abweichend");
    // The next night finds nothing, and leaves no receipt.
    start_due(night.plus_days(2));
    assert_eq!(world.rows("receipts", "1 = 1"), 1);
    assert_eq!(world.rows("audit_log", "action = 'past_pseudonymised'"), 1);
    assert_eq!(world.rows("audit_log", "action = 'retention_changed'"), 1);

    // The old key is dead: a late reader is counted anonymously.
    let visitor = world.visitor();
    let events = world.rows("events", "1 = 1");
    visitor.get(&world.pixel(of.old, of.old_key));
    assert_eq!(world.rows("events", "1 = 1"), events);
    assert_eq!(world.rows("mailing_hours", "anonymous > 0"), 1);
    assert_eq!(world.deliveries_of(of.anna).len(), 1);
    admin
        .visit(&format!("/empfaenger/{}/verlauf", of.ben))
        .assert_says("Winterbrief")
        .assert_silent_about("Herbstbrief");
});

on_both!(p6_by_age_and_by_deletion_look_alike, |world| {
    let of = story(world);
    let admin = world.admin();
    // Anna's by her deletion, Ben's by age: two people who did the same at the same time.
    admin.submit(&format!("/empfaenger/{}/loeschen", of.anna), &[]);
    age(world, of.old, 40);
    age(world, of.new, 40);
    admin.submit(RETENTION, &[("monate", "1")]);
    let answer = admin.post(&format!("{RETENTION}/jetzt"), &[]);
    assert!(answer.location().expect("a job").starts_with("/auftraege/"));
    wait_until_over(world);
    assert_eq!(world.rows("deliveries", "recipient_id IS NULL"), 4);
    let without_numbers = |line: &str| {
        let columns = [
            "policy",
            "status",
            "holder",
            "lease_until",
            "attempts",
            "next_attempt_at",
            "reply_code",
            "bounce",
            "bounced_at",
            "opens",
            "clicks",
            "token_key",
            "handed_at",
            "first_open_at",
            "last_open_at",
            "first_click_at",
            "last_click_at",
        ];
        world.rows(
            &format!(
                "(SELECT DISTINCT mailing_id, {} FROM deliveries WHERE {line}) AS kinds",
                columns.join(", ")
            ),
            "1 = 1",
        )
    };
    // handed_at of the deleted one was cut before the ageing moved it: by whole days, so it fits.
    assert_eq!(without_numbers("1 = 1"), 2, "one kind of row per mailing");
    assert_eq!(
        world.rows("deliveries", "length(pseudonym) = 16 AND token_key IS NULL"),
        4
    );
    assert_eq!(
        world.rows("(SELECT DISTINCT pseudonym FROM deliveries) AS p", "1 = 1"),
        4
    );
    for column in [
        "handed_at",
        "first_open_at",
        "last_open_at",
        "first_click_at",
    ] {
        assert_eq!(
            world.rows("deliveries", &format!("{column} % 3600000 <> 0")),
            0
        );
    }
});

on_both!(the_whole_past_goes_at_once, |world| {
    let of = story(world);
    let group = format!("/analysen/{}/aktivitaet/gruppe", of.old);
    let admin = world.admin();
    let form = [("aktivitaet", "geoeffnet"), ("name", "Öffner")];
    admin.submit(&group, &form);
    assert_eq!(world.rows("memberships", "from_activity"), 2);
    admin
        .visit("/benutzerkonto/tracking")
        .assert_says("Gesamte Vergangenheit");
    admin
        .visit(PAST)
        .assert_says("4 Zustellungen")
        .assert_says("aus 2 E-Mailings an 2 Empfänger")
        .assert_says("8 Öffnungen")
        .assert_says("4 Klicks");
    let figures = || world.read(|conn| reports::figures(conn, world.account_id, &[of.old, of.new]));
    let before = figures();
    let job = admin.post(PAST, &[]).location().expect("a job");
    wait_until_over(world);
    admin
        .get(&format!("{job}/stand"))
        .assert_says("4 von 4 Zustellungen");
    let receipt = admin.get(&job).location().expect("a receipt");
    admin
        .visit(&receipt)
        .assert_says("4 Zustellungen, 8 Öffnungen, 4 Klicks")
        .assert_says("Winterbrief")
        .assert_silent_about("abweichend");
    assert_eq!(figures(), before);
    assert_eq!(world.rows("deliveries", "recipient_id IS NOT NULL"), 0);
    assert_eq!(world.rows("recipients", "1 = 1"), 2, "the people stay");
    assert_eq!(world.rows("memberships", "from_activity"), 0);
    assert_eq!(
        world.rows("groups", "name = 'Öffner' AND member_count = 0"),
        1
    );
    admin.visit(PAST).assert_says("Nichts zu pseudonymisieren");
    let again = admin.post(PAST, &[]);
    assert_eq!(
        again.location().as_deref(),
        Some("/benutzerkonto/tracking?meldung=keine-vergangenheit")
    );
});

on_both!(what_is_still_to_be_sent_is_left_alone, |world| {
    let of = story(world);
    world.write(|conn| {
        sql_query("UPDATE deliveries SET status = 'deferred', handed_at = NULL WHERE mailing_id = (SELECT MAX(id) FROM mailings)")
            .execute(conn)?;
        Ok(())
    });
    let admin = world.admin();
    admin.visit(PAST).assert_says("2 Zustellungen");
    admin.post(PAST, &[]);
    wait_until_over(world);
    assert_eq!(world.rows("deliveries", "recipient_id IS NOT NULL"), 2);
    assert_eq!(
        world.rows(
            "deliveries",
            &format!("mailing_id = {} AND recipient_id IS NOT NULL", of.new)
        ),
        2
    );
});

on_both!(nonsense_is_refused_and_kept, |world| {
    let admin = world.admin();
    for wrong in ["0", "121", "zwölf", "1,5"] {
        let page = admin.post(RETENTION, &[("monate", wrong)]);
        assert_eq!(page.status, 422, "{wrong}");
        page.assert_says("Bitte prüfen Sie Ihre Eingaben");
        let link = page.attribute(".error-summary a", "href");
        assert_eq!(link.as_deref(), Some("#monate"), "{wrong}");
        let said = page.all(".error-summary li");
        assert_eq!(said.len(), 1, "{wrong}");
        assert!(said[0].contains("ganze Zahl von 1 bis 120"), "{said:?}");
        assert!(page.attribute(".error-summary", "autofocus").is_some());
        let at_field = page.all("#monate-error");
        assert!(at_field[0].ends_with(&said[0]), "{at_field:?}");
        let invalid = page.attribute("#monate", "aria-invalid");
        assert_eq!(invalid.as_deref(), Some("true"));
        assert_eq!(page.attribute("#monate", "value").as_deref(), Some(wrong));
    }
    assert_eq!(world.rows("accounts", "retention_months IS NOT NULL"), 0);
    admin.submit(RETENTION, &[("monate", "12")]);
    admin
        .submit(RETENTION, &[("monate", "")])
        .assert_says("nichts von selbst");
    let now = admin.post(&format!("{RETENTION}/jetzt"), &[]);
    assert_eq!(
        now.location().as_deref(),
        Some("/benutzerkonto/aufbewahrung?meldung=nichts-so-alt")
    );
});

on_both!(another_account_keeps_its_past, |world| {
    story(world);
    world.make_account("Andere GmbH", "andere@example.org");
    let other = world.signed_in("andere@example.org");
    other.visit(PAST).assert_says("Nichts zu pseudonymisieren");
    other.post(PAST, &[]);
    wait_until_over(world);
    assert_eq!(world.rows("deliveries", "recipient_id IS NULL"), 0);
});

/// The program is killed in the middle, again and again, and comes to the end.
fn a_killed_program_goes_on(mut world: World) -> Option<()> {
    const PEOPLE: i64 = 30_000;
    let mailing = world.make_sent_mailing("Herbstbrief", 0);
    let account = world.account_id;
    let anna = world.make_recipient("anna@example.org");
    world.write(|conn| {
        // Straight into the table: this is about what becomes of them.
        sql_query(format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PEOPLE})
             INSERT INTO recipients (account_id, address, address_key, search_text, public_key, created_at, updated_at)
             SELECT {account}, 'p' || i || '@example.org', 'p' || i || '@example.org', '', {}, 1, 1 FROM n",
            match world.on {
                On::Sqlite => "randomblob(16)",
                On::Postgres => "uuid_send(gen_random_uuid())",
            }
        ))
        .execute(conn)?;
        sql_query(format!(
            "INSERT INTO deliveries (account_id, mailing_id, recipient_id, policy, status, handed_at, opens)
             SELECT {account}, {mailing}, id, 'anonymous', 'handed', 1000, 0 FROM recipients WHERE id <> {anna}"
        ))
        .execute(conn)?;
        sql_query(format!("UPDATE mailings SET deliveries = {PEOPLE}, handed = {PEOPLE}, handed_anonymous = {PEOPLE}"))
            .execute(conn)?;
        Ok(())
    });
    let left = |world: &World| world.rows("deliveries", "recipient_id IS NOT NULL");
    world.stop();
    let database = world.database_url().map(str::to_owned);
    let program = Program::serve(world.dir.path(), database.as_deref());
    let admin = crate::support::agent::Agent::new(&program.url);
    admin.post(
        "/anmelden",
        &[
            ("email", crate::support::world::ADMIN),
            ("password", crate::support::world::PASSWORD),
        ],
    );
    let job = admin.post(PAST, &[]).location().expect("a job");
    let reached = |wanted: i64| {
        eventually(
            "it gets on",
            || left(&world),
            |left| *left <= PEOPLE - wanted,
        );
    };
    reached(1);
    program.kill();
    let at_first = left(&world);
    if at_first == 0 {
        return None;
    }
    let program = Program::serve(world.dir.path(), database.as_deref());
    reached(PEOPLE - at_first + 1);
    program.kill();
    let program = Program::serve(world.dir.path(), database.as_deref());
    reached(PEOPLE);
    wait_until_over(&world);
    let done = world.rows("jobs", &format!("done = {PEOPLE} AND total = {PEOPLE}"));
    assert_eq!(done, 1, "{job}: each was counted once");
    assert_eq!(world.rows("receipts", &format!("deliveries = {PEOPLE}")), 1);
    program.stop();
    Some(())
}

#[test]
fn a_killed_program_goes_on_sqlite() {
    attempts("killed in the middle", || {
        a_killed_program_goes_on(World::start(On::Sqlite))
    });
}

#[test]
fn a_killed_program_goes_on_postgres() {
    attempts("killed in the middle", || {
        a_killed_program_goes_on(World::start(On::Postgres))
    });
}
