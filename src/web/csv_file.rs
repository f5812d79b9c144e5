//! CSV files for spreadsheets, as German spreadsheet programs read them: semicolons and a byte
//! order mark.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CONTENT_DISPOSITION, ContentDisposition, DispositionParam, DispositionType,
};

use crate::web::error::WebError;
use crate::web::respond::WebResult;

/// A file in the making.
pub struct CsvFile {
    writer: csv::Writer<Vec<u8>>,
}

impl CsvFile {
    /// Without any row.
    pub fn empty() -> Self {
        Self {
            // Without the mark, spreadsheet programs take umlauts for something else.
            writer: csv::WriterBuilder::new()
                .delimiter(b';')
                .from_writer("\u{feff}".into()),
        }
    }

    /// Adds a row; all rows of a file have as many cells.
    pub fn row(&mut self, cells: &[&str]) {
        let cells = cells.iter().map(|cell| guarded(cell));
        // Writing to memory does not fail, and all rows of a file have the same width.
        let _ = self.writer.write_record(cells.map(String::into_bytes));
    }

    /// The file as an answer that the browser saves under that name.
    pub fn answer(self, name: &str) -> WebResult {
        let bytes = self
            .writer
            .into_inner()
            .map_err(|error| WebError::Internal(error.to_string()))?;
        Ok(HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8")
            .insert_header((
                CONTENT_DISPOSITION,
                ContentDisposition {
                    disposition: DispositionType::Attachment,
                    parameters: vec![DispositionParam::Filename(name.to_owned())],
                },
            ))
            .body(bytes))
    }
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
