//! Wishes to sign up that are not confirmed yet (double opt-in). They go when they are confirmed,
//! when they run out, and when a recipient with that address is deleted (rule P7).

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::prepared::prepared;
use crate::db::schema::{outbox_mails, signups};
use crate::db::{Conn, DbResult, OnBackend};
use crate::domain::time::Timestamp;

/// A hash of the key in the confirmation mail.
pub type KeyHash = [u8; 32];

/// A wish to sign up.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = signups)]
pub struct Signup {
    /// Its number.
    pub id: i64,
    /// The account.
    pub account_id: i64,
    /// The form.
    pub form_id: i64,
    /// The address as typed.
    pub address: String,
    /// The normalised address.
    pub address_key: String,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// Whether the box for personal tracking was ticked.
    pub tracking_agreed: bool,
    /// What was agreed to, as it was shown.
    pub consent_wording: String,
    /// What the box said, as it was shown; empty where there was none.
    pub tracking_wording: String,
    /// When it was sent, in milliseconds.
    pub created_at: i64,
    /// Until when it can be confirmed, in milliseconds.
    pub expires_at: i64,
    /// How often its mail was tried.
    pub attempts: i64,
    /// How often a mail was asked for.
    pub mails: i64,
}

/// What somebody sent with a form.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// The address as typed.
    pub address: &'a str,
    /// The normalised address.
    pub address_key: &'a str,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// The hash of the key that confirms it.
    pub key_hash: KeyHash,
    /// Whether the box for personal tracking was ticked.
    pub tracking_agreed: bool,
    /// What was agreed to, as it was shown.
    pub consent_wording: &'a str,
    /// What the box said, as it was shown; empty where there was none.
    pub tracking_wording: &'a str,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

/// The wish that is there already for an address at a form.
pub fn of_address_at(
    conn: &mut Conn,
    account_id: i64,
    form_id: i64,
    address_key: &str,
) -> DbResult<Option<Signup>> {
    Ok(signups::table
        .filter(signups::account_id.eq(account_id))
        .filter(signups::form_id.eq(form_id))
        .filter(signups::address_key.eq(address_key))
        .select(Signup::as_select())
        .first(conn)
        .optional()?)
}

/// All wishes of an address, whatever the form.
pub fn of_address(conn: &mut Conn, account_id: i64, address_key: &str) -> DbResult<Vec<Signup>> {
    Ok(signups::table
        .filter(signups::account_id.eq(account_id))
        .filter(signups::address_key.eq(address_key))
        .order(signups::id)
        .select(Signup::as_select())
        .load(conn)?)
}

/// Enters a wish, its mail still to be sent; [`crate::db::DbError::Duplicate`] when there is one
/// of that address at that form.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    form_id: i64,
    wish: &Wish<'_>,
    now: Timestamp,
) -> DbResult<()> {
    diesel::insert_into(signups::table)
        .values((
            signups::account_id.eq(account_id),
            signups::form_id.eq(form_id),
            signups::address_key.eq(wish.address_key),
            (
                signups::address.eq(wish.address),
                signups::first_name.eq(wish.first_name),
                signups::last_name.eq(wish.last_name),
                signups::key_hash.eq(&wish.key_hash[..]),
                signups::tracking_agreed.eq(wish.tracking_agreed),
                signups::consent_wording.eq(wish.consent_wording),
                signups::tracking_wording.eq(wish.tracking_wording),
                signups::created_at.eq(now.millis()),
                signups::expires_at.eq(wish.expires_at.millis()),
                signups::mail_due_at.eq(now.millis()),
            ),
        ))
        .execute(conn)?;
    Ok(())
}

/// Puts a new wish in the place of an older one; the older one's link holds no longer. Nothing
/// happens where somebody else has done so meanwhile.
pub fn renew(conn: &mut Conn, older: &Signup, wish: &Wish<'_>, now: Timestamp) -> DbResult<()> {
    diesel::update(
        signups::table
            .filter(signups::account_id.eq(older.account_id))
            .filter(signups::id.eq(older.id))
            .filter(signups::mails.eq(older.mails)),
    )
    .set((
        signups::address.eq(wish.address),
        signups::first_name.eq(wish.first_name),
        signups::last_name.eq(wish.last_name),
        signups::key_hash.eq(&wish.key_hash[..]),
        signups::tracking_agreed.eq(wish.tracking_agreed),
        signups::consent_wording.eq(wish.consent_wording),
        signups::tracking_wording.eq(wish.tracking_wording),
        signups::created_at.eq(now.millis()),
        signups::expires_at.eq(wish.expires_at.millis()),
        signups::mail_due_at.eq(now.millis()),
        signups::attempts.eq(0),
        signups::mails.eq(signups::mails + 1),
    ))
    .execute(conn)?;
    Ok(())
}

/// The wish that a key confirms, while it can be. The key is all a public request knows; it leads
/// to exactly one account.
pub fn find_by_key(conn: &mut Conn, key: &KeyHash, now: Timestamp) -> DbResult<Option<Signup>> {
    Ok(signups::table
        .filter(signups::key_hash.eq(&key[..]))
        .filter(signups::expires_at.gt(now.millis()))
        .select(Signup::as_select())
        .first(conn)
        .optional()?)
}

/// Takes a wish out, once: whoever comes second gets `false`, and so does whoever has read it before
/// [`renew`] put another one in its place.
pub fn take(conn: &mut Conn, signup: &Signup) -> DbResult<bool> {
    let taken = diesel::delete(
        signups::table
            .filter(signups::account_id.eq(signup.account_id))
            .filter(signups::id.eq(signup.id))
            .filter(signups::mails.eq(signup.mails)),
    )
    .execute(conn)?;
    Ok(taken > 0)
}

/// Takes the mail of a wish out of the outbox and gives its files, which the caller removes after
/// the commit.
pub fn mails_of(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<Vec<String>> {
    Ok(diesel::delete(
        outbox_mails::table
            .filter(outbox_mails::account_id.eq(account_id))
            .filter(outbox_mails::signup_id.eq(id)),
    )
    .returning(outbox_mails::file)
    .get_results(conn)?)
}

#[derive(QueryableByName)]
struct File {
    #[diesel(sql_type = Text)]
    file: String,
}

/// The same for all open wishes of a form.
pub fn mails_of_form(conn: &mut Conn, account_id: i64, form_id: i64) -> DbResult<Vec<String>> {
    let files: Vec<File> = diesel::sql_query(
        "DELETE FROM outbox_mails WHERE signup_id IN
             (SELECT s.id FROM signups s WHERE s.account_id = $1 AND s.form_id = $2) RETURNING file",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(form_id)
    .load(conn)?;
    Ok(files.into_iter().map(|row| row.file).collect())
}

/// The same for all open wishes to join a group.
pub fn mails_of_group(conn: &mut Conn, account_id: i64, group_id: i64) -> DbResult<Vec<String>> {
    let files: Vec<File> = diesel::sql_query(
        "DELETE FROM outbox_mails WHERE signup_id IN
             (SELECT s.id FROM signup_forms f JOIN signups s ON s.form_id = f.id
              WHERE f.account_id = $1 AND f.group_id = $2) RETURNING file",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(group_id)
    .load(conn)?;
    Ok(files.into_iter().map(|row| row.file).collect())
}

/// Removes what can be confirmed no longer, of all accounts, with its mails, whose files the caller
/// removes after the commit.
pub fn remove_expired(conn: &mut Conn, now: Timestamp) -> DbResult<Vec<String>> {
    let ids: Vec<i64> = signups::table
        .filter(signups::expires_at.le(now.millis()))
        .order(signups::id)
        .select(signups::id)
        .load(conn)?;
    Ok(remove(conn, ids)?.files)
}

/// Wishes that were removed.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// Their addresses, as typed and normalised: those of one wish stand together.
    pub addresses: Vec<(String, String)>,
    /// The files of their mails, which the caller removes after the commit.
    pub files: Vec<String>,
}

/// Removes wishes with their mails (rule P7).
pub(crate) fn remove_listed(conn: &mut Conn, account_id: i64, wanted: &[i64]) -> DbResult<Removed> {
    let ids = signups::table
        .filter(signups::account_id.eq(account_id))
        .filter(signups::id.eq_any(wanted))
        .order(signups::id)
        .select(signups::id)
        .load(conn)?;
    remove(conn, ids)
}

/// Removes the wishes of these addresses with their mails (rule P7).
pub(crate) fn remove_of_addresses(
    conn: &mut Conn,
    account_id: i64,
    address_keys: &[&str],
) -> DbResult<Removed> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let listed: Vec<[&str; 1]> = address_keys.iter().map(|key| [*key]).collect();
    let rows = json_rows::unfold(conn, &[("address_key", Column::Text)]);
    let ids: Vec<Id> = prepared(format!(
        "SELECT s.id FROM {rows} AS gone
         CROSS JOIN signups s
         WHERE s.address_key = gone.address_key AND s.account_id = $2 ORDER BY s.id"
    ))
    .text(json_rows::of(&listed))
    .int(account_id)
    .load(conn)?;
    remove(conn, ids.into_iter().map(|row| row.id).collect())
}

fn remove(conn: &mut Conn, ids: Vec<i64>) -> DbResult<Removed> {
    #[derive(QueryableByName)]
    #[diesel(table_name = signups)]
    struct Gone {
        address: String,
        address_key: String,
    }
    if ids.is_empty() {
        return Ok(Removed::default());
    }
    let ids = json_rows::of_numbers(ids);
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let files: Vec<File> = diesel::sql_query(format!(
        "DELETE FROM outbox_mails WHERE signup_id IN (SELECT id FROM {rows} AS gone) RETURNING file"
    ))
    .bind::<Text, _>(&ids)
    .load(conn)?;
    let gone: Vec<Gone> = diesel::sql_query(format!(
        "DELETE FROM signups WHERE id IN (SELECT id FROM {rows} AS gone) RETURNING address, address_key"
    ))
    .bind::<Text, _>(&ids)
    .load(conn)?;
    Ok(Removed {
        addresses: gone
            .into_iter()
            .map(|row| (row.address, row.address_key))
            .collect(),
        files: files.into_iter().map(|row| row.file).collect(),
    })
}

/// Claims wishes whose mail is due, one of each account and none of those that are busy: nobody else
/// finds them until `again`, when they are due once more unless their mail is out by then.
pub fn claim_due(
    conn: &mut Conn,
    now: Timestamp,
    again: Timestamp,
    busy: &[i64],
    limit: i64,
) -> DbResult<Vec<Signup>> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let (lock, rows) = (
        conn.backend().row_lock("FOR UPDATE SKIP LOCKED"),
        json_rows::unfold(conn, &[("account_id", Column::Int)]),
    );
    // The one of each account that has waited longest.
    let claimed: Vec<Id> = diesel::sql_query(format!(
        "WITH busy AS (SELECT account_id FROM {rows} AS listed)
         UPDATE signups SET mail_due_at = $2, attempts = attempts + 1 WHERE id IN
             (SELECT s.id FROM signups s WHERE s.mail_due_at <= $3
                 AND s.account_id NOT IN (SELECT account_id FROM busy)
                 AND NOT EXISTS (SELECT 1 FROM signups o WHERE o.account_id = s.account_id
                     AND (o.mail_due_at < s.mail_due_at OR (o.mail_due_at = s.mail_due_at AND o.id < s.id)))
              ORDER BY s.mail_due_at, s.id LIMIT $4 {lock})
         RETURNING id"
    ))
    .bind::<Text, _>(json_rows::of_numbers(busy.iter().copied()))
    .bind::<BigInt, _>(again.millis())
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(signups::table
        .filter(signups::id.eq_any(claimed.into_iter().map(|row| row.id)))
        .order(signups::id)
        .select(Signup::as_select())
        .load(conn)?)
}

/// The mail of this wish is out, or will never be: nothing is due any more. Gives whether the wish,
/// as it was then, is still there.
pub fn settle_mail(conn: &mut Conn, signup: &Signup) -> DbResult<bool> {
    let changed = diesel::update(
        signups::table
            .filter(signups::account_id.eq(signup.account_id))
            .filter(signups::id.eq(signup.id))
            .filter(signups::mails.eq(signup.mails)),
    )
    .set(signups::mail_due_at.eq(None::<i64>))
    .execute(conn)?;
    Ok(changed > 0)
}

/// The mail of this wish could not go out now and is due at another time.
pub fn put_off_mail(conn: &mut Conn, signup: &Signup, until: Timestamp) -> DbResult<()> {
    diesel::update(
        signups::table
            .filter(signups::account_id.eq(signup.account_id))
            .filter(signups::id.eq(signup.id))
            .filter(signups::mails.eq(signup.mails)),
    )
    .set(signups::mail_due_at.eq(until.millis()))
    .execute(conn)?;
    Ok(())
}
