//! `widerspruch account create`, `list`, `set-password` and `reset-second-factor`.

use std::fmt::Write;
use std::io::Read;

use clap::{Args, Subcommand};

use crate::app::Data;
use crate::cli::CliError;
use crate::config::{DataConfig, PasswordCost};
use crate::db::models::accounts;
use crate::db::{Db, DbError};
use crate::domain::address::EmailAddress;
use crate::domain::time::Timestamp;
use crate::people::{reset, second_factor};
use crate::web::password::{self, Passwords};
use crate::web::setup::create_account;

/// How many accounts are proposed at most where none is meant.
const LISTED: usize = 20;

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account with its first administrator
    Create(Create),
    /// Name all accounts with their numbers
    List,
    /// Give a user a new password, and end all sessions of that user
    SetPassword(SetPassword),
    /// Take a user's second factor away, where app and recovery codes are lost
    ResetSecondFactor(ResetSecondFactor),
}

#[derive(Debug, Args)]
pub struct ResetSecondFactor {
    /// Address the user signs in with
    email: String,
}

#[derive(Debug, Args)]
pub struct SetPassword {
    /// Address the user signs in with
    email: String,
    /// Read the password from standard input (never from the command line, where others see it)
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct Create {
    /// Name of the account
    #[arg(long)]
    name: String,
    /// Address the administrator signs in with
    #[arg(long)]
    admin_email: String,
    /// Name of the administrator [default: the address]
    #[arg(long)]
    admin_name: Option<String>,
    /// Read the password from standard input (never from the command line, where others see it)
    #[arg(long, required = true)]
    admin_password_stdin: bool,
}

pub fn run(command: AccountCommand, config: &DataConfig) -> Result<(), CliError> {
    match command {
        AccountCommand::Create(create) => make(&create, config),
        AccountCommand::List => list(config),
        AccountCommand::SetPassword(wanted) => set_password(&wanted, config),
        AccountCommand::ResetSecondFactor(wanted) => reset_second_factor(&wanted, config),
    }
}

fn make(create: &Create, config: &DataConfig) -> Result<(), CliError> {
    let email = address("--admin-email", &create.admin_email)?;
    if create.name.trim().is_empty() {
        return Err(CliError::Usage("--name: must not be empty".into()));
    }
    let hash = hash_of_input("--admin-password-stdin")?;
    let data = Data::open(config)?;
    let name = create.admin_name.as_deref().unwrap_or(email.as_typed());
    let made = data
        .db
        .write(|conn| create_account(conn, &create.name, &email, name, &hash, Timestamp::now()));
    match made {
        Ok((number, _)) => {
            println!(
                "Account {number} \"{}\" made. Sign in as {}.",
                create.name.trim(),
                email.as_typed()
            );
            Ok(())
        }
        Err(DbError::Duplicate) => Err(CliError::Usage(format!(
            "--admin-email: {} signs in somebody already",
            email.as_typed()
        ))),
        Err(error) => Err(error.into()),
    }
}

fn list(config: &DataConfig) -> Result<(), CliError> {
    // Beside a server too: nothing is changed.
    let db = Db::open_as_it_is(&config.database)?;
    for (number, name) in db.read(accounts::names)? {
        println!("{number}\t{name}");
    }
    Ok(())
}

/// The account that an argument names, by its number or its name.
///
/// # Errors
/// Says which accounts there are if it is none of them, or more than one.
pub fn named(db: &Db, argument: &str, text: &str) -> Result<i64, CliError> {
    let all = db.read(accounts::names)?;
    let text = text.trim();
    if let Some((number, _)) = all.iter().find(|(number, _)| number.to_string() == text) {
        return Ok(*number);
    }
    let is_meant = |name: &str| name.trim().to_lowercase() == text.to_lowercase();
    let meant: Vec<_> = all.iter().filter(|(_, name)| is_meant(name)).collect();
    let (problem, listed) = match meant.as_slice() {
        [(number, _)] => return Ok(*number),
        [] => ("there is no account", all.iter().collect()),
        _ => ("several accounts are called", meant),
    };
    let mut said = format!("{argument}: {problem} {text}");
    for (at, (number, name)) in listed.into_iter().take(LISTED).enumerate() {
        let before = if at == 0 { "; there is" } else { "," };
        let _ = write!(said, "{before} {number} \"{name}\"");
    }
    Err(CliError::Usage(said))
}

fn set_password(wanted: &SetPassword, config: &DataConfig) -> Result<(), CliError> {
    let email = address("EMAIL", &wanted.email)?;
    let hash = hash_of_input("--password-stdin")?;
    let data = Data::open(config)?;
    let is_set = data
        .db
        .write(|conn| reset::set_from_the_machine(conn, email.key(), &hash, Timestamp::now()))?;
    if !is_set {
        return Err(nobody(&email));
    }
    println!("The password of {} is set.", email.as_typed());
    Ok(())
}

fn reset_second_factor(wanted: &ResetSecondFactor, config: &DataConfig) -> Result<(), CliError> {
    let email = address("EMAIL", &wanted.email)?;
    let data = Data::open(config)?;
    let had = data
        .db
        .write(|conn| second_factor::reset_from_the_machine(conn, email.key(), Timestamp::now()))?;
    let Some(had) = had else {
        return Err(nobody(&email));
    };
    if had {
        println!("{} signs in with the password alone now.", email.as_typed());
    } else {
        println!("{} has no second factor.", email.as_typed());
    }
    Ok(())
}

fn address(argument: &str, text: &str) -> Result<EmailAddress, CliError> {
    EmailAddress::parse(text).map_err(|problem| CliError::Usage(format!("{argument}: {problem}")))
}

fn nobody(email: &EmailAddress) -> CliError {
    CliError::Usage(format!("EMAIL: {} signs in nobody", email.as_typed()))
}

/// The hash of the password on the standard input.
fn hash_of_input(argument: &str) -> Result<String, CliError> {
    let mut password = String::new();
    std::io::stdin().take(2_048).read_to_string(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password::problem(password).is_some() {
        return Err(CliError::Usage(format!(
            "{argument}: the password needs {} to {} characters",
            password::SHORTEST,
            password::LONGEST
        )));
    }
    Passwords::new(PasswordCost::Full)
        .hash_here(password)
        .map_err(|error| CliError::Usage(error.to_string()))
}
