//! Taking deliveries in hand: claimed, decided about, and given back.

use super::delivery::Delivering;
use crate::db::models::mailings::{self, MailingStatus};
use crate::db::models::sending::{self, Claim, End, Ended, Hold, Waiting};
use crate::db::models::{accounts, deliveries::DeliveryStatus};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::secret::{Random128, random_128};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{Decision, RecipientStatus};
use crate::tracking::policy::decide;

use super::transport::{Fate, Slot};

/// A claimed delivery with all that its mail needs.
pub(super) struct InHand {
    pub(super) waiting: Waiting,
    pub(super) policy: Decision,
    pub(super) key: Option<Random128>,
}

impl Delivering {
    pub(super) fn hold(&self, now: Timestamp) -> Hold {
        Hold {
            holder: self.holder,
            until: now.plus_millis(self.tools.timing.lease_millis()).millis(),
        }
    }

    /// Claims some deliveries and decides how each may be measured, from the settings as they
    /// are in this transaction (rule P1). Who unsubscribed or bounced since the deliveries were
    /// written receives nothing, nor does who refused what the mailing asks for: those are
    /// cancelled. None when nothing waits at the moment, or the mailing was halted.
    pub(super) fn claim_some(
        &self,
        account_id: i64,
        mailing_id: i64,
        limit: i64,
    ) -> DbResult<Option<Vec<InHand>>> {
        let now = self.tools.clock.now();
        self.tools.db.write(|conn| {
            if mailings::status(conn, account_id, mailing_id)? != MailingStatus::Sending {
                return Ok(None);
            }
            let account = accounts::find(conn, account_id)?.tracking();
            let found = sending::waiting(conn, account_id, mailing_id, limit, now)?;
            if found.is_empty() {
                return Ok(None);
            }
            let (mut in_hand, mut unreachable) = (Vec::new(), Vec::new());
            for waiting in found {
                if waiting.status != RecipientStatus::Active || waiting.left_alone {
                    unreachable.push(waiting.id);
                    continue;
                }
                let policy = decide(account, Some(waiting.tracking));
                let key = match policy {
                    Decision::Personal => {
                        Some(random_128().map_err(|e| DbError::Unavailable(e.to_string()))?)
                    }
                    Decision::Anonymous | Decision::Nothing => None,
                };
                in_hand.push(InHand {
                    waiting,
                    policy,
                    key,
                });
            }
            let claims: Vec<Claim> = in_hand
                .iter()
                .map(|delivery| Claim {
                    id: delivery.waiting.id,
                    policy: delivery.policy,
                    key: delivery.key,
                })
                .collect();
            sending::claim(conn, account_id, &claims, self.hold(now))?;
            sending::cancel_waiting(conn, account_id, mailing_id, &unreachable)?;
            Ok(Some(in_hand))
        })
    }

    /// Settles what senders that ended had in hand, and what this one could not note when it last
    /// worked on the mailing. To be called before it claims anything of it. A mail that was on its
    /// way to a mail server may have been taken by it: that stays uncertain and is not repeated. Of
    /// the others the outbox knows.
    pub(super) fn take_up(&self, account_id: i64, mailing_id: i64) -> DbResult<()> {
        let now = self.tools.clock.now();
        self.tools.db.write(|conn| {
            let left = sending::take_over(conn, account_id, mailing_id, self.hold(now), now)?;
            let ended: Vec<Ended> = left
                .iter()
                .map(|delivery| {
                    let fate = match delivery.status {
                        DeliveryStatus::Underway => Fate::Unknown,
                        _ => self.tools.transport.fate(Slot {
                            mailing_id,
                            recipient_id: delivery.recipient_id,
                        }),
                    };
                    let end = match fate {
                        Fate::Handed => End::Handed,
                        Fate::NotHanded => End::PutBack,
                        Fate::Unknown => End::Uncertain,
                    };
                    Ended::new(delivery.id, end)
                })
                .collect();
            self.note(conn, account_id, mailing_id, &ended, now)?;
            Ok(())
        })
    }

    /// Notes what became of deliveries, and enters the mails that the built-in transport took.
    /// Gives those that were still this sender's.
    pub(super) fn note(
        &self,
        conn: &mut Conn,
        account_id: i64,
        mailing_id: i64,
        ended: &[Ended],
        now: Timestamp,
    ) -> DbResult<Vec<i64>> {
        let mut handed = sending::end(conn, account_id, mailing_id, ended, self.holder, now)?;
        // The order in which they are entered must not follow the deliveries' numbers.
        handed.sort_unstable_by_key(|delivery| delivery.recipient_id);
        let slots: Vec<Slot> = handed
            .iter()
            .map(|delivery| Slot {
                mailing_id,
                recipient_id: delivery.recipient_id,
            })
            .collect();
        self.tools.transport.enter(conn, account_id, &slots, now)?;
        Ok(handed.into_iter().map(|delivery| delivery.id).collect())
    }
}

/// Which of these claimed deliveries may go out as they were decided about. Whoever has
/// unsubscribed or objected since receives nothing, or another mail: those are put back and
/// decided about anew.
pub(super) fn as_decided(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    now: Timestamp,
) -> DbResult<Vec<i64>> {
    let account = accounts::find(conn, account_id)?.tracking();
    let standing = sending::standing(conn, account_id, ids, now)?;
    Ok(standing
        .into_iter()
        .filter(|now| now.status == RecipientStatus::Active && !now.left_alone)
        .filter(|now| now.policy == decide(account, Some(now.tracking)))
        .map(|now| now.id)
        .collect())
}
