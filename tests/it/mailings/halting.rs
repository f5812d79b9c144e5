//! Halting, going on, ending early, and sending later, over the pages.

use widerspruch::db::models::audit;
use widerspruch::db::models::mailings::MailingStatus;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;

use super::{HTML, draft, find, people, sent, wait_for_mails};
use crate::support::sink::Sink;
use crate::support::{World, eventually, on_both};

fn actions(world: &World) -> Vec<String> {
    let mut all: Vec<String> = world
        .read(|conn| audit::newest(conn, world.account_id, 20))
        .into_iter()
        .map(|entry| entry.action)
        .filter(|action| action.starts_with("mailing_"))
        .collect();
    all.reverse();
    all
}

on_both!(a_mailing_is_halted_goes_on_and_ends_early, |world| {
    const PEOPLE: i64 = 60;
    let mut sink = Sink::start(&[]);
    sink.hold_after(3);
    world.send_through(sink.port, 1, 0);
    let all = people(world, 60);
    let mailing = draft(world, HTML, &[all]);
    let path = format!("/e-mailings/{mailing}");
    let admin = world.admin();
    admin.submit(&format!("{path}/senden"), &[]);
    wait_for_mails(&sink, 3);
    admin
        .submit(&format!("{path}/anhalten"), &[])
        .assert_says("Der Versand ist angehalten.")
        .assert_says("Versand fortsetzen");
    sink.goes_on();
    eventually(
        "nothing is in hand",
        || world.rows("deliveries", "status IN ('claimed', 'underway')"),
        |in_hand| *in_hand == 0,
    );
    let halted = sink.taken().len();
    let now = find(world, mailing);
    assert_eq!(now.status, MailingStatus::Paused);
    assert_eq!(now.handed, i64::try_from(halted).unwrap());
    assert!(now.handed < PEOPLE, "in the middle");
    assert_eq!(admin.post(&format!("{path}/anhalten"), &[]).status, 409);

    sink.hold_after(halted + 3);
    admin
        .submit(&format!("{path}/fortsetzen"), &[])
        .assert_says("Der Versand geht weiter.");
    wait_for_mails(&sink, halted + 3);
    admin
        .visit(&format!("{path}/abbrechen"))
        .assert_says("Versand abbrechen?")
        .assert_says("nicht mehr versendet");
    admin.submit(&format!("{path}/abbrechen"), &[]);
    sink.goes_on();
    let ended = eventually(
        "it has its end",
        || find(world, mailing),
        |found| found.sent_at.is_some(),
    );
    assert_eq!(ended.status, MailingStatus::Cancelled);
    assert_eq!(ended.handed + ended.cancelled, PEOPLE);
    assert_eq!((ended.uncertain, ended.failed), (0, 0));
    assert!(ended.cancelled > 0);
    assert_eq!(i64::try_from(sink.taken().len()).unwrap(), ended.handed);
    admin.visit(&path).assert_says("Abgebrochen");
    for act in ["anhalten", "fortsetzen", "abbrechen", "senden"] {
        assert_eq!(
            admin.post(&format!("{path}/{act}"), &[]).status,
            409,
            "{act}"
        );
    }
    assert_eq!(
        actions(world),
        [
            "mailing_sent",
            "mailing_paused",
            "mailing_resumed",
            "mailing_cancelled"
        ]
    );
});

on_both!(the_rest_follows_to_another_server, |world| {
    let (mut old, new) = (Sink::start(&[]), Sink::start(&[]));
    old.hold_after(3);
    world.send_through(old.port, 1, 0);
    let all = people(world, 200);
    let mailing = draft(world, HTML, &[all]);
    let admin = world.admin();
    admin.submit(&format!("/e-mailings/{mailing}/senden"), &[]);
    wait_for_mails(&old, 3);
    world.send_through(new.port, 1, 0);
    // Mail by mail, until the sender has looked where they go.
    let look = || {
        old.hold_after(old.taken().len() + 1);
        new.taken().len()
    };
    eventually("mails go to the other server", look, |mails| *mails > 0);
    old.goes_on();
    assert_eq!(sent(world, mailing).handed, 200);
    let (before, after) = (old.taken().len(), new.taken().len());
    assert_eq!(before + after, 200);
    assert!(after > 0, "{before} went to the old one");

    // Without a server a mailing does not go another way by itself.
    old.hold_after(before + 3);
    world.send_through(old.port, 1, 0);
    let second = draft(world, HTML, &[all]);
    admin.submit(&format!("/e-mailings/{second}/senden"), &[]);
    wait_for_mails(&old, before + 3);
    admin.submit("/benutzerkonto/versand/ausschalten", &[]);
    assert_eq!(find(world, second).status, MailingStatus::Paused);
    old.goes_on();
    admin.submit(&format!("/e-mailings/{second}/fortsetzen"), &[]);
    assert_eq!(sent(world, second).handed, 200);
    let here = world.rows("outbox_mails", "mailing_id IS NOT NULL");
    assert_eq!(
        old.taken().len() + usize::try_from(here).unwrap(),
        before + 200
    );
});

on_both!(a_mailing_is_sent_later, |world| {
    let all = people(world, 3);
    let mailing = draft(world, HTML, &[all]);
    let path = format!("/e-mailings/{mailing}");
    let admin = world.admin();
    for (date, time, message) in [
        ("", "09:30", "Geben Sie ein Datum ein"),
        ("2099-13-01", "09:30", "Dieser Tag steht nicht im Kalender."),
        ("2026-01-01", "25:00", "Geben Sie eine Uhrzeit ein"),
        ("", "", "Geben Sie eine Uhrzeit ein"),
        ("31.02.2027", "09:30", "Dieser Tag steht nicht im Kalender."),
        ("01.01.2020", "09:30", "Diese Zeit ist schon vorbei."),
        ("2020-01-01", "09:30", "Diese Zeit ist schon vorbei."),
        ("2099-01-01", "09:30", "höchstens ein Jahr"),
    ] {
        let answer = admin.post(&format!("{path}/planen"), &[("date", date), ("time", time)]);
        assert_eq!(answer.status, 422);
        answer.assert_says(message);
    }
    let tomorrow = jiff::Timestamp::from_millisecond(Timestamp::now().plus_days(1).millis())
        .unwrap()
        .in_tz("Europe/Berlin")
        .unwrap();
    let date = tomorrow.strftime("%Y-%m-%d").to_string();
    let fields = [("date", date.as_str()), ("time", "09:30")];
    let shown = tomorrow.strftime("%d.%m.%Y, 09:30 Uhr").to_string();
    admin
        .submit(&format!("{path}/planen"), &fields)
        .assert_says("Der Versand ist geplant.")
        .assert_says(&shown);
    assert_eq!(find(world, mailing).status, MailingStatus::Scheduled);
    admin
        .submit(&format!("{path}/planung-aufheben"), &[])
        .assert_says("wieder ein Entwurf");
    assert!(find(world, mailing).is_draft());

    // As people type it where a browser has no calendar.
    let short = tomorrow.strftime("%-d.%-m.%y").to_string();
    let typed = [("date", short.as_str()), ("time", "9.30 Uhr")];
    admin
        .submit(&format!("{path}/planen"), &typed)
        .assert_says(&shown);
    admin.submit(&format!("{path}/planung-aufheben"), &[]);

    // When its time has come it goes by itself.
    admin.submit(&format!("{path}/planen"), &fields);
    world.write(|conn| {
        use diesel::RunQueryDsl;
        diesel::sql_query("UPDATE mailings SET scheduled_at = 1 WHERE status = 'scheduled'")
            .execute(conn)?;
        Ok(())
    });
    world.state.sender.wake();
    let mailing = sent(world, mailing);
    assert_eq!((mailing.deliveries, mailing.handed), (3, 3));
    assert_eq!(
        actions(world),
        [
            "mailing_scheduled",
            "mailing_unscheduled",
            "mailing_scheduled",
            "mailing_unscheduled",
            "mailing_scheduled",
            "mailing_sent"
        ]
    );
});

on_both!(only_senders_halt, |world| {
    let all = people(world, 1);
    let mailing = draft(world, HTML, &[all]);
    world.make_user("schreibt@example.org", Roles::NONE.with(Role::Mailings));
    let writer = world.signed_in("schreibt@example.org");
    for act in [
        "planen",
        "planung-aufheben",
        "anhalten",
        "fortsetzen",
        "abbrechen",
    ] {
        let path = format!("/e-mailings/{mailing}/{act}");
        assert_eq!(writer.post(&path, &[]).status, 403, "{act}");
    }
});
