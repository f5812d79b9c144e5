//! `widerspruch import`: recipients from a CSV file, at the terminal.

mod columns;
mod consents;

use std::fs::File;
use std::io::{BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use self::consents::ConsentOptions;
use crate::app::Data;
use crate::cli::{CliError, account};
use crate::config::DataConfig;
use crate::db::DbResult;
use crate::db::models::audit::Actor;
use crate::db::models::groups;
use crate::db::models::imports::{self, Import, ImportStatus, NewImport};
use crate::db::models::refusals;
use crate::domain::group::name_problem;
use crate::domain::secret::Purpose;
use crate::domain::time::Timestamp;
use crate::import::forecast::forecast;
use crate::import::run::{self, Progress, RunError, Settings};
use crate::import::status::StatedStatus;
use crate::import::{Delimiter, Encoding, beyond_ascii, inspect, preview};

/// How many rows are looked at to recognise the columns.
const SAMPLE_ROWS: usize = 100;

/// How many rows with characters beyond ASCII are shown.
const SHOWN_BEYOND_ASCII: usize = 3;

/// How many refused rows are listed.
const SHOWN_REFUSALS: i64 = 20;

/// The name in the audit log.
const ACTOR: Actor = Actor::Program("Import (Kommandozeile)");

#[derive(Debug, Args)]
pub struct ImportCommand {
    /// Number or name of the account
    #[arg(long)]
    account: String,
    /// Name of the group the recipients join; made where it is missing
    #[arg(long)]
    group: String,
    /// Character between the cells [default: recognised]
    #[arg(long)]
    delimiter: Option<DelimiterChoice>,
    /// Encoding of the file [default: recognised]
    #[arg(long, value_parser = encodings())]
    encoding: Option<String>,
    /// Lines above the names of the columns, such as a title [default: recognised]
    #[arg(long, value_name = "LINES")]
    skip_lines: Option<u32>,
    /// What a column is: its name (or number from 1), and address, first_name, last_name, tracking_off,
    /// status, subscribed, confirmed, unsubscribed, undeliverable, ignore, or field:NAME
    /// [default: recognised]
    #[arg(long = "column", value_name = "NAME=MEANING")]
    columns: Vec<String>,
    /// Everybody in the file is that, whatever its columns say
    #[arg(long)]
    status: Option<StatusChoice>,
    /// Say what would become of the rows, and import nothing
    #[arg(long)]
    preview: bool,
    /// The CSV file
    file: PathBuf,
    // Last: whatever follows stands under its heading in the help.
    #[command(flatten)]
    consents: ConsentOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DelimiterChoice {
    Semicolon,
    Comma,
    Tab,
    Pipe,
}

fn encodings() -> PossibleValuesParser {
    Encoding::ALL.iter().map(|encoding| encoding.word()).into()
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StatusChoice {
    /// Unsubscribed or blocked
    Unsubscribed,
    /// The address refuses mails
    Undeliverable,
    /// Reported a mail as unwanted
    Complained,
    /// Never confirmed the subscription
    Unconfirmed,
}

impl From<StatusChoice> for StatedStatus {
    fn from(choice: StatusChoice) -> Self {
        match choice {
            StatusChoice::Unsubscribed => Self::Unsubscribed,
            StatusChoice::Undeliverable => Self::Undeliverable,
            StatusChoice::Complained => Self::Complained,
            StatusChoice::Unconfirmed => Self::Unconfirmed,
        }
    }
}

pub fn run(command: ImportCommand, config: &DataConfig) -> Result<(), CliError> {
    let path = &command.file;
    if let Some(problem) = name_problem(&command.group) {
        return Err(CliError::Usage(format!("--group: {problem}")));
    }
    let settings = settings(&command)?;
    if command.preview {
        return show_forecast(path, &settings);
    }
    let size = file_problem(path, File::open(path).and_then(|file| file.metadata()))?.len();
    let data = Data::open(config)?;
    let account_id = account::named(&data.db, "--account", &command.account)?;
    let import = data
        .db
        .write(|conn| begin(conn, account_id, &command, &settings, size))?;
    if import.rows_read > 0 {
        eprintln!(
            "This import was interrupted; it goes on after row {}.",
            import.rows_read
        );
    }
    let remembering = data.secret.key(Purpose::RememberedAddress);
    let mut meter = Meter::new(size);
    let outcome = run::run(&data.db, &remembering, &ACTOR, &import, path, |progress| {
        meter.show(progress);
        true
    });
    meter.end();
    outcome.map_err(|error| match error {
        RunError::Database(error) => error.into(),
        error => CliError::Usage(format!("{}: {error}", path.display())),
    })?;
    summarise(&data, &import)
}

/// Recognises what the command line leaves open.
fn settings(command: &ImportCommand) -> Result<Settings, CliError> {
    let path = &command.file;
    let mut file = file_problem(path, File::open(path))?;
    let problem = |error| CliError::Usage(format!("{}: {error}", path.display()));
    let found = inspect(&mut file, SAMPLE_ROWS).map_err(problem)?;
    let mut dialect = found.dialect;
    if let Some(choice) = command.delimiter {
        dialect.delimiter = match choice {
            DelimiterChoice::Semicolon => Delimiter::Semicolon,
            DelimiterChoice::Comma => Delimiter::Comma,
            DelimiterChoice::Tab => Delimiter::Tab,
            DelimiterChoice::Pipe => Delimiter::Pipe,
        };
    }
    let encoding = command.encoding.as_deref().and_then(Encoding::from_word);
    dialect.encoding = encoding.unwrap_or(dialect.encoding);
    dialect.skip_lines = command.skip_lines.unwrap_or(dialect.skip_lines);
    let seen = if dialect == found.dialect {
        found.preview
    } else {
        file_problem(path, file.rewind())?;
        preview(&file, dialect, SAMPLE_ROWS).map_err(problem)?
    };
    if seen.rows.is_empty() {
        let problem = format!("{}: the file has no rows", path.display());
        return Err(CliError::Usage(problem));
    }
    file_problem(path, file.rewind())?;
    let rows = beyond_ascii(&file, dialect, SHOWN_BEYOND_ASCII).map_err(problem)?;
    if !rows.is_empty() {
        eprintln!("Read as {} (--encoding):", dialect.encoding.word());
        for row in &rows {
            eprintln!("  {row}");
        }
    }
    let mut mapping = seen.guess_mapping();
    let header = seen.header.as_deref();
    for choice in &command.columns {
        columns::assign(choice, header, &mut mapping)?;
    }
    let consent = command.consents.apply(&mut mapping, header)?;
    mapping.validate().map_err(|error| problem(error.into()))?;
    let modified = file_problem(path, file.metadata().and_then(|data| data.modified()))?;
    let modified_at = modified
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok());
    Ok(Settings {
        dialect,
        mapping,
        consent,
        everybody: command.status.map(StatedStatus::from),
        modified_at,
    })
}

/// Finds the interrupted import of this file, or begins one.
fn begin(
    conn: &mut crate::db::Conn,
    account_id: i64,
    command: &ImportCommand,
    settings: &Settings,
    size: u64,
) -> DbResult<Import> {
    let now = Timestamp::now();
    let group_id = match groups::find_by_name(conn, account_id, &command.group)? {
        Some(group) => group.id,
        None => groups::create(conn, account_id, &command.group, now)?,
    };
    let name = command.file.file_name().unwrap_or_default();
    let settings = settings.to_json();
    let new = NewImport {
        user_id: None,
        group_id: Some(group_id),
        file_name: &name.to_string_lossy(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        settings: &settings,
        status: ImportStatus::Running,
    };
    if let Some(interrupted) = imports::find_interrupted(conn, account_id, &new)? {
        return Ok(interrupted);
    }
    let id = imports::create(conn, account_id, &new, now)?;
    imports::find(conn, account_id, id)
}

fn summarise(data: &Data, import: &Import) -> Result<(), CliError> {
    let (done, refusals) = data.db.read(|conn| {
        let done = imports::find(conn, import.account_id, import.id)?;
        let refusals = refusals::after(conn, import.account_id, import.id, 0, SHOWN_REFUSALS)?;
        Ok((done, refusals))
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} added, {} updated, {} unchanged, {} refused.",
        done.added, done.updated, done.unchanged, done.refused
    )?;
    for (count, what) in [
        (done.unsubscribed, "unsubscribed, as the file says"),
        (done.undeliverable, "undeliverable, as the file says"),
        (
            done.kept_out,
            "unsubscribed or undeliverable before: they stay so",
        ),
        (
            done.not_rejoined,
            "not put back into the group, which they left",
        ),
    ] {
        if count > 0 {
            writeln!(out, "{count} {what}.")?;
        }
    }
    for refusal in &refusals {
        writeln!(
            out,
            "line {}: {:?}: {}",
            refusal.line, refusal.value, refusal.reason
        )?;
    }
    let listed = i64::try_from(refusals.len()).unwrap_or(0);
    let more = done.refused + done.not_rejoined - listed;
    if more > 0 {
        writeln!(out, "… and {more} more.")?;
    }
    if done.refused > 0 && done.added + done.updated + done.unchanged == 0 {
        let problem = format!(
            "nothing was imported: all {} rows were refused",
            done.refused
        );
        return Err(CliError::Usage(problem));
    }
    Ok(())
}

fn show_forecast(path: &Path, settings: &Settings) -> Result<(), CliError> {
    let file = file_problem(path, File::open(path))?;
    let found = forecast(BufReader::new(file), settings)
        .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
    let mut out = std::io::stdout().lock();
    for (number, column) in settings.mapping.columns.iter().enumerate() {
        writeln!(out, "column {}: {column}", number + 1)?;
    }
    if !found.is_complete {
        writeln!(out, "The first {} rows only:", found.rows)?;
    }
    writeln!(
        out,
        "{} active, {} unsubscribed, {} undeliverable, {} unconfirmed, {} refused.",
        found.active, found.unsubscribed, found.undeliverable, found.unconfirmed, found.refused
    )?;
    for reason in &found.reasons {
        writeln!(out, "refused: {reason}")?;
    }
    Ok(())
}

fn file_problem<T>(path: &Path, result: std::io::Result<T>) -> Result<T, CliError> {
    result.map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

/// Shows progress on standard error, a few times a second.
struct Meter {
    size: u64,
    shown: Option<Instant>,
}

impl Meter {
    const fn new(size: u64) -> Self {
        Self { size, shown: None }
    }

    fn show(&mut self, progress: Progress) {
        let due = self
            .shown
            .is_none_or(|shown| shown.elapsed() >= Duration::from_millis(200));
        if due {
            let percent = (progress.bytes_read.min(self.size) * 100)
                .checked_div(self.size)
                .unwrap_or(100);
            eprint!("\r{percent:3} %, {} rows", progress.rows_read);
            self.shown = Some(Instant::now());
        }
    }

    fn end(&self) {
        if self.shown.is_some() {
            eprintln!();
        }
    }
}
