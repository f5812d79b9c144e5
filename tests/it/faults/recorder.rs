//! The recorder when some hits can't be stored: others don't suffer, and it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use widerspruch::db::{Db, DbResult, account_lock};
use widerspruch::domain::secret::Random128;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::recorder::{self, Hit, Recorder, Stored};
use widerspruch::tracking::token::HitKind;
use widerspruch::tracking::visitor::{Request, Visitor};

use crate::support::eventually::HANG;
use crate::support::{On, World, eventually, on_both};

/// A hit of a person on a mailing.
fn hit(account_id: i64, mailing_id: i64, key: Option<Random128>) -> Hit {
    Hit {
        account_id,
        mailing_id,
        kind: HitKind::Open,
        key,
        link: 0,
        at: Timestamp::now(),
        visitor: Visitor::of(Request {
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
            ..Request::default()
        }),
    }
}

/// A recorder of its own, whose stores are counted and may be disturbed.
struct Disturbed {
    recorder: Recorder,
    stores: Arc<AtomicUsize>,
    runtime: Runtime,
}

impl Disturbed {
    fn start(world: &World, before: impl Fn(usize) + Send + Sync + 'static) -> Self {
        let stores = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&stores);
        let store = move |db: &Db, hits: &[Hit], patience: Duration| -> DbResult<bool> {
            before(counted.fetch_add(1, Ordering::SeqCst));
            recorder::store_within(db, hits, patience)
        };
        let recorder = Recorder::start_with(world.state.db.clone(), store).expect("threads");
        recorder.set_patience(HANG);
        Self {
            recorder,
            stores,
            runtime: Runtime::new().expect("a runtime"),
        }
    }

    fn send(&self, hit: Hit) -> JoinHandle<Stored> {
        let recorder = self.recorder.clone();
        self.runtime
            .spawn(async move { recorder.record(hit).await })
    }

    fn outcome(&self, sent: JoinHandle<Stored>) -> Stored {
        self.runtime.block_on(sent).expect("an answer")
    }

    /// Sends hits that come into one batch.
    fn send_together(&self, hits: impl IntoIterator<Item = Hit>) -> Vec<Stored> {
        let held = self.recorder.hold();
        let sent: Vec<_> = hits.into_iter().map(|hit| self.send(hit)).collect();
        let waiting = || self.recorder.waiting();
        eventually("they wait", waiting, |waiting| *waiting == sent.len());
        drop(held);
        sent.into_iter().map(|sent| self.outcome(sent)).collect()
    }
}

impl Drop for Disturbed {
    fn drop(&mut self) {
        self.recorder.shut_down();
    }
}

on_both!(
    a_hit_that_cannot_be_stored_costs_few_transactions_and_no_other_hit,
    |world| {
        const GOOD: usize = 200;
        let mailing = world.make_sent_mailing("Neues", 0);
        let disturbed = Disturbed::start(world, |_| ());
        let good = hit(world.account_id, mailing, None);
        let gone = hit(world.account_id, mailing + 1_000, None);
        let mut hits = vec![good; GOOD];
        // As of a mailing that was deleted while they waited.
        for place in [30, 31, 150] {
            hits.insert(place, gone);
        }
        let outcomes = disturbed.send_together(hits);
        let stored = outcomes.iter().filter(|one| **one == Stored::Yes).count();
        assert_eq!((stored, outcomes.len() - stored), (GOOD, 3));
        let opens = world.total("anonymous", "mailing_hours", "kind = 0");
        assert_eq!(opens, i64::try_from(GOOD).expect("a number"));
        // A batch per writer, and of one the halves of halves.
        let attempts = disturbed.stores.load(Ordering::SeqCst);
        assert!(attempts <= 20, "{attempts}");
        assert_eq!(disturbed.recorder.waiting(), 0);
    }
);

on_both!(a_writer_outlives_a_panic, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    let disturbed = Disturbed::start(world, |n| assert!(n > 0, "as a bug would"));
    let one = hit(world.account_id, mailing, None);
    let first = disturbed.send(one);
    assert_eq!(disturbed.outcome(first), Stored::Unconfirmed);
    assert_eq!(disturbed.recorder.panics(), 1);
    // As many as there may be writers, at least one of which has panicked.
    for _ in 0..5 {
        let next = disturbed.send(one);
        assert_eq!(disturbed.outcome(next), Stored::Yes);
    }
    assert!(disturbed.recorder.is_alive());
    assert_eq!(disturbed.recorder.unconfirmed(), 1);
    assert_eq!(world.total("anonymous", "mailing_hours", "1 = 1"), 5);
});

/// More hits of an account than there are writers, each by itself: none of them stops one.
#[test]
fn the_lock_of_one_account_delays_no_other() {
    const HELD: usize = 40;
    let world = World::start(On::Postgres);
    let other = world.make_account("Andere GmbH", "other@example.com");
    let mailing = world.make_sent_mailing("Neues", 0);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let disturbed = Disturbed::start(&world, |_| ());
    let theirs = {
        let id = world.make_sent_mailing("Fremdes", 0);
        world.execute(&format!(
            "UPDATE mailings SET account_id = {other} WHERE id = {id}"
        ));
        hit(other, id, None)
    };
    let waiting = world.write(|conn| {
        account_lock::keep_hits_out(conn, world.account_id)?;
        let held: Vec<_> = (0..HELD)
            .map(|_| disturbed.send(hit(world.account_id, mailing, key)))
            .collect();
        eventually("one waits", || world.waiting_for_account_lock(), |n| *n > 0);
        // Together with some that are held, and alone.
        for _ in 0..3 {
            let sent = disturbed.send(theirs);
            assert_eq!(disturbed.outcome(sent), Stored::Yes);
        }
        assert!(held.iter().all(|one| !one.is_finished()), "held");
        Ok(held)
    });
    for one in waiting {
        assert_eq!(disturbed.outcome(one), Stored::Yes);
    }
    assert_eq!(world.rows("deliveries", "opens = 40"), 1);
    assert_eq!(disturbed.recorder.unconfirmed(), 0);
}

/// Those that wait for a lock are stored before the program ends.
#[test]
fn hits_that_wait_for_a_lock_are_stored_at_the_end() {
    let world = World::start(On::Postgres);
    let mailing = world.make_sent_mailing("Neues", 0);
    let disturbed = Disturbed::start(&world, |_| ());
    std::thread::scope(|scope| {
        let (sent, ending) = world.write(|conn| {
            account_lock::keep_hits_out(conn, world.account_id)?;
            let sent = disturbed.send(hit(world.account_id, mailing, None));
            eventually("it waits", || world.waiting_for_account_lock(), |n| *n > 0);
            let recorder = disturbed.recorder.clone();
            Ok((sent, scope.spawn(move || recorder.shut_down())))
        });
        assert_eq!(disturbed.outcome(sent), Stored::Yes);
        ending.join().expect("it ends");
    });
    assert_eq!(world.total("anonymous", "mailing_hours", "1 = 1"), 1);
}
