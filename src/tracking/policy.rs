//! The one decision (rule P1): nothing else in the code decides who is measured.
//!
//! It is asked twice: when a mail is rendered, where the answer is frozen on the delivery, and
//! again when a hit is stored, with the settings as they are in that transaction. A hit is
//! personal only if both answers were.

pub use crate::domain::tracking::Decision;
use crate::domain::tracking::{AccountTracking, RecipientTracking, TrackingMode};

/// Decides how a recipient may be measured.
///
/// `recipient` is `None` where nobody is known (any more): a pseudonymised delivery, or a token
/// that carries no key.
///
/// | account's mode | *ohne Angabe* | *eingewilligt* | *widersprochen* | nobody |
/// |---|---|---|---|---|
/// | *aktiv* | personal | personal | – | – |
/// | *nur mit Einwilligung* | – | personal | – | – |
/// | *deaktiviert* | – | – | – | – |
///
/// Where the table has no *personal*, the account's setting says whether anonymous totals remain.
pub const fn decide(account: AccountTracking, recipient: Option<RecipientTracking>) -> Decision {
    let personal = matches!(
        (account.mode, recipient),
        (
            TrackingMode::Active,
            Some(RecipientTracking::Unset | RecipientTracking::Consented)
        ) | (TrackingMode::Consent, Some(RecipientTracking::Consented))
    );
    match (personal, account.count_anonymously) {
        (true, _) => Decision::Personal,
        (false, true) => Decision::Anonymous,
        (false, false) => Decision::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [TrackingMode; 3] = [
        TrackingMode::Active,
        TrackingMode::Consent,
        TrackingMode::Off,
    ];
    const SAID: [Option<RecipientTracking>; 4] = [
        None,
        Some(RecipientTracking::Unset),
        Some(RecipientTracking::Consented),
        Some(RecipientTracking::Objected),
    ];

    #[test]
    fn p1_the_whole_table() {
        let mut personal = Vec::new();
        for mode in MODES {
            for said in SAID {
                for count_anonymously in [true, false] {
                    let decision = decide(
                        AccountTracking {
                            mode,
                            count_anonymously,
                        },
                        said,
                    );
                    match decision {
                        Decision::Personal => personal.push((mode, said, count_anonymously)),
                        Decision::Anonymous => assert!(count_anonymously),
                        Decision::Nothing => assert!(!count_anonymously),
                    }
                }
            }
        }
        let expected: Vec<_> = [
            (TrackingMode::Active, Some(RecipientTracking::Unset)),
            (TrackingMode::Active, Some(RecipientTracking::Consented)),
            (TrackingMode::Consent, Some(RecipientTracking::Consented)),
        ]
        .into_iter()
        .flat_map(|(mode, said)| [(mode, said, true), (mode, said, false)])
        .collect();
        assert_eq!(personal, expected);
    }
}
