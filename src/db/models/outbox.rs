//! Mails in the built-in outbox: which file holds the mail to whom.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::paging::{Page, Position, page};
use crate::db::prepared::prepared;
use crate::db::schema::{mailings, outbox_mails, recipients, signups};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// A mail in the outbox.
#[derive(Debug, Clone, Queryable)]
pub struct OutboxMail {
    /// Its number.
    pub id: i64,
    /// The mailing; none for a mail that belongs to none.
    pub mailing_id: Option<i64>,
    /// The recipient; none for a mail to somebody who is none (yet).
    pub recipient_id: Option<i64>,
    /// To whom it goes; empty where nobody knows, as for a test mail.
    pub address: String,
    /// The mailing's subject, as its author wrote it, or what the mail is.
    pub subject: String,
    /// The name of its file.
    pub file: String,
    /// When it was handed over, in milliseconds.
    pub created_at: i64,
}

/// A file of the outbox, with the recipient it is for.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NewMail {
    /// The recipient.
    pub recipient_id: i64,
    /// The name of the file.
    pub file: String,
}

/// Enters mails that were handed over.
pub fn add(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    mails: &[NewMail],
    now: Timestamp,
) -> DbResult<()> {
    let listed: Vec<(i64, &str)> = mails
        .iter()
        .map(|mail| (mail.recipient_id, mail.file.as_str()))
        .collect();
    let rows = json_rows::unfold(
        conn,
        &[("recipient_id", Column::Int), ("file", Column::Text)],
    );
    diesel::sql_query(format!(
        "WITH entered AS {rows}
         INSERT INTO outbox_mails (account_id, mailing_id, recipient_id, file, created_at)
         SELECT $2, $3, entered.recipient_id, entered.file, $4 FROM entered
         WHERE true ORDER BY entered.recipient_id
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(json_rows::of(&listed))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(now.millis())
    .execute(conn)?;
    Ok(())
}

/// A single mail, outside of any mailing's deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// The mailing that it tries out, if any.
    pub mailing_id: Option<i64>,
    /// The wish to sign up that it asks about, if any.
    pub signup_id: Option<i64>,
    /// The name of its file.
    pub file: &'a str,
}

/// Enters a single mail and gives its number.
pub fn add_letter(
    conn: &mut Conn,
    account_id: i64,
    letter: &Letter<'_>,
    now: Timestamp,
) -> DbResult<i64> {
    Ok(diesel::insert_into(outbox_mails::table)
        .values((
            outbox_mails::account_id.eq(account_id),
            outbox_mails::mailing_id.eq(letter.mailing_id),
            outbox_mails::signup_id.eq(letter.signup_id),
            outbox_mails::file.eq(letter.file),
            outbox_mails::created_at.eq(now.millis()),
        ))
        .returning(outbox_mails::id)
        .get_result(conn)?)
}

/// Takes one mail out again; its file is the caller's.
pub fn remove(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<()> {
    diesel::delete(
        outbox_mails::table
            .filter(outbox_mails::account_id.eq(account_id))
            .filter(outbox_mails::id.eq(id)),
    )
    .execute(conn)?;
    Ok(())
}

/// How many mails there are.
pub fn count(conn: &mut Conn, account_id: i64) -> DbResult<i64> {
    Ok(outbox_mails::table
        .filter(outbox_mails::account_id.eq(account_id))
        .count()
        .get_result(conn)?)
}

/// How many mails to a recipient there are.
pub fn count_of_recipient(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<i64> {
    Ok(outbox_mails::table
        .filter(outbox_mails::account_id.eq(account_id))
        .filter(outbox_mails::recipient_id.eq(recipient_id))
        .count()
        .get_result(conn)?)
}

/// How many mails of a mailing there are.
pub fn count_of_mailing(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<i64> {
    Ok(outbox_mails::table
        .filter(outbox_mails::account_id.eq(account_id))
        .filter(outbox_mails::mailing_id.eq(mailing_id))
        .count()
        .get_result(conn)?)
}

/// A page of the outbox, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<OutboxMail>> {
    let (_, _, key) = position.descending();
    let query = entered()
        .filter(outbox_mails::account_id.eq(account_id))
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let rows = if position.reads_backwards() {
        query
            .filter(outbox_mails::id.gt(key))
            .order(outbox_mails::id.asc())
            .load(conn)?
    } else {
        query
            .filter(outbox_mails::id.lt(key))
            .order(outbox_mails::id.desc())
            .load(conn)?
    };
    Ok(page(rows, position, size))
}

#[diesel::dsl::auto_type(no_type_alias)]
fn entered() -> _ {
    let address: SqlLiteral<Text> = sql("coalesce(recipients.address, signups.address, '')");
    let subject: SqlLiteral<Text> = sql(
        "CASE WHEN signups.id IS NULL THEN coalesce(mailings.subject, 'Testmail') \
         ELSE 'Bestätigung einer Anmeldung' END",
    );
    outbox_mails::table
        .left_join(mailings::table.on(outbox_mails::mailing_id.eq(mailings::id.nullable())))
        .left_join(recipients::table.on(outbox_mails::recipient_id.eq(recipients::id.nullable())))
        .left_join(signups::table.on(outbox_mails::signup_id.eq(signups::id.nullable())))
        .select((
            outbox_mails::id,
            outbox_mails::mailing_id,
            outbox_mails::recipient_id,
            address,
            subject,
            outbox_mails::file,
            outbox_mails::created_at,
        ))
}

/// The mail of that number.
pub fn find(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<OutboxMail> {
    Ok(entered()
        .filter(outbox_mails::account_id.eq(account_id))
        .filter(outbox_mails::id.eq(id))
        .first(conn)?)
}

/// Which of these files no row knows, of whatever account: only their names are told, and those
/// are known already to whoever asks.
pub fn unknown(conn: &mut Conn, files: &[String]) -> DbResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Unknown {
        #[diesel(sql_type = Text)]
        file: String,
    }
    let rows = json_rows::unfold(conn, &[("file", Column::Text)]);
    let listed: Vec<[&String; 1]> = files.iter().map(|file| [file]).collect();
    let unknown: Vec<Unknown> = diesel::sql_query(format!(
        "SELECT lies.file FROM {rows} AS lies
         WHERE NOT EXISTS (SELECT 1 FROM outbox_mails m WHERE m.file = lies.file)"
    ))
    .bind::<Text, _>(json_rows::of(&listed))
    .load(conn)?;
    Ok(unknown.into_iter().map(|row| row.file).collect())
}

/// Empties the account's outbox and gives the files, which the caller removes after the commit.
pub fn remove_all(conn: &mut Conn, account_id: i64) -> DbResult<Vec<String>> {
    Ok(
        diesel::delete(outbox_mails::table.filter(outbox_mails::account_id.eq(account_id)))
            .returning(outbox_mails::file)
            .get_results(conn)?,
    )
}

/// Takes out what is older, of all accounts (the outbox keeps mails for 30 days), and gives the
/// files, which the caller removes after the commit.
pub fn remove_older(conn: &mut Conn, than: Timestamp) -> DbResult<Vec<String>> {
    Ok(
        diesel::delete(outbox_mails::table.filter(outbox_mails::created_at.lt(than.millis())))
            .returning(outbox_mails::file)
            .get_results(conn)?,
    )
}

/// Takes the mails to these recipients out of the outbox and gives their files, which the caller
/// removes after the commit. The account's test mails go too: one may be to a recipient, or be
/// written as to one, and nothing says which (rule P7).
pub(crate) fn remove_of_recipients(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
) -> DbResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Removed {
        #[diesel(sql_type = Text)]
        file: String,
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let removed: Vec<Removed> = prepared(format!(
        "DELETE FROM outbox_mails
         WHERE recipient_id IN (SELECT id FROM {rows} AS gone) AND +account_id = $2 RETURNING file"
    ))
    .text(json_rows::of_numbers(recipients.iter().copied()))
    .int(account_id)
    .load(conn)?;
    let tests: Vec<String> = diesel::delete(
        outbox_mails::table
            .filter(outbox_mails::account_id.eq(account_id))
            .filter(outbox_mails::recipient_id.is_null())
            .filter(outbox_mails::signup_id.is_null()),
    )
    .returning(outbox_mails::file)
    .get_results(conn)?;
    Ok(removed
        .into_iter()
        .map(|row| row.file)
        .chain(tests)
        .collect())
}
