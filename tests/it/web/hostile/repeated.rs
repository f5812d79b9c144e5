//! Forms sent again: by a double click, by a browser that reloads, by somebody who recorded one.
//! The second time does nothing.

use std::thread;

use widerspruch::domain::tracking::RecipientTracking;

use crate::mailings::{draft, group, person, sent};
use crate::support::agent::Agent;
use crate::support::{World, on_both};

/// Sends the form eight times at once, and once more; gives how often it was taken.
fn again_and_again(admin: &Agent, path: &str, form: &[(&str, &str)]) -> usize {
    let taken = |_| {
        let answer = admin.post(path, form);
        assert!(answer.status < 500, "{path}: {}", answer.text());
        usize::from(answer.status == 303)
    };
    let at_once: usize = thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|n| scope.spawn(move || taken(n))).collect();
        all.into_iter()
            .map(|one| one.join().expect("an answer"))
            .sum()
    });
    at_once + taken(9)
}

fn actions(world: &World, action: &str) -> i64 {
    world.rows("audit_log", &format!("action = '{action}'"))
}

on_both!(a_form_sent_again_does_its_work_once, |world| {
    let admin = world.admin();
    let all = group(world, "Alle");
    let anna = person(world, all, "anna@example.org", RecipientTracking::Unset);
    person(world, all, "bert@example.org", RecipientTracking::Unset);
    let mailing = draft(world, "<p>Hallo</p>", &[all]);

    again_and_again(&admin, &format!("/e-mailings/{mailing}/senden"), &[]);
    assert_eq!(sent(world, mailing).handed, 2);
    assert_eq!(world.rows("deliveries", "1 = 1"), 2, "each once");
    assert_eq!(actions(world, "mailing_sent"), 1);

    let deletion = format!("/empfaenger/{anna}/loeschen");
    assert_eq!(again_and_again(&admin, &deletion, &[]), 1);
    assert_eq!(world.rows("receipts", "1 = 1"), 1);
    assert_eq!(actions(world, "recipient_deleted"), 1);
    assert_eq!(world.rows("accounts", "recipient_count = 1"), 1);

    again_and_again(&admin, &format!("/gruppen/{all}/aufloesen"), &[]);
    assert_eq!(world.rows("groups", "1 = 1"), 0);
    assert_eq!(world.rows("recipients", "1 = 1"), 1);

    let entries = || world.rows("audit_log", "1 = 1");
    let before = entries();
    again_and_again(&admin, "/benutzerkonto/tracking/deaktivieren", &[]);
    assert_eq!(entries(), before + 1, "it was switched off once");

    let new = [("email", "clara@example.org")];
    assert_eq!(again_and_again(&admin, "/empfaenger/neu", &new), 1);
    assert_eq!(world.rows("recipients", "address = 'clara@example.org'"), 1);
});
