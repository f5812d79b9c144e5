//! What lies in the outbox, and what does not lie there any more.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::prelude::*;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::mailings::Mailing;
use widerspruch::db::models::recipients;
use widerspruch::db::models::sending::{self as queue, Claim};
use widerspruch::db::{Conn, DbResult, schema};
use widerspruch::domain::secret::random_128;
use widerspruch::domain::time::{Clock, Timestamp};
use widerspruch::domain::tracking::{Decision, RecipientStatus, RecipientTracking, TrackingSource};
use widerspruch::erasure::deletion;
use widerspruch::sending::outbox::{KEPT_DAYS, Outbox};
use widerspruch::sending::sender::{Sender, Tools};
use widerspruch::sending::transport::{Fate, Slot, Transport};
use widerspruch::sending::{Timing, preparation};
use widerspruch::tracking::settings;
use widerspruch::tracking::token::HitKind;
use widerspruch::web::state::State;

use super::{HTML, LEFT, attributes, draft, group, mails, person, send, sent};
use crate::erasure::wait_until_clean;
use crate::support::{On, World, eventually, on_both};

/// Does something while mails are being handed over.
struct Meanwhile {
    outbox: Outbox,
    /// At which mail.
    at: usize,
    what: Box<dyn Fn() + Send + Sync>,
    handed: AtomicUsize,
}

impl Transport for Meanwhile {
    fn hand_over(&self, slot: Slot, message: &[u8]) -> std::io::Result<()> {
        if self.handed.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            (self.what)();
        }
        self.outbox.hand_over(slot, message)
    }

    fn fate(&self, slot: Slot) -> Fate {
        self.outbox.fate(slot)
    }

    fn withdraw(&self, slot: Slot) {
        self.outbox.withdraw(slot);
    }

    fn enter(
        &self,
        conn: &mut Conn,
        account_id: i64,
        slots: &[Slot],
        now: Timestamp,
    ) -> DbResult<()> {
        self.outbox.enter(conn, account_id, slots, now)
    }
}

/// Deletes a recipient as the page does.
fn delete(state: &State, account_id: i64, recipient_id: i64) {
    let (actor, now) = (Actor::Program("Test"), Timestamp::now());
    let remains = state.db.write(|conn| {
        let receipt = deletion::start_receipt(conn, account_id, &actor, now)?;
        let key = &state.remembering;
        deletion::delete_recipients(conn, account_id, &[recipient_id], receipt, key, &actor, now)
    });
    state.cleaner.clean(remains.expect("it is deleted"));
}

/// Sends a mailing, and does something when so many of its mails are about to be written.
fn send_while(
    world: &World,
    mailing: i64,
    at: usize,
    what: impl Fn() + Send + Sync + 'static,
) -> Mailing {
    world.state.sender.shut_down();
    let sender = Sender::start(Tools {
        db: world.state.db.clone(),
        links: world.state.links.clone(),
        tokens: world.state.tokens.clone(),
        public_url: world.state.public_url.clone(),
        transport: Arc::new(Meanwhile {
            outbox: world.state.outbox.clone(),
            at,
            what: Box::new(what),
            handed: AtomicUsize::new(0),
        }),
        keys: None,
        clock: Clock::default(),
        timing: Timing::default(),
    })
    .expect("a thread");
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)
    });
    sender.wake();
    let mailing = sent(world, mailing);
    // Ended first, so that what was withdrawn is gone by now.
    sender.shut_down();
    mailing
}

/// The files in the outbox.
fn files(world: &World) -> Vec<PathBuf> {
    let dir = std::fs::read_dir(world.dir.path().join("outbox")).expect("the outbox");
    dir.map(|entry| entry.expect("a file").path()).collect()
}

on_both!(
    p7_a_mail_whose_recipient_is_deleted_on_the_way_is_withdrawn,
    |world| {
        // Before the third mail is written its own recipient goes, or that of the first.
        for (round, whose) in [2, 0].into_iter().enumerate() {
            let all = group(world, &format!("Alle {round}"));
            let ids: Vec<i64> = (0..5)
                .map(|n| {
                    let address = format!("p{n}-{round}@example.com");
                    person(world, all, &address, RecipientTracking::Unset)
                })
                .collect();
            let before = files(world).len();
            let (state, account_id, id) = (world.state.clone(), world.account_id, ids[whose]);
            let mailing = draft(world, HTML, &[all]);
            let what = move || delete(&state, account_id, id);
            let mailing = send_while(world, mailing, 3, what);
            assert_eq!((mailing.deliveries, mailing.handed), (5, 4));
            assert_eq!((mailing.uncertain, mailing.cancelled), (0, 1));
            assert_eq!(files(world).len(), before + 4);
            let gone = format!("p{whose}-{round}@example.com");
            assert!(mails(world).iter().all(|(to, _)| *to != gone));
            for file in files(world) {
                let bytes = std::fs::read(file).expect("a file");
                assert!(!String::from_utf8_lossy(&bytes).contains(&gone));
            }
        }
    }
);

/// What somebody does whose mail is already written, the first of five.
fn meanwhile(
    world: &World,
    does: fn(&mut Conn, i64, i64) -> DbResult<()>,
) -> (Mailing, Vec<String>) {
    let all = group(world, "Alle");
    let ids: Vec<i64> = (0..5)
        .map(|n| {
            let address = format!("p{n}@example.com");
            person(world, all, &address, RecipientTracking::Unset)
        })
        .collect();
    let mailing = draft(world, HTML, &[all]);
    let (db, account_id, id) = (world.state.db.clone(), world.account_id, ids[0]);
    let what = move || {
        let done = db.write(|conn| does(conn, account_id, id));
        done.expect("it is done");
    };
    let mailing = send_while(world, mailing, 4, what);
    let received = mails(world).into_iter().map(|(to, _)| to).collect();
    (mailing, received)
}

on_both!(
    whoever_unsubscribes_when_the_mail_is_written_does_not_receive_it,
    |world| {
        let (mailing, received) = meanwhile(world, |conn, account_id, id| {
            let (status, now) = (RecipientStatus::Unsubscribed, Timestamp::now());
            let source = TrackingSource::Recipient;
            recipients::set_status(conn, account_id, id, status, source, now)
        });
        assert_eq!((mailing.handed, mailing.cancelled), (4, 1));
        assert!(!received.contains(&"p0@example.com".to_owned()));
        assert_eq!(files(world).len(), 4);
    }
);

on_both!(
    p2_whoever_objects_when_the_mail_is_written_receives_another,
    |world| {
        let (mailing, received) = meanwhile(world, |conn, account_id, id| {
            let (by, actor) = (TrackingSource::Recipient, Actor::Program("Test"));
            settings::object(conn, account_id, id, by, &actor, Timestamp::now()).map(drop)
        });
        assert_eq!((mailing.handed, mailing.cancelled), (5, 0));
        assert_eq!((received.len(), files(world).len()), (5, 5));
        assert_eq!(world.rows("deliveries", "policy = 'anonymous'"), 1);
        assert_eq!(world.rows("deliveries", "policy = 'personal'"), 4);
        assert_eq!(world.rows("deliveries", "token_key IS NOT NULL"), 4);
        let keys: Vec<bool> = mails(world)
            .iter()
            .map(|(_, mail)| {
                let html = mail.html.as_deref().expect("HTML");
                let pixel = attributes(html, "img", "src").remove(0);
                let token = pixel.rsplit('/').next().expect("a token");
                let token = token.trim_end_matches(".gif");
                let read = world.state.tokens.read_tracking(HitKind::Open, token);
                read.expect("a token").key.is_some()
            })
            .collect();
        assert_eq!(
            keys,
            [false, true, true, true, true],
            "in the mails themselves"
        );
    }
);

on_both!(only_what_no_row_knows_and_nobody_sends_is_swept, |world| {
    let all = group(world, "Alle");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    send(world, draft(world, HTML, &[all]));
    let known = files(world);
    assert_eq!(known.len(), 1);

    // A mail in the hands of a sender that has not come to marking it.
    world.state.sender.shut_down();
    let mailing = draft(world, HTML, &[all]);
    let claimed = world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)?;
        let people = queue::recipients_to_reach(conn, world.account_id, mailing, Timestamp::now())?;
        queue::write_deliveries(conn, world.account_id, mailing, &people)?;
        queue::begin(conn, world.account_id, mailing)?;
        let waiting = queue::waiting(conn, world.account_id, mailing, 1, Timestamp::now())?;
        let claim = Claim {
            id: waiting[0].id,
            policy: Decision::Anonymous,
            key: None,
        };
        queue::claim(conn, world.account_id, &[claim], LEFT)?;
        Ok(waiting[0].recipient_id)
    });
    let slot = Slot {
        mailing_id: mailing,
        recipient_id: claimed,
    };
    world
        .state
        .outbox
        .hand_over(slot, b"in hand")
        .expect("it is written");
    let kept = files(world);
    assert_eq!(kept.len(), 2);

    // What a crash leaves: a mail nobody knows, and one that was not finished.
    let dir = world.dir.path().join("outbox");
    for name in ["00000000000000000000000000000000.eml", "0123.eml.part"] {
        std::fs::write(dir.join(name), b"To: someone@example.com").expect("a file");
    }
    world.state.outbox.sweep(&world.state.db).expect("swept");
    let mut left = files(world);
    let mut kept = kept;
    left.sort();
    kept.sort();
    assert_eq!(left, kept);
});

/// The program ends after a mail was written; its recipient was deleted meanwhile.
fn p7_a_mail_to_a_deleted_person_does_not_outlive_a_crash(mut world: World) {
    const GONE: &str = "verschwunden@example.com";
    let all = group(&world, "Alle");
    let gone = person(&world, all, GONE, RecipientTracking::Unset);
    person(&world, all, "bleibt@example.com", RecipientTracking::Unset);
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    let account_id = world.account_id;
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, account_id, mailing, &actor, now)?;
        let people = queue::recipients_to_reach(conn, account_id, mailing, Timestamp::now())?;
        queue::write_deliveries(conn, account_id, mailing, &people)?;
        queue::begin(conn, account_id, mailing)?;
        let claims: Vec<Claim> = queue::waiting(conn, account_id, mailing, 2, Timestamp::now())?
            .iter()
            .map(|waiting| Claim {
                id: waiting.id,
                policy: Decision::Personal,
                key: Some(random_128().expect("random bits")),
            })
            .collect();
        queue::claim(conn, account_id, &claims, LEFT)
    });
    let slot = Slot {
        mailing_id: mailing,
        recipient_id: gone,
    };
    let message = format!("To: {GONE}\r\n\r\nHallo\r\n");
    let outbox = &world.state.outbox;
    outbox.hand_over(slot, message.as_bytes()).expect("written");
    delete(&world.state, account_id, gone);
    assert_eq!(files(&world).len(), 1, "nobody has taken it away yet");
    world.restart();

    let mailing = sent(&world, mailing);
    assert_eq!((mailing.deliveries, mailing.handed), (2, 1));
    assert_eq!((mailing.uncertain, mailing.cancelled), (0, 1));
    let received: Vec<String> = mails(&world).into_iter().map(|(to, _)| to).collect();
    assert_eq!(received, ["bleibt@example.com"]);
    wait_until_clean(&world);
    let found = crate::erasure::bytes::files_with(world.dir.path(), GONE);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn p7_a_mail_to_a_deleted_person_does_not_outlive_a_crash_sqlite() {
    p7_a_mail_to_a_deleted_person_does_not_outlive_a_crash(World::start(On::Sqlite));
}

#[test]
fn p7_a_mail_to_a_deleted_person_does_not_outlive_a_crash_postgres() {
    p7_a_mail_to_a_deleted_person_does_not_outlive_a_crash(World::start(On::Postgres));
}

/// Mails go after thirty days, files and all; younger ones stay.
fn thirty_days(mut world: World) {
    let all = group(&world, "Alle");
    for name in ["anna", "bert", "carl"] {
        let address = format!("{name}@example.com");
        person(&world, all, &address, RecipientTracking::Unset);
    }
    send(&world, draft(&world, HTML, &[all]));
    let now = Timestamp::now();
    let ids: Vec<i64> = world.read(|conn| {
        Ok(schema::outbox_mails::table
            .order(schema::outbox_mails::id)
            .select(schema::outbox_mails::id)
            .load(conn)?)
    });
    let minute = 60_000;
    for (id, age) in [
        (ids[0], KEPT_DAYS * 24 * 60 + 1),
        (ids[1], KEPT_DAYS * 24 * 60 - 10),
    ] {
        world.write(|conn| {
            diesel::update(schema::outbox_mails::table.find(id))
                .set(schema::outbox_mails::created_at.eq(now.millis() - age * minute))
                .execute(conn)?;
            Ok(())
        });
    }
    // Every start looks, and every hour after that.
    world.restart();
    eventually(
        "the old mail goes",
        || files(&world),
        |files| files.len() <= 2,
    );
    let left: Vec<String> = mails(&world).into_iter().map(|(to, _)| to).collect();
    assert_eq!(left.len(), 2, "its row is gone, the others can be read");
    assert_eq!(world.rows("outbox_mails", &format!("id = {}", ids[0])), 0);
    assert_eq!(world.rows("deliveries", "status = 'handed'"), 3);
}

#[test]
fn mails_go_after_thirty_days_sqlite() {
    thirty_days(World::start(On::Sqlite));
}

#[test]
fn mails_go_after_thirty_days_postgres() {
    thirty_days(World::start(On::Postgres));
}
