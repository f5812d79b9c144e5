//! `widerspruch account create`.

use std::io::Read;

use clap::{Args, Subcommand};

use crate::app::Data;
use crate::cli::CliError;
use crate::config::{DataConfig, PasswordCost};
use crate::db::DbError;
use crate::domain::address::EmailAddress;
use crate::domain::time::Timestamp;
use crate::web::password::{self, Passwords};
use crate::web::setup::create_account;

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account with its first administrator
    Create(Create),
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
    let AccountCommand::Create(create) = command;
    let email = EmailAddress::parse(&create.admin_email)
        .map_err(|problem| CliError::Usage(format!("--admin-email: {problem}")))?;
    if create.name.trim().is_empty() {
        return Err(CliError::Usage("--name: must not be empty".into()));
    }
    let mut password = String::new();
    std::io::stdin().take(2_048).read_to_string(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password::problem(password).is_some() {
        return Err(CliError::Usage(format!(
            "--admin-password-stdin: the password needs {} to {} characters",
            password::SHORTEST,
            password::LONGEST
        )));
    }
    let hash = Passwords::new(PasswordCost::Full)
        .hash_here(password)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    let data = Data::open(config)?;
    let name = create.admin_name.as_deref().unwrap_or(email.as_typed());
    let made = data
        .db
        .write(|conn| create_account(conn, &create.name, &email, name, &hash, Timestamp::now()));
    match made {
        Ok(_) => {
            println!(
                "Account \"{}\" made. Sign in as {}.",
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
