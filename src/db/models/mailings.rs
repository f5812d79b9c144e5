//! Mailings: written as drafts, changed until they are sent, never afterwards.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::paging::{Page, Position, page};
use crate::db::prepared::prepared;
use crate::db::schema::{mailing_groups, mailings};
use crate::db::{Conn, DbError, DbResult, OnBackend};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// How far a mailing has come.
    MailingStatus {
        /// Is being written.
        Draft => "draft",
        /// Is finished, and will be sent at a set time.
        Scheduled => "scheduled",
        /// Sending was started; the deliveries are being written.
        Preparing => "preparing",
        /// Is being handed to the transport, delivery by delivery.
        Sending => "sending",
        /// Was halted in the middle, and can go on.
        Paused => "paused",
        /// All that could be handed over was.
        Sent => "sent",
        /// Was ended in the middle; what had not been handed over by then never is.
        Cancelled => "cancelled",
    }
}

impl MailingStatus {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Draft => "Entwurf",
            Self::Scheduled => "Geplant",
            Self::Preparing => "Wird vorbereitet",
            Self::Sending => "Wird versendet",
            Self::Paused => "Angehalten",
            Self::Sent => "Versendet",
            Self::Cancelled => "Abgebrochen",
        }
    }
}

/// A mailing.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = mailings)]
pub struct Mailing {
    /// Its number.
    pub id: i64,
    /// The subject, a template.
    pub subject: String,
    /// The sender's name, or empty.
    pub sender_name: String,
    /// The sender's address.
    pub sender_address: String,
    /// The HTML part, a template.
    pub html: String,
    /// What the HTML is made of, if its author writes MJML; else blank.
    pub mjml: String,
    /// The text part, a template; blank: made from the HTML.
    pub text: String,
    /// How far it has come.
    pub status: MailingStatus,
    /// When it was last changed, in milliseconds.
    pub updated_at: i64,
    /// For when it is planned, in milliseconds; stays after it was sent.
    pub scheduled_at: Option<i64>,
    /// What keeps it from being sent at the moment, in German.
    pub problem: Option<String>,
    /// When sending was started, in milliseconds.
    pub send_started_at: Option<i64>,
    /// When sending was finished, or after a cancellation the last delivery settled, in milliseconds.
    pub sent_at: Option<i64>,
    /// How many deliveries were written.
    pub deliveries: i64,
    /// How many were handed over.
    pub handed: i64,
    /// How many of these may be measured personally.
    pub handed_personal: i64,
    /// How many of these are counted anonymously.
    pub handed_anonymous: i64,
    /// How many may have been handed over: the program ended at that instant.
    pub uncertain: i64,
    /// How many the transport refused.
    pub failed: i64,
    /// How many were cancelled: the recipient was deleted, unsubscribed or bounced before, or refused
    /// what the mailing asks for.
    pub cancelled: i64,
}

impl Mailing {
    /// How many deliveries have come to an end, well or not.
    pub const fn ended(&self) -> i64 {
        self.handed + self.uncertain + self.failed + self.cancelled
    }

    /// Whether mails of it go out at this time, or would if nothing stood in the way.
    pub fn is_on_its_way(&self) -> bool {
        match self.status {
            MailingStatus::Preparing | MailingStatus::Sending => true,
            MailingStatus::Cancelled => self.sent_at.is_none(),
            MailingStatus::Draft
            | MailingStatus::Scheduled
            | MailingStatus::Paused
            | MailingStatus::Sent => false,
        }
    }

    /// Whether it can be halted.
    pub fn can_be_paused(&self) -> bool {
        matches!(
            self.status,
            MailingStatus::Preparing | MailingStatus::Sending
        )
    }

    /// Whether it was halted.
    pub fn is_paused(&self) -> bool {
        self.status == MailingStatus::Paused
    }

    /// Whether it waits for its time.
    pub fn is_scheduled(&self) -> bool {
        self.status == MailingStatus::Scheduled
    }

    /// Whether it was ended in the middle.
    pub fn is_cancelled(&self) -> bool {
        self.status == MailingStatus::Cancelled
    }

    /// Whether it can be ended in the middle.
    pub fn can_be_cancelled(&self) -> bool {
        self.can_be_paused() || self.is_paused()
    }

    /// How many deliveries have no end yet.
    pub const fn open(&self) -> i64 {
        self.deliveries - self.ended()
    }

    /// What its author writes: MJML or HTML.
    pub fn source(&self) -> &str {
        if self.mjml.trim().is_empty() {
            &self.html
        } else {
            &self.mjml
        }
    }

    /// Whether it can still be changed.
    pub fn is_draft(&self) -> bool {
        self.status == MailingStatus::Draft
    }
}

/// A group as a mailing is (or was) sent to it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = mailing_groups)]
pub struct MailingGroup {
    /// The group's number; none when it is gone.
    pub group_id: Option<i64>,
    /// The group's name when it was chosen or, later, when the mailing was sent.
    pub group_name: String,
}

/// What can be written of a draft.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The subject.
    pub subject: &'a str,
    /// The sender's name, or empty.
    pub sender_name: &'a str,
    /// The sender's address.
    pub sender_address: &'a str,
    /// The HTML part.
    pub html: &'a str,
    /// The MJML of which it was made, or blank.
    pub mjml: &'a str,
    /// The text part, or blank.
    pub text: &'a str,
    /// The chosen groups' numbers.
    pub groups: &'a [i64],
}

/// Makes a draft and gives its number.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    content: &Content<'_>,
    now: Timestamp,
) -> DbResult<i64> {
    let id = diesel::insert_into(mailings::table)
        .values((
            mailings::account_id.eq(account_id),
            mailings::subject.eq(content.subject),
            mailings::sender_name.eq(content.sender_name),
            mailings::sender_address.eq(content.sender_address),
            mailings::html.eq(content.html),
            mailings::mjml.eq(content.mjml),
            mailings::text.eq(content.text),
            mailings::created_at.eq(now.millis()),
            mailings::updated_at.eq(now.millis()),
        ))
        .returning(mailings::id)
        .get_result(conn)?;
    choose_groups(conn, account_id, id, content.groups)?;
    Ok(id)
}

/// The mailing that was begun on the page with that key, if it was saved already.
pub fn find_by_form_key(conn: &mut Conn, account_id: i64, key: &str) -> DbResult<Option<i64>> {
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::form_key.eq(key))
        .select(mailings::id)
        .first(conn)
        .optional()?)
}

/// Notes on which page a draft was begun; [`DbError::Duplicate`] when another was begun there.
pub fn set_form_key(conn: &mut Conn, account_id: i64, mailing_id: i64, key: &str) -> DbResult<()> {
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set(mailings::form_key.eq(key))
    .execute(conn)?;
    Ok(())
}

/// Changes a draft; [`DbError::Refused`] when it is none (any more).
pub fn update(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    content: &Content<'_>,
    now: Timestamp,
) -> DbResult<()> {
    find(conn, account_id, mailing_id)?;
    let changed = diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::status.eq(MailingStatus::Draft.as_str()))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set((
        mailings::subject.eq(content.subject),
        mailings::sender_name.eq(content.sender_name),
        mailings::sender_address.eq(content.sender_address),
        mailings::html.eq(content.html),
        mailings::mjml.eq(content.mjml),
        mailings::text.eq(content.text),
        mailings::updated_at.eq(now.millis()),
        mailings::changed_by.eq(None::<i64>),
    ))
    .execute(conn)?;
    if changed == 0 {
        return Err(DbError::Refused("only drafts can be changed"));
    }
    choose_groups(conn, account_id, mailing_id, content.groups)
}

/// Removes a draft; [`DbError::Refused`] when it is none (any more).
pub fn delete_draft(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    find(conn, account_id, mailing_id)?;
    let removed = diesel::delete(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::status.eq(MailingStatus::Draft.as_str()))
            .filter(mailings::id.eq(mailing_id)),
    )
    .execute(conn)?;
    if removed == 0 {
        return Err(DbError::Refused("only drafts can be deleted"));
    }
    Ok(())
}

/// Makes a new draft with the content and the remaining groups of any mailing.
pub fn copy(conn: &mut Conn, account_id: i64, mailing_id: i64, now: Timestamp) -> DbResult<i64> {
    let original = find(conn, account_id, mailing_id)?;
    let groups: Vec<i64> = groups_of(conn, account_id, mailing_id)?
        .into_iter()
        .filter_map(|group| group.group_id)
        .collect();
    let content = Content {
        subject: &original.subject,
        sender_name: &original.sender_name,
        sender_address: &original.sender_address,
        html: &original.html,
        mjml: &original.mjml,
        text: &original.text,
        groups: &groups,
    };
    create(conn, account_id, &content, now)
}

/// The mailing of that number.
pub fn find(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Mailing> {
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::id.eq(mailing_id))
        .select(Mailing::as_select())
        .first(conn)?)
}

/// Keeps what is counted in these mailings as it is until the transaction ends: on PostgreSQL mails
/// that are handed over meanwhile are counted afterwards. Whoever also locks deliveries does so
/// before.
pub fn lock(conn: &mut Conn, account_id: i64, mailings: &[i64]) -> DbResult<()> {
    if !conn.backend().is_server() {
        return Ok(());
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    // Does not hold up new deliveries, which refer to the mailing.
    prepared(format!(
        "SELECT id FROM mailings WHERE id IN (SELECT id FROM {rows} AS wanted) AND account_id = $2
         ORDER BY id FOR NO KEY UPDATE"
    ))
    .text(json_rows::of_numbers(mailings.iter().copied()))
    .int(account_id)
    .execute(conn)?;
    Ok(())
}

/// How far the mailing of that number has come.
pub fn status(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<MailingStatus> {
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::id.eq(mailing_id))
        .select(mailings::status)
        .first(conn)?)
}

/// How many mailings there are, drafts included.
pub fn count(conn: &mut Conn, account_id: i64) -> DbResult<i64> {
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .count()
        .get_result(conn)?)
}

/// A page of the list of mailings, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<Mailing>> {
    let (_, _, key) = position.descending();
    let query = mailings::table
        .filter(mailings::account_id.eq(account_id))
        .select(Mailing::as_select())
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let rows = if position.reads_backwards() {
        query
            .filter(mailings::id.gt(key))
            .order(mailings::id.asc())
            .load(conn)?
    } else {
        query
            .filter(mailings::id.lt(key))
            .order(mailings::id.desc())
            .load(conn)?
    };
    Ok(page(rows, position, size))
}

/// The groups chosen for a mailing, in their order.
pub fn groups_of(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Vec<MailingGroup>> {
    Ok(mailing_groups::table
        .filter(mailing_groups::account_id.eq(account_id))
        .filter(mailing_groups::mailing_id.eq(mailing_id))
        .order(mailing_groups::position)
        .select(MailingGroup::as_select())
        .load(conn)?)
}

/// Puts these groups in the place of those chosen before; unknown ones are passed over.
fn choose_groups(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    groups: &[i64],
) -> DbResult<()> {
    diesel::delete(
        mailing_groups::table
            .filter(mailing_groups::account_id.eq(account_id))
            .filter(mailing_groups::mailing_id.eq(mailing_id)),
    )
    .execute(conn)?;
    let mut chosen = Vec::with_capacity(groups.len());
    let mut seen = std::collections::HashSet::new();
    for group in groups {
        if seen.insert(*group) {
            chosen.push((*group, chosen.len() + 1));
        }
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int), ("position", Column::Int)]);
    diesel::sql_query(format!(
        "WITH chosen AS {rows}
         INSERT INTO mailing_groups (account_id, mailing_id, position, group_id, group_name)
         SELECT g.account_id, $2, chosen.position, g.id, g.name
         FROM chosen CROSS JOIN groups g
         WHERE g.id = chosen.id AND g.account_id = $3"
    ))
    .bind::<Text, _>(json_rows::of(&chosen))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}
