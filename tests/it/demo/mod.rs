//! The example account: filled by the product's own code, so its figures and rules must hold.

mod command;
mod crowd;
mod setup;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use widerspruch::db::models::users;
use widerspruch::db::reports::{self, Figures, details};
use widerspruch::demo::{self, Kit, Made, Progress, Size};
use widerspruch::domain::time::Timestamp;

use crate::support::{World, on_both};

/// An example account with so many recipients, beside the world's own account.
fn example(world: &World, recipients: usize) -> Made {
    example_of(world, Size::of(recipients), &mut |_| {})
}

/// An example account of that size; what it tells of its progress is passed on.
fn example_of(world: &World, size: Size, listen: &mut dyn FnMut(Progress)) -> Made {
    let state = &world.state;
    let kit = Kit {
        db: state.db.clone(),
        links: state.links.clone(),
        tokens: state.tokens.clone(),
        public_url: state.public_url.clone(),
        outbox: state.outbox.clone(),
        remembering: state.remembering.clone(),
        cleaner: state.cleaner.clone(),
    };
    let made = world.write(|conn| demo::create(conn, "no hash", Timestamp::now()));
    let _away = state.sender.keep_away(made.account_id);
    let mut told = Vec::new();
    let mut tell = |progress: Progress| {
        told.push(progress);
        listen(progress);
    };
    demo::fill(&kit, &made, size, Timestamp::now(), &mut tell).expect("a whole story");
    let last = told.last().expect("progress");
    assert!(told.len() > 10 && last.done == last.total);
    made
}

fn number(world: &World, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    world.read(|conn| {
        let row: Row =
            sql_query(format!("SELECT CAST(({query}) AS BIGINT) AS n")).get_result(conn)?;
        Ok(row.n)
    })
}

/// Compares every figure of the account's sent mailings with what the rows add up to, and gives
/// the figures.
fn figures_that_add_up(world: &World, account: i64) -> Vec<Figures> {
    let sent: Vec<i64> = world.read(|conn| {
        use widerspruch::db::schema::mailings;
        Ok(mailings::table
            .filter(mailings::account_id.eq(account))
            .filter(mailings::status.eq("sent"))
            .order(mailings::id)
            .select(mailings::id)
            .load(conn)?)
    });
    assert!(sent.len() >= 13, "{}", sent.len());
    let figures = world.read(|conn| reports::figures(conn, account, &sent));
    assert_eq!(figures.len(), sent.len());
    for figures in &figures {
        let id = figures.mailing_id;
        let sum = |what: &str, condition: &str| {
            number(
                world,
                &format!(
                    "SELECT COALESCE({what}, 0) FROM deliveries d WHERE d.mailing_id = {id} AND {condition}"
                ),
            )
        };
        let events = |kind: i32, automatic: bool, rest: &str| {
            let automatic = if automatic { "" } else { "NOT" };
            number(
                world,
                &format!(
                    "SELECT COALESCE(SUM(e.n), 0) FROM events e JOIN deliveries d ON d.id = e.delivery_id
                     WHERE d.mailing_id = {id} AND e.kind = {kind} AND {automatic} e.automatic {rest}"
                ),
            )
        };
        let handed = "d.status = 'handed'";
        assert_eq!(figures.handed, sum("COUNT(*)", handed));
        assert_eq!(
            figures.handed_personal,
            sum("COUNT(*)", &format!("{handed} AND d.policy = 'personal'"))
        );
        assert_eq!(figures.opens, sum("SUM(d.opens)", "1 = 1"));
        assert_eq!(figures.opens, events(0, false, ""));
        assert_eq!(
            figures.openers,
            sum("COUNT(*)", "d.first_open_at IS NOT NULL")
        );
        assert_eq!(figures.clicks, events(1, false, ""));
        assert_eq!(
            figures.clickers,
            sum("COUNT(*)", "d.first_click_at IS NOT NULL")
        );
        for (counted, kind) in [
            (figures.bounces, "hard"),
            (figures.soft_bounces, "soft"),
            (figures.complaints, "complaint"),
        ] {
            assert_eq!(counted, sum("COUNT(*)", &format!("d.bounce = '{kind}'")));
        }
        for link in world.read(|conn| details::links(conn, account, id)) {
            let of_link = format!("AND e.link = {}", link.number);
            assert_eq!(link.personal, events(1, false, &of_link));
        }
        let begin = sum("MIN(d.handed_at) / 3600000", handed);
        let (hours, others) = world.read(|conn| details::hours(conn, account, id, begin, 72));
        for hour in &hours {
            let of_hour = format!("AND e.hour = {}", hour.hour);
            assert_eq!(hour.opens.personal, events(0, false, &of_hour));
            assert_eq!(hour.clicks.personal, events(1, false, &of_hour));
        }
        let later = format!("AND e.hour NOT BETWEEN {begin} AND {}", begin + 71);
        assert_eq!(others.opens.personal, events(0, false, &later));
        assert_eq!(others.clicks.personal, events(1, false, &later));
    }
    figures
}

on_both!(every_figure_is_what_the_rows_add_up_to, |world| {
    let account = example(world, 240).account_id;
    let figures = figures_that_add_up(world, account);
    // It is worth looking at.
    let openers: i64 = figures.iter().map(|f| f.openers).sum();
    let handed: i64 = figures.iter().map(|f| f.handed_personal).sum();
    assert!(
        (20..60).contains(&(100 * openers / handed)),
        "{openers} of {handed}"
    );
    for what in [
        figures.iter().map(|f| f.clickers).sum::<i64>(),
        figures.iter().map(|f| f.anonymous_opens).sum(),
        figures.iter().map(|f| f.automatic_opens).sum(),
        figures.iter().map(|f| f.unsubscriptions).sum(),
        figures.iter().map(|f| f.objections).sum(),
        figures.iter().map(|f| f.bounces).sum(),
        figures.iter().map(|f| f.soft_bounces).sum(),
        figures.iter().map(|f| f.complaints).sum(),
    ] {
        assert!(what > 0, "{figures:?}");
    }
});

on_both!(every_consent_has_its_evidence, |world| {
    let account = example(world, 240).account_id;
    let consented =
        format!("FROM recipients r WHERE r.account_id = {account} AND r.tracking = 'consented'");
    for (source, how) in [
        ("import", "Import: %"),
        ("self", "Datenschutz-Einstellungen"),
        ("admin", "Karte %"),
    ] {
        let of = format!("{consented} AND r.tracking_source = '{source}'");
        let all = number(world, &format!("SELECT COUNT(*) {of}"));
        let proven = number(
            world,
            &format!(
                "SELECT COUNT(*) {of} AND EXISTS (SELECT 1 FROM consents c WHERE c.recipient_id = r.id
                     AND c.kind = 'tracking' AND c.agreed AND c.wording <> '' AND c.form_name LIKE '{how}'
                     AND c.given_at <= r.tracking_changed_at)
                   AND EXISTS (SELECT 1 FROM audit_log a WHERE a.recipient_id = r.id
                     AND a.action = 'recipient_consented')"
            ),
        );
        assert!(all > 0 && proven == all, "{source}: {proven} of {all}");
    }
    let share = 100 * number(world, &format!("SELECT COUNT(*) {consented}")) / 240;
    assert!((6..15).contains(&share), "{share} of a hundred");
});

on_both!(whose_mails_come_back_gets_no_more, |world| {
    let account = example(world, 240).account_id;
    let of_account = format!("FROM recipients r WHERE r.account_id = {account}");
    for (status, source) in [("bounced", "bounce"), ("unsubscribed", "complaint")] {
        let condition = format!("r.status = '{status}' AND r.status_source = '{source}'");
        let some = number(
            world,
            &format!("SELECT COUNT(*) {of_account} AND {condition}"),
        );
        assert!(some > 0, "nobody is {status} by {source}");
        let later = number(
            world,
            &format!(
                "SELECT COUNT(*) {of_account} AND {condition} AND EXISTS (SELECT 1 FROM deliveries d
                     WHERE d.recipient_id = r.id AND d.handed_at > r.status_changed_at)"
            ),
        );
        assert_eq!(later, 0, "{status}");
    }
    let read = number(
        world,
        &format!(
            "SELECT COUNT(*) FROM deliveries d WHERE d.account_id = {account}
               AND d.bounce IN ('hard', 'soft') AND d.opens + d.clicks > 0"
        ),
    );
    assert_eq!(read, 0, "what came back was read by nobody");
});

on_both!(nothing_personal_after_an_objection, |world| {
    let account = example(world, 240).account_id;
    let objected =
        format!("FROM recipients r WHERE r.account_id = {account} AND r.tracking = 'objected'");
    for source in ["admin", "self", "import"] {
        let some = number(
            world,
            &format!("SELECT COUNT(*) {objected} AND r.tracking_source = '{source}'"),
        );
        assert!(some > 0, "nobody objected by {source}");
    }
    let deliveries = |condition: &str| {
        number(
            world,
            &format!(
                "SELECT COUNT(*) FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
                 WHERE r.account_id = {account} AND r.tracking = 'objected' AND ({condition})"
            ),
        )
    };
    // What came before is there, and mails went out afterwards.
    assert!(deliveries("d.last_open_at <= r.tracking_changed_at") > 0);
    assert!(deliveries("d.handed_at > r.tracking_changed_at") > 0);
    assert_eq!(
        deliveries(
            "d.last_open_at > r.tracking_changed_at OR d.last_click_at > r.tracking_changed_at"
        ),
        0
    );
    assert_eq!(
        deliveries(
            "d.handed_at > r.tracking_changed_at AND (d.policy = 'personal' OR d.token_key IS NOT NULL)"
        ),
        0
    );
    // The same for what is stored to the hour.
    let late = number(
        world,
        &format!(
            "SELECT COUNT(*) FROM events e JOIN deliveries d ON d.id = e.delivery_id
             JOIN recipients r ON r.id = d.recipient_id
             WHERE r.account_id = {account} AND r.tracking = 'objected' AND e.hour > r.tracking_changed_at / 3600000"
        ),
    );
    assert_eq!(late, 0);
});

on_both!(
    the_past_looks_old_and_only_the_newest_mails_are_kept,
    |world| {
        let account = example(world, 240).account_id;
        let now = Timestamp::now();
        let mailings = |condition: &str| {
            number(
                world,
                &format!(
                    "SELECT COUNT(*) FROM mailings WHERE account_id = {account} AND {condition}"
                ),
            )
        };
        assert_eq!(mailings("status = 'draft'"), 1);
        assert_eq!(mailings("status NOT IN ('draft', 'sent')"), 0);
        assert!(mailings(&format!("sent_at < {}", now.plus_days(-200).millis())) >= 3);
        assert_eq!(
            mailings(&format!("sent_at > {}", now.plus_days(-1).millis())),
            0
        );
        let deliveries = |condition: &str| {
            number(
                world,
                &format!(
                    "SELECT COUNT(*) FROM deliveries WHERE account_id = {account} AND {condition}"
                ),
            )
        };
        assert_eq!(deliveries("status <> 'handed'"), 0);
        assert_eq!(deliveries(&format!("last_open_at > {}", now.millis())), 0);
        assert!(
            deliveries("recipient_id IS NULL") > 0,
            "nobody is pseudonymised"
        );
        let kept = number(
            world,
            &format!("SELECT COUNT(*) FROM outbox_mails WHERE account_id = {account}"),
        );
        assert!((1..=50).contains(&kept), "{kept}");
        let of = number(
            world,
            &format!(
                "SELECT COUNT(DISTINCT mailing_id) FROM outbox_mails WHERE account_id = {account}"
            ),
        );
        assert_eq!(of, 1);
        let admin = world.read(|conn| users::first_of_account(conn, account));
        assert_eq!(admin.name, demo::ADMIN);
    }
);
