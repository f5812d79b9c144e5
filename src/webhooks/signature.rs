//! Who tells: HMAC-SHA-256 over the time and the body, under a secret that both sides have. With the
//! time in it, an old telling can't be told again as a new one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::secret::hex;
use crate::domain::time::Timestamp;

/// The header that carries it.
pub const HEADER: &str = "Widerspruch-Signature";

/// A new secret: 256 random bits.
///
/// # Errors
/// Fails when the operating system gives no random bits.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("whs_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The header's value: `t=SECONDS,v1=HEX`, the HMAC of `SECONDS.BODY` under the secret.
pub fn sign(secret: &[u8], body: &str, now: Timestamp) -> String {
    let seconds = now.millis() / 1_000;
    let mac = match Hmac::<Sha256>::new_from_slice(secret) {
        Ok(mut mac) => {
            mac.update(format!("{seconds}.{body}").as_bytes());
            mac.finalize().into_bytes()
        }
        // HMAC takes keys of every length (RFC 2104, section 2).
        Err(_) => unreachable!("HMAC takes keys of every length"),
    };
    format!("t={seconds},v1={}", hex(&mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_openssl_makes() {
        // printf '1795507200.{"id":1}' | openssl dgst -sha256 -hmac whs_geheim
        let signed = sign(b"whs_geheim", r#"{"id":1}"#, Timestamp(1_795_507_200_999));
        assert_eq!(
            signed,
            "t=1795507200,v1=d367fdfd3c87ed90b2dc8edbec07f8866aef042f531441c03feec1297c818fb8"
        );
    }
}
