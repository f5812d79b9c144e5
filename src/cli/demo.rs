//! `widerspruch demo`.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::Args;

use crate::app::{self, Data};
use crate::cli::CliError;
use crate::config::Config;
use crate::db::DbError;
use crate::demo::{self, Kit, Progress, Size};
use crate::domain::secret::Purpose;
use crate::domain::time::Timestamp;
use crate::erasure::cleanup::Cleaner;
use crate::error::StartError;
use crate::sending::outbox::Outbox;
use crate::tracking::links::LinkCache;
use crate::tracking::token::TokenKeys;
use crate::web::password::Passwords;

#[derive(Debug, Args)]
pub struct Demo {
    /// How many recipients
    #[arg(long, default_value_t = demo::RECIPIENTS, value_parser = recipients)]
    recipients: usize,
    /// How many opens and clicks the newest mailing to all has [default: as people read]
    #[arg(long, value_parser = events)]
    events: Option<u64>,
}

fn recipients(text: &str) -> Result<usize, String> {
    let most = demo::MOST_RECIPIENTS;
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from 1 to {most}")),
    }
}

fn events(text: &str) -> Result<u64, String> {
    let most = demo::MOST_EVENTS;
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from 1 to {most}")),
    }
}

/// Makes the example account and fills it.
pub fn run(demo: &Demo, config: &Config) -> Result<(), CliError> {
    let Data {
        db,
        secret,
        lock: _lock,
        journal: _,
    } = Data::open(&config.data)?;
    let now = Timestamp::now();
    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => app::default_public_url(config.listen)?,
    };
    let password = demo::new_password().map_err(StartError::from)?;
    let hash = Passwords::new(config.password_cost)
        .hash_here(&password)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    let made = match db.write(|conn| demo::create(conn, &hash, now)) {
        Err(DbError::Duplicate) => {
            return Err(CliError::Usage(format!(
                "the example account is there already ({} signs in); for a new one use another --data-dir or database",
                demo::EMAIL
            )));
        }
        other => other?,
    };
    let kit = Kit {
        links: LinkCache::new(db.clone()),
        tokens: TokenKeys::new(&secret),
        outbox: Outbox::open(&config.data.dir, secret.key(Purpose::OutboxFile))?,
        remembering: secret.key(Purpose::RememberedAddress),
        cleaner: Cleaner::start(db.clone(), config.data.dir.clone())?,
        public_url,
        db,
    };
    // Before the long part: whoever interrupts that can sign in all the same.
    println!("Example account \"{}\" made.", demo::ACCOUNT);
    println!("  E-Mail-Adresse: {}", demo::EMAIL);
    println!("  Passwort:       {password}");
    std::io::stdout().flush()?;
    let size = Size {
        events: demo.events.unwrap_or(0),
        ..Size::of(demo.recipients)
    };
    let mut shown = None;
    let outcome = demo::fill(&kit, &made, size, now, &mut |progress| {
        show(progress, &mut shown);
    });
    kit.cleaner.shut_down();
    outcome.map_err(|error| CliError::Usage(format!("the example is not complete: {error}")))?;
    match kit.public_url.join("anmelden") {
        Ok(url) if config.public_url.is_some() || config.listen.port() != 0 => {
            println!("Start the server (`widerspruch serve`) and sign in at {url}");
        }
        // Which port it will be, only the server knows.
        _ => println!("Start the server (`widerspruch serve`); it says where it is."),
    }
    Ok(())
}

/// Progress, on standard error: on a terminal in one line, elsewhere not more than a line a second.
fn show(progress: Progress, shown: &mut Option<Instant>) {
    let Progress { done, total } = progress;
    if !std::io::stderr().is_terminal() {
        if done == total || shown.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
            eprintln!("Filling the example account: {done} of {total}");
            *shown = Some(Instant::now());
        }
    } else if done < total {
        eprint!("\rFilling the example account: {done} of {total} ");
    } else {
        eprintln!("\rFilling the example account: done.     ");
    }
}
