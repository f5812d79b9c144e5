//! Recovery codes: let their owner in once where the second factor is lost. 80 bits from the
//! operating system each, so that a plain hash of them can be stored.

use super::random_key::{KeyHash, hash_of};

/// How many there are at a time.
pub const COUNT: usize = 10;

/// Without those that are mixed up when read from paper (0 and O, 1 and I): 32 signs, five bits
/// each.
const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

const LENGTH: usize = 16;

/// New codes, as they are shown, in groups of four.
///
/// # Errors
/// Fails when the operating system gives no random bits.
pub fn new_codes() -> Result<Vec<String>, getrandom::Error> {
    (0..COUNT).map(|_| new_code()).collect()
}

fn new_code() -> Result<String, getrandom::Error> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    let mut code = String::with_capacity(LENGTH + LENGTH / 4);
    for (at, byte) in bytes.into_iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        // 256 is eight times 32: every sign is as likely as any other.
        code.push(char::from(SIGNS[usize::from(byte % 32)]));
    }
    Ok(code)
}

/// The hash of a code as somebody typed it: case, blanks and hyphens don't matter. None for what
/// is no such code.
pub fn hash(typed: &str) -> Option<KeyHash> {
    let plain: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let is_code = plain.len() == LENGTH && plain.bytes().all(|sign| SIGNS.contains(&sign));
    is_code.then(|| hash_of(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_are_known_again_however_they_are_typed() {
        let codes = new_codes().unwrap();
        let different: std::collections::HashSet<_> = codes.iter().collect();
        assert_eq!(different.len(), COUNT);
        let code = &codes[0];
        assert_eq!(code.len(), 19);
        let known = hash(code).unwrap();
        assert_eq!(hash(&code.to_lowercase().replace('-', " ")), Some(known));
        assert_ne!(hash(&codes[1]), Some(known));
        for wrong in ["", "123456", "AAAA-AAAA-AAAA-AAA", "AAAA-AAAA-AAAA-AAA0"] {
            assert_eq!(hash(wrong), None, "{wrong}");
        }
    }
}
