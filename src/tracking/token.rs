//! What the pixel, the links and the personal links of a mail carry.
//!
//! A tracking token is `base64url(version, mailing, key, link, mac)`: 1 + 8 + 16 + 2 bytes and
//! HMAC-SHA-256 over them, cut to 128 bits (RFC 2104, section 5, allows half). The key is the
//! delivery's random key where the mail may be measured personally, and all zeros where not, so
//! that the addresses in the mails of two people who objected are equal byte for byte (rule P4).
//! A damaged or forged token is refused here, before the database is asked.
//!
//! All tokens of a kind are equally long, so length and MAC say where one ends. What stands behind
//! it is no part of it: mail programs and people take a full stop, a bracket or a quotation mark
//! for a part of an address.
//!
//! A personal token (`base64url(version, mailing, recipient's random key, mac)`) opens *Abmelden*
//! and *Personenbezogenes Tracking: Widerspruch*. It never carries anything of the delivery, so it
//! outlives pseudonymisation and dies with the recipient (rule P6).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::domain::secret::{Key, Purpose, Random128, Secret};

const VERSION: u8 = 1;
const MAC_LENGTH: usize = 16;
const TRACKING_BODY: usize = 1 + 8 + 16 + 2;
const PERSONAL_BODY: usize = 1 + 8 + 16;

/// The keys of all tokens of the installation.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    open: Key,
    click: Key,
    unsubscribe: Key,
    preferences: Key,
}

/// What a tracking token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackingToken {
    /// The mailing.
    pub mailing_id: i64,
    /// The delivery's random key; none where nobody may be known.
    pub key: Option<Random128>,
    /// The number of the link; 0 for the pixel.
    pub link: u16,
}

/// What a personal token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalToken {
    /// The mailing whose link was followed.
    pub mailing_id: i64,
    /// The recipient's random public key.
    pub recipient_key: Random128,
}

/// Which of the personal links a token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalLink {
    /// *Abmelden*.
    Unsubscribe,
    /// *Personenbezogenes Tracking: Widerspruch*.
    Preferences,
}

/// Which kind of hit a tracking token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HitKind {
    /// The pixel was loaded.
    Open,
    /// A link was followed.
    Click,
}

impl TokenKeys {
    /// Derives the keys from the installation's secret, one per purpose.
    pub fn new(secret: &Secret) -> Self {
        Self {
            open: secret.key(Purpose::Open),
            click: secret.key(Purpose::Click),
            unsubscribe: secret.key(Purpose::Unsubscribe),
            preferences: secret.key(Purpose::Preferences),
        }
    }

    /// Writes a tracking token.
    pub fn tracking(&self, kind: HitKind, token: TrackingToken) -> String {
        let mut bytes = Vec::with_capacity(TRACKING_BODY + MAC_LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(&token.mailing_id.to_be_bytes());
        bytes.extend_from_slice(&token.key.unwrap_or_default());
        bytes.extend_from_slice(&token.link.to_be_bytes());
        seal(self.tracking_key(kind), bytes)
    }

    /// Reads a tracking token; none when it is damaged, forged or of another kind.
    /// Whatever stands behind it is left out.
    pub fn read_tracking(&self, kind: HitKind, text: &str) -> Option<TrackingToken> {
        let body: [u8; TRACKING_BODY] = open(self.tracking_key(kind), text)?;
        let key: Random128 = body[9..25].try_into().ok()?;
        Some(TrackingToken {
            mailing_id: i64::from_be_bytes(body[1..9].try_into().ok()?),
            key: (key != Random128::default()).then_some(key),
            link: u16::from_be_bytes(body[25..27].try_into().ok()?),
        })
    }

    /// Writes a personal token.
    pub fn personal(&self, link: PersonalLink, token: PersonalToken) -> String {
        let mut bytes = Vec::with_capacity(PERSONAL_BODY + MAC_LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(&token.mailing_id.to_be_bytes());
        bytes.extend_from_slice(&token.recipient_key);
        seal(self.personal_key(link), bytes)
    }

    /// Reads a personal token; none when it is damaged, forged or of another kind.
    /// Whatever stands behind it is left out.
    pub fn read_personal(&self, link: PersonalLink, text: &str) -> Option<PersonalToken> {
        let body: [u8; PERSONAL_BODY] = open(self.personal_key(link), text)?;
        Some(PersonalToken {
            mailing_id: i64::from_be_bytes(body[1..9].try_into().ok()?),
            recipient_key: body[9..25].try_into().ok()?,
        })
    }

    const fn tracking_key(&self, kind: HitKind) -> &Key {
        match kind {
            HitKind::Open => &self.open,
            HitKind::Click => &self.click,
        }
    }

    const fn personal_key(&self, link: PersonalLink) -> &Key {
        match link {
            PersonalLink::Unsubscribe => &self.unsubscribe,
            PersonalLink::Preferences => &self.preferences,
        }
    }
}

fn seal(key: &Key, mut bytes: Vec<u8>) -> String {
    let mac = key.mac(&bytes);
    bytes.extend_from_slice(&mac[..MAC_LENGTH]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// How many characters of base64 without padding hold so many bytes (RFC 4648, section 5).
const fn written_length(bytes: usize) -> usize {
    (bytes * 8).div_ceil(6)
}

fn open<const BODY: usize>(key: &Key, text: &str) -> Option<[u8; BODY]> {
    let text = text.get(..written_length(BODY + MAC_LENGTH))?;
    // The buffer holds the longest.
    let mut buffer = [0_u8; TRACKING_BODY + MAC_LENGTH + 3];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer).ok()?;
    let bytes = buffer.get(..length)?;
    if length != BODY + MAC_LENGTH || bytes[0] != VERSION {
        return None;
    }
    let (body, mac) = bytes.split_at(BODY);
    let expected = key.mac(body);
    if bool::from(expected[..MAC_LENGTH].ct_eq(mac)) {
        body.try_into().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> TokenKeys {
        TokenKeys::new(&Secret::from_bytes([3; 32]))
    }

    proptest! {
        #[test]
        fn a_token_is_read_as_written(mailing_id in 1_i64.., key: Random128, link: u16) {
            let token = TrackingToken { mailing_id, key: (key != [0; 16]).then_some(key), link };
            let text = keys().tracking(HitKind::Click, token);
            prop_assert_eq!(keys().read_tracking(HitKind::Click, &text), Some(token));
            prop_assert_eq!(keys().read_tracking(HitKind::Open, &text), None);
        }

        #[test]
        fn one_changed_character_is_noticed(key: Random128, at in 0_usize..57, to in "[A-Za-z0-9_-]") {
            let token = TrackingToken { mailing_id: 5, key: Some(key), link: 1 };
            let text = keys().tracking(HitKind::Click, token);
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert_eq!(keys().read_tracking(HitKind::Click, &changed), None);
        }

        #[test]
        fn anything_else_is_refused(text in ".{0,200}") {
            prop_assert_eq!(keys().read_tracking(HitKind::Open, &text), None);
            prop_assert_eq!(keys().read_personal(PersonalLink::Unsubscribe, &text), None);
        }
    }

    #[test]
    fn p4_without_a_key_all_tokens_of_a_link_are_equal() {
        let token = TrackingToken {
            mailing_id: 9,
            key: None,
            link: 2,
        };
        assert_eq!(
            keys().tracking(HitKind::Click, token),
            keys().tracking(HitKind::Click, token)
        );
    }

    #[test]
    fn a_personal_token_opens_only_its_own_link() {
        let token = PersonalToken {
            mailing_id: 9,
            recipient_key: [8; 16],
        };
        let text = keys().personal(PersonalLink::Unsubscribe, token);
        assert_eq!(
            keys().read_personal(PersonalLink::Unsubscribe, &text),
            Some(token)
        );
        assert_eq!(keys().read_personal(PersonalLink::Preferences, &text), None);
    }

    #[test]
    fn what_stands_behind_a_token_is_no_part_of_it() {
        let tracking = TrackingToken {
            mailing_id: 9,
            key: Some([8; 16]),
            link: 2,
        };
        let personal = PersonalToken {
            mailing_id: 9,
            recipient_key: [8; 16],
        };
        let click = keys().tracking(HitKind::Click, tracking);
        let preferences = keys().personal(PersonalLink::Preferences, personal);
        let long = "x".repeat(3_000);
        for rest in [
            ".", ")", ">", "\"", " ", "\u{A0}", "/", "=", "==", "&x=1", "_", "-", "ä", "\0", "…",
            "A", &long,
        ] {
            let read = keys().read_tracking(HitKind::Click, &[&click, rest].concat());
            assert_eq!(read, Some(tracking), "{rest}");
            let read =
                keys().read_personal(PersonalLink::Preferences, &[&preferences, rest].concat());
            assert_eq!(read, Some(personal), "{rest}");
        }
        for text in [&click[..57], &preferences[..54], "", "ä"] {
            assert_eq!(keys().read_tracking(HitKind::Click, text), None);
            assert_eq!(keys().read_personal(PersonalLink::Preferences, text), None);
        }
    }

    #[test]
    fn another_installation_refuses_the_token() {
        let token = TrackingToken {
            mailing_id: 9,
            key: None,
            link: 2,
        };
        let text = keys().tracking(HitKind::Open, token);
        let other = TokenKeys::new(&Secret::from_bytes([4; 32]));
        assert_eq!(other.read_tracking(HitKind::Open, &text), None);
    }
}
