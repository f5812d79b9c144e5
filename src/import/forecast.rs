//! What an import would make of a file, before anything is written.

use std::io::Read;

use super::error::ReadError;
use super::reader::RowReader;
use super::run::Settings;
use super::status::StatedStatus;

/// How many rows are counted: a page has to answer soon.
const COUNTED_ROWS: i64 = 50_000;

/// The same in bytes of the file, for long rows.
const COUNTED_BYTES: u64 = 32 * 1024 * 1024;

/// How many refusals are quoted.
const QUOTED_REASONS: usize = 3;

/// How many rows would become what, by what the file itself says. Who has unsubscribed here, or is on
/// the suppression list, gets no mails in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Rows counted.
    pub rows: i64,
    /// Whether these are all rows of the file.
    pub is_complete: bool,
    /// Rows of people who would be mailed.
    pub active: i64,
    /// Rows of people who unsubscribed, were blocked or complained.
    pub unsubscribed: i64,
    /// Rows whose address refuses mails.
    pub undeliverable: i64,
    /// Rows of people who never confirmed: those who are new would be entered as unsubscribed.
    pub unconfirmed: i64,
    /// Rows that would not be imported.
    pub refused: i64,
    /// Why, as German sentences: the first different ones.
    pub reasons: Vec<String>,
}

/// Counts the rows of a file, from its start, up to a bound.
pub fn forecast(file: impl Read, settings: &Settings) -> Result<Forecast, ReadError> {
    let mut rows = RowReader::new(file, settings.dialect, settings.mapping.clone())?;
    let mut found = Forecast::default();
    while found.rows < COUNTED_ROWS && rows.bytes_read() < COUNTED_BYTES {
        let Some(row) = rows.next() else {
            found.is_complete = true;
            break;
        };
        found.rows += 1;
        match row? {
            Ok(row) => {
                let said = row.status.map(|(said, _)| said).max(settings.everybody);
                *match said {
                    None | Some(StatedStatus::Active) => &mut found.active,
                    Some(StatedStatus::Unconfirmed) => &mut found.unconfirmed,
                    Some(StatedStatus::Undeliverable) => &mut found.undeliverable,
                    Some(StatedStatus::Unsubscribed | StatedStatus::Complained) => {
                        &mut found.unsubscribed
                    }
                } += 1;
            }
            Err(refused) => {
                found.refused += 1;
                if found.reasons.len() < QUOTED_REASONS && !found.reasons.contains(&refused.reason)
                {
                    found.reasons.push(refused.reason);
                }
            }
        }
    }
    Ok(found)
}
