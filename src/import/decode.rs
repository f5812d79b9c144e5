//! The file's bytes as UTF-8, piece by piece.

use std::io::{ErrorKind, Read};

use encoding_rs::{CoderResult, Decoder};

use super::dialect::Encoding;
use super::error::ReadError;

/// How much is read from the file at once.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

/// Room that [`Utf8Source::read`] needs at least to make progress.
pub(super) const MIN_ROOM: usize = 64;

/// First bytes of `.xlsx` (a ZIP archive) and `.xls` (a compound file).
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Decodes a file while it is read.
///
/// A UTF-8 file passes through unchecked, so that a bad byte can be reported with its row; in
/// other encodings what cannot be decoded becomes U+FFFD.
pub(super) struct Utf8Source<R> {
    inner: R,
    /// None for UTF-8.
    decoder: Option<Decoder>,
    raw: Box<[u8]>,
    raw_start: usize,
    raw_end: usize,
    bytes_read: u64,
    begun: bool,
    ended: bool,
}

impl<R: Read> Utf8Source<R> {
    pub(super) fn new(inner: R, encoding: Encoding) -> Self {
        let decoder = match encoding {
            Encoding::Utf8 => None,
            Encoding::Utf16Le => Some(encoding_rs::UTF_16LE.new_decoder_with_bom_removal()),
            Encoding::Utf16Be => Some(encoding_rs::UTF_16BE.new_decoder_with_bom_removal()),
            Encoding::Windows1252 => {
                Some(encoding_rs::WINDOWS_1252.new_decoder_without_bom_handling())
            }
        };
        Self {
            inner,
            decoder,
            raw: vec![0; CHUNK_BYTES].into_boxed_slice(),
            raw_start: 0,
            raw_end: 0,
            bytes_read: 0,
            begun: false,
            ended: false,
        }
    }

    /// Bytes taken from the file so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Writes the next piece of text to `room` (at least [`MIN_ROOM`] bytes) and returns its
    /// length; 0 at the end of the file.
    pub(super) fn read(&mut self, room: &mut [u8]) -> Result<usize, ReadError> {
        loop {
            if self.raw_start == self.raw_end {
                if self.ended {
                    return Ok(0);
                }
                self.fill()?;
            }
            let raw = &self.raw[self.raw_start..self.raw_end];
            let Some(decoder) = &mut self.decoder else {
                let length = raw.len().min(room.len());
                room[..length].copy_from_slice(&raw[..length]);
                self.raw_start += length;
                if length == 0 && !self.ended {
                    continue;
                }
                return Ok(length);
            };
            let last = self.raw_end == 0;
            let (result, read, written, _) = decoder.decode_to_utf8(raw, room, last);
            self.raw_start += read;
            // The decoder must not be used after its end, and its end may need room twice.
            self.ended = last && result == CoderResult::InputEmpty;
            if written > 0 || self.ended {
                return Ok(written);
            }
        }
    }

    /// Reads the next bytes of the file; afterwards `raw_end == 0` means that there are none.
    fn fill(&mut self) -> Result<(), ReadError> {
        self.raw_start = 0;
        self.raw_end = 0;
        // The first bytes tell a workbook and a byte order mark, and a pipe may give them singly.
        let wanted = if self.begun { 1 } else { 4 };
        while self.raw_end < wanted {
            match self.inner.read(&mut self.raw[self.raw_end..]) {
                Ok(0) => break,
                Ok(count) => {
                    self.raw_end += count;
                    self.bytes_read += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let start = &self.raw[..self.raw_end];
        if !self.begun {
            if WORKBOOKS.iter().any(|magic| start.starts_with(magic)) {
                return Err(ReadError::Workbook);
            }
            if self.decoder.is_none() && start.starts_with(UTF8_BOM) {
                self.raw_start = UTF8_BOM.len();
            }
        }
        self.begun = true;
        if self.raw_end == 0 && self.decoder.is_none() {
            self.ended = true;
        }
        Ok(())
    }
}
