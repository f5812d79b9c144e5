//! What makes a whole file unreadable, in contrast to a single refused row.

use std::io;

use super::columns::MappingProblem;

/// Why a file cannot be imported at all. The display text is a German sentence for the person
/// who chose the file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read from the disk.
    #[error("Die Datei konnte nicht gelesen werden.")]
    Io(#[from] io::Error),
    /// A workbook instead of a text file.
    #[error(
        "Das ist eine Excel-Arbeitsmappe. Bitte speichern Sie sie in Excel als „CSV UTF-8 (durch Trennzeichen getrennt)“ und importieren Sie die neue Datei."
    )]
    Workbook,
    /// The column mapping cannot be used.
    #[error(transparent)]
    Mapping(#[from] MappingProblem),
    /// The header has another number of columns than the mapping: another file or another
    /// delimiter than the mapping was made for.
    #[error(
        "Die Datei hat {found} Spalten, die Zuordnung aber {expected}. Bitte ordnen Sie die Spalten neu zu."
    )]
    OtherColumns {
        /// Columns of the mapping.
        expected: usize,
        /// Columns of the file's header.
        found: usize,
    },
    /// The header itself is broken.
    #[error("Die Kopfzeile ist nicht lesbar: {0}")]
    Header(String),
}
