//! Evidence of what people agreed to or refused (Art. 7 (1) GDPR): what was shown, when they were
//! asked, when they answered. It goes with the recipient.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::schema::consents;
use crate::db::{Conn, DbResult};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// What somebody was asked.
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

/// One answer.
#[derive(Debug, Clone, Queryable)]
pub struct Consent {
    /// To what.
    pub kind: ConsentKind,
    /// Whether it was a yes.
    pub agreed: bool,
    /// What was asked, word for word; empty where nothing was shown.
    pub wording: String,
    /// Where: the form as it was called then, a page, an import, or how it came to a user.
    pub form_name: String,
    /// When the person was asked (sent the form), in milliseconds.
    pub asked_at: i64,
    /// When the person answered (followed the link in the mail), in milliseconds; midnight where
    /// only the day is known.
    pub given_at: i64,
}

impl Consent {
    /// What the answer was, as the heading of its evidence.
    pub const fn answer(&self) -> &'static str {
        if self.agreed { "erteilt" } else { "verweigert" }
    }
}

/// Keeps the evidence of one answer.
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
            consents::agreed.eq(consent.agreed),
            consents::wording.eq(&consent.wording),
            consents::form_name.eq(&consent.form_name),
            consents::asked_at.eq(consent.asked_at),
            consents::given_at.eq(consent.given_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps the evidence that many people agreed to personal tracking in the same words: their
/// numbers, and when each did, in milliseconds.
pub fn record_many(
    conn: &mut Conn,
    account_id: i64,
    people: &[(i64, i64)],
    wording: &str,
    how: &str,
) -> DbResult<()> {
    if people.is_empty() {
        return Ok(());
    }
    let columns = [("recipient_id", Column::Int), ("at", Column::Int)];
    let unfolded = json_rows::unfold(conn, &columns);
    diesel::sql_query(format!(
        "WITH said AS (SELECT recipient_id, at FROM {unfolded} AS listed)
         INSERT INTO consents (account_id, recipient_id, kind, wording, form_name, asked_at, given_at)
         SELECT CAST($2 AS BIGINT), recipient_id, $3, $4, $5, at, at FROM said"
    ))
    .bind::<Text, _>(json_rows::of(people))
    .bind::<BigInt, _>(account_id)
    .bind::<Text, _>(ConsentKind::Tracking.as_str())
    .bind::<Text, _>(wording)
    .bind::<Text, _>(how)
    .execute(conn)?;
    Ok(())
}

/// An answer that is given at once, without a mail in between.
pub fn answered_now(
    kind: ConsentKind,
    agreed: bool,
    wording: &str,
    form_name: &str,
    now: Timestamp,
) -> Consent {
    Consent {
        kind,
        agreed,
        wording: wording.to_owned(),
        form_name: form_name.to_owned(),
        asked_at: now.millis(),
        given_at: now.millis(),
    }
}

/// All that a recipient agreed to or refused, oldest first.
pub fn of_recipient(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Vec<Consent>> {
    Ok(consents::table
        .filter(consents::account_id.eq(account_id))
        .filter(consents::recipient_id.eq(recipient_id))
        .order(consents::id)
        .select((
            consents::kind,
            consents::agreed,
            consents::wording,
            consents::form_name,
            consents::asked_at,
            consents::given_at,
        ))
        .load(conn)?)
}
