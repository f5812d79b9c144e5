//! Readers who open and click without pause, and what must be stored of that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use widerspruch::db::account_lock;
use widerspruch::domain::secret::Random128;
use widerspruch::domain::tracking::Decision;

use super::agent::Agent;
use super::eventually::HANG;
use super::{World, eventually};

/// How many people have got the mailing.
const PEOPLE: usize = 20;

/// How many readers come at a time.
const READERS: usize = 4;

/// A mailing with one link, and how often it was opened and clicked so far.
pub struct Read {
    pub mailing: i64,
    /// Who has got it.
    pub people: Vec<i64>,
    keys: Vec<Option<Random128>>,
    pub opens: Tally,
    pub clicks: Tally,
    unconfirmed: AtomicUsize,
}

/// How many hits were sent, and how many of them acknowledged as stored.
#[derive(Default)]
pub struct Tally {
    sent: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Tally {
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    #[track_caller]
    fn assert_allows(&self, stored: i64, what: &str) {
        let stored = usize::try_from(stored).expect("a number");
        let (sent, acknowledged) = (self.sent.load(Ordering::SeqCst), self.acknowledged());
        assert!(
            (acknowledged..=sent).contains(&stored),
            "{what}: {sent} sent, {acknowledged} acknowledged, {stored} stored"
        );
    }
}

impl Read {
    /// A mailing to people who are measured personally.
    pub fn new(world: &World) -> Self {
        let mailing = world.make_sent_mailing("Neues", 1);
        let people: Vec<i64> = (0..PEOPLE)
            .map(|n| world.make_recipient(&format!("p{n}@example.org")))
            .collect();
        let keys = people
            .iter()
            .map(|person| world.deliver(mailing, *person, Decision::Personal))
            .collect();
        Self {
            mailing,
            people,
            keys,
            opens: Tally::default(),
            clicks: Tally::default(),
            unconfirmed: AtomicUsize::new(0),
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.opens.acknowledged() + self.clicks.acknowledged()
    }

    /// Waits until so many hits are acknowledged.
    #[track_caller]
    pub fn wait_for(&self, hits: usize) {
        eventually("hits are stored", || self.acknowledged(), |n| *n >= hits);
    }

    /// How many hits were answered without being known to be stored.
    pub fn unconfirmed(&self) -> usize {
        self.unconfirmed.load(Ordering::SeqCst)
    }

    /// Sends hits to these servers in turn, whether they answer or not, until `goes_on` says no.
    pub fn by(&self, world: &World, urls: &[&str], goes_on: impl Fn() -> bool + Sync) {
        std::thread::scope(|scope| {
            for reader in 0..READERS {
                let goes_on = &goes_on;
                scope.spawn(move || {
                    let agents: Vec<Agent> = urls.iter().map(|url| Agent::new(url)).collect();
                    let end = Instant::now() + HANG;
                    let mut n = reader;
                    while goes_on() {
                        assert!(Instant::now() < end, "it comes to an end");
                        n += 1;
                        self.hit(world, &agents[n % agents.len()], n);
                    }
                });
            }
        });
    }

    /// One hit; every fourth is a click.
    fn hit(&self, world: &World, agent: &Agent, n: usize) {
        let key = self.keys[n / 4 % self.keys.len()];
        let (path, tally, good) = if n.is_multiple_of(4) {
            (world.click(self.mailing, key, 1), &self.clicks, 302)
        } else {
            (world.pixel(self.mailing, key), &self.opens, 200)
        };
        tally.sent.fetch_add(1, Ordering::SeqCst);
        // Whoever is dead says nothing.
        let Some(answer) = agent.try_get(&path) else {
            return;
        };
        match answer.header("server-timing") {
            None => {
                assert_eq!(answer.status, good);
                tally.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Some(mark) => {
                assert_eq!(mark, "stored;desc=no");
                // A node that has just started, and whose database is away, knows no link.
                assert!(answer.status == good || answer.status == 503);
                self.unconfirmed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Everything acknowledged is stored, nothing that was not sent, and every figure says the
    /// same.
    #[track_caller]
    pub fn assert_stored(&self, world: &World) {
        self.assert_stored_of_whoever_is_there(world);
        let anonymous = format!("mailing_id = {} AND anonymous > 0", self.mailing);
        assert_eq!(world.rows("mailing_hours", &anonymous), 0);
    }

    /// The same where the hits of people who are gone are anonymous.
    #[track_caller]
    pub fn assert_stored_of_whoever_is_there(&self, world: &World) {
        // A server finishes what it was told to commit by somebody who is dead since.
        world.write(|conn| account_lock::keep_hits_out(conn, world.account_id));
        for (kind, tally, what) in [(0, &self.opens, "opens"), (1, &self.clicks, "clicks")] {
            let of_mailing = format!("mailing_id = {} AND kind = {kind}", self.mailing);
            let stored = world.total(
                what,
                "deliveries",
                &format!("mailing_id = {}", self.mailing),
            );
            let hours = format!("{of_mailing} AND link = 0");
            let anonymous = world.total("anonymous", "mailing_hours", &hours);
            tally.assert_allows(stored + anonymous, what);
            let events = world.total("n", "events", &format!("kind = {kind} AND NOT automatic"));
            assert_eq!(events, stored, "events of {what}");
            assert_eq!(
                world.total("personal", "mailing_hours", &hours),
                stored,
                "hours of {what}"
            );
            assert_eq!(
                world.total("n", "mailing_devices", &of_mailing),
                stored,
                "devices of {what}"
            );
            let people = world.rows("deliveries", &format!("{what} > 0"));
            assert_eq!(
                world.total("firsts", "mailing_hours", &hours),
                people,
                "people by {what}"
            );
        }
        let followed = format!("mailing_id = {} AND link = 1", self.mailing);
        assert_eq!(
            world.total("personal", "mailing_hours", &followed),
            world.total("n", "events", "kind = 1 AND NOT automatic"),
            "the one link has all clicks"
        );
    }
}
