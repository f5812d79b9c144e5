//! What people say about personal tracking, with the evidence that is kept of it: when, how, and in
//! what words.

use super::{ACCOUNT, calendar};
use crate::db::models::audit::Actor;
use crate::db::models::consents::{self, Consent, ConsentKind};
use crate::db::{Conn, DbResult};
use crate::domain::consent::{OBJECTING, OWN_PAGE, wording};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingSource;
use crate::tracking::settings;

/// What stood on the form for the customer's card, whose answers came with a file.
const ON_THE_FORM: &str = "☐ Ja, die Buchhandlung Lindenhof darf auswerten, welche ihrer E-Mails ich öffne und welche Links ich darin \
     anklicke, damit ihre Empfehlungen besser zu mir passen. Ich kann das jederzeit widerrufen.";

/// How those came.
const BY_FILE: &str = "Import: Antrag auf die Kundenkarte";

/// What stands on the card that lies beside the till.
const ON_THE_CARD: &str = "☐ Ich bin damit einverstanden, dass die Buchhandlung Lindenhof personenbezogen erfasst, welche ihrer E-Mails \
     ich öffne und was ich darin anklicke.";

/// How that came to the shop.
const BY_CARD: &str = "Karte an der Ladenkasse (von sich aus)";

/// Keeps what proves the consents of people who came with a file: their numbers, and when each
/// gave it, in milliseconds.
pub fn prove_by_file(conn: &mut Conn, account_id: i64, given: &[(i64, i64)]) -> DbResult<()> {
    consents::record_many(conn, account_id, given, ON_THE_FORM, BY_FILE)
}

/// A yes: on the person's own page, or on a card that the shop records.
pub fn consent(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    by_themselves: bool,
    remembering: &Key,
    actor: &Actor,
    at: Timestamp,
) -> DbResult<()> {
    let (source, evidence) = if by_themselves {
        let kind = ConsentKind::Tracking;
        let evidence = consents::answered_now(kind, true, &wording(ACCOUNT), OWN_PAGE, at);
        (TrackingSource::Recipient, evidence)
    } else {
        let day = calendar::day_before(at).millis();
        let evidence = Consent {
            kind: ConsentKind::Tracking,
            agreed: true,
            wording: ON_THE_CARD.to_owned(),
            form_name: BY_CARD.to_owned(),
            asked_at: day,
            given_at: day,
        };
        (TrackingSource::Admin, evidence)
    };
    let is_new = settings::consent(
        conn,
        account_id,
        recipient_id,
        source,
        remembering,
        actor,
        at,
    )?;
    if is_new {
        consents::record(conn, account_id, recipient_id, &evidence)?;
    }
    Ok(())
}

/// A no to tracking; its evidence is kept where it was said on the person's own page. Gives whether
/// it was new.
pub fn object(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    by_themselves: bool,
    actor: &Actor,
    at: Timestamp,
) -> DbResult<bool> {
    let source = if by_themselves {
        TrackingSource::Recipient
    } else {
        TrackingSource::Admin
    };
    let is_new = settings::object(conn, account_id, recipient_id, source, actor, at)?;
    if is_new && by_themselves {
        let kind = ConsentKind::Tracking;
        let refusal = consents::answered_now(kind, false, OBJECTING, OWN_PAGE, at);
        consents::record(conn, account_id, recipient_id, &refusal)?;
    }
    Ok(is_new)
}
