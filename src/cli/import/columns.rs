//! Columns of a file as they are named on the command line.

use std::fmt::Write;

use crate::cli::CliError;
use crate::import::{Column, ColumnMapping};

/// The column of that name, or of this number from 1, for an option.
pub fn named<'a>(
    option: &str,
    wanted: &str,
    header: Option<&[String]>,
    mapping: &'a mut ColumnMapping,
) -> Result<&'a mut Column, CliError> {
    position(wanted, header, mapping.columns.len())
        .and_then(|at| mapping.columns.get_mut(at))
        .ok_or_else(|| unknown(option, wanted, header))
}

/// Gives a column the meaning that `--column NAME=MEANING` says.
pub fn assign(
    choice: &str,
    header: Option<&[String]>,
    mapping: &mut ColumnMapping,
) -> Result<(), CliError> {
    // From the right: a name may contain the sign.
    let Some((wanted, meaning)) = choice.rsplit_once('=') else {
        let problem = format!("--column: {choice:?} is not NAME=MEANING");
        return Err(CliError::Usage(problem));
    };
    let meaning: Column = meaning.trim().parse().map_err(|_| {
        CliError::Usage(format!(
            "--column: there is no meaning {:?}; choose address, first_name, last_name, tracking_off, status, subscribed, confirmed, unsubscribed, undeliverable, ignore, or field:NAME",
            meaning.trim()
        ))
    })?;
    if matches!(meaning, Column::Consent | Column::ConsentDay) {
        let problem = "--column: consents need evidence; use --consent-column";
        return Err(CliError::Usage(problem.to_owned()));
    }
    if !meaning.is_status() && meaning != Column::Ignore {
        // The column that was recognised for it gives way.
        for column in &mut mapping.columns {
            if *column == meaning {
                *column = Column::Ignore;
            }
        }
    }
    *named("--column", wanted, header, mapping)? = meaning;
    Ok(())
}

/// Where the column stands that is called so, or has this number from 1.
fn position(wanted: &str, header: Option<&[String]>, columns: usize) -> Option<usize> {
    let by_name = header
        .unwrap_or_default()
        .iter()
        .position(|name| name.trim() == wanted.trim());
    let by_number = || {
        let number: usize = wanted.trim().parse().ok()?;
        number.checked_sub(1).filter(|at| *at < columns)
    };
    by_name.or_else(by_number)
}

fn unknown(option: &str, wanted: &str, header: Option<&[String]>) -> CliError {
    let mut problem = format!("{option}: the file has no column {wanted:?}");
    match header {
        Some(names) => {
            let names: Vec<String> = names
                .iter()
                .map(|name| format!("{:?}", name.trim()))
                .collect();
            let _ = write!(problem, "; it has {}", names.join(", "));
        }
        None => problem.push_str(" and no header: give the column's number, from 1"),
    }
    CliError::Usage(problem)
}
