//! Which mail of ours a message is about: from the mark in its return path, or from the personal
//! link in its headers. Both are under a MAC of this installation; anything else could be made up.

use super::fields::Fields;
use crate::domain::secret::{Key, Purpose, Random128, Secret};
use crate::mail::verp;
use crate::tracking::token::{PersonalLink, TokenKeys};

/// The keys under which marks and links were made.
#[derive(Debug, Clone)]
pub struct Keys {
    bounce: Key,
    tokens: TokenKeys,
}

impl Keys {
    /// From the installation's secret.
    pub fn new(secret: &Secret) -> Self {
        Self {
            bounce: secret.key(Purpose::Bounce),
            tokens: TokenKeys::new(secret),
        }
    }
}

/// A mail of ours: what its mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The mailing.
    pub mailing_id: i64,
    /// The recipient's random public key.
    pub recipient_key: Random128,
}

/// The parts of a message in which a mark may stand.
pub(super) struct Places<'a> {
    /// Its own header.
    pub header: &'a Fields,
    /// The fields of the report in it.
    pub report: &'a [Fields],
    /// The header of our mail, as far as it was returned.
    pub returned: &'a [Fields],
    /// What its parts say; some quote our mail there.
    pub texts: &'a [String],
}

/// Where mail systems write to whom a message was addressed.
const ADDRESSED_TO: [&str; 11] = [
    "to",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-rcpt-to",
    "resent-to",
    "apparently-to",
    "cc",
    "received",
];

/// The mail that a message is about. The address that it came to counts first, then what its
/// report says, then what was returned.
pub(super) fn find(places: &Places<'_>, keys: &Keys) -> Option<Origin> {
    let addressed = ADDRESSED_TO.iter().flat_map(|name| places.header.all(name));
    let reported = places.report.iter().flat_map(Fields::values);
    let returned = places.returned.iter().flat_map(Fields::values);
    addressed
        .chain(reported)
        .chain(returned)
        .find_map(|text| in_address(text, keys))
        .or_else(|| {
            let links = places.returned.iter();
            links
                .flat_map(|fields| fields.all("list-unsubscribe"))
                .find_map(|text| in_link(text, keys))
        })
        .or_else(|| places.texts.iter().find_map(|text| in_address(text, keys)))
        .or_else(|| places.texts.iter().find_map(|text| in_link(text, keys)))
}

/// The first valid mark in a text with addresses. It stands behind a plus, whatever was made of
/// the address around it: a forwarder puts the whole into one of its own (SRS, VERP, BATV), and an
/// envelope's identifier has another writing (RFC 3461, 4).
fn in_address(text: &str, keys: &Keys) -> Option<Origin> {
    let behind_plus = text.match_indices('+').map(|(at, _)| &text[at + 1..]);
    let behind_escape = text
        .match_indices("2B")
        .chain(text.match_indices("2b"))
        .filter(|(at, _)| text[..*at].ends_with(['+', '=', '%']))
        .map(|(at, _)| &text[at + 2..]);
    behind_plus
        .chain(behind_escape)
        .find_map(|rest| verp::read_at_start(&keys.bounce, rest))
        .map(|(mailing_id, recipient_key)| Origin {
            mailing_id,
            recipient_key,
        })
}

/// The first valid link *Abmelden* in a text.
fn in_link(text: &str, keys: &Keys) -> Option<Origin> {
    text.split("/abmelden/")
        .skip(1)
        .find_map(|rest| {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c))
                .unwrap_or(rest.len());
            keys.tokens
                .read_personal(PersonalLink::Unsubscribe, &rest[..end])
        })
        .map(|token| Origin {
            mailing_id: token.mailing_id,
            recipient_key: token.recipient_key,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::token::PersonalToken;

    const WHO: Random128 = [7; 16];

    fn keys() -> Keys {
        Keys::new(&Secret::from_bytes([3; 32]))
    }

    fn mark() -> String {
        verp::mark(&keys().bounce, 5, &WHO)
    }

    #[test]
    fn a_mark_is_found_however_the_address_is_written() {
        let mark = mark();
        for text in [
            format!("<b+{mark}@news.example>"),
            format!("\"Rückläufer\" <b+{}@news.example>", mark.to_uppercase()),
            format!("from mx by mx for <b+{mark}@news.example>; Tue, 24 Nov 2026"),
            format!("rfc822;b+{mark}@news.example"),
            format!("b+2B{mark}@news.example"),
            format!("other@news.example, prvs=123=b+{mark}@news.example"),
            format!("SRS0=x4Fa=QZ=news.example=b+{mark}@forwarder.example"),
            format!("list-bounces+b+{mark}=news.example@forwarder.example"),
            format!("fwd-b=2B{mark}=40news.example@forwarder.example"),
            format!("mailto:b%2b{mark}%40news.example"),
        ] {
            let found = in_address(&text, &keys());
            assert_eq!(
                found.map(|o| (o.mailing_id, o.recipient_key)),
                Some((5, WHO)),
                "{text}"
            );
        }
        let other = Keys::new(&Secret::from_bytes([4; 32]));
        assert_eq!(in_address(&format!("b+{mark}@news.example"), &other), None);
    }

    #[test]
    fn a_link_is_found_and_a_forged_one_is_not() {
        let token = PersonalToken {
            mailing_id: 5,
            recipient_key: WHO,
        };
        let made = |keys: &Keys| keys.tokens.personal(PersonalLink::Unsubscribe, token);
        let text = format!(
            "<https://mail.example/abmelden/xyz>, <https://mail.example/abmelden/{}>",
            made(&keys())
        );
        assert!(in_link(&text, &keys()).is_some());
        let forged = made(&Keys::new(&Secret::from_bytes([4; 32])));
        assert_eq!(in_link(&format!("/abmelden/{forged}"), &keys()), None);
        assert_eq!(in_link("/abmelden/", &keys()), None);
    }

    #[test]
    fn the_address_a_message_came_to_counts_first() {
        let about = |mailing| verp::mark(&keys().bounce, mailing, &WHO);
        let header = Fields::parse(format!("To: b+{}@news.example\n\n", about(1)).as_bytes());
        let returned =
            Fields::parse(format!("Return-Path: <b+{}@news.example>\n\n", about(2)).as_bytes());
        let places = Places {
            header: &header,
            report: &[],
            returned: &[returned],
            texts: &[format!("b+{}@news.example", about(3))],
        };
        assert_eq!(find(&places, &keys()).map(|o| o.mailing_id), Some(1));
    }
}
