//! The example beyond its story: as right as what the story told, however it is written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use widerspruch::demo::{Progress, Size};

use super::{example_of, figures_that_add_up, number};
use crate::support::{World, on_both};

/// Everybody is counted, and in the groups that say so.
fn assert_counters(world: &World, account: i64, recipients: i64) {
    let of_account = format!("WHERE account_id = {account}");
    let there = number(
        world,
        &format!("SELECT COUNT(*) FROM recipients {of_account}"),
    );
    assert!((recipients - 5..=recipients).contains(&there), "{there}");
    let counted = number(
        world,
        &format!("SELECT recipient_count FROM accounts WHERE id = {account}"),
    );
    assert_eq!(counted, there);
    let wrong = number(
        world,
        &format!(
            "SELECT COUNT(*) FROM groups g WHERE g.account_id = {account} AND g.member_count <>
                 (SELECT COUNT(*) FROM memberships m WHERE m.group_id = g.id)"
        ),
    );
    assert_eq!(wrong, 0);
}

on_both!(a_crowd_beside_the_story_reads_as_often_as_told, |world| {
    let size = Size {
        recipients: 700,
        in_story: 60,
        events: 4_000,
    };
    let account = example_of(world, size, &mut |_| {}).account_id;
    assert_counters(world, account, 700);
    let figures = figures_that_add_up(world, account);
    let survey = figures.last().expect("the newest mailing to all");
    assert!(survey.subject.contains("Drei Fragen"), "{survey:?}");
    assert!(survey.handed > 650 && survey.handed_anonymous > 0);
    assert_eq!(
        survey.handed,
        survey.handed_personal + survey.handed_anonymous
    );
    let hits = survey.opens + survey.anonymous_opens + survey.clicks + survey.anonymous_clicks;
    assert_eq!(hits, 4_000);
    assert_eq!(survey.openers, survey.handed_personal);
    // Whoever objected is measured by nobody.
    let personal = number(
        world,
        &format!(
            "SELECT COUNT(*) FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
             WHERE r.account_id = {account} AND d.mailing_id = {} AND r.tracking = 'objected'
               AND (d.policy = 'personal' OR d.token_key IS NOT NULL OR d.opens + d.clicks > 0)",
            survey.mailing_id
        ),
    );
    assert_eq!(personal, 0);
    let noted = number(
        world,
        &format!(
            "SELECT COUNT(*) FROM recipients r WHERE r.account_id = {account} AND r.tracking = 'objected'
               AND NOT EXISTS (SELECT 1 FROM audit_log a WHERE a.account_id = {account} AND a.recipient_id = r.id)"
        ),
    );
    assert_eq!(noted, 0, "every objection is in the audit log");
});

on_both!(an_example_that_was_interrupted_is_a_smaller_one, |world| {
    let size = Size {
        recipients: 4_500,
        in_story: 60,
        events: 0,
    };
    // In the middle of the first mailing to all.
    let mut at = 0;
    let filled = catch_unwind(AssertUnwindSafe(|| {
        example_of(world, size, &mut |progress: Progress| {
            at = progress.done;
            assert!(progress.done + 5 < progress.total, "interrupted");
        })
    }));
    assert!(filled.is_err() && at > 10);
    let account = number(
        world,
        "SELECT MAX(id) FROM accounts WHERE name = 'Buchhandlung Lindenhof'",
    );
    assert_counters(world, account, 4_500);
    let figures = figures_that_add_up(world, account);
    let shop = figures.last().expect("the mailing that was being written");
    assert!(shop.subject.contains("Laden im Netz"), "{shop:?}");
    assert_eq!(shop.handed, 4_000);
    assert!(shop.opens > 0);
});
