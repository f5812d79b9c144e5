//! What readers notice of a database in trouble: nothing. What is counted then: what was
//! acknowledged, and nothing twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use widerspruch::db::{account_lock, reports};
use widerspruch::domain::secret::{Random128, hex};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::recorder::{Hit, QUEUE, Stored};
use widerspruch::tracking::token::HitKind;
use widerspruch::tracking::visitor::{Request, Visitor};

use crate::support::agent::{Agent, Answer};
use crate::support::eventually::HANG;
use crate::support::{World, eventually, on_both};

const UNCONFIRMED: Option<&str> = Some("stored;desc=no");

/// A mailing with one link to one person; its links are in memory.
fn sent_mailing(world: &World) -> (i64, Option<Random128>) {
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let answer = world.visitor().get(&world.click(mailing, key, 1));
    assert_eq!(answer.header("server-timing"), None, "all is well");
    (mailing, key)
}

/// Opens and clicks that are stored.
fn stored(world: &World, mailing: i64) -> (i64, i64) {
    let all = world.read(|conn| reports::figures(conn, world.account_id, &[mailing]));
    (all[0].opens, all[0].clicks)
}

#[track_caller]
fn assert_led_on(answer: &Answer) {
    assert_eq!(answer.status, 302);
    let target = answer.location();
    assert_eq!(target.as_deref(), Some("https://shop.example/1?a=1&b=2#c"));
}

#[track_caller]
fn assert_picture(answer: &Answer) {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("image/gif"));
    assert!(answer.body.starts_with(b"GIF89a"));
}

on_both!(
    while_the_writer_is_held_links_lead_on_and_pictures_load,
    |world| {
        let (mailing, key) = sent_mailing(world);
        world.answers_hits_in_time();
        let reader = world.visitor();
        let before = world.state.recorder.unconfirmed();
        world.write(|conn| {
            account_lock::keep_hits_out(conn, world.account_id)?;
            for _ in 0..2 {
                let answer = reader.get(&world.click(mailing, key, 1));
                assert_led_on(&answer);
                assert_eq!(answer.header("server-timing"), UNCONFIRMED);
                let answer = reader.get(&world.pixel(mailing, key));
                assert_picture(&answer);
                assert_eq!(answer.header("server-timing"), UNCONFIRMED);
            }
            Ok(())
        });
        assert_eq!(world.state.recorder.unconfirmed(), before + 4);
        world.answers_hits_when_stored();
        world.wait_for_recorder();
        assert_eq!(stored(world, mailing), (2, 3));
        let answer = reader.get(&world.pixel(mailing, key));
        assert_eq!(answer.header("server-timing"), None, "all is well again");
    }
);

on_both!(
    when_the_queue_is_full_links_lead_on_and_pictures_load,
    |world| {
        let (mailing, key) = sent_mailing(world);
        world.answers_hits_in_time();
        let hit = Hit {
            account_id: world.account_id,
            mailing_id: mailing,
            kind: HitKind::Open,
            key,
            link: 0,
            at: Timestamp::now(),
            visitor: Visitor::of(Request {
                user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
                ..Request::default()
            }),
        };
        let held = world.state.recorder.hold();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        // One more than the queue takes is already in the writer's hands.
        let mut waiting = Vec::new();
        for _ in 0..=QUEUE {
            let recorder = world.state.recorder.clone();
            waiting.push(runtime.spawn(async move { recorder.record(hit).await }));
        }
        eventually(
            "the queue is full",
            || world.state.recorder.waiting(),
            |waiting| *waiting == QUEUE + 1,
        );
        let reader = world.visitor();
        let answer = reader.get(&world.click(mailing, key, 1));
        assert_led_on(&answer);
        assert_eq!(answer.header("server-timing"), UNCONFIRMED);
        let answer = reader.get(&world.pixel(mailing, key));
        assert_picture(&answer);
        assert_eq!(answer.header("server-timing"), UNCONFIRMED);
        assert_eq!(world.state.recorder.waiting(), QUEUE + 1, "refused");

        for one in waiting {
            let outcome = runtime.block_on(one).expect("an answer");
            assert_eq!(outcome, Stored::Unconfirmed, "nobody waits for ever");
        }
        drop(held);
        world.answers_hits_when_stored();
        world.wait_for_recorder();
        let full = i64::try_from(QUEUE).expect("a number") + 1;
        assert_eq!(stored(world, mailing), (full, 1));
        let answer = reader.get(&world.click(mailing, key, 1));
        assert_eq!(answer.header("server-timing"), None, "all is well again");
    }
);

#[test]
fn hits_outlive_a_database_that_goes_and_comes_back() {
    let (world, proxy) = World::start_behind_proxy();
    let (mailing, key) = sent_mailing(&world);
    let (click, pixel) = (world.click(mailing, key, 1), world.pixel(mailing, key));
    let (sent, acknowledged) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let after_it_is_back = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let reader = Agent::new(&world.url);
                let end = Instant::now() + HANG;
                while after_it_is_back.load(Ordering::SeqCst) < 40 {
                    assert!(Instant::now() < end, "hits are stored again");
                    // What is stored while this is asked was sent to a database that is there.
                    let is_back = proxy.is_restored();
                    let answer = reader.get(&pixel);
                    assert_picture(&answer);
                    sent.fetch_add(1, Ordering::SeqCst);
                    if answer.header("server-timing").is_none() {
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                        after_it_is_back.fetch_add(usize::from(is_back), Ordering::SeqCst);
                    }
                }
            });
        }
        eventually(
            "hits come in",
            || acknowledged.load(Ordering::SeqCst),
            |hits| *hits > 40,
        );
        world.answers_hits_in_time();
        proxy.cut();
        let reader = Agent::new(&world.url);
        for _ in 0..3 {
            let answer = reader.get(&click);
            assert_led_on(&answer);
            assert_eq!(answer.header("server-timing"), UNCONFIRMED);
            let answer = reader.get(&pixel);
            assert_picture(&answer);
            assert_eq!(answer.header("server-timing"), UNCONFIRMED);
        }
        sent.fetch_add(3, Ordering::SeqCst);
        proxy.restore();
    });
    world.wait_for_recorder();
    let (opens, clicks) = stored(&world, mailing);
    let opens = usize::try_from(opens).expect("a number");
    let (acknowledged, sent) = (acknowledged.into_inner(), sent.into_inner());
    assert!(
        opens >= acknowledged,
        "{acknowledged} acknowledged, {opens}"
    );
    assert!(opens <= sent, "{sent} sent, {opens} stored");
    assert!((1..=4).contains(&clicks), "{clicks}");
    assert!(world.state.recorder.unconfirmed() >= 6);
    world.admin().visit("/empfaenger");
}

#[test]
fn a_commit_whose_answer_is_lost_is_not_repeated() {
    const AT_ONCE: usize = 5;
    let (world, proxy) = World::start_behind_proxy();
    let (mailing, key) = sent_mailing(&world);
    world.state.sender.shut_down();
    let pixel = world.pixel(mailing, key);
    let held = world.state.recorder.hold();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..AT_ONCE)
            .map(|_| scope.spawn(|| Agent::new(&world.url).get(&pixel)))
            .collect();
        eventually(
            "they wait",
            || world.state.recorder.waiting(),
            |waiting| *waiting == AT_ONCE,
        );
        // The transaction that asks for this mail, whatever else the program does meanwhile.
        let asked = hex(&key.expect("a key")).into_bytes();
        proxy.cut_after_both(asked, b"COMMIT");
        drop(held);
        for reader in readers {
            let answer = reader.join().expect("an answer");
            assert_picture(&answer);
            assert_eq!(answer.header("server-timing"), UNCONFIRMED);
        }
    });
    assert!(proxy.is_cut(), "at the commit");
    proxy.restore();
    world.wait_for_recorder();
    let once = i64::try_from(AT_ONCE).expect("a number");
    assert_eq!(stored(&world, mailing), (once, 1), "committed, and once");
}
