//! The thread that finds out what is to be sent, and a thread for each account that sends it.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use url::Url;

use super::delivery::{Delivering, SendError};
use super::progress::Paces;
use super::timing::{Timing, step};
use super::transport::Transport;
use crate::db::models::sending::{self, Work};
use crate::db::{Db, DbError};
use crate::domain::sealed::Sealer;
use crate::domain::secret::Key;
use crate::domain::time::Clock;
use crate::tracking::links::LinkCache;
use crate::tracking::token::TokenKeys;

/// How long the sender sleeps unless it is woken. Another node may have ended in the middle of a
/// mailing, so it looks by itself.
const NAP: Duration = Duration::from_secs(30);

/// How long it waits after something went wrong that was not the mail server.
const RETRY: Duration = Duration::from_secs(3);

/// How many accounts send at the same time.
const ACCOUNTS_AT_ONCE: usize = 8;

/// How long the end of the program waits for mails that are on their way.
const FAREWELL: Duration = Duration::from_secs(20);

/// What the sender works with.
pub struct Tools {
    /// The database.
    pub db: Db,
    /// Where links lead, for the readers' clicks.
    pub links: LinkCache,
    /// The keys of the tokens in the mails.
    pub tokens: TokenKeys,
    /// Under which address readers reach this installation.
    pub public_url: Url,
    /// Where mails go of accounts without a mail server.
    pub transport: Arc<dyn Transport>,
    /// What opens the accounts' secrets; without it all mails go to `transport`, unsigned.
    pub keys: Option<Keys>,
    /// What tells the time of handing over.
    pub clock: Clock,
    /// How long is waited for what.
    pub timing: Timing,
}

/// What mails for a mail server need.
pub struct Keys {
    /// Opens passwords and keys that sign.
    pub sealer: Sealer,
    /// Marks return paths.
    pub bounces: Key,
}

/// The running sender. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    shared: Arc<Shared>,
}

struct Shared {
    stopping: Arc<AtomicBool>,
    kept_away: Arc<Mutex<HashSet<i64>>>,
    news: mpsc::Sender<News>,
    thread: Mutex<Option<JoinHandle<()>>>,
    paces: Paces,
}

/// What the thread is told.
enum News {
    /// There is something to do, or the program is ending.
    Wake,
    /// An account's thread has ended.
    Ended { account_id: i64, state: Ended },
}

/// How an account's thread has ended.
#[derive(Clone, Copy)]
enum Ended {
    /// There is nothing more to do at the moment.
    Done,
    /// Its turn is over, and there is more to do.
    TurnOver,
    /// The mail server takes nothing.
    MailServer,
    /// Something else is wrong.
    Trouble,
}

/// Keeps the sender away from an account while it lives.
pub struct KeptAway {
    account_id: i64,
    from: Arc<Mutex<HashSet<i64>>>,
}

impl Drop for KeptAway {
    fn drop(&mut self) {
        self.from.lock().remove(&self.account_id);
    }
}

impl Sender {
    /// Starts the thread, which first takes up what an earlier one left.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread or no random numbers.
    pub fn start(tools: Tools) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (news, heard) = mpsc::channel();
        let delivering =
            Delivering::new(tools, Arc::clone(&stopping)).map_err(std::io::Error::other)?;
        let kept_away = Arc::<Mutex<HashSet<i64>>>::default();
        let dispatcher = Dispatcher {
            delivering,
            kept_away: Arc::clone(&kept_away),
            news: news.clone(),
            accounts: HashMap::new(),
            turns: 0,
        };
        let thread = std::thread::Builder::new()
            .name("sender".to_owned())
            .spawn(move || dispatcher.run(&heard))?;
        Ok(Self {
            shared: Arc::new(Shared {
                stopping,
                kept_away,
                news,
                thread: Mutex::new(Some(thread)),
                paces: Paces::default(),
            }),
        })
    }

    /// Tells the sender that there is something to do.
    pub fn wake(&self) {
        // Without a thread that listens the program is ending; the next one takes the mailing up.
        let _ = self.shared.news.send(News::Wake);
    }

    /// Keeps the sender away from an account that it is not sending for, so that somebody else
    /// can: see [`send_here`].
    pub fn keep_away(&self, account_id: i64) -> KeptAway {
        self.shared.kept_away.lock().insert(account_id);
        KeptAway {
            account_id,
            from: Arc::clone(&self.shared.kept_away),
        }
    }

    /// How fast mailings go out.
    pub fn paces(&self) -> &Paces {
        &self.shared.paces
    }

    /// Ends the threads after the mails they have in hand; a mailing in the middle is taken up at
    /// the next start. A mail server that lets one wait for long is not waited for: what became
    /// of that mail is uncertain then.
    pub fn shut_down(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.shared.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the sender had failed");
        }
    }
}

/// Sends one mailing that was started, on this thread: with a transport and a clock of its own, as
/// for mailings of the past. Within a server, [`Sender::keep_away`] keeps its threads away.
///
/// # Errors
/// See [`SendError`]; the mailing can be sent again, and no mail is handed over twice.
pub fn send_here(tools: Tools, account_id: i64, mailing_id: i64) -> Result<(), SendError> {
    let delivering = Delivering::new(tools, Arc::default())
        .map_err(|error| DbError::Unavailable(error.to_string()))?;
    while delivering.mailing(account_id, mailing_id)? {}
    Ok(())
}

struct Dispatcher {
    delivering: Delivering,
    kept_away: Arc<Mutex<HashSet<i64>>>,
    news: mpsc::Sender<News>,
    accounts: HashMap<i64, AccountState>,
    /// How many turns there were so far.
    turns: u64,
}

#[derive(Default)]
struct AccountState {
    running: bool,
    /// Something came while it was running.
    again: bool,
    rests_until: Option<Instant>,
    /// The number of its latest turn.
    turn: u64,
    /// How often in a row its mail server took nothing.
    troubles: usize,
}

impl Dispatcher {
    fn run(mut self, heard: &Receiver<News>) {
        loop {
            let nap = self.look_around();
            if self.is_stopping() {
                return self.say_goodbye(heard);
            }
            match heard.recv_timeout(nap) {
                Ok(news) => {
                    self.hear(news);
                    while let Ok(news) = heard.try_recv() {
                        self.hear(news);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.delivering.stopping.load(Ordering::Relaxed)
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Wake => {
                for account in self.accounts.values_mut() {
                    account.rests_until = None;
                    account.again = account.running;
                }
            }
            News::Ended { account_id, state } => {
                let nap = self.nap();
                let rests = &self.delivering.tools.timing.trouble_rests;
                let account = self.accounts.entry(account_id).or_default();
                account.running = false;
                let rest = match state {
                    Ended::Done => {
                        account.troubles = 0;
                        nap
                    }
                    Ended::TurnOver => {
                        account.troubles = 0;
                        Duration::ZERO
                    }
                    Ended::Trouble => RETRY,
                    Ended::MailServer => {
                        account.troubles += 1;
                        step(rests, account.troubles - 1)
                    }
                };
                let again = std::mem::take(&mut account.again);
                account.rests_until = (!again).then(|| Instant::now() + rest);
            }
        }
    }

    /// Lets every account send that has something to send. Gives how long nothing is to be done.
    fn look_around(&mut self) -> Duration {
        if self.is_stopping() {
            return Duration::ZERO;
        }
        let now = self.delivering.tools.clock.now();
        let found = self
            .delivering
            .tools
            .db
            .read(|conn| sending::unfinished(conn, now));
        let Ok(found) = found else {
            tracing::warn!("the sender can't reach the database");
            return RETRY;
        };
        let mut accounts: Vec<i64> = Vec::new();
        for Work { account_id, .. } in &found {
            if !accounts.contains(account_id) {
                accounts.push(*account_id);
            }
        }
        // Who has waited longest comes first.
        accounts.sort_by_key(|id| self.accounts.get(id).map_or(0, |state| state.turn));
        for account_id in accounts {
            let running = self.accounts.values().filter(|state| state.running).count();
            let state = self.accounts.entry(account_id).or_default();
            let rests = state
                .rests_until
                .is_some_and(|until| until > Instant::now());
            if state.running
                || rests
                || running >= ACCOUNTS_AT_ONCE
                || self.kept_away.lock().contains(&account_id)
            {
                continue;
            }
            let work: Vec<i64> = found
                .iter()
                .filter(|work| work.account_id == account_id)
                .map(|work| work.mailing_id)
                .collect();
            let running = self.send(account_id, work);
            self.turns += 1;
            let state = self.accounts.entry(account_id).or_default();
            (state.running, state.turn) = (running, self.turns);
        }
        let soonest = self
            .accounts
            .values()
            .filter(|state| !state.running)
            .filter_map(|state| state.rests_until)
            .map(|until| until.saturating_duration_since(Instant::now()))
            .filter(|rest| !rest.is_zero())
            .min();
        self.nap().min(soonest.unwrap_or(NAP))
    }

    /// How long until something becomes due, as far as that is known.
    fn nap(&self) -> Duration {
        let now = self.delivering.tools.clock.now();
        match self.delivering.tools.db.read(sending::next_due) {
            Ok(Some(due)) if due > now.millis() => {
                let until = u64::try_from(due - now.millis()).unwrap_or(u64::MAX);
                // Not before it is due: the clock counts in milliseconds.
                Duration::from_millis(until.saturating_add(1)).min(NAP)
            }
            // Due, and not done: it can't be done at the moment.
            Ok(Some(_)) | Err(_) => RETRY,
            Ok(None) => NAP,
        }
    }

    fn send(&self, account_id: i64, work: Vec<i64>) -> bool {
        let (delivering, news) = (self.delivering.clone(), self.news.clone());
        let started = std::thread::Builder::new()
            .name(format!("sender-{account_id}"))
            .spawn(move || {
                // A thread that fails must not be waited for.
                let sent = catch_unwind(AssertUnwindSafe(|| {
                    send_all(&delivering, account_id, &work)
                }));
                let state = sent.unwrap_or(Ended::Trouble);
                let _ = news.send(News::Ended { account_id, state });
            });
        if started.is_err() {
            tracing::error!("there is no thread to send with");
        }
        started.is_ok()
    }

    /// Waits for the accounts' threads, but not for ever.
    fn say_goodbye(mut self, heard: &Receiver<News>) {
        let end = Instant::now() + FAREWELL;
        while self.accounts.values().any(|state| state.running) {
            let left = end.saturating_duration_since(Instant::now());
            match heard.recv_timeout(left) {
                Ok(News::Ended { account_id, .. }) => {
                    self.accounts.entry(account_id).or_default().running = false;
                }
                Ok(News::Wake) => {}
                Err(_) => {
                    tracing::warn!("a mail server does not answer; its mails stay uncertain");
                    return;
                }
            }
        }
    }
}

/// Gives each of an account's mailings its turn.
fn send_all(delivering: &Delivering, account_id: i64, work: &[i64]) -> Ended {
    let (mut trouble, mut more) = (false, false);
    for mailing_id in work {
        if delivering.is_stopping() {
            break;
        }
        match delivering.mailing(account_id, *mailing_id) {
            Ok(is_more) => more |= is_more,
            Err(error) => {
                // Says nothing about people: see the error's rule.
                tracing::warn!(mailing_id, %error, "sending will be tried again");
                if matches!(error, SendError::Trouble(_)) {
                    // The server is the same for all.
                    return Ended::MailServer;
                }
                trouble = true;
            }
        }
    }
    match (trouble, more) {
        (true, _) => Ended::Trouble,
        (false, true) => Ended::TurnOver,
        (false, false) => Ended::Done,
    }
}
