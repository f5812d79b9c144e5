//! Codes of the second factor (RFC 6238): six digits, another each thirty seconds, as every app for
//! them makes them (SHA-1).

use totp_rs::{Algorithm, Builder, Secret, TotpError};
use zeroize::Zeroizing;

use super::time::Timestamp;

/// 160 bits, as RFC 4226 (section 4) recommends.
pub const SECRET_LENGTH: usize = 20;

/// How the app calls where the code is for.
const ISSUER: &str = "Widerspruch";

/// A code is good for thirty seconds.
const STEP_SECONDS: u64 = 30;

/// Clocks differ, and people type slowly: one step earlier or later is taken (RFC 6238, 5.2).
const SKEW: u16 = 1;

/// What makes and checks the codes of one user.
pub struct Totp(totp_rs::Totp);

impl Totp {
    /// 160 bits from the operating system.
    ///
    /// # Errors
    /// Fails when the operating system gives no random bits.
    pub fn new_secret() -> Result<Zeroizing<[u8; SECRET_LENGTH]>, getrandom::Error> {
        let mut secret = Zeroizing::new([0; SECRET_LENGTH]);
        getrandom::fill(secret.as_mut_slice())?;
        Ok(secret)
    }

    /// With a secret, for whoever signs in with that address.
    ///
    /// # Errors
    /// Fails when the secret is not one of ours.
    pub fn new(secret: &[u8], email: &str) -> Result<Self, TotpError> {
        let secret: [u8; SECRET_LENGTH] = secret.try_into().map_err(|_| TotpError::SecretNotSet)?;
        // A colon would end the name in the address (it can stand in a quoted local part).
        let name = email.replace(':', "");
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(SKEW)
            .with_step_duration(STEP_SECONDS)
            .with_secret(Secret::new_stack(secret))
            .with_issuer(Some(ISSUER))
            .with_account_name(name)
            .build()
            .map(Self)
    }

    /// What an app reads from the picture.
    pub fn url(&self) -> String {
        self.0.to_url().unwrap_or_default()
    }

    /// The secret to type where there is no camera, in groups of four.
    pub fn secret_in_groups(&self) -> String {
        let text = self.0.secret().to_base32();
        let groups: Vec<&str> = (0..text.len())
            .step_by(4)
            .filter_map(|at| text.get(at..(at + 4).min(text.len())))
            .collect();
        groups.join(" ")
    }

    /// The code of that moment.
    pub fn code(&self, now: Timestamp) -> String {
        self.0.generate(seconds(now)).to_string()
    }

    /// The step to which a code belongs; none if it is wrong, or its step was used before. Blanks
    /// in it don't matter.
    pub fn check(&self, code: &str, now: Timestamp, last_step: i64) -> Option<i64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = i64::try_from(self.0.check(&digits, seconds(now))?).ok()?;
        (step > last_step).then_some(step)
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.millis() / 1_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn totp() -> Totp {
        Totp::new(SECRET, "eva@example.org").unwrap()
    }

    /// RFC 6238, appendix B, with the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp().code(Timestamp(seconds * 1_000)), code);
        }
    }

    #[test]
    fn a_code_holds_for_its_step_and_the_neighbours_once() {
        let at = Timestamp(1_234_567_890_000);
        let step = 1_234_567_890 / 30;
        let code = totp().code(at);
        let check = |seconds: i64, last| totp().check(&code, at.plus_millis(seconds * 1_000), last);
        assert_eq!(check(0, 0), Some(step));
        assert_eq!(check(30, 0), Some(step));
        assert_eq!(check(-30, 0), Some(step));
        assert_eq!(check(60, 0), None);
        assert_eq!(check(-60, 0), None);
        assert_eq!(check(0, step - 1), Some(step));
        assert_eq!(check(0, step), None, "used before");
        assert_eq!(check(0, step + 1), None, "an older one, after a newer one");
        assert_eq!(totp().check("005 924", at, 0), Some(step));
        for wrong in ["", "5924", "005925", "+05924", "0059240", "abcdef"] {
            assert_eq!(totp().check(wrong, at, 0), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_reads_it() {
        let url = url::Url::parse(&totp().url()).unwrap();
        assert_eq!(url.scheme(), "otpauth");
        assert_eq!(url.host_str(), Some("totp"));
        let query: std::collections::HashMap<_, _> = url.query_pairs().collect();
        assert_eq!(query["secret"], "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(query["issuer"], "Widerspruch");
        assert_eq!(
            totp().secret_in_groups(),
            "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
        );
        assert!(Totp::new(b"short", "eva@example.org").is_err());
        assert!(Totp::new(SECRET, "\"a:b\"@example.org").is_ok());
    }
}
