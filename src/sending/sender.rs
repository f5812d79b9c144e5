//! The thread that sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use url::Url;

use super::delivery::{Delivering, SendError};
use super::transport::Transport;
use crate::db::models::sending;
use crate::db::{Db, DbResult};
use crate::domain::time::Clock;
use crate::tracking::links::LinkCache;
use crate::tracking::token::TokenKeys;

/// How long the sender sleeps unless it is woken. Another node may have ended in the middle of a
/// mailing, so it looks by itself.
const NAP: Duration = Duration::from_secs(30);

/// How long it waits after something went wrong.
const RETRY: Duration = Duration::from_secs(3);

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
    /// Where mails go.
    pub transport: Arc<dyn Transport>,
    /// What tells the time of handing over.
    pub clock: Clock,
}

/// The running sender. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    shared: Arc<Shared>,
}

struct Shared {
    stopping: Arc<AtomicBool>,
    /// Held by the thread while it sends.
    gate: Arc<Mutex<()>>,
    wake: mpsc::Sender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Sender {
    /// Starts the thread, which first takes up what an earlier one left.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(tools: Tools) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::channel();
        let delivering = Delivering {
            tools,
            stopping: Arc::clone(&stopping),
        };
        let gate = Arc::new(Mutex::new(()));
        let for_thread = Arc::clone(&gate);
        let thread = std::thread::Builder::new()
            .name("sender".to_owned())
            .spawn(move || run(&delivering, &woken, &for_thread))?;
        Ok(Self {
            shared: Arc::new(Shared {
                stopping,
                gate,
                wake,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Tells the sender that a mailing was started.
    pub fn wake(&self) {
        // Without a thread that listens the program is ending; the next one takes the mailing up.
        let _ = self.shared.wake.send(());
    }

    /// Keeps the thread from sending while the guard lives, so that somebody else can: see
    /// [`send_here`].
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.shared.gate.lock()
    }

    /// Ends the thread after the mails it has in hand; a mailing in the middle is taken up at the
    /// next start.
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
/// for mailings of the past. Within a server, [`Sender::hold`] keeps its thread away meanwhile.
///
/// # Errors
/// See [`SendError`]; the mailing can be sent again, and no mail is handed over twice.
pub fn send_here(tools: Tools, account_id: i64, mailing_id: i64) -> Result<(), SendError> {
    let stopping = Arc::default();
    Delivering { tools, stopping }.mailing(account_id, mailing_id)
}

fn run(delivering: &Delivering, woken: &Receiver<()>, gate: &Mutex<()>) {
    loop {
        let all_well = {
            let _sending = gate.lock();
            send_all(delivering)
        };
        let nap = if all_well { NAP } else { RETRY };
        if delivering.stopping.load(Ordering::Relaxed) {
            return;
        }
        match woken.recv_timeout(nap) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Works through all that was started; false when something has to be tried again.
fn send_all(delivering: &Delivering) -> bool {
    let started: DbResult<_> = delivering.tools.db.read(sending::unfinished);
    let Ok(started) = started else {
        tracing::warn!("the sender can't reach the database");
        return false;
    };
    let mut all_well = true;
    for (account_id, mailing_id) in started {
        if delivering.stopping.load(Ordering::Relaxed) {
            return true;
        }
        if let Err(error) = delivering.mailing(account_id, mailing_id) {
            // Says nothing about people: see the error's rule.
            tracing::warn!(mailing_id, %error, "sending will be tried again");
            all_well = false;
        }
    }
    all_well
}
