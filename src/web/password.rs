//! Passwords: argon2id (RFC 9106), always off the async threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::web;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::config::PasswordCost;
use crate::web::error::WebError;

/// The fewest characters a password may have (NIST SP 800-63B asks for 8 at least; an
/// administrator answers for other people's data).
pub const SHORTEST: usize = 10;

/// The most bytes a password may have: more is no safer, only more work.
pub const LONGEST: usize = 1_024;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    argon2: Arc<Argon2<'static>>,
    /// The hash that is checked when nobody has the address, so that both take equally long.
    nobody: Arc<str>,
    /// How many hashes are computed at the same time: each takes 19 MiB and a whole core.
    turns: Arc<Semaphore>,
    checks: Arc<AtomicU64>,
}

impl Passwords {
    /// With that cost.
    pub fn new(cost: PasswordCost) -> Self {
        let params = match cost {
            // OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1.
            PasswordCost::Full => Params::new(19_456, 2, 1, None),
            PasswordCost::Minimal => Params::new(8, 1, 1, None),
        };
        let params = params.unwrap_or_default();
        Self {
            nobody: nobodys_hash(&params).into(),
            argon2: Arc::new(Argon2::new(Algorithm::Argon2id, Version::V0x13, params)),
            turns: Arc::new(Semaphore::new(
                std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            )),
            checks: Arc::default(),
        }
    }

    /// The hash of a password, on this thread.
    pub fn hash_here(&self, password: &str) -> Result<String, WebError> {
        self.argon2
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|e| WebError::Internal(format!("password hash: {e}")))
    }

    /// The hash of a password.
    pub async fn hash(&self, password: String) -> Result<String, WebError> {
        self.in_turn(move |this| this.hash_here(&password)).await?
    }

    /// Does work that takes memory and a whole core, off the async threads, as soon as there is room.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, WebError> {
        let this = self.clone();
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let work = move || {
            let outcome = work(&this);
            // Not before: the work goes on where whoever asked for it has gone.
            drop(turn);
            outcome
        };
        Ok(web::block(work).await?)
    }

    /// How many hashes were computed to check a password.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Whether the password belongs to the hash. Without a hash (nobody has the address) the same
    /// work is done, and the answer is no.
    pub async fn check(&self, password: String, hash: Option<String>) -> Result<bool, WebError> {
        self.in_turn(move |this| {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| this.nobody.to_string());
            let matches = PasswordHash::new(&hash).is_ok_and(|hash| {
                this.checks.fetch_add(1, Ordering::Relaxed);
                this.argon2
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            });
            matches && known
        })
        .await
    }
}

/// A hash that takes as long to check as any other. It is made up, since computing one would take
/// half of the program's start.
fn nobodys_hash(params: &Params) -> String {
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    // Salt and output are zeros, 16 and 32 of them.
    let (salt, output) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
}

/// What is wrong with a new password, as a German sentence.
pub fn problem(password: &str) -> Option<String> {
    if password.chars().count() < SHORTEST {
        Some(format!(
            "Das Passwort braucht mindestens {SHORTEST} Zeichen."
        ))
    } else if password.len() > LONGEST {
        Some("Das Passwort ist zu lang.".into())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that decides how long a check takes.
    fn effort(hash: &str) -> (String, Option<u32>, String, usize, usize) {
        let hash = PasswordHash::new(hash).unwrap();
        (
            hash.algorithm.to_string(),
            hash.version,
            hash.params.to_string(),
            hash.salt.unwrap().as_ref().len(),
            hash.hash.unwrap().len(),
        )
    }

    /// A client that leaves does not end the work that it has begun.
    #[actix_web::test]
    async fn work_of_clients_that_left_still_takes_its_turn() {
        let passwords = Passwords::new(PasswordCost::Minimal);
        let turns = passwords.turns.available_permits();
        let (begun, begins) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let (passing, begun) = (passwords.clone(), begun);
        let client = actix_web::rt::spawn(async move {
            passing
                .in_turn(move |_| {
                    begun.send(()).unwrap();
                    ends.recv().unwrap();
                })
                .await
        });
        let begins = web::block(move || begins.recv()).await.unwrap();
        begins.expect("the work begins");
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.turns.available_permits(), turns - 1);
        end.send(()).unwrap();
        let all = u32::try_from(turns).unwrap();
        let all = passwords.turns.acquire_many(all).await;
        assert!(all.is_ok(), "the turn is given back");
    }

    #[test]
    fn nobodys_hash_takes_as_long_as_anybodys() {
        for cost in [PasswordCost::Full, PasswordCost::Minimal] {
            let passwords = Passwords::new(cost);
            let anybodys = passwords.hash_here("Sonnenblume 7").unwrap();
            assert_eq!(effort(&passwords.nobody), effort(&anybodys));
        }
    }
}
