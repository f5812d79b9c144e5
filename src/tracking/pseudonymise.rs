//! Cutting the way back from the past to a person, without changing a number (rules P5 and P6).

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::deliveries::{self, CutOff, TiedDeliveries, Unsent};
use crate::db::models::groups;
use crate::db::models::journal::{self, JournalKind};
use crate::db::models::mailings as mailing_rows;
use crate::db::models::receipts::{self, BeforeAfter, Done, ReceiptKind};
use crate::db::{Conn, DbError, DbResult, account_lock, reports};
use crate::domain::time::Timestamp;

/// Cuts deliveries off from these recipients and proves that no figure changed: the figures of
/// the mailings concerned are read on both sides of the act, in its own transaction and under the
/// lock of the mailings, so that no mail of them is counted as sent meanwhile. If any differs,
/// nothing is done.
///
/// The caller keeps the account's hits out, so that none comes between.
pub(crate) fn cut_off_with_proof(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
    unsent: Unsent,
) -> DbResult<(CutOff, Vec<BeforeAfter>)> {
    let tied = deliveries::tied_to(conn, account_id, recipients, unsent)?;
    cut_off(conn, account_id, &tied)
}

/// The same for deliveries of one mailing, whosever they are. Their owners stay; that they leave
/// the groups made of what they did with it is [`leave_groups_of`].
pub(crate) fn cut_off_by_age(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    cut: &[i64],
) -> DbResult<(CutOff, Vec<BeforeAfter>)> {
    let tied = deliveries::tied_among(conn, account_id, mailing_id, cut)?;
    cut_off(conn, account_id, &tied)
}

/// Takes the owners of these deliveries out of the groups that were made of what they did with
/// their mailing.
///
/// The caller holds the lock of the account's people.
pub(crate) fn leave_groups_of(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    cut: &[i64],
) -> DbResult<()> {
    for group_id in groups::of_activity(conn, account_id, mailing_id)? {
        groups::leave_with_deliveries(conn, account_id, group_id, cut)?;
    }
    Ok(())
}

fn cut_off(
    conn: &mut Conn,
    account_id: i64,
    tied: &TiedDeliveries,
) -> DbResult<(CutOff, Vec<BeforeAfter>)> {
    if tied.is_empty() {
        return Ok((CutOff::default(), Vec::new()));
    }
    let mailings = tied.mailings();
    mailing_rows::lock(conn, account_id, &mailings)?;
    let before = reports::figures(conn, account_id, &mailings)?;
    let cut = deliveries::cut_off(conn, account_id, tied)?;
    let after = reports::figures(conn, account_id, &mailings)?;
    if before != after {
        return Err(DbError::Refused(
            "pseudonymising would have changed a report",
        ));
    }
    let figures = before
        .into_iter()
        .zip(after)
        .map(|(before, after)| BeforeAfter { before, after })
        .collect();
    Ok((cut, figures))
}

/// *Alte Tracking-Daten pseudonymisieren*: the past of one recipient who stays. Mails that are
/// still to be sent are left alone. Gives the receipt's number.
pub fn pseudonymise_recipient(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<i64> {
    account_lock::exclusive(conn, account_id)?;
    crate::db::models::recipients::find(conn, account_id, recipient_id)?;
    groups::leave_by_activity(conn, account_id, recipient_id)?;
    let kind = JournalKind::Pseudonymised;
    journal::note(conn, account_id, &[recipient_id], kind, &json!({}))?;
    let entry = Entry {
        actor,
        action: Action::RecipientPseudonymised,
        recipient_id: Some(recipient_id),
        details: json!({}),
    };
    audit::record(conn, account_id, &entry, now)?;
    let receipt = receipts::start(
        conn,
        account_id,
        ReceiptKind::Pseudonymisation,
        actor.label(),
        now,
    )?;
    account_lock::keep_hits_out(conn, account_id)?;
    let (cut, figures) = cut_off_with_proof(conn, account_id, &[recipient_id], Unsent::LeaveAlone)?;
    let done = Done {
        recipients: 1,
        signups: 0,
        refusals: 0,
        groups_left: 0,
        deliveries: cut.deliveries,
        opens: cut.opens,
        clicks: cut.clicks,
        figures,
    };
    receipts::add(conn, account_id, receipt, &done)?;
    Ok(receipt)
}
