//! Receipts: what a deletion or a pseudonymisation did, without saying to whom.

use diesel::prelude::*;

use crate::db::reports::Figures;
use crate::db::schema::{jobs, receipts};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// What was done.
    ReceiptKind {
        /// Recipients were deleted, their past pseudonymised.
        Deletion => "deletion",
        /// Only the past was pseudonymised.
        Pseudonymisation => "pseudonymisation",
        /// The whole account's past was pseudonymised.
        Past => "past",
        /// What was older than the account keeps it was pseudonymised.
        Retention => "retention",
    }
}

stored_as_word! {
    /// Whether the bytes are out of the files too (rule P7).
    Cleanup {
        /// *Bereinigung ausstehend*.
        Pending => "pending",
        /// *erledigt*.
        Done => "done",
        /// Nothing to clean: no address was deleted.
        Unneeded => "unneeded",
    }
}

/// A receipt.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = receipts)]
pub struct Receipt {
    /// Its number.
    pub id: i64,
    /// What was done.
    pub kind: ReceiptKind,
    /// Who did it.
    pub actor: String,
    /// To how many recipients.
    pub recipients: i64,
    /// How many unconfirmed sign-ups were deleted.
    pub signups: i64,
    /// In how many lines of imports' reports an address of nobody was emptied.
    pub refusals: i64,
    /// How many memberships in groups ended.
    pub groups_left: i64,
    /// How many deliveries were pseudonymised.
    pub deliveries: i64,
    /// How many opens were pseudonymised.
    pub opens: i64,
    /// How many clicks were pseudonymised.
    pub clicks: i64,
    figures: String,
    /// Whether the files are clean.
    pub cleanup: Cleanup,
    /// Since when, in milliseconds.
    pub cleaned_at: Option<i64>,
    /// When it was done, in milliseconds.
    pub created_at: i64,
}

/// One mailing's figures on both sides of the act, read in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BeforeAfter {
    /// Before.
    pub before: Figures,
    /// After.
    pub after: Figures,
}

impl Cleanup {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Bereinigung ausstehend",
            Self::Done => "erledigt",
            Self::Unneeded => "nicht nötig",
        }
    }
}

impl Receipt {
    /// Whether it is about deliveries of many, by the age of their mailings.
    pub fn is_by_age(&self) -> bool {
        matches!(self.kind, ReceiptKind::Past | ReceiptKind::Retention)
    }

    /// What was done, in a word.
    pub fn word(&self) -> &'static str {
        match self.kind {
            ReceiptKind::Deletion => "Löschung",
            ReceiptKind::Pseudonymisation => "Pseudonymisierung",
            ReceiptKind::Past => "Pseudonymisierung (Benutzerkonto)",
            ReceiptKind::Retention => "Pseudonymisierung (Aufbewahrung)",
        }
    }

    /// Whether recipients were deleted, and not only their past pseudonymised.
    pub fn is_deletion(&self) -> bool {
        self.kind == ReceiptKind::Deletion
    }

    /// Whether the bytes are out of the files too.
    pub fn is_cleaned(&self) -> bool {
        self.cleanup == Cleanup::Done
    }

    /// The figures of every mailing concerned, before and after.
    pub fn figures(&self) -> DbResult<Vec<BeforeAfter>> {
        serde_json::from_str(&self.figures).map_err(|e| DbError::Unreadable(e.to_string()))
    }
}

/// What one act (or one slice of a long one) adds to a receipt.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Recipients.
    pub recipients: i64,
    /// Unconfirmed sign-ups.
    pub signups: i64,
    /// Refused lines of imports with an address of nobody.
    pub refusals: i64,
    /// Memberships that ended.
    pub groups_left: i64,
    /// Deliveries pseudonymised.
    pub deliveries: i64,
    /// Opens pseudonymised.
    pub opens: i64,
    /// Clicks pseudonymised.
    pub clicks: i64,
    /// Figures of the mailings concerned.
    pub figures: Vec<BeforeAfter>,
}

/// Starts an empty receipt.
pub fn start(
    conn: &mut Conn,
    account_id: i64,
    kind: ReceiptKind,
    actor: &str,
    now: Timestamp,
) -> DbResult<i64> {
    let cleanup = match kind {
        ReceiptKind::Deletion => Cleanup::Pending,
        ReceiptKind::Pseudonymisation | ReceiptKind::Past | ReceiptKind::Retention => {
            Cleanup::Unneeded
        }
    };
    Ok(diesel::insert_into(receipts::table)
        .values((
            receipts::account_id.eq(account_id),
            receipts::kind.eq(kind.as_str()),
            receipts::actor.eq(actor),
            receipts::cleanup.eq(cleanup.as_str()),
            receipts::created_at.eq(now.millis()),
        ))
        .returning(receipts::id)
        .get_result(conn)?)
}

/// Adds what was done. A mailing that is there already keeps its new figures: those of the
/// last slice that touched it.
pub fn add(conn: &mut Conn, account_id: i64, receipt_id: i64, done: &Done) -> DbResult<()> {
    if done.figures.is_empty() {
        return count(conn, account_id, receipt_id, done);
    }
    let mut figures = find(conn, account_id, receipt_id)?.figures()?;
    for new in &done.figures {
        match figures
            .iter_mut()
            .find(|f| f.after.mailing_id == new.after.mailing_id)
        {
            Some(old) => *old = new.clone(),
            None => figures.push(new.clone()),
        }
    }
    let figures =
        serde_json::to_string(&figures).map_err(|e| DbError::Unreadable(e.to_string()))?;
    diesel::update(
        receipts::table
            .filter(receipts::account_id.eq(account_id))
            .find(receipt_id),
    )
    .set(receipts::figures.eq(figures))
    .execute(conn)?;
    count(conn, account_id, receipt_id, done)
}

fn count(conn: &mut Conn, account_id: i64, receipt_id: i64, done: &Done) -> DbResult<()> {
    diesel::update(
        receipts::table
            .filter(receipts::account_id.eq(account_id))
            .find(receipt_id),
    )
    .set((
        receipts::recipients.eq(receipts::recipients + done.recipients),
        receipts::signups.eq(receipts::signups + done.signups),
        receipts::refusals.eq(receipts::refusals + done.refusals),
        receipts::groups_left.eq(receipts::groups_left + done.groups_left),
        receipts::deliveries.eq(receipts::deliveries + done.deliveries),
        receipts::opens.eq(receipts::opens + done.opens),
        receipts::clicks.eq(receipts::clicks + done.clicks),
        // A slice that deletes after a cleaning leaves something to clean again.
        receipts::cleaned_at.eq(None::<i64>),
    ))
    .execute(conn)?;
    Ok(())
}

/// The receipt of that number.
pub fn find(conn: &mut Conn, account_id: i64, receipt_id: i64) -> DbResult<Receipt> {
    Ok(receipts::table
        .filter(receipts::account_id.eq(account_id))
        .find(receipt_id)
        .select(Receipt::as_select())
        .first(conn)?)
}

/// The newest receipts of the account.
pub fn newest(conn: &mut Conn, account_id: i64, limit: i64) -> DbResult<Vec<Receipt>> {
    Ok(receipts::table
        .filter(receipts::account_id.eq(account_id))
        .order(receipts::id.desc())
        .limit(limit)
        .select(Receipt::as_select())
        .load(conn)?)
}

/// Says which node's files the cleaning is about: it is that node's to do.
pub fn assign(conn: &mut Conn, account_id: i64, receipt_id: i64, node: &str) -> DbResult<()> {
    diesel::update(
        receipts::table
            .filter(receipts::account_id.eq(account_id))
            .find(receipt_id),
    )
    .set(receipts::node.eq(node))
    .execute(conn)?;
    Ok(())
}

/// Whether the cleaning is that node's to do.
pub fn is_assigned(
    conn: &mut Conn,
    account_id: i64,
    receipt_id: i64,
    node: &str,
) -> DbResult<bool> {
    let assigned: Option<String> = receipts::table
        .filter(receipts::account_id.eq(account_id))
        .find(receipt_id)
        .select(receipts::node)
        .first(conn)?;
    Ok(assigned.is_none_or(|assigned| assigned == node))
}

/// Receipts whose cleaning is still to be done. The receipt of a job that is not over is not among
/// them: its cleaning comes at its end.
#[diesel::dsl::auto_type(no_type_alias)]
fn open() -> _ {
    receipts::table
        .filter(receipts::cleanup.eq("pending"))
        .filter(diesel::dsl::not(diesel::dsl::exists(
            jobs::table
                .filter(jobs::receipt_id.eq(receipts::id.nullable()))
                .filter(jobs::status.eq("running")),
        )))
        .order(receipts::id)
        .select(receipts::id)
}

/// Those of the whole installation: the files are one for all accounts, so here no query asks for
/// an account.
pub fn pending(conn: &mut Conn) -> DbResult<Vec<i64>> {
    Ok(open().load(conn)?)
}

/// Those that are this node's to clean, or nobody's; of the whole installation, like [`pending`].
pub fn pending_at(conn: &mut Conn, node: &str) -> DbResult<Vec<i64>> {
    Ok(open()
        .filter(receipts::node.is_null().or(receipts::node.eq(node)))
        .load(conn)?)
}

/// Those of other nodes that have not cleaned for so long that they won't: whoever runs has done
/// it by then, or let its files go. Of the whole installation, like [`pending`].
pub fn abandoned(conn: &mut Conn, node: &str, before: Timestamp) -> DbResult<Vec<i64>> {
    Ok(open()
        .filter(receipts::node.ne(node))
        .filter(receipts::created_at.lt(before.millis()))
        .load(conn)?)
}

/// Marks receipts as cleaned; of the whole installation, like [`pending`].
pub fn mark_cleaned(conn: &mut Conn, ids: &[i64], now: Timestamp) -> DbResult<()> {
    diesel::update(receipts::table.filter(receipts::id.eq_any(ids)))
        .set((
            receipts::cleanup.eq(Cleanup::Done.as_str()),
            receipts::cleaned_at.eq(now.millis()),
        ))
        .execute(conn)?;
    Ok(())
}
