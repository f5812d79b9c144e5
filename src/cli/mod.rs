//! What the program can be told on the command line, and the commands that are no server.

mod account;
mod backup;
mod bounce;
mod demo;
mod import;
mod log;
mod restore;
mod serve;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{self, Config, DataConfig, PasswordCost};
use crate::error::StartError;
use crate::webhooks::client::Reach;

/// Administration of an e-mail marketing account that takes a recipient's no to personal
/// tracking seriously.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct Settings {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "WIDERSPRUCH_LISTEN", default_value = config::DEFAULT_LISTEN, global = true)]
    listen: String,

    /// Directory for database, secret key, outbox and imports
    #[arg(long, env = "WIDERSPRUCH_DATA", default_value = config::DEFAULT_DATA_DIR, global = true)]
    data_dir: PathBuf,

    /// Address under which browsers and mails reach this installation [default: the address it listens on]
    #[arg(long, env = "WIDERSPRUCH_PUBLIC_URL", global = true)]
    public_url: Option<String>,

    /// Address or network of a proxy in front, several with commas: only their X-Forwarded-For is
    /// believed
    #[arg(
        long = "trusted-proxy",
        env = "WIDERSPRUCH_TRUSTED_PROXY",
        value_delimiter = ',',
        global = true
    )]
    trusted_proxies: Vec<String>,

    /// Address and port of /healthz and /metrics [default: off]
    #[arg(long, env = "WIDERSPRUCH_METRICS_LISTEN", global = true)]
    metrics_listen: Option<String>,

    /// The database: postgres://… (if built with --features postgres), or sqlite:PATH [default: SQLite in the data directory]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,

    /// File with the installation's secret [default: secret.key in the data directory]
    #[arg(long, env = "WIDERSPRUCH_SECRET_FILE", global = true)]
    secret_file: Option<PathBuf>,

    /// Let webhooks lead to this machine and into private networks, and be told by http
    #[arg(long, env = "WIDERSPRUCH_WEBHOOKS_ANYWHERE", global = true)]
    webhooks_anywhere: bool,

    /// Directory for the journal of what a restored copy has to be told again; better on another
    /// disk than the database [default: journal in the data directory]
    #[arg(long, env = "WIDERSPRUCH_JOURNAL", global = true)]
    journal_dir: Option<PathBuf>,

    /// For how many days copies of the database are kept
    #[arg(long, env = "WIDERSPRUCH_BACKUP_DAYS", default_value_t = config::DEFAULT_BACKUP_DAYS, value_parser = clap::value_parser!(i64).range(1..=3_650), global = true)]
    backup_days: i64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default)
    Serve,
    /// Bring the database's tables up to date, and nothing else
    Migrate,
    /// Make an example account with recipients, a year of mailings, opens and clicks
    Demo(demo::Demo),
    /// Accounts
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Import recipients from a CSV file
    Import(import::ImportCommand),
    /// Make a copy of the database, also while it is in use
    Backup(backup::BackupCommand),
    /// Put a copy in the place of the database, without those who were deleted since
    Restore(restore::RestoreCommand),
    /// Tell a database that was restored by other means what has happened since
    Replay(restore::ReplayCommand),
    /// Take a bounce or complaint from standard input, for a mail server's alias
    Bounce,
}

impl Settings {
    fn data(&self) -> Result<DataConfig, StartError> {
        let mut config = DataConfig::new(
            &self.data_dir,
            self.database_url.as_deref(),
            self.secret_file.as_deref(),
        )?;
        if let Some(dir) = &self.journal_dir {
            config.journal_dir.clone_from(dir);
        }
        config.backup_days = self.backup_days;
        Ok(config)
    }

    fn config(&self) -> Result<Config, StartError> {
        Ok(Config {
            listen: config::parse_listen(&self.listen)?,
            data: self.data()?,
            public_url: self
                .public_url
                .as_deref()
                .map(config::parse_public_url)
                .transpose()?,
            trusted_proxies: config::parse_proxies(&self.trusted_proxies)?,
            metrics_listen: self
                .metrics_listen
                .as_deref()
                .map(config::parse_metrics_listen)
                .transpose()?,
            password_cost: PasswordCost::Full,
            demo_recipients: crate::demo::RECIPIENTS,
            sending: crate::sending::Timing::default(),
            webhooks: if self.webhooks_anywhere {
                Reach::Anywhere
            } else {
                Reach::Public
            },
        })
    }
}

/// Why a command failed: one line for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The program can't start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The database refuses.
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
    /// A copy can't be made or brought back.
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    /// Something on the command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// A mail server that hands something over is to try again later.
    #[error("{0}")]
    TryLater(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl CliError {
    /// What the program ends with.
    pub const fn exit_code(&self) -> u8 {
        match self {
            // EX_TEMPFAIL in the system's sysexits.h.
            Self::TryLater(_) => 75,
            _ => 1,
        }
    }
}

/// Reads the command line and the environment. Ends the program where it asks for help or holds
/// something wrong.
pub fn parse() -> Cli {
    let matches = without_empty_variables(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Takes an empty variable of the environment for one that is not set: services and containers pass
/// on what nobody filled in.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let value = arg.get_env().and_then(std::env::var_os);
            if value.is_some_and(|value| value.is_empty()) {
                arg.env(None::<&'static str>)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// Carries a command out.
///
/// # Errors
/// Gives one line that says what is wrong.
pub fn run(cli: Cli) -> Result<(), CliError> {
    log::start();
    let settings = cli.settings;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&settings.config()?),
        Command::Migrate => {
            crate::app::Data::open(&settings.data()?)?;
            println!("The database is up to date.");
            Ok(())
        }
        Command::Demo(demo) => demo::run(&demo, &settings.config()?),
        Command::Account(command) => account::run(command, &settings.data()?),
        Command::Import(command) => import::run(command, &settings.data()?),
        Command::Backup(command) => backup::run(&command, &settings.data()?),
        Command::Restore(command) => restore::run(&command, &settings.data()?),
        Command::Replay(command) => restore::replay(&command, &settings.data()?),
        Command::Bounce => bounce::run(settings.data()),
    }
}
