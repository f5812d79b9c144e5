//! Evidence of what people agreed to (Art. 7 (1) GDPR): what was shown, when they were asked, when
//! they said yes. It goes with the recipient.

use diesel::prelude::*;

use crate::db::schema::consents;
use crate::db::{Conn, DbResult};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// To what somebody agreed.
    ConsentKind {
        /// To receiving mailings.
        Subscription => "subscription",
        /// To personal tracking.
        Tracking => "tracking",
    }
}

impl ConsentKind {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Subscription => "Zusendung von E-Mails",
            Self::Tracking => "Personenbezogenes Tracking",
        }
    }
}

/// One consent.
#[derive(Debug, Clone, Queryable)]
pub struct Consent {
    /// To what.
    pub kind: ConsentKind,
    /// What was agreed to, word for word.
    pub wording: String,
    /// Where: the form as it was called then.
    pub form_name: String,
    /// When the person was asked (sent the form), in milliseconds.
    pub asked_at: i64,
    /// When the person said yes (followed the link in the mail), in milliseconds.
    pub given_at: i64,
}

/// Keeps the evidence of one consent.
pub fn record(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    consent: &Consent,
) -> DbResult<()> {
    diesel::insert_into(consents::table)
        .values((
            consents::account_id.eq(account_id),
            consents::recipient_id.eq(recipient_id),
            consents::kind.eq(consent.kind.as_str()),
            consents::wording.eq(&consent.wording),
            consents::form_name.eq(&consent.form_name),
            consents::asked_at.eq(consent.asked_at),
            consents::given_at.eq(consent.given_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// A consent that is given at once, without a mail in between.
pub fn given_now(kind: ConsentKind, wording: &str, form_name: &str, now: Timestamp) -> Consent {
    Consent {
        kind,
        wording: wording.to_owned(),
        form_name: form_name.to_owned(),
        asked_at: now.millis(),
        given_at: now.millis(),
    }
}

/// All that a recipient agreed to, oldest first.
pub fn of_recipient(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Vec<Consent>> {
    Ok(consents::table
        .filter(consents::account_id.eq(account_id))
        .filter(consents::recipient_id.eq(recipient_id))
        .order(consents::id)
        .select((
            consents::kind,
            consents::wording,
            consents::form_name,
            consents::asked_at,
            consents::given_at,
        ))
        .load(conn)?)
}
