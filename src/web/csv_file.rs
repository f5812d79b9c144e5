//! CSV files for spreadsheets, as German spreadsheet programs read them: semicolons and a byte
//! order mark.
//!
//! A long one is sent while it is read ([`stream`]): in one transaction, so that it shows one
//! state of the data, and in pieces, so that memory does not grow with it.

use std::io::Error as IoError;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::header::{
    CONTENT_DISPOSITION, ContentDisposition, DispositionParam, DispositionType,
};
use actix_web::web::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::db::{Conn, DbError, DbResult};
use crate::web::error::WebError;
use crate::web::respond::WebResult;
use crate::web::state::State;

/// How many long files are read at a time: each holds a connection to the database.
static AT_A_TIME: Semaphore = Semaphore::const_new(3);

/// How many pieces wait for a browser that takes them more slowly than they are read.
const WAITING: usize = 4;

/// How long a browser may take for a whole file: meanwhile it holds a state of the database.
const PATIENCE: Duration = Duration::from_mins(10);

/// A file in the making.
pub struct CsvFile {
    writer: csv::Writer<Vec<u8>>,
}

/// Where the pieces of a long file go.
pub struct Pieces {
    runtime: Handle,
    sender: mpsc::Sender<Result<Bytes, IoError>>,
    until: Instant,
}

impl Pieces {
    /// Sends a piece, as soon as those before it are taken.
    ///
    /// # Errors
    /// [`DbError::Refused`] when the browser is gone, or took too long.
    pub fn send(&self, piece: CsvFile) -> DbResult<()> {
        let bytes = piece
            .bytes()
            .map_err(|_| DbError::Refused("a file that can't be written"))?;
        self.hand(Ok(bytes.into()))
    }

    fn hand(&self, piece: Result<Bytes, IoError>) -> DbResult<()> {
        let sending = timeout_at(self.until, self.sender.send(piece));
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            _ => Err(DbError::Refused("nobody takes the file")),
        }
    }
}

/// A file that `write` reads in one transaction and sends in pieces, its first with the head row.
/// What fails in the middle ends the connection, so that no browser takes a part for the whole.
pub async fn stream<F>(state: &State, name: &str, write: F) -> WebResult
where
    F: FnOnce(&mut Conn, &Pieces) -> DbResult<()> + Send + 'static,
{
    let turn = AT_A_TIME
        .acquire()
        .await
        .map_err(|error| WebError::Internal(error.to_string()))?;
    let db = state.db.clone();
    let (sender, receiver) = mpsc::channel(WAITING);
    let pieces = Pieces {
        runtime: Handle::current(),
        sender,
        until: Instant::now() + PATIENCE,
    };
    tokio::task::spawn_blocking(move || {
        let outcome = db.read_slowly(PATIENCE, |conn| write(conn, &pieces));
        drop(turn);
        if let Err(error) = outcome {
            // Not to be delivered where the browser is the one that is gone.
            let _ = pieces.hand(Err(IoError::other(error.to_string())));
        }
    });
    let body = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(attachment(name).streaming(body))
}

impl CsvFile {
    /// Without any row.
    pub fn empty() -> Self {
        // Without the mark, spreadsheet programs take umlauts for something else.
        Self::after("\u{feff}".into())
    }

    /// The next piece of a file.
    pub fn continued() -> Self {
        Self::after(Vec::new())
    }

    fn after(begun: Vec<u8>) -> Self {
        Self {
            writer: csv::WriterBuilder::new()
                .delimiter(b';')
                .flexible(true)
                // Else a program that takes another sign for the delimiter would see cells that
                // begin in the middle of one.
                .quote_style(csv::QuoteStyle::Always)
                .from_writer(begun),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&str]) {
        let cells = cells.iter().map(|cell| guarded(cell));
        // Writing to memory does not fail.
        let _ = self.writer.write_record(cells.map(String::into_bytes));
    }

    /// The file as an answer that the browser saves under that name.
    pub fn answer(self, name: &str) -> WebResult {
        Ok(attachment(name).body(self.bytes()?))
    }

    fn bytes(self) -> Result<Vec<u8>, WebError> {
        self.writer
            .into_inner()
            .map_err(|error| WebError::Internal(error.to_string()))
    }
}

/// An answer that is saved under that name.
fn attachment(name: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            CONTENT_DISPOSITION,
            ContentDisposition {
                disposition: DispositionType::Attachment,
                parameters: vec![DispositionParam::Filename(name.to_owned())],
            },
        ));
    answer
}

/// A cell that no spreadsheet program takes for a formula: names, addresses and subjects are
/// written by strangers.
fn guarded(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        assert_eq!(guarded("anna@example.org"), "anna@example.org");
        assert_eq!(guarded("12,5 %"), "12,5 %");
    }
}
