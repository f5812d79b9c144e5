//! Supervised threads.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The pause after a first failure, doubled after each further one in a row.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The longest such pause: so long after the end of an outage all work goes on.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// From so many panics in a row on a worker counts as not at work.
const PANICS_TO_ALARM: u32 = 3;

/// What a round of work says about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There may be more to do: at once.
    Now,
    /// After so long, or when somebody wakes the worker.
    After(Duration),
    /// Never: all is done for good.
    Never,
}

/// A thread that does its work round by round until it is stopped. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    signals: Mutex<Signals>,
    changed: Condvar,
    /// Beside the signal of that name, to be asked without the lock in the middle of a round.
    stopping: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    panics: AtomicU64,
    panics_in_a_row: AtomicU32,
    failures_in_a_row: AtomicU32,
}

#[derive(Default)]
struct Signals {
    woken: bool,
    stopping: bool,
}

impl Worker {
    /// A worker that does nothing yet. The name is that of its thread and in the log.
    pub fn new(name: &'static str) -> Self {
        Self {
            shared: Arc::new(Shared {
                name,
                signals: Mutex::default(),
                changed: Condvar::new(),
                stopping: AtomicBool::new(false),
                thread: Mutex::new(None),
                panics: AtomicU64::new(0),
                panics_in_a_row: AtomicU32::new(0),
                failures_in_a_row: AtomicU32::new(0),
            }),
        }
    }

    /// Starts the thread. A round that begins after [`Self::stop`] was called is the last one: it
    /// puts down what it holds and begins nothing.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start<E: Display>(
        &self,
        mut round: impl FnMut(&Self) -> Result<Next, E> + Send + 'static,
    ) -> std::io::Result<()> {
        let inside = self.clone();
        let thread = std::thread::Builder::new()
            .name(self.shared.name.into())
            .spawn(move || inside.serve(&mut round))?;
        *self.shared.thread.lock() = Some(thread);
        Ok(())
    }

    fn serve<E: Display>(&self, round: &mut impl FnMut(&Self) -> Result<Next, E>) {
        loop {
            let was_stopping = self.is_stopping();
            let pause = self.supervised(round);
            if was_stopping {
                return;
            }
            match pause {
                Pause::Sleep(longest) => self.wait(longest, true),
                // A wake does not shorten it: whoever floods a failing worker with work must not
                // make it spin.
                Pause::Retry(longest) => self.wait(longest, false),
                Pause::None => {}
                Pause::End => return,
            }
        }
    }

    /// Does a round and says how long to rest after it.
    fn supervised<E: Display>(&self, round: &mut impl FnMut(&Self) -> Result<Next, E>) -> Pause {
        let Shared {
            name,
            panics,
            panics_in_a_row,
            failures_in_a_row,
            ..
        } = &*self.shared;
        let outcome = catch_unwind(AssertUnwindSafe(|| round(self)));
        let failures = match outcome {
            Ok(Ok(next)) => {
                panics_in_a_row.store(0, Ordering::Relaxed);
                if failures_in_a_row.swap(0, Ordering::Relaxed) > 0 {
                    tracing::info!(worker = name, "background work goes on");
                }
                return match next {
                    Next::Now => Pause::None,
                    Next::After(longest) => Pause::Sleep(longest),
                    Next::Never => Pause::End,
                };
            }
            Ok(Err(error)) => {
                panics_in_a_row.store(0, Ordering::Relaxed);
                let failures = failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                tracing::warn!(worker = name, %error, failures, "background work failed, trying again");
                failures
            }
            Err(_) => {
                panics.fetch_add(1, Ordering::Relaxed);
                panics_in_a_row.fetch_add(1, Ordering::Relaxed);
                let failures = failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                // The panic's own message may quote data, and stands on standard error only.
                tracing::error!(
                    worker = name,
                    failures,
                    "background work panicked, trying again"
                );
                failures
            }
        };
        Pause::Retry(backoff(failures, RETRY_AFTER, MAX_RETRY_AFTER))
    }

    fn wait(&self, longest: Duration, may_be_woken: bool) {
        let until = Instant::now() + longest;
        let mut signals = self.shared.signals.lock();
        while !(signals.stopping || may_be_woken && signals.woken) {
            if self
                .shared
                .changed
                .wait_until(&mut signals, until)
                .timed_out()
            {
                break;
            }
        }
        signals.woken = false;
    }

    /// Says that there is something to do.
    pub fn wake(&self) {
        self.shared.signals.lock().woken = true;
        self.shared.changed.notify_all();
    }

    /// Whether the worker is to end: asked between the parts of a long round.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }

    /// Says that the worker is to end, without waiting for it.
    pub fn tell_to_stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.signals.lock().stopping = true;
        self.shared.changed.notify_all();
    }

    /// Ends the worker after the round it is at, and one last.
    pub fn stop(&self) {
        self.tell_to_stop();
        let thread = self.shared.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!(worker = self.shared.name, "a worker ended with a panic");
        }
    }

    /// The name of its thread.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    /// Whether it does what it is there for: its last rounds did not all panic.
    pub fn is_at_work(&self) -> bool {
        self.shared.panics_in_a_row.load(Ordering::Relaxed) < PANICS_TO_ALARM
    }

    /// Counts a panic of something that was done for it, and that it survived.
    pub fn note_panic(&self) {
        self.shared.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// How many rounds, jobs and tasks panicked since the start.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// How many rounds in a row have failed, up to now.
    pub fn failures_in_a_row(&self) -> u32 {
        self.shared.failures_in_a_row.load(Ordering::Relaxed)
    }
}

enum Pause {
    None,
    Sleep(Duration),
    Retry(Duration),
    End,
}

/// The pause after so many failures in a row: `first`, and each twice as long as the one before, up
/// to `longest`.
pub fn backoff(failures: u32, first: Duration, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const LONG: Duration = Duration::from_hours(1);

    #[test]
    fn a_worker_survives_failures_and_panics() {
        let worker = Worker::new("test");
        let (told, rounds) = channel();
        let mut round = 0;
        worker
            .start(move |_| {
                round += 1;
                told.send(round).unwrap();
                match round {
                    1 => Err("the database is away"),
                    2 => panic!("on purpose"),
                    _ => Ok(Next::After(LONG)),
                }
            })
            .unwrap();
        for expected in 1..=3 {
            assert_eq!(rounds.recv().unwrap(), expected);
        }
        assert_eq!(worker.panics(), 1);
        assert!(worker.is_at_work());
        worker.wake();
        assert_eq!(rounds.recv().unwrap(), 4, "woken out of its sleep");
        assert_eq!(worker.failures_in_a_row(), 0);
        worker.stop();
        assert_eq!(rounds.recv().unwrap(), 5, "the last round");
        assert!(rounds.recv().is_err());
    }

    #[test]
    fn a_worker_that_only_panics_is_not_at_work() {
        let worker = Worker::new("test");
        let (told, rounds) = channel();
        worker
            .start(move |_| -> Result<Next, String> {
                let _ = told.send(());
                panic!("on purpose")
            })
            .unwrap();
        for _ in 0..=PANICS_TO_ALARM {
            rounds.recv().unwrap();
        }
        assert!(!worker.is_at_work());
        worker.stop();
    }

    #[test]
    fn a_wake_before_the_sleep_is_not_lost() {
        let worker = Worker::new("test");
        let (told, rounds) = channel();
        let (go, wait) = channel::<()>();
        worker
            .start(move |_| {
                told.send(()).unwrap();
                let _ = wait.recv();
                Ok::<_, String>(Next::After(LONG))
            })
            .unwrap();
        rounds.recv().unwrap();
        worker.wake();
        go.send(()).unwrap();
        rounds.recv().unwrap();
        drop(go);
        worker.stop();
    }

    #[test]
    fn pauses_grow_and_have_no_end() {
        let second = Duration::from_secs(1);
        let pause = |failures| backoff(failures, second, 30 * second).as_secs();
        let pauses: Vec<_> = (1..=7).map(pause).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(u32::MAX), 30);
    }
}
