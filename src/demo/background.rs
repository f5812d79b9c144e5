//! Filling the example account while the server runs: *Mit Beispieldaten starten*.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Kit, Made, Progress, Size, fill};
use crate::domain::time::Timestamp;
use crate::sending::Sender;

/// What is known of the example account that this process made. Cheap to clone.
#[derive(Clone)]
pub struct Background {
    recipients: usize,
    stage: Arc<Mutex<Option<Stage>>>,
}

/// How far it is, and how to sign in: the password stands nowhere else.
#[derive(Clone)]
pub struct Stage {
    /// Whose password it is.
    pub user_id: i64,
    /// The password.
    pub password: String,
    /// How far filling has come.
    pub progress: Progress,
    /// How filling ended, once it has: well or not.
    pub ended: Option<bool>,
}

impl Background {
    /// Nothing made yet; an example account will have so many recipients.
    pub fn new(recipients: usize) -> Self {
        Self {
            recipients,
            stage: Arc::default(),
        }
    }

    /// Starts filling the account that was just made. The sender keeps away from it meanwhile,
    /// since the mailings of the past have a clock and a transport of their own.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(
        &self,
        kit: Kit,
        sender: Sender,
        made: Made,
        password: String,
    ) -> std::io::Result<()> {
        *self.stage.lock() = Some(Stage {
            user_id: made.user_id,
            password,
            progress: Progress::default(),
            ended: None,
        });
        let this = self.clone();
        std::thread::Builder::new()
            .name("demo".to_owned())
            .spawn(move || {
                let outcome = {
                    let _away = sender.keep_away(made.account_id);
                    let mut tell = |progress| this.change(|stage| stage.progress = progress);
                    let size = Size::of(this.recipients);
                    fill(&kit, &made, size, Timestamp::now(), &mut tell)
                };
                if let Err(error) = &outcome {
                    tracing::error!(%error, "the example account is not complete");
                }
                this.change(|stage| stage.ended = Some(outcome.is_ok()));
                sender.wake();
            })?;
        Ok(())
    }

    /// How far it is, for the user whose account it is; none for everybody else.
    pub fn stage(&self, user_id: i64) -> Option<Stage> {
        self.stage
            .lock()
            .clone()
            .filter(|stage| stage.user_id == user_id)
    }

    fn change(&self, how: impl FnOnce(&mut Stage)) {
        if let Some(stage) = &mut *self.stage.lock() {
            how(stage);
        }
    }
}
