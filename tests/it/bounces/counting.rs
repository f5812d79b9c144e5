//! What comes back is counted once, and stops further mails where it has to.

use widerspruch::bounces::apply::Outcome;
use widerspruch::db::models::recipients::{self, Recipient};
use widerspruch::db::reports::{self, Figures};
use widerspruch::domain::bounce::BounceKind;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientStatus, RecipientTracking, TrackingSource};

use crate::support::bounce::{complaint, failed, report};
use crate::support::{World, on_both};

const ANNA: &str = "anna@example.org";

fn recipient(world: &World, id: i64) -> Recipient {
    world.read(|conn| recipients::find(conn, world.account_id, id))
}

/// Bounces for good, bounces for now, complaints.
fn counted(world: &World, mailing: i64) -> (i64, i64, i64) {
    let Figures {
        bounces,
        soft_bounces,
        complaints,
        ..
    } = world
        .read(|conn| reports::figures(conn, world.account_id, &[mailing]))
        .remove(0);
    (bounces, soft_bounces, complaints)
}

fn sent_to(world: &World, subject: &str, recipient: i64) -> i64 {
    let mailing = world.make_sent_mailing(subject, 0);
    world.deliver(mailing, recipient, Decision::Personal);
    mailing
}

on_both!(a_permanent_bounce_ends_the_mails_and_counts_once, |world| {
    let anna = world.make_recipient(ANNA);
    let mailing = sent_to(world, "Neues", anna);
    let message = failed(&world.return_path(mailing, anna), ANNA, "5.1.1");
    let counts = Outcome::Counted(BounceKind::Hard);
    assert_eq!(world.come_back(&message), counts);
    for _ in 0..3 {
        assert_eq!(world.come_back(&message), Outcome::Nothing);
    }
    assert_eq!(counted(world, mailing), (1, 0, 0));
    let person = recipient(world, anna);
    assert_eq!(person.status, RecipientStatus::Bounced);
    assert_eq!(person.status_source, Some(TrackingSource::Bounce));
    assert_eq!(
        world.rows(
            "deliveries",
            "bounce = 'hard' AND reply_code = '5.1.1' AND bounced_at % 3600000 = 0"
        ),
        1,
        "to the hour, and of the reason only its code"
    );
    assert_eq!(
        world.rows(
            "audit_log",
            &format!(
                "action = 'recipient_bounced' AND recipient_id = {anna} AND actor = 'Rückläufer'"
            )
        ),
        1
    );
    assert!(
        world
            .dump(&["recipients"])
            .iter()
            .all(|row| !row.contains("anna@")),
        "p7: nothing of the message is kept"
    );
});

on_both!(temporary_bounces_in_a_row_end_the_mails, |world| {
    let anna = world.make_recipient(ANNA);
    for n in 1..=3 {
        let mailing = sent_to(world, &format!("Brief {n}"), anna);
        let message = failed(&world.return_path(mailing, anna), ANNA, "4.2.2");
        assert_eq!(recipient(world, anna).status, RecipientStatus::Active);
        world.come_back(&message);
        world.come_back(&message);
        assert_eq!(counted(world, mailing), (0, 1, 0));
        assert_eq!(recipient(world, anna).soft_bounces, n, "each mail once");
    }
    assert_eq!(recipient(world, anna).status, RecipientStatus::Bounced);
});

on_both!(a_mail_that_arrives_ends_the_row, |world| {
    let anna = world.make_recipient(ANNA);
    for (n, code) in [
        (1, Some("4.2.2")),
        (2, Some("4.2.2")),
        (3, None),
        (4, Some("4.2.2")),
    ] {
        let mailing = sent_to(world, &format!("Brief {n}"), anna);
        // One mail after the other.
        world.write(|conn| {
            use diesel::RunQueryDsl;
            diesel::sql_query(format!(
                "UPDATE deliveries SET handed_at = handed_at + {n} * 1000 WHERE mailing_id = {mailing}"
            ))
            .execute(conn)?;
            Ok(())
        });
        if let Some(code) = code {
            world.come_back(&failed(&world.return_path(mailing, anna), ANNA, code));
        }
    }
    let person = recipient(world, anna);
    assert_eq!(
        (person.status, person.soft_bounces),
        (RecipientStatus::Active, 1)
    );
});

on_both!(worse_news_of_a_mail_takes_the_place_of_better, |world| {
    let anna = world.make_recipient(ANNA);
    let mailing = sent_to(world, "Neues", anna);
    let path = world.return_path(mailing, anna);
    world.come_back(&failed(&path, ANNA, "4.4.1"));
    assert_eq!(counted(world, mailing), (0, 1, 0));
    world.come_back(&failed(&path, ANNA, "5.1.1"));
    assert_eq!(counted(world, mailing), (1, 0, 0));
    world.come_back(&failed(&path, ANNA, "4.4.1"));
    assert_eq!(counted(world, mailing), (1, 0, 0));
    world.come_back(&complaint(&path, ANNA));
    assert_eq!(counted(world, mailing), (0, 0, 1));
    assert_eq!(recipient(world, anna).status, RecipientStatus::Unsubscribed);
});

on_both!(a_complaint_is_an_unsubscription_and_no_objection, |world| {
    let anna = world.make_recipient(ANNA);
    let mailing = sent_to(world, "Neues", anna);
    let message = complaint(&world.return_path(mailing, anna), ANNA);
    world.come_back(&message);
    world.come_back(&message);
    assert_eq!(counted(world, mailing), (0, 0, 1));
    let person = recipient(world, anna);
    assert_eq!(person.status, RecipientStatus::Unsubscribed);
    assert_eq!(person.status_source, Some(TrackingSource::Complaint));
    assert_eq!(person.tracking, RecipientTracking::Unset);

    let admin = world.admin();
    admin
        .visit(&format!("/empfaenger/{anna}"))
        .assert_says("durch eine Beschwerde")
        .assert_says("als Spam gemeldet");
    admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    admin
        .submit("/empfaenger/neu", &[("email", ANNA)])
        .assert_says("Für diese Adresse ist eine Abmeldung gemerkt");
});

on_both!(who_has_unsubscribed_stays_so, |world| {
    let anna = world.make_recipient(ANNA);
    let mailing = sent_to(world, "Neues", anna);
    let admin = world.admin();
    admin.submit(&format!("/empfaenger/{anna}/abmelden"), &[]);
    world.come_back(&failed(&world.return_path(mailing, anna), ANNA, "5.1.1"));
    assert_eq!(counted(world, mailing), (1, 0, 0));
    assert_eq!(recipient(world, anna).status, RecipientStatus::Unsubscribed);
    admin.submit(&format!("/empfaenger/{anna}/wieder-zustellen"), &[]);
    assert_eq!(
        recipient(world, anna).status,
        RecipientStatus::Unsubscribed,
        "only who is undeliverable is delivered to again"
    );
});

on_both!(what_is_no_bounce_changes_nothing, |world| {
    let anna = world.make_recipient(ANNA);
    let mailing = sent_to(world, "Neues", anna);
    let path = world.return_path(mailing, anna);
    let mut forged = path.clone();
    let at = forged.find('+').expect("a mark") + 20;
    let other = if &forged[at..=at] == "a" { "b" } else { "a" };
    forged.replace_range(at..=at, other);
    let before = world.snapshot(&[]);
    for (message, outcome) in [
        (failed(&forged, ANNA, "5.1.1"), Outcome::Unassigned),
        (
            failed("rueck@example.org", ANNA, "5.1.1"),
            Outcome::Unassigned,
        ),
        (complaint(&forged, ANNA), Outcome::Unassigned),
        (report(&path, ANNA, "delayed", "4.4.1"), Outcome::Nothing),
        (report(&path, ANNA, "delivered", "2.0.0"), Outcome::Nothing),
        (
            format!("From: {ANNA}\nTo: {path}\nAuto-Submitted: auto-replied\n\nNicht da. 5.1.1"),
            Outcome::Other,
        ),
        (String::new(), Outcome::Other),
    ] {
        assert_eq!(world.come_back(&message), outcome, "{message}");
    }
    assert_eq!(world.snapshot(&[]), before);
});

on_both!(
    p6_after_pseudonymising_it_counts_in_the_mailing_only,
    |world| {
        let anna = world.make_recipient(ANNA);
        let ben = world.make_recipient("ben@example.org");
        let mailing = sent_to(world, "Neues", anna);
        world.deliver(mailing, ben, Decision::Personal);
        let path = world.return_path(mailing, anna);
        let admin = world.admin();
        admin.submit(
            &format!("/empfaenger/{anna}/tracking/pseudonymisieren"),
            &[],
        );
        let before = world.snapshot(&["mailings"]);
        world.come_back(&failed(&path, ANNA, "5.1.1"));
        assert_eq!(counted(world, mailing), (1, 0, 0));
        assert_eq!(world.snapshot(&["mailings"]), before, "nowhere else");
        for _ in 0..5 {
            world.come_back(&failed(&path, ANNA, "5.1.1"));
        }
        assert_eq!(
            counted(world, mailing),
            (2, 0, 0),
            "never more than were sent"
        );
    }
);

on_both!(
    p6_a_complaint_still_ends_the_mails_of_who_was_pseudonymised,
    |world| {
        let anna = world.make_recipient(ANNA);
        let mailing = sent_to(world, "Neues", anna);
        let message = complaint(&world.return_path(mailing, anna), ANNA);
        world.admin().submit(
            &format!("/empfaenger/{anna}/tracking/pseudonymisieren"),
            &[],
        );
        world.come_back(&message);
        world.come_back(&message);
        assert_eq!(counted(world, mailing), (0, 0, 1));
        assert_eq!(recipient(world, anna).status, RecipientStatus::Unsubscribed);
        assert_eq!(world.rows("deliveries", "bounce IS NOT NULL"), 0);
    }
);

on_both!(
    p6_nothing_on_a_pseudonym_tells_whose_mail_came_back,
    |world| {
        let (anna, ben, cem) = (
            world.make_recipient(ANNA),
            world.make_recipient("ben@example.org"),
            world.make_recipient("cem@example.org"),
        );
        let mailing = sent_to(world, "Neues", anna);
        let visitor = world.visitor();
        for person in [ben, cem] {
            let key = world.deliver(mailing, person, Decision::Personal);
            visitor.get(&world.pixel(mailing, key));
        }
        world.come_back(&failed(&world.return_path(mailing, anna), ANNA, "5.1.1"));
        world.come_back(&failed(
            &world.return_path(mailing, ben),
            "ben@example.org",
            "5.1.1",
        ));
        world.come_back(&complaint(
            &world.return_path(mailing, cem),
            "cem@example.org",
        ));
        let before = counted(world, mailing);
        assert_eq!(before, (2, 0, 1));
        for person in [anna, ben, cem] {
            world.admin().submit(
                &format!("/empfaenger/{person}/tracking/pseudonymisieren"),
                &[],
            );
        }
        assert_eq!(counted(world, mailing), before, "p5");
        assert_eq!(world.rows("deliveries", "bounced_at IS NOT NULL"), 0);
        assert_eq!(
            world.rows(
                "deliveries",
                "bounce IS NOT NULL AND (opens > 0 OR clicks > 0 OR bounce = 'complaint')"
            ),
            0,
            "what stands at the person as well does not stand where something was measured"
        );
        assert_eq!(world.rows("deliveries", "bounce = 'hard'"), 1);
    }
);

on_both!(after_the_deletion_it_counts_in_the_mailing_only, |world| {
    let anna = world.make_recipient(ANNA);
    let mailing = sent_to(world, "Neues", anna);
    let path = world.return_path(mailing, anna);
    let admin = world.admin();
    admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    // P10: who comes again is somebody else.
    let again = world.make_recipient(ANNA);
    world.come_back(&failed(&path, ANNA, "5.1.1"));
    assert_eq!(counted(world, mailing), (1, 0, 0));
    assert_eq!(recipient(world, again).status, RecipientStatus::Active);
});

on_both!(the_time_it_came_back_is_kept_to_the_hour, |world| {
    let anna = world.make_recipient(ANNA);
    let mailing = sent_to(world, "Neues", anna);
    let at = Timestamp(1_795_508_100_123);
    world.come_back_at(
        &failed(&world.return_path(mailing, anna), ANNA, "5.1.1"),
        at,
    );
    assert_eq!(world.rows("deliveries", "bounced_at = 1795507200000"), 1);
});

on_both!(
    bounces_for_an_old_address_leave_the_new_one_alone,
    |world| {
        let anna = world.make_recipient(ANNA);
        let (hard, soft) = (
            sent_to(world, "Neues", anna),
            sent_to(world, "Neueres", anna),
        );
        let path = format!("/empfaenger/{anna}");
        let saved = world
            .admin()
            .submit(&path, &[("email", "anna@neu.example")]);
        saved.assert_says("Gespeichert.");
        for _ in 0..20 {
            world.come_back(&failed(&world.return_path(soft, anna), ANNA, "4.4.1"));
        }
        world.come_back(&failed(&world.return_path(hard, anna), ANNA, "5.1.1"));
        assert_eq!(counted(world, hard), (1, 0, 0), "the mailing counts it");
        assert_eq!(counted(world, soft), (0, 1, 0));
        let person = recipient(world, anna);
        assert_eq!(
            (person.status, person.soft_bounces),
            (RecipientStatus::Active, 0)
        );
        world.come_back(&complaint(&world.return_path(hard, anna), ANNA));
        assert_eq!(
            recipient(world, anna).status,
            RecipientStatus::Unsubscribed,
            "the person's word"
        );
        let later = sent_to(world, "Neuestes", anna);
        assert_eq!(counted(world, later), (0, 0, 0));
    }
);
