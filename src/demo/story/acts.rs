//! What people, or the shop for them, decide, and what comes back of their mails: done as the pages do it.

use super::Story;
use crate::db::DbResult;
use crate::db::models::audit::Actor;
use crate::db::models::mailing_counters;
use crate::demo::returns::{self, ComesBack};
use crate::demo::said;
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingSource;
use crate::erasure::deletion;
use crate::tracking::{pseudonymise, settings};

/// Something that happens to a person or a mail of theirs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    /// The person, as an index.
    pub person: usize,
    /// What happens.
    pub what: What,
    /// The mailing behind whose link it is done, or of which it comes back; none where the shop does it.
    pub mailing: Option<i64>,
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Object,
    ObjectAndPseudonymise,
    Consent,
    Complain,
    ComesBack(ComesBack),
    Unsubscribe,
    Delete,
}

impl Story<'_> {
    /// Lets it happen.
    pub(super) fn act(&mut self, act: Act, at: Timestamp) -> DbResult<()> {
        let (account_id, id) = (self.account_id, self.people[act.person].id);
        let by_themselves = act.mailing.is_some();
        let (actor, source) = if by_themselves {
            (&Actor::Recipient, TrackingSource::Recipient)
        } else {
            (&self.admin, TrackingSource::Admin)
        };
        let remembering = &self.kit.remembering;
        let remains = self.kit.db.write(|conn| {
            match act.what {
                What::Object | What::ObjectAndPseudonymise => {
                    let changed = said::object(conn, account_id, id, by_themselves, actor, at)?;
                    if let (true, Some(mailing)) = (changed, act.mailing) {
                        mailing_counters::count_objection(conn, account_id, mailing)?;
                    }
                }
                What::Unsubscribe => {
                    let changed = settings::unsubscribe(conn, account_id, id, source, actor, at)?;
                    if let (true, Some(mailing)) = (changed, act.mailing) {
                        mailing_counters::count_unsubscription(conn, account_id, mailing)?;
                    }
                }
                What::Consent => {
                    let key = remembering;
                    said::consent(conn, account_id, id, by_themselves, key, actor, at)?;
                }
                What::Complain => {
                    let back = returns::complaint(at);
                    returns::take(conn, account_id, act.mailing, id, back)?;
                }
                What::ComesBack(back) => {
                    returns::take(conn, account_id, act.mailing, id, back)?;
                }
                What::Delete => {}
            }
            match act.what {
                What::ObjectAndPseudonymise => {
                    pseudonymise::pseudonymise_recipient(conn, account_id, id, actor, at)?;
                    Ok(None)
                }
                What::Delete => {
                    let receipt = deletion::start_receipt(conn, account_id, actor, at)?;
                    let ids = [id];
                    deletion::delete_recipients(
                        conn,
                        account_id,
                        &ids,
                        receipt,
                        remembering,
                        actor,
                        at,
                    )
                    .map(Some)
                }
                What::Object
                | What::Consent
                | What::Complain
                | What::ComesBack(_)
                | What::Unsubscribe => Ok(None),
            }
        })?;
        self.remains.extend(remains);
        Ok(())
    }
}
