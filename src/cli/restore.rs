//! `widerspruch restore` and `widerspruch replay`.

use std::path::PathBuf;

use clap::Args;

use super::backup::shown;
use crate::app::{self, Data};
use crate::backup::journal::Journal;
use crate::backup::replay::{Replay, Told};
use crate::backup::restore::{self, Allowed, Place};
use crate::cli::CliError;
use crate::config::DataConfig;
use crate::domain::secret::{Purpose, Secret};
use crate::error::StartError;

#[derive(Debug, Args)]
pub struct RestoreCommand {
    /// The copy: a directory that `backup` made
    from: PathBuf,
    /// Let the copy take the place of a database that is there
    #[arg(long)]
    replace: bool,
    /// Go on although the journal is missing or begins too late: people who were deleted since the
    /// copy was made come back, and objections made since are forgotten
    #[arg(long)]
    without_journal: bool,
}

#[derive(Debug, Args)]
pub struct ReplayCommand {
    /// Go on although the journal is missing or begins too late: people who were deleted since the
    /// copy was made come back, and objections made since are forgotten
    #[arg(long)]
    without_journal: bool,
}

pub fn run(command: &RestoreCommand, config: &DataConfig) -> Result<(), CliError> {
    let Some(database) = config.database.file() else {
        return Err(CliError::Usage(
            "PostgreSQL is restored with pg_restore; then tell it what has happened since with \"widerspruch replay\""
                .into(),
        ));
    };
    app::prepare_directory(&config.dir)?;
    let _lock = app::lock_directory(&config.dir)?;
    let secret = Secret::load(&config.secret_file).map_err(StartError::from)?;
    let place = Place {
        database,
        data_dir: &config.dir,
        journal_dir: &config.journal_dir,
        keep_days: config.backup_days,
        secret: &secret,
    };
    let allowed = Allowed {
        replace: command.replace,
        without_journal: command.without_journal,
    };
    let restored = restore::bring_back(&command.from, &place, allowed)?;
    println!(
        "Restored: the database is that of {}.",
        shown(restored.made_at)
    );
    if let Some(why) = restored.unreadable {
        println!(
            "The old database could not be read ({why}): what happened in its last second may be missing in the journal."
        );
    }
    tell(&restored.told);
    Ok(())
}

pub fn replay(command: &ReplayCommand, config: &DataConfig) -> Result<(), CliError> {
    if !Journal::is_in(&config.journal_dir) && !command.without_journal {
        return Err(CliError::Usage(format!(
            "there is no journal in {}; say where it is (--journal-dir), or go on without it (--without-journal)",
            config.journal_dir.display()
        )));
    }
    let data = Data::open_untold(config)?;
    let remembering = data.secret.key(Purpose::RememberedAddress);
    let replay = Replay {
        db: &data.db,
        journal: &data.journal,
        remembering: &remembering,
        keep_days: config.backup_days,
        data_dir: &config.dir,
    };
    if let Some((used, since)) = replay.gap()?
        && !command.without_journal
    {
        return Err(CliError::Usage(format!(
            "the journal in {} begins at {}, and the database was last in use at {}: \
             whoever was deleted or objected in between would come back (--without-journal goes on nevertheless)",
            config.journal_dir.display(),
            shown(since),
            shown(used)
        )));
    }
    tell(&replay.run(false)?);
    Ok(())
}

fn tell(told: &Told) {
    println!("Done again, since it had happened after the copy was made: {told}.");
    if told.halted > 0 {
        println!(
            "{} mailings were halted: part of them may have been sent after the copy was made.",
            told.halted
        );
    }
}
