//! Names of folders as IMAP writes them: modified UTF-7 (RFC 3501, 5.1.3).

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// A readable name, such as *Rückläufer*, as a server knows it.
pub fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut foreign: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            end_foreign(&mut encoded, &mut foreign);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                foreign.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    end_foreign(&mut encoded, &mut foreign);
    encoded
}

fn end_foreign(encoded: &mut String, foreign: &mut Vec<u8>) {
    if !foreign.is_empty() {
        encoded.push('&');
        BASE64.encode_string(&*foreign, encoded);
        encoded.push('-');
        foreign.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn names_are_written_as_servers_know_them() {
        assert_eq!(encode("INBOX"), "INBOX");
        assert_eq!(encode("Rückläufer"), "R&APw-ckl&AOQ-ufer");
        assert_eq!(encode("A&B"), "A&-B");
        // The example of RFC 3501, 5.1.3.
        assert_eq!(
            encode("~peter/mail/台北/日本語"),
            "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
        );
    }
}
