//! Damaged and forged tokens, by the hundred thousand.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use widerspruch::domain::secret::{Secret, random_128};
use widerspruch::tracking::token::{
    HitKind, PersonalLink, PersonalToken, TokenKeys, TrackingToken,
};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.%~ \0";

/// Which of the four readers accept a text.
fn accepted(keys: &TokenKeys, text: &str) -> [bool; 4] {
    [
        keys.read_tracking(HitKind::Open, text).is_some(),
        keys.read_tracking(HitKind::Click, text).is_some(),
        keys.read_personal(PersonalLink::Unsubscribe, text)
            .is_some(),
        keys.read_personal(PersonalLink::Preferences, text)
            .is_some(),
    ]
}

fn genuine(keys: &TokenKeys) -> [String; 4] {
    let key = random_128().expect("random bits");
    let tracking = TrackingToken {
        mailing_id: 17,
        key: Some(key),
        link: 3,
    };
    let personal = PersonalToken {
        mailing_id: 17,
        recipient_key: key,
    };
    [
        keys.tracking(HitKind::Open, tracking),
        keys.tracking(HitKind::Click, tracking),
        keys.personal(PersonalLink::Unsubscribe, personal),
        keys.personal(PersonalLink::Preferences, personal),
    ]
}

/// Changes a token a little.
pub fn damage(text: &str, random: &mut StdRng) -> String {
    let mut letters = text.as_bytes().to_vec();
    for _ in 0..random.random_range(1..=3) {
        let at = random.random_range(0..letters.len().max(1));
        let letter = *LETTERS.choose(random).expect("letters");
        match random.random_range(0..6) {
            0 if !letters.is_empty() => letters[at] = letter,
            1 => letters.insert(at.min(letters.len()), letter),
            2 if !letters.is_empty() => {
                letters.remove(at);
            }
            3 => letters.truncate(at),
            4 => letters.extend_from_within(..at.min(letters.len())),
            _ => letters.reverse(),
        }
    }
    String::from_utf8(letters).expect("ASCII")
}

#[test]
fn a_damaged_token_is_never_taken() {
    let keys = TokenKeys::new(&Secret::from_bytes([7; 32]));
    let mut random = StdRng::seed_from_u64(4711);
    let originals = genuine(&keys);
    let mut tried = 0;
    while tried < 100_000 {
        let original = originals.choose(&mut random).expect("tokens");
        let damaged = damage(original, &mut random);
        // What stands behind a token is no part of it.
        if originals.iter().any(|token| damaged.starts_with(token)) {
            continue;
        }
        assert_eq!(
            accepted(&keys, &damaged),
            [false; 4],
            "{damaged:?} from {original}"
        );
        tried += 1;
    }
    // Every other last letter: the bits beyond the token's bytes must be what they were.
    for original in &originals {
        let (rest, last) = original.split_at(original.len() - 1);
        for letter in LETTERS {
            let other = format!("{rest}{}", char::from(*letter));
            assert_eq!(
                accepted(&keys, &other).contains(&true),
                other == format!("{rest}{last}")
            );
        }
    }
}

#[test]
fn a_token_opens_what_it_is_for_and_nothing_else() {
    let keys = TokenKeys::new(&Secret::from_bytes([7; 32]));
    let others = TokenKeys::new(&Secret::from_bytes([8; 32]));
    for (at, token) in genuine(&keys).iter().enumerate() {
        let mut expected = [false; 4];
        expected[at] = true;
        assert_eq!(accepted(&keys, token), expected);
        assert_eq!(accepted(&others, token), [false; 4]);
    }
}
