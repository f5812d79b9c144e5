//! A return path of its own for every mail (VERP), so that a bounce tells what it is about
//! however little of the mail it quotes.
//!
//! The mark carries the mailing and the recipient's random key, as the personal links do, and
//! never the delivery: so it outlives pseudonymising, and a recipient's deletion makes it lead to
//! nobody (rule P6). A MAC keeps strangers from making bounces up.

use subtle::ConstantTimeEq;

use crate::domain::secret::{Key, Random128};

/// What mail systems must take in front of an `@`, in bytes (RFC 5321, 4.5.3.1.1).
pub const LONGEST_LOCAL_PART: usize = 64;

/// The longest local part of an address that a mark can be added to.
pub const LONGEST_PLAIN_LOCAL_PART: usize = LONGEST_LOCAL_PART - 1 - MARK_LENGTH;

const VERSION: u8 = 1;
/// Mailings are counted up to 2⁴⁰: a thousand a second for thirty years.
const MAILING_LENGTH: usize = 5;
const BODY_LENGTH: usize = 1 + MAILING_LENGTH + size_of::<Random128>();
/// 64 bits: a guess is right once in 1.8 · 10¹⁹, and a mailbox sees each of them.
const MAC_LENGTH: usize = 8;
const BYTES: usize = BODY_LENGTH + MAC_LENGTH;
const MARK_LENGTH: usize = BYTES * 8 / 5;
// No padding, and no two writings of one mark.
const _: () = assert!(BYTES.is_multiple_of(5));

/// Base 32 (RFC 4648, 6), in lower case: on its way an address may be made lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The mark of a mailing's mail to the recipient of that random key: 48 letters and digits.
/// `key` is that of [`crate::domain::secret::Purpose::Bounce`].
pub fn mark(key: &Key, mailing_id: i64, recipient_key: &Random128) -> String {
    let mut bytes = [0; BYTES];
    let (body, mac) = bytes.split_at_mut(BODY_LENGTH);
    body[0] = VERSION;
    body[1..=MAILING_LENGTH].copy_from_slice(&mailing_id.to_be_bytes()[8 - MAILING_LENGTH..]);
    body[1 + MAILING_LENGTH..].copy_from_slice(recipient_key);
    mac.copy_from_slice(&key.mac(body)[..MAC_LENGTH]);
    encode(&bytes)
}

/// Mailing and recipient's key of a marked address or its local part; none where there is no
/// mark, or one that was not made under this key.
pub fn read(key: &Key, address: &str) -> Option<(i64, Random128)> {
    let local_part = address.split_once('@').map_or(address, |(local, _)| local);
    let (_, mark) = local_part.rsplit_once('+')?;
    read_mark(key, mark)
}

/// The same of a mark that stands at the beginning of a text, whatever follows it.
pub fn read_at_start(key: &Key, text: &str) -> Option<(i64, Random128)> {
    read_mark(key, text.get(..MARK_LENGTH)?)
}

fn read_mark(key: &Key, mark: &str) -> Option<(i64, Random128)> {
    let bytes = decode(mark)?;
    let (body, mac) = bytes.split_at(BODY_LENGTH);
    if body[0] != VERSION || !bool::from(key.mac(body)[..MAC_LENGTH].ct_eq(mac)) {
        return None;
    }
    let mut mailing_id = [0; 8];
    mailing_id[8 - MAILING_LENGTH..].copy_from_slice(&body[1..=MAILING_LENGTH]);
    let recipient_key = body[1 + MAILING_LENGTH..].try_into().ok()?;
    Some((i64::from_be_bytes(mailing_id), recipient_key))
}

/// The address with the mark: `name+mark@domain`. None if the address has no room for one
/// ([`LONGEST_PLAIN_LOCAL_PART`]).
pub fn marked(address: &str, mark: &str) -> Option<String> {
    let (local_part, domain) = address.rsplit_once('@')?;
    let fits = local_part.len() + 1 + mark.len() <= LONGEST_LOCAL_PART;
    fits.then(|| format!("{local_part}+{mark}@{domain}"))
}

fn encode(bytes: &[u8; BYTES]) -> String {
    let mut text = String::with_capacity(MARK_LENGTH);
    for five in bytes.chunks_exact(5) {
        let bits = five
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for at in (0..8).rev() {
            let [.., digit] = (bits >> (at * 5)).to_be_bytes();
            text.push(char::from(DIGITS[usize::from(digit & 31)]));
        }
    }
    text
}

fn decode(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != MARK_LENGTH {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (eight, five) in text
        .as_bytes()
        .chunks_exact(8)
        .zip(bytes.chunks_exact_mut(5))
    {
        let bits = eight.iter().try_fold(0_u64, |bits, digit| {
            let digit = match digit.to_ascii_lowercase() {
                letter @ b'a'..=b'z' => letter - b'a',
                number @ b'2'..=b'7' => number - b'2' + 26,
                _ => return None,
            };
            Some(bits << 5 | u64::from(digit))
        })?;
        five.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::secret::{Purpose, Secret};

    fn key(secret: u8) -> Key {
        Secret::from_bytes([secret; 32]).key(Purpose::Bounce)
    }

    proptest! {
        #[test]
        fn a_mark_is_read_as_written(mailing_id in 0_i64..1 << 40, recipient: Random128, upper: bool) {
            let mark = mark(&key(1), mailing_id, &recipient);
            let address = marked("fifteen.letters@news.example", &mark).unwrap();
            prop_assert!(address.find('@').unwrap() <= LONGEST_LOCAL_PART);
            let address = if upper { address.to_uppercase() } else { address };
            prop_assert_eq!(read(&key(1), &address), Some((mailing_id, recipient)));
            prop_assert_eq!(read(&key(2), &address), None);
        }

        #[test]
        fn one_changed_letter_is_noticed(recipient: Random128, at in 0_usize..48, to in "[a-z2-7]") {
            let mark = mark(&key(1), 7, &recipient);
            let mut changed = mark.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != mark);
            prop_assert_eq!(read(&key(1), &format!("b+{changed}")), None);
        }

        #[test]
        fn anything_else_is_no_mark(text in ".{0,60}", letters in "[a-z2-7]{48}") {
            prop_assert_eq!(read(&key(1), &text), None);
            prop_assert_eq!(read(&key(1), &format!("b+{letters}@news.example")), None);
        }
    }

    #[test]
    fn an_address_without_room_gets_no_mark() {
        let mark = mark(&key(1), 7, &[5; 16]);
        assert_eq!(mark.len(), 48);
        assert_eq!(marked("sixteen.letters.@news.example", &mark), None);
        assert_eq!(marked("nowhere", &mark), None);
    }

    #[test]
    fn a_name_of_the_mailbox_may_have_a_plus_itself() {
        let address = marked("b+c@news.example", &mark(&key(1), 7, &[5; 16])).unwrap();
        assert_eq!(read(&key(1), &address), Some((7, [5; 16])));
        assert_eq!(read(&key(1), "b+c@news.example"), None);
        assert_eq!(read(&key(1), "b@news.example"), None);
    }
}
