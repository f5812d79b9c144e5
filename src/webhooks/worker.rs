//! The thread that tells. What is to be told stands in the database; what a node that ended had in
//! hand is due again after a short while, so it may arrive twice, and the other side knows it by its
//! number.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

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
use crate::jobs::concurrent::ConcurrentTasks;
use crate::jobs::worker::{Next, Worker};

/// How often it looks for something to tell.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How many are told at the same time.
const MAX_CONCURRENT: usize = 8;

/// How many of one webhook: the others are never all kept waiting by one that does not answer.
const MAX_OF_ONE: usize = 2;

/// How many of one webhook to which nothing has arrived lately.
const MAX_OF_ONE_FAILING: usize = 1;

/// How many of all such webhooks together: however many there are, those that answer keep the rest.
const MAX_OF_FAILING: usize = 4;

/// For how long a delivery is claimed, in milliseconds: longer than telling takes.
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
    worker: Worker,
    reach: Reach,
}

impl Teller {
    /// Starts the thread.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(tools: Tools) -> std::io::Result<Self> {
        let worker = Worker::new("webhooks");
        let reach = tools.reach;
        let mut rounds = Rounds {
            client: Arc::new(Client::new(reach)),
            tools,
            running: ConcurrentTasks::new(MAX_CONCURRENT),
            served: HashMap::new(),
            turns: 0,
        };
        worker.start(move |worker| rounds.round(worker))?;
        Ok(Self { worker, reach })
    }

    /// How far webhooks reach.
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Says that there is something to tell.
    pub fn wake(&self) {
        self.worker.wake();
    }

    /// Its thread.
    pub const fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Ends the thread after what it is telling.
    pub fn shut_down(&self) {
        self.worker.stop();
    }
}

/// The state of the thread.
struct Rounds {
    tools: Tools,
    client: Arc<Client>,
    /// What is being told, by webhook.
    running: ConcurrentTasks<Addressee>,
    /// When webhooks had their last turns: the higher, the later.
    served: HashMap<i64, u64>,
    turns: u64,
}

/// A webhook to which something is being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Addressee {
    webhook_id: i64,
    is_failing: bool,
}

impl Rounds {
    /// Begins to tell what is due, the webhooks in turn, within the bounds above.
    fn round(&mut self, worker: &Worker) -> DbResult<Next> {
        if worker.is_stopping() {
            self.running.finish();
            return Ok(Next::After(POLL_INTERVAL));
        }
        let now = Timestamp::now();
        let Tools { db, .. } = &self.tools;
        // Looking costs no turn of the writer.
        let mut due = db.read(|conn| webhook_deliveries::webhooks_with_due(conn, now))?;
        self.served
            .retain(|id, _| due.iter().any(|one| one.webhook_id == *id));
        due.sort_by_key(|one| self.served.get(&one.webhook_id).copied().unwrap_or(0));
        for webhook in due {
            let addressee = Addressee {
                webhook_id: webhook.webhook_id,
                is_failing: webhook.is_failing,
            };
            let room = self.room_for(addressee);
            if room == 0 {
                continue;
            }
            self.turns += 1;
            self.served.insert(addressee.webhook_id, self.turns);
            let lease = now.plus_millis(LEASE);
            let limit = i64::try_from(room).unwrap_or(1);
            let claimed = db.write(|conn| {
                let owner = (webhook.account_id, webhook.webhook_id);
                webhook_deliveries::claim(conn, owner, now, lease, limit)
            })?;
            for telling in claimed {
                let (tools, client) = (self.tools.clone(), Arc::clone(&self.client));
                let begun = self.running.begin(worker, addressee, move || {
                    if let Err(error) = tell(&tools, &client, &telling) {
                        tracing::warn!(%error, "what came of a webhook could not be noted");
                    }
                });
                if let Err(error) = begun {
                    // It is due again when its lease ends.
                    tracing::warn!(%error, "no thread for a webhook");
                }
            }
        }
        // The end of each that is being told wakes the thread.
        Ok(Next::After(POLL_INTERVAL))
    }

    /// How many more of this webhook may be begun.
    fn room_for(&self, addressee: Addressee) -> usize {
        let running = self.running.running();
        let sum = |counts: &dyn Fn(&Addressee) -> bool| -> usize {
            let counted = running.iter().filter(|(one, _)| counts(one));
            counted.map(|(_, n)| n).sum()
        };
        let of_this = sum(&|one| one.webhook_id == addressee.webhook_id);
        let free = self.running.free();
        if addressee.is_failing {
            let of_failing = sum(&|one| one.is_failing);
            MAX_OF_ONE_FAILING
                .saturating_sub(of_this)
                .min(MAX_OF_FAILING.saturating_sub(of_failing))
                .min(free)
        } else {
            MAX_OF_ONE.saturating_sub(of_this).min(free)
        }
    }
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
