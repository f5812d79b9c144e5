//! The file's bytes as UTF-8, piece by piece.

use std::io::{ErrorKind, Read};

use encoding_rs::{
    CoderResult, Decoder, MACINTOSH, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
    WINDOWS_1254,
};
use oem_cp::code_table::{DECODING_TABLE_CP437, DECODING_TABLE_CP850};

use super::dialect::Encoding;
use super::error::ReadError;

/// How much is read from the file at once.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

/// Room that [`Utf8Source::read`] needs at least to make progress.
pub(super) const MIN_ROOM: usize = 64;

/// First bytes of `.xlsx` (a ZIP archive) and `.xls` (a compound file).
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// How bytes become characters.
enum Decoding {
    /// UTF-8 passes through.
    None,
    Standard(Decoder),
    /// One byte each; the characters of the upper half.
    Table(&'static [char; 128]),
}

impl Decoding {
    fn of(encoding: Encoding) -> Self {
        let standard = match encoding {
            Encoding::Utf8 => return Self::None,
            Encoding::Ibm850 => return Self::Table(&DECODING_TABLE_CP850),
            Encoding::Ibm437 => return Self::Table(&DECODING_TABLE_CP437),
            Encoding::Utf16Le => return Self::Standard(UTF_16LE.new_decoder_with_bom_removal()),
            Encoding::Utf16Be => return Self::Standard(UTF_16BE.new_decoder_with_bom_removal()),
            Encoding::Windows1252 => WINDOWS_1252,
            Encoding::Windows1250 => WINDOWS_1250,
            Encoding::Windows1251 => WINDOWS_1251,
            Encoding::Windows1254 => WINDOWS_1254,
            Encoding::MacRoman => MACINTOSH,
        };
        Self::Standard(standard.new_decoder_without_bom_handling())
    }
}

/// The text of some bytes; what can't be decoded becomes U+FFFD.
pub(super) fn decoded(bytes: &[u8], encoding: Encoding) -> String {
    let mut source = Utf8Source::new(bytes, encoding);
    let mut text = Vec::new();
    let mut room = vec![0; CHUNK_BYTES];
    // Neither a file nor a workbook: reading can't fail in any other way.
    while let Ok(length @ 1..) = source.read(&mut room) {
        text.extend_from_slice(&room[..length]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Decodes a file while it is read.
///
/// A UTF-8 file passes through unchecked, so that a bad byte can be reported with its row; in
/// other encodings what cannot be decoded becomes U+FFFD.
pub(super) struct Utf8Source<R> {
    inner: R,
    decoding: Decoding,
    raw: Box<[u8]>,
    raw_start: usize,
    raw_end: usize,
    bytes_read: u64,
    begun: bool,
    ended: bool,
}

impl<R: Read> Utf8Source<R> {
    pub(super) fn new(inner: R, encoding: Encoding) -> Self {
        Self {
            inner,
            decoding: Decoding::of(encoding),
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
            let plain = match &mut self.decoding {
                Decoding::Standard(_) => None,
                Decoding::Table(table) => Some(look_up(table, raw, room)),
                Decoding::None => {
                    let length = raw.len().min(room.len());
                    room[..length].copy_from_slice(&raw[..length]);
                    Some((length, length))
                }
            };
            if let Some((read, written)) = plain {
                self.raw_start += read;
                if read == 0 && !self.ended {
                    continue;
                }
                return Ok(written);
            }
            let Decoding::Standard(decoder) = &mut self.decoding else {
                continue;
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
            if matches!(self.decoding, Decoding::None) && start.starts_with(UTF8_BOM) {
                self.raw_start = UTF8_BOM.len();
            }
        }
        self.begun = true;
        if self.raw_end == 0 && !matches!(self.decoding, Decoding::Standard(_)) {
            self.ended = true;
        }
        Ok(())
    }
}

/// Decodes as many bytes as there is room for; gives how many were read and written.
fn look_up(table: &[char; 128], raw: &[u8], room: &mut [u8]) -> (usize, usize) {
    const LONGEST: usize = 4;
    let mut written = 0;
    for (read, byte) in raw.iter().enumerate() {
        if room.len() - written < LONGEST {
            return (read, written);
        }
        let upper = byte.checked_sub(128);
        let c = upper.map_or(char::from(*byte), |upper| table[usize::from(upper)]);
        written += c.encode_utf8(&mut room[written..]).len();
    }
    (raw.len(), written)
}

/// A text in an encoding; a question mark for what it does not have.
#[cfg(test)]
pub(super) fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    let with_mark = || std::iter::once(0xfeff).chain(text.encode_utf16());
    match encoding {
        Encoding::Utf8 => return text.as_bytes().to_vec(),
        Encoding::Utf16Le => return with_mark().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => return with_mark().flat_map(u16::to_be_bytes).collect(),
        _ => {}
    }
    // Decoding each byte tells which one stands for a character.
    let table: Vec<Option<char>> = (0..=255)
        .map(|byte| decoded(&[byte], encoding).chars().next())
        .collect();
    text.chars()
        .map(|c| table.iter().position(|known| *known == Some(c)))
        .map(|byte| {
            byte.and_then(|byte| u8::try_from(byte).ok())
                .unwrap_or(b'?')
        })
        .collect()
}
