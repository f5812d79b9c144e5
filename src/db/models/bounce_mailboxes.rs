//! The mailbox in which bounces and complaints arrive, one row per account that has one, and how
//! far it has been read.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use crate::db::schema::bounce_mailboxes;
use crate::db::{Conn, DbError, DbResult};
use crate::domain::server::Encryption;
use crate::domain::time::Timestamp;

/// Where an account's mailbox is.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = bounce_mailboxes)]
pub struct Mailbox {
    /// Whether it is read by itself.
    pub active: bool,
    /// The server's name or address, without the port.
    pub host: String,
    /// 1 to 65535.
    pub port: i64,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// Who signs in there.
    pub username: String,
    /// The password, sealed for [`place`]; none if none is kept.
    pub password: Option<Vec<u8>>,
    /// The folder that is read, in its readable form.
    pub folder: String,
}

impl std::fmt::Debug for Mailbox {
    /// Names neither the user, the password nor an address (rule P8).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox")
            .field("active", &self.active)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

/// How far a mailbox has been read.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = bounce_mailboxes)]
pub struct Progress {
    /// The validity of the messages' numbers (RFC 3501, 2.3.1.1).
    pub uid_validity: Option<i64>,
    /// The number of the last message read.
    pub last_uid: Option<i64>,
    to_remove: String,
    /// When it was last read, in milliseconds.
    pub checked_at: Option<i64>,
    /// What kept it from being read, in German.
    pub problem: Option<String>,
    /// Messages about a mail of ours.
    pub assigned: i64,
    /// Reports about a mail that is not known to be ours.
    pub unassigned: i64,
    /// Messages that are no reports.
    pub others: i64,
}

impl Progress {
    /// Messages that have been counted and are still to be removed from the mailbox.
    pub fn to_remove(&self) -> Vec<u32> {
        serde_json::from_str(&self.to_remove).unwrap_or_default()
    }
}

/// What a message was, for the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// About a mail of ours.
    Assigned,
    /// A report about a mail that is not known to be ours.
    Unassigned,
    /// No report.
    Other,
}

/// For which place the password of an account's mailbox is sealed
/// (see [`crate::domain::sealed::Sealer`]).
pub fn place(account_id: i64) -> String {
    format!("bounces/{account_id}")
}

/// The account's mailbox, if it has one.
pub fn find(conn: &mut Conn, account_id: i64) -> DbResult<Option<(Mailbox, Progress)>> {
    Ok(bounce_mailboxes::table
        .find(account_id)
        .select((Mailbox::as_select(), Progress::as_select()))
        .first(conn)
        .optional()?)
}

/// Keeps a mailbox in place of the one there was. Where it is another one, it is read from its
/// beginning; whoever reads the old one at this moment loses it.
pub fn save(conn: &mut Conn, account_id: i64, mailbox: &Mailbox, now: Timestamp) -> DbResult<()> {
    let before = find(conn, account_id)?.map(|(mailbox, _)| mailbox);
    let is_another = before.is_some_and(|before| {
        (&before.host, before.port, &before.username, &before.folder)
            != (
                &mailbox.host,
                mailbox.port,
                &mailbox.username,
                &mailbox.folder,
            )
    });
    if is_another {
        remove(conn, account_id)?;
    }
    diesel::sql_query(
        "INSERT INTO bounce_mailboxes
             (account_id, active, host, port, encryption, username, password, folder, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (account_id) DO UPDATE SET
             active = excluded.active, host = excluded.host, port = excluded.port,
             encryption = excluded.encryption, username = excluded.username,
             password = excluded.password, folder = excluded.folder, problem = NULL,
             lease_until = NULL, updated_at = excluded.updated_at",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<Bool, _>(mailbox.active)
    .bind::<Text, _>(&mailbox.host)
    .bind::<BigInt, _>(mailbox.port)
    .bind::<Text, _>(mailbox.encryption.as_str())
    .bind::<Text, _>(&mailbox.username)
    .bind::<Nullable<Binary>, _>(mailbox.password.as_deref())
    .bind::<Text, _>(&mailbox.folder)
    .bind::<BigInt, _>(now.millis())
    .execute(conn)?;
    Ok(())
}

/// Forgets a mailbox. Gives whether there was one.
pub fn remove(conn: &mut Conn, account_id: i64) -> DbResult<bool> {
    let removed = diesel::delete(bounce_mailboxes::table.find(account_id)).execute(conn)?;
    Ok(removed == 1)
}

/// The accounts whose mailboxes were last read before that time (or, as a clock was set back, will
/// have been read) and are not claimed; those first that have waited longest.
pub fn due(conn: &mut Conn, read_before: Timestamp, now: Timestamp) -> DbResult<Vec<i64>> {
    let is_old = bounce_mailboxes::checked_at
        .is_null()
        .or(bounce_mailboxes::checked_at.le(read_before.millis()))
        .or(bounce_mailboxes::checked_at.gt(now.millis()));
    let is_free = bounce_mailboxes::lease_until
        .is_null()
        .or(bounce_mailboxes::lease_until.le(now.millis()));
    Ok(bounce_mailboxes::table
        .filter(bounce_mailboxes::active.eq(true))
        .filter(is_old)
        .filter(is_free)
        .order((
            diesel::dsl::sql::<diesel::sql_types::BigInt>("COALESCE(checked_at, 0)"),
            bounce_mailboxes::account_id,
        ))
        .select(bounce_mailboxes::account_id)
        .load(conn)?)
}

/// Takes all mailboxes out of everybody's hands: for a start at which nobody else can hold one.
pub fn release_all(conn: &mut Conn) -> DbResult<()> {
    diesel::update(bounce_mailboxes::table)
        .set(bounce_mailboxes::lease_until.eq(None::<i64>))
        .execute(conn)?;
    Ok(())
}

/// A mailbox in the hands of one reader, until a time that only this reader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    account_id: i64,
    until: i64,
}

impl Lease {
    /// Takes a mailbox that nobody holds: of several nodes one reads it.
    pub fn take(
        conn: &mut Conn,
        account_id: i64,
        now: Timestamp,
        until: Timestamp,
    ) -> DbResult<Option<Self>> {
        let taken = diesel::sql_query(
            "UPDATE bounce_mailboxes SET lease_until = $1
             WHERE account_id = $2 AND (lease_until IS NULL OR lease_until <= $3)",
        )
        .bind::<BigInt, _>(until.millis())
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(now.millis())
        .execute(conn)?;
        Ok((taken == 1).then_some(Self {
            account_id,
            until: until.millis(),
        }))
    }

    /// Holds it longer.
    fn renew(&mut self, conn: &mut Conn, until: Timestamp) -> DbResult<()> {
        // Later than before in any case: each holding has a time of its own.
        let until = until.millis().max(self.until + 1);
        let renewed = diesel::update(bounce_mailboxes::table.find(self.account_id))
            .filter(bounce_mailboxes::lease_until.eq(self.until))
            .set(bounce_mailboxes::lease_until.eq(until))
            .execute(conn)?;
        if renewed != 1 {
            return Err(DbError::Refused("the mailbox is in other hands"));
        }
        self.until = until;
        Ok(())
    }

    /// Begins to read messages whose numbers have another validity than before.
    pub fn begin(&mut self, conn: &mut Conn, uid_validity: i64, until: Timestamp) -> DbResult<()> {
        self.renew(conn, until)?;
        diesel::update(bounce_mailboxes::table.find(self.account_id))
            .set((
                bounce_mailboxes::uid_validity.eq(uid_validity),
                bounce_mailboxes::last_uid.eq(0),
                bounce_mailboxes::to_remove.eq("[]"),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Notes that a message was read, in the transaction that counts what it says: it is never
    /// counted twice, whatever happens to this program or to the connection.
    pub fn advance(
        &mut self,
        conn: &mut Conn,
        uid: u32,
        sort: Sort,
        to_remove: &[u32],
        until: Timestamp,
    ) -> DbResult<()> {
        self.renew(conn, until)?;
        let one_if = |of: Sort| i64::from(sort == of);
        diesel::update(bounce_mailboxes::table.find(self.account_id))
            .set((
                bounce_mailboxes::last_uid.eq(i64::from(uid)),
                bounce_mailboxes::to_remove.eq(json(to_remove)),
                bounce_mailboxes::assigned.eq(bounce_mailboxes::assigned + one_if(Sort::Assigned)),
                bounce_mailboxes::unassigned
                    .eq(bounce_mailboxes::unassigned + one_if(Sort::Unassigned)),
                bounce_mailboxes::others.eq(bounce_mailboxes::others + one_if(Sort::Other)),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Notes that what was to be removed is gone from the mailbox.
    pub fn removed(&mut self, conn: &mut Conn, until: Timestamp) -> DbResult<()> {
        self.renew(conn, until)?;
        diesel::update(bounce_mailboxes::table.find(self.account_id))
            .set(bounce_mailboxes::to_remove.eq("[]"))
            .execute(conn)?;
        Ok(())
    }

    /// Gives the mailbox back and notes how it went.
    pub fn give_back(self, conn: &mut Conn, problem: Option<&str>, now: Timestamp) -> DbResult<()> {
        diesel::update(bounce_mailboxes::table.find(self.account_id))
            .filter(bounce_mailboxes::lease_until.eq(self.until))
            .set((
                bounce_mailboxes::lease_until.eq(None::<i64>),
                bounce_mailboxes::checked_at.eq(now.millis()),
                bounce_mailboxes::problem.eq(problem),
            ))
            .execute(conn)?;
        Ok(())
    }
}

fn json(uids: &[u32]) -> String {
    // Numbers can't fail to serialise.
    serde_json::to_string(uids).unwrap_or_else(|_| "[]".into())
}
