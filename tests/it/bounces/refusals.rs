//! Many refusals alike: one block disables nobody, is shown as what it is, and what was taken for
//! permanent is taken back together.

use widerspruch::bounces::apply::Outcome;
use widerspruch::db::models::recipients;
use widerspruch::domain::bounce::BounceKind;
use widerspruch::domain::tracking::{Decision, RecipientStatus};

use crate::support::bounce::failed;
use crate::support::{World, on_both};

const TAB: &str = "/benutzerkonto/ruecklaeufer";

/// So many people at a domain.
fn people_at(world: &World, domain: &str, number: usize) -> Vec<(i64, String)> {
    (0..number)
        .map(|n| {
            let address = format!("p{n}@{domain}");
            (world.make_recipient(&address), address)
        })
        .collect()
}

/// A mailing to these people, all of whose mails come back with this code.
fn comes_back(world: &World, subject: &str, people: &[(i64, String)], code: &str) -> Vec<Outcome> {
    let mailing = world.make_sent_mailing(subject, 0);
    people
        .iter()
        .map(|(id, address)| {
            world.deliver(mailing, *id, Decision::Personal);
            world.come_back(&failed(&world.return_path(mailing, *id), address, code))
        })
        .collect()
}

fn status(world: &World, id: i64) -> RecipientStatus {
    world
        .read(|conn| recipients::find(conn, world.account_id, id))
        .status
}

on_both!(a_block_of_a_provider_disables_nobody, |world| {
    let people = people_at(world, "provider.example", 6);
    for n in 0..5 {
        for outcome in comes_back(world, &format!("Brief {n}"), &people, "5.7.1") {
            assert_eq!(outcome, Outcome::Counted(BounceKind::Soft));
        }
    }
    for (id, _) in &people {
        assert_eq!(status(world, *id), RecipientStatus::Active);
    }
    let admin = world.admin();
    admin
        .visit(TAB)
        .assert_says("Viele gleiche Absagen")
        .assert_says("provider.example Durch eine Regel des Anbieters abgelehnt vorübergehend 6")
        .assert_says("keiner");
    admin
        .visit(&format!(
            "{TAB}/absagen?grund=policy&domain=provider.example"
        ))
        .assert_says("Es gibt nichts zurückzunehmen");
});

on_both!(
    what_was_taken_for_permanent_is_taken_back_together,
    |world| {
        let people = people_at(world, "provider.example", 7);
        let few = people_at(world, "klein.example", 4);
        // One who had left before, and one whose mailbox was switched off as well.
        let (gone, disabled) = (people[0].0, people[1].0);
        let admin = world.admin();
        admin.submit(&format!("/empfaenger/{gone}/abmelden"), &[]);
        comes_back(world, "Altes", &people[1..2], "5.2.1");
        comes_back(world, "Neues", &people, "5.1.1");
        comes_back(world, "Anderes", &few, "5.1.1");
        admin
            .visit(TAB)
            .assert_says("provider.example Adresse gibt es nicht dauerhaft 7")
            .assert_silent_about("klein.example");
        let group = [("grund", "no_mailbox"), ("domain", "provider.example")];
        let page = format!("{TAB}/absagen");
        let path = format!("{page}?grund=no_mailbox&domain=provider.example");
        admin
            .visit(&path)
            .assert_says("5 Empfänger bei provider.example")
            .assert_says("Wer sich abgemeldet hat, bleibt abgemeldet");
        world.make_account("Andere GmbH", "andere@example.org");
        let other = world.signed_in("andere@example.org");
        other.visit(TAB).assert_silent_about("provider.example");
        other.submit(&page, &group);
        assert_eq!(status(world, people[2].0), RecipientStatus::Bounced);
        admin.submit(&page, &group).assert_says("Zurückgenommen.");
        for (id, _) in &people[2..] {
            assert_eq!(status(world, *id), RecipientStatus::Active);
        }
        assert_eq!(status(world, gone), RecipientStatus::Unsubscribed);
        assert_eq!(status(world, disabled), RecipientStatus::Bounced);
        for (id, _) in &few {
            assert_eq!(status(world, *id), RecipientStatus::Bounced);
        }
        assert_eq!(
            world.rows("audit_log", "action = 'recipient_reactivated'"),
            5,
            "p11"
        );
        admin
            .visit(&path)
            .assert_says("Es gibt nichts zurückzunehmen");
        for (reason, domain) in [("no_mailbox", "klein.example"), ("x", "y"), ("", "")] {
            let wrong = [("grund", reason), ("domain", domain)];
            admin
                .submit(&page, &wrong)
                .assert_says("Es gibt nichts zurückzunehmen");
        }
        for (id, _) in &few {
            assert_eq!(status(world, *id), RecipientStatus::Bounced);
        }
    }
);

on_both!(p6_no_reason_outlives_pseudonymising_and_deletion, |world| {
    let people = people_at(world, "provider.example", 2);
    comes_back(world, "Neues", &people, "4.2.2");
    assert_eq!(world.rows("bounce_reasons", "reason = 'full'"), 2);
    let admin = world.admin();
    let (first, second) = (people[0].0, people[1].0);
    admin.submit(
        &format!("/empfaenger/{first}/tracking/pseudonymisieren"),
        &[],
    );
    assert_eq!(
        world.rows("bounce_reasons", &format!("recipient_id = {first}")),
        0
    );
    admin.submit(&format!("/empfaenger/{second}/loeschen"), &[]);
    assert_eq!(world.rows("bounce_reasons", "1 = 1"), 0);
});
