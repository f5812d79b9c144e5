//! Concurrent tasks whose duration another party decides.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::worker::Worker;

/// For how long the end of the program waits for tasks that run.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(15);

/// Tasks that run at the moment, each on a thread of its own, counted by whom they are for.
pub struct ConcurrentTasks<K> {
    most: usize,
    running: Arc<Running<K>>,
}

struct Running<K> {
    by_key: Mutex<HashMap<K, usize>>,
    ended: Condvar,
}

impl<K: Copy + Eq + Hash + Send + 'static> ConcurrentTasks<K> {
    /// Does `most` at a time.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            running: Arc::new(Running {
                by_key: Mutex::new(HashMap::new()),
                ended: Condvar::new(),
            }),
        }
    }

    /// How many more may be begun.
    pub fn free(&self) -> usize {
        let running: usize = self.running.by_key.lock().values().sum();
        self.most.saturating_sub(running)
    }

    /// How many are being done, by whom they are for.
    pub fn running(&self) -> HashMap<K, usize> {
        self.running.by_key.lock().clone()
    }

    /// Begins one more, and wakes the worker when it has ended, however that was.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread; nothing is begun then.
    pub fn begin(
        &self,
        worker: &Worker,
        key: K,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        *self.running.by_key.lock().entry(key).or_default() += 1;
        let (running, supervisor) = (Arc::clone(&self.running), worker.clone());
        let begun = std::thread::Builder::new()
            .name(worker.name().into())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    supervisor.note_panic();
                    tracing::error!(worker = supervisor.name(), "background work panicked");
                }
                running.end(key);
                supervisor.wake();
            });
        if begun.is_err() {
            self.running.end(key);
        }
        begun.map(drop)
    }

    /// Waits until nothing is running, for a while: what takes longer is due again after its lease.
    pub fn finish(&self) {
        let until = Instant::now() + SHUTDOWN_TIMEOUT;
        let mut by_key = self.running.by_key.lock();
        while !by_key.is_empty() {
            let waited = self.running.ended.wait_until(&mut by_key, until);
            if waited.timed_out() {
                tracing::warn!(left = by_key.len(), "background work is abandoned");
                return;
            }
        }
    }
}

impl<K: Eq + Hash> Running<K> {
    fn end(&self, key: K) {
        let mut by_key = self.by_key.lock();
        if let Some(count) = by_key.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                by_key.remove(&key);
            }
        }
        self.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_takes_long_or_panics_leaves_the_rest_alone() {
        let worker = Worker::new("test");
        let work = ConcurrentTasks::new(3);
        let (go, wait) = channel::<()>();
        work.begin(&worker, 1, move || assert!(wait.recv().is_err()))
            .unwrap();
        work.begin(&worker, 2, || panic!("on purpose")).unwrap();
        let (told, done) = channel();
        work.begin(&worker, 3, move || told.send(()).unwrap())
            .unwrap();
        done.recv().unwrap();
        while work.free() < 2 {
            std::thread::yield_now();
        }
        assert_eq!(work.running(), HashMap::from([(1, 1)]));
        drop(go);
        work.finish();
        assert_eq!(work.free(), 3);
    }
}
