//! Imports: recipients from a CSV file of any size.
//!
//! One half reads. It knows neither database nor HTTP and holds at most a few megabytes of the
//! file at a time:
//!
//! * [`dialect`]: encoding, delimiter and header of a file, guessed and changeable.
//! * [`columns`]: what each column is, guessed and changeable.
//! * [`status`]: what it says about who may still be mailed.
//! * [`evidence`]: what proves the consents in it.
//! * [`preview`]: the first rows, for the page on which a person checks both.
//! * [`forecast`]: how many rows would become what, for the same page.
//! * [`reader`]: the file as rows, each either fit for the database or refused with a reason.
//! * [`addresses`]: a file or text of which nothing but the addresses matters.
//!
//! The other half writes: [`run`] takes the rows to the database, one [`slice`] a transaction.
//!
//! [`field_merge`] makes one of fields that were written in several ways.
//!
//! [`background`] does so for files that the browser sent, which lie in [`uploads`].
//!
//! Underneath, `encoding` guesses what the file's bytes mean, `decode` turns them into UTF-8, and `records` cuts them into records.

pub mod addresses;
pub mod background;
pub mod columns;
mod decode;
pub mod dialect;
mod encoding;
pub mod error;
pub mod evidence;
pub mod field_merge;
pub mod forecast;
mod people;
pub mod preview;
pub mod reader;
mod records;
pub mod run;
pub mod slice;
pub mod status;
mod status_columns;
mod status_words;
pub mod uploads;
mod values;

pub use columns::{Column, ColumnMapping, MappingProblem};
pub use dialect::{Delimiter, Dialect, Encoding};
pub use error::ReadError;
pub use preview::{Inspection, Preview, beyond_ascii, inspect, preview};
pub use reader::{ImportRow, RefusedRow, RowReader};
