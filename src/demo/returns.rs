//! What comes back of the mails, and who reports one as unwanted: counted by [`crate::bounces`], like
//! every report that a mail server sends.

use rand::RngExt;
use rand::rngs::SmallRng;

use crate::bounces::apply;
use crate::bounces::origin::Origin;
use crate::bounces::report::{Meaning, Returned};
use crate::db::models::recipients;
use crate::db::{Conn, DbError, DbResult};
use crate::domain::bounce::{BounceKind, StatusCode, judge};
use crate::domain::time::Timestamp;

const MINUTE: i64 = 60_000;

/// What a mailbox does with mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailbox {
    /// Takes them, with few exceptions.
    Open,
    /// Is given up: from that mailing on, counted from the first.
    GivenUp(usize),
    /// Is full more often than not.
    Full,
}

/// What came back of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComesBack {
    /// Whether for good.
    pub kind: BounceKind,
    /// The reason; none for a complaint.
    pub code: Option<StatusCode>,
    /// When.
    pub at: Timestamp,
}

/// What comes back of the mailing with that number, which arrived then; mostly nothing.
pub fn of_mail(
    rng: &mut SmallRng,
    mailbox: Mailbox,
    number: usize,
    arrived: Timestamp,
) -> Option<ComesBack> {
    match mailbox {
        Mailbox::GivenUp(from) if number >= from => Some(for_good(rng, arrived)),
        Mailbox::Full if rng.random_bool(0.6) => {
            let code = StatusCode::new(4, 2, 2);
            Some(for_now(rng, code, arrived))
        }
        Mailbox::Open | Mailbox::GivenUp(_) if rng.random_bool(0.003) => {
            // A server that does not answer, one that has its doubts, a greylist.
            let codes = [(4, 4, 1), (5, 7, 1), (4, 7, 1)];
            let (class, subject, detail) = codes[rng.random_range(0..codes.len())];
            let code = StatusCode::new(class, subject, detail);
            Some(for_now(rng, code, arrived))
        }
        Mailbox::Open | Mailbox::GivenUp(_) | Mailbox::Full => None,
    }
}

/// The address is no more: its server says so at once.
pub fn for_good(rng: &mut SmallRng, arrived: Timestamp) -> ComesBack {
    let codes = [(5, 1, 1), (5, 1, 1), (5, 2, 1), (5, 1, 2)];
    let (class, subject, detail) = codes[rng.random_range(0..codes.len())];
    ComesBack {
        kind: BounceKind::Hard,
        code: Some(StatusCode::new(class, subject, detail)),
        at: arrived.plus_millis(rng.random_range(MINUTE..20 * MINUTE)),
    }
}

/// The mail's server tries for hours or days before it gives it back.
pub fn for_now(rng: &mut SmallRng, code: StatusCode, arrived: Timestamp) -> ComesBack {
    ComesBack {
        kind: BounceKind::Soft,
        code: Some(code),
        at: arrived.plus_millis(rng.random_range(4 * 60 * MINUTE..50 * 60 * MINUTE)),
    }
}

/// *Als Spam melden*, at that time.
pub const fn complaint(at: Timestamp) -> ComesBack {
    ComesBack {
        kind: BounceKind::Complaint,
        code: None,
        at,
    }
}

/// Lets it come back, of that mailing's mail to that recipient. Without a mailing nothing does.
pub fn take(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: Option<i64>,
    recipient_id: i64,
    back: ComesBack,
) -> DbResult<()> {
    let Some(mailing_id) = mailing_id else {
        return Ok(());
    };
    let recipient = recipients::find(conn, account_id, recipient_id)?;
    let recipient_key = recipient
        .public_key
        .try_into()
        .map_err(|_| DbError::Unreadable("a key of another length".to_owned()))?;
    let returned = Returned {
        meaning: Meaning::CameBack {
            kind: back.kind,
            reason: back.code.map(|code| judge("", Some(code)).reason),
            code: back.code,
        },
        origin: Some(Origin {
            mailing_id,
            recipient_key,
        }),
    };
    apply::apply(conn, &returned, back.at)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SENT: Timestamp = Timestamp(1_768_464_000_000);

    #[test]
    fn a_mailbox_that_was_given_up_takes_nothing_from_then_on() {
        let mut rng = SmallRng::seed_from_u64(5);
        for number in 3..9 {
            let back = of_mail(&mut rng, Mailbox::GivenUp(3), number, SENT).unwrap();
            assert_eq!(back.kind, BounceKind::Hard);
            assert!(back.at > SENT);
        }
        let before = (0..1_000).filter_map(|_| of_mail(&mut rng, Mailbox::GivenUp(3), 2, SENT));
        assert!(before.count() < 15);
    }

    #[test]
    fn every_code_means_what_is_counted() {
        let mut rng = SmallRng::seed_from_u64(6);
        let mut seen = [0, 0];
        for mailbox in [Mailbox::Open, Mailbox::Full, Mailbox::GivenUp(0)] {
            for _ in 0..2_000 {
                if let Some(back) = of_mail(&mut rng, mailbox, 1, SENT) {
                    assert_eq!(back.code.unwrap().kind(), Some(back.kind));
                    seen[usize::from(back.kind == BounceKind::Hard)] += 1;
                }
            }
        }
        assert!(seen[0] > 1_100 && seen[1] == 2_000, "{seen:?}");
    }
}
