//! The thread that tells. What is to be told stands in the database; what a node that ended had in
//! hand is due again after a short while, so it may arrive twice, and the other side knows it by its
//! number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::client::{Client, Reach, Told};
use super::signature;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::webhook_deliveries::{self, Telling, TellingStatus};
use crate::db::models::webhooks::{self, Webhook, place};
use crate::db::{Conn, Db, DbError, DbResult};
use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{TRIED_MILLIS, next_try};

/// How often it looks for something to tell.
const NAP: Duration = Duration::from_secs(1);

/// How many are told at the same time.
const IN_HAND: i64 = 8;

/// For how long they are in hand at most, in milliseconds: longer than telling takes.
const LEASE: i64 = 60_000;

/// How the log names it.
const ACTOR: Actor = Actor::Program("Webhooks");

/// What the worker works with.
#[derive(Clone)]
pub struct Tools {
    /// The database.
    pub db: Db,
    /// Opens the secrets.
    pub sealer: Sealer,
    /// How far webhooks reach.
    pub reach: Reach,
}

/// The running thread. Cheap to clone.
#[derive(Clone)]
pub struct Teller {
    wake: mpsc::Sender<()>,
    stopping: Arc<AtomicBool>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    reach: Reach,
}

impl Teller {
    /// Starts the thread.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(tools: Tools) -> std::io::Result<Self> {
        let (wake, waiting) = mpsc::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let (told, reach) = (stopping.clone(), tools.reach);
        let thread = std::thread::Builder::new()
            .name("webhooks".into())
            .spawn(move || run(&tools, &waiting, &told))?;
        Ok(Self {
            wake,
            stopping,
            thread: Arc::new(Mutex::new(Some(thread))),
            reach,
        })
    }

    /// How far webhooks reach.
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Says that there is something to tell.
    pub fn wake(&self) {
        // If the thread has ended, the next start takes it up.
        let _ = self.wake.send(());
    }

    /// Ends the thread after what it is telling.
    pub fn shut_down(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.wake();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the teller of webhooks ended with a panic");
        }
    }
}

fn run(tools: &Tools, waiting: &Receiver<()>, stopping: &AtomicBool) {
    let client = Client::new(tools.reach);
    while !stopping.load(Ordering::Relaxed) {
        match tell_due(tools, &client) {
            // There may be more.
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "webhooks could not be told"),
        }
        match waiting.recv_timeout(NAP) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Tells some of what is due, at the same time. Gives whether there was anything.
fn tell_due(tools: &Tools, client: &Client) -> DbResult<bool> {
    let now = Timestamp::now();
    // Looking costs no turn of the writer.
    if !tools
        .db
        .read(|conn| webhook_deliveries::any_due(conn, now))?
    {
        return Ok(false);
    }
    let due = tools
        .db
        .write(|conn| webhook_deliveries::claim(conn, now, now.plus_millis(LEASE), IN_HAND))?;
    std::thread::scope(|scope| {
        for telling in &due {
            scope.spawn(move || {
                if let Err(error) = tell(tools, client, telling) {
                    tracing::warn!(%error, "what came of a webhook could not be noted");
                }
            });
        }
    });
    Ok(!due.is_empty())
}

fn tell(tools: &Tools, client: &Client, telling: &Telling) -> DbResult<()> {
    let found = tools
        .db
        .read(|conn| webhooks::find(conn, telling.account_id, telling.webhook_id));
    let webhook = match found {
        Ok(webhook) => webhook,
        // It was removed meanwhile.
        Err(DbError::NotFound) => return Ok(()),
        Err(error) => return Err(error),
    };
    let place = place(webhook.account_id, &webhook.url);
    let told = match tools.sealer.open(&place, &webhook.secret) {
        Ok(secret) => {
            let body = body(telling);
            let signed = signature::sign(&secret, &body, Timestamp::now());
            client.tell(&webhook.url, &body, &signed)
        }
        Err(_) => Told::Not("Das Geheimnis ist nicht lesbar".to_owned()),
    };
    tools
        .db
        .write(|conn| note(conn, &webhook, telling, &told, Timestamp::now()))
}

/// What is told: no address, only the recipient's number.
fn body(telling: &Telling) -> String {
    let at = jiff::Timestamp::from_millisecond(telling.created_at)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default();
    json!({
        "id": telling.id,
        "type": telling.event,
        "created_at": at,
        "recipient_id": telling.recipient_id,
        "source": telling.source,
    })
    .to_string()
}

fn note(
    conn: &mut Conn,
    webhook: &Webhook,
    telling: &Telling,
    told: &Told,
    now: Timestamp,
) -> DbResult<()> {
    let account_id = webhook.account_id;
    let (status, next, outcome) = match told {
        Told::Taken(status) => (TellingStatus::Done, now, format!("Antwort {status}")),
        Told::Not(reason) => match next_try(telling.attempts, now) {
            Some(next) => (TellingStatus::Pending, next, reason.clone()),
            None => (TellingStatus::Failed, now, reason.clone()),
        },
    };
    if !webhook_deliveries::settle(conn, telling, status, next, &outcome)? {
        return Ok(());
    }
    if status == TellingStatus::Done {
        return webhooks::note_success(conn, account_id, webhook.id);
    }
    let failing_since = webhooks::note_failure(conn, account_id, webhook.id, now)?;
    // Nothing else arrived either, all the time.
    let is_lost = status == TellingStatus::Failed && now.millis() - failing_since >= TRIED_MILLIS;
    if is_lost && webhooks::give_up(conn, account_id, webhook.id, now)? {
        let entry = Entry {
            actor: &ACTOR,
            action: Action::WebhookGivenUp,
            recipient_id: None,
            details: json!({ "webhook": webhook.id }),
        };
        audit::record(conn, account_id, &entry, now)?;
    }
    Ok(())
}
