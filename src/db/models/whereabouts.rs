//! Where texts are stored that may hold somebody's address: all of them, table by table, for the
//! search *Wo kommt diese Adresse noch vor?*. A test compares the list with the schema, so that a
//! new column has to be listed here, or named there as one that can't hold an address.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::models::imports::ImportStatus;
use crate::db::models::receipts::Cleanup;
use crate::db::schema::{audit_log, deliveries, imports, outbox_mails, pictures, receipts};
use crate::db::{Conn, DbResult};

/// Texts of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts {
    /// The table.
    pub table: &'static str,
    /// The column that says whose they are.
    pub owner: &'static str,
    /// A number by which the rows are read and shown.
    pub key: &'static str,
    /// A second one where the first is not alone.
    pub second: &'static str,
    /// The columns.
    pub columns: &'static [&'static str],
    /// Whether the table is so large that the database passes over rows without an `@`. Then an
    /// address is not found in base64.
    pub is_large: bool,
}

const fn texts(table: &'static str, key: &'static str, columns: &'static [&'static str]) -> Texts {
    Texts {
        table,
        owner: "account_id",
        key,
        second: "0",
        columns,
        is_large: false,
    }
}

const fn many(of: Texts) -> Texts {
    Texts {
        is_large: true,
        ..of
    }
}

const fn by_two(of: Texts, second: &'static str) -> Texts {
    Texts { second, ..of }
}

/// All texts that people or programs wrote.
pub const TEXTS: &[Texts] = &[
    // Addresses of recipients are looked up by their index instead.
    many(texts(
        "recipients",
        "id",
        &["first_name", "last_name", "fields"],
    )),
    texts(
        "signups",
        "id",
        &[
            "address",
            "address_key",
            "first_name",
            "last_name",
            "consent_wording",
            "tracking_wording",
        ],
    ),
    by_two(
        texts(
            "import_refusals",
            "import_id",
            &["value", "reason", "cells"],
        ),
        "line",
    ),
    texts("imports", "id", &["file_name", "settings", "problem"]),
    many(texts("consents", "id", &["wording", "form_name"])),
    texts(
        "mailings",
        "id",
        &[
            "subject",
            "sender_name",
            "sender_address",
            "mjml",
            "html",
            "text",
            "problem",
        ],
    ),
    by_two(texts("mailing_links", "mailing_id", &["url"]), "number"),
    by_two(
        texts("mailing_groups", "mailing_id", &["group_name"]),
        "position",
    ),
    texts("groups", "id", &["name", "name_key"]),
    texts(
        "signup_forms",
        "id",
        &[
            "name",
            "title",
            "intro",
            "sender_name",
            "sender_address",
            "consent_wording",
            "tracking_wording",
        ],
    ),
    texts("pictures", "id", &["file_name"]),
    texts("users", "id", &["email", "email_key", "name"]),
    texts(
        "invitations",
        "id",
        &["email", "email_key", "name", "invited_by"],
    ),
    Texts {
        owner: "id",
        ..texts("accounts", "id", &["name", "tracking_changed_by"])
    },
    texts("webhooks", "id", &["url"]),
    texts("api_keys", "id", &["name", "created_by"]),
    texts(
        "smtp_settings",
        "account_id",
        &["host", "username", "return_path"],
    ),
    texts(
        "bounce_mailboxes",
        "account_id",
        &["host", "username", "folder", "problem"],
    ),
    many(texts("receipts", "id", &["actor", "figures"])),
    many(texts("audit_log", "id", &["actor", "details"])),
];

/// The texts of one row.
#[derive(Debug, Clone, QueryableByName)]
pub struct Row {
    /// The number that leads to it.
    #[diesel(sql_type = BigInt)]
    pub key: i64,
    /// The second one, or 0.
    #[diesel(sql_type = BigInt)]
    pub second: i64,
    /// What its columns hold, each on a line of its own.
    #[diesel(sql_type = Text)]
    pub text: String,
}

/// The next rows behind that place, in the order of their numbers.
pub fn read(
    conn: &mut Conn,
    account_id: i64,
    of: &Texts,
    (key, second): (i64, i64),
    limit: i64,
) -> DbResult<Vec<Row>> {
    let columns: Vec<String> = of
        .columns
        .iter()
        .map(|column| format!("COALESCE({column}, '')"))
        .collect();
    let text = columns.join(" || '\n' || ");
    let narrowed = if of.is_large {
        format!("AND ({text} LIKE '%@%' OR {text} LIKE '%!%40%' ESCAPE '!')")
    } else {
        String::new()
    };
    let order = if of.second == "0" {
        of.key.to_owned()
    } else {
        format!("{}, {}", of.key, of.second)
    };
    let Texts {
        table,
        owner,
        key: first,
        second: other,
        ..
    } = of;
    Ok(diesel::sql_query(format!(
        "SELECT CAST({first} AS BIGINT) AS key, CAST({other} AS BIGINT) AS second, {text} AS text
         FROM {table}
         WHERE {owner} = $1 AND {first} >= $2 AND ({first} > $3 OR {other} > $4) {narrowed}
         ORDER BY {order} LIMIT $5"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(key)
    .bind::<BigInt, _>(key)
    .bind::<BigInt, _>(second)
    .bind::<BigInt, _>(limit)
    .load(conn)?)
}

/// How many deliveries lead to a recipient.
pub fn deliveries_of(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<i64> {
    Ok(deliveries::table
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::recipient_id.eq(recipient_id))
        .count()
        .get_result(conn)?)
}

/// How many entries of the audit log name a recipient by number.
pub fn entries_about(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<i64> {
    Ok(audit_log::table
        .filter(audit_log::account_id.eq(account_id))
        .filter(audit_log::recipient_id.eq(recipient_id))
        .count()
        .get_result(conn)?)
}

/// The next files of the account's outbox behind that number, with their numbers.
pub fn outbox_files(
    conn: &mut Conn,
    account_id: i64,
    after: i64,
    limit: i64,
) -> DbResult<Vec<(i64, String)>> {
    Ok(outbox_mails::table
        .filter(outbox_mails::account_id.eq(account_id))
        .filter(outbox_mails::id.gt(after))
        .order(outbox_mails::id)
        .limit(limit)
        .select((outbox_mails::id, outbox_mails::file))
        .load(conn)?)
}

/// The next picture of the account behind that number: cameras and programs write texts into them.
pub fn next_picture(
    conn: &mut Conn,
    account_id: i64,
    after: i64,
) -> DbResult<Option<(i64, Vec<u8>)>> {
    Ok(pictures::table
        .filter(pictures::account_id.eq(account_id))
        .filter(pictures::id.gt(after))
        .order(pictures::id)
        .select((pictures::id, pictures::content))
        .first(conn)
        .optional()?)
}

/// The account's receipts whose cleaning is still to be done.
pub fn pending_receipts(conn: &mut Conn, account_id: i64) -> DbResult<Vec<i64>> {
    Ok(receipts::table
        .filter(receipts::account_id.eq(account_id))
        .filter(receipts::cleanup.eq(Cleanup::Pending.as_str()))
        .order(receipts::id)
        .select(receipts::id)
        .load(conn)?)
}

/// The ids of the account's imports whose files may still be there.
pub fn open_imports(conn: &mut Conn, account_id: i64) -> DbResult<Vec<i64>> {
    let open = [ImportStatus::Uploaded, ImportStatus::Running].map(ImportStatus::as_str);
    Ok(imports::table
        .filter(imports::account_id.eq(account_id))
        .filter(imports::status.eq_any(open))
        .order(imports::id)
        .select(imports::id)
        .load(conn)?)
}
