//! `widerspruch bounce`: for the alias of a mail server that takes what comes back.
//!
//! What it ends with is for mail servers (sysexits): 0 once the message is safe, 75 (EX_TEMPFAIL)
//! for everything that passes or that somebody can mend. The mail server then tries again, and
//! nothing is lost.

use std::io::Read;

use crate::app::Data;
use crate::bounces::apply;
use crate::bounces::origin::Keys;
use crate::bounces::report::READ_OF_A_MESSAGE;
use crate::bounces::spool::Spool;
use crate::cli::CliError;
use crate::config::DataConfig;
use crate::domain::time::Timestamp;

/// Takes one message from standard input.
pub fn run(config: Result<DataConfig, impl std::fmt::Display>) -> Result<(), CliError> {
    let config = config.map_err(later)?;
    let mut message = Vec::new();
    let mut input = std::io::stdin().lock();
    input
        .by_ref()
        .take(READ_OF_A_MESSAGE as u64)
        .read_to_end(&mut message)
        .map_err(later)?;
    // A mail server takes it as a failure when it can't say everything.
    std::io::copy(&mut input, &mut std::io::sink()).map_err(later)?;
    if config.database.file().is_some() {
        // One process at a time may write there: the server takes the message up.
        return Spool::of(&config.dir).put(&message).map_err(later);
    }
    let data = Data::open(&config).map_err(later)?;
    let keys = Keys::new(&data.secret);
    data.db
        .write(|conn| apply::take(conn, &message, &keys, Timestamp::now()))
        .map(drop)
        .map_err(later)
}

fn later(error: impl std::fmt::Display) -> CliError {
    CliError::TryLater(error.to_string())
}
