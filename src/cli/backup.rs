//! `widerspruch backup`.

use std::path::PathBuf;

use clap::Args;

use crate::backup::BackupError;
use crate::backup::copy::{self, Shelf};
use crate::cli::CliError;
use crate::config::DataConfig;
use crate::db::Db;
use crate::domain::time::Timestamp;

#[derive(Debug, Args)]
pub struct BackupCommand {
    /// Directory for the copies; not in the data directory, and better on another disk
    #[arg(long, env = "WIDERSPRUCH_BACKUPS", default_value = "backups")]
    to: PathBuf,
    /// For how many days the copy is kept [default: --backup-days]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=3_650))]
    keep_days: Option<i64>,
    /// Make no copy, but enter one by this name that was made by other means (as with pg_dump)
    #[arg(long, value_name = "NAME", conflicts_with = "prune")]
    note: Option<String>,
    /// Make no copy, but remove those whose time is over
    #[arg(long)]
    prune: bool,
}

pub fn run(command: &BackupCommand, config: &DataConfig) -> Result<(), CliError> {
    // No lock of the data directory: a server may run there.
    let db = Db::open_as_it_is(&config.database).map_err(BackupError::from)?;
    let now = Timestamp::now();
    let keep_days = command.keep_days.unwrap_or(config.backup_days);
    if let Some(name) = &command.note {
        let expires_at = copy::note(&db, name, keep_days, now)?;
        println!(
            "Entered: \"{name}\", to be kept until {}.",
            shown(expires_at)
        );
        println!("Remove it by then: nobody else does.");
        return Ok(());
    }
    if config.database.file().is_none() {
        copy::forget_expired(&db, now)?;
        if command.prune {
            return Ok(());
        }
        return Err(CliError::Usage(
            "PostgreSQL is copied with pg_dump; then tell it with --note NAME".into(),
        ));
    }
    let shelf = Shelf::open(&command.to, &config.dir)?;
    let pruned = shelf.prune(now)?;
    copy::forget_expired(&db, now)?;
    if command.prune {
        println!("{pruned} copies removed.");
        return Ok(());
    }
    let made = shelf.make(&db, keep_days, now)?;
    println!(
        "Copy made: {} ({} bytes), to be kept until {}.",
        made.path.display(),
        made.bytes,
        shown(made.expires_at)
    );
    println!(
        "The secret ({}) is not in it. Keep a copy of that too, in another place: \
         nothing can be restored without it, and whoever has both has the whole installation.",
        config.secret_file.display()
    );
    Ok(())
}

/// A time for the terminal.
pub(super) fn shown(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.millis())
        .map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}
