//! What a form carries to show that it was really opened: the time, under a key. A program that
//! fills forms in without looking has none, or is too quick. No third party is asked, and nothing
//! is known of anybody.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::domain::secret::Key;
use crate::domain::time::Timestamp;

/// Nobody fills a form in faster, in milliseconds.
pub const LEAST: i64 = 2_000;

/// After this, a form has to be opened anew, in milliseconds.
pub const MOST: i64 = 6 * 3_600_000;

/// Makes and reads stamps.
#[derive(Debug, Clone)]
pub struct Stamps(Key);

/// What a stamp shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A person had time to fill the form in.
    Good,
    /// Nobody is that quick: once more, with the same stamp.
    TooQuick,
    /// There is none, it is too old, or it was not made here for this form.
    None,
}

impl Stamps {
    /// Under the key for this purpose.
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// The stamp of a form (by the key in its address) that is opened now.
    pub fn issue(&self, form: &[u8], now: Timestamp) -> String {
        let mut bytes = now.millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.mac(form, now));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a stamp shows that comes with a form now.
    pub fn read(&self, form: &[u8], text: &str, now: Timestamp) -> Shown {
        let Some((opened, mac)) = parts(text) else {
            return Shown::None;
        };
        let age = now.millis() - opened.millis();
        if !bool::from(self.mac(form, opened).ct_eq(&mac)) || age > MOST {
            Shown::None
        } else if age < LEAST {
            Shown::TooQuick
        } else {
            Shown::Good
        }
    }

    fn mac(&self, form: &[u8], opened: Timestamp) -> [u8; 16] {
        let mut message = opened.millis().to_be_bytes().to_vec();
        message.extend_from_slice(form);
        let mac = self.0.mac(&message);
        std::array::from_fn(|at| mac[at])
    }
}

fn parts(text: &str) -> Option<(Timestamp, [u8; 16])> {
    if text.len() > 32 {
        return None;
    }
    let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (time, mac) = bytes.split_at(8);
    let opened = Timestamp(i64::from_be_bytes(time.try_into().ok()?));
    Some((opened, mac.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::{Purpose, Secret};

    #[test]
    fn it_shows_how_long_a_form_was_open() {
        let stamps = Stamps::new(Secret::from_bytes([2; 32]).key(Purpose::PublicForm));
        let at = |millis| Timestamp(1_000_000 + millis);
        let stamp = stamps.issue(b"form", at(0));
        let read = |millis| stamps.read(b"form", &stamp, at(millis));
        assert_eq!(read(LEAST - 1), Shown::TooQuick);
        assert_eq!(read(LEAST), Shown::Good);
        assert_eq!(read(MOST), Shown::Good);
        assert_eq!(read(MOST + 1), Shown::None);
        assert_eq!(stamps.read(b"other", &stamp, at(LEAST)), Shown::None);
        let others = Stamps::new(Secret::from_bytes([3; 32]).key(Purpose::PublicForm));
        assert_eq!(others.read(b"form", &stamp, at(LEAST)), Shown::None);
        for made_up in ["", "x", &"A".repeat(32), &"A".repeat(400)] {
            assert_eq!(stamps.read(b"form", made_up, at(LEAST)), Shown::None);
        }
    }
}
