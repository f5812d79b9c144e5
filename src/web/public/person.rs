//! Who stands behind a personal token, and what is said when nobody does.

use actix_web::http::StatusCode;
use askama::Template;

use crate::db::models::accounts::{self, Account};
use crate::db::models::recipients::{self, Recipient};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::address::masked;
use crate::domain::secret::Random128;
use crate::web::page::Page;
use crate::web::respond::{WebResult, page_with};

/// The person who followed a personal link.
pub struct Person {
    /// The account that sent the mail.
    pub account: Account,
    /// The recipient.
    pub recipient: Recipient,
}

impl Person {
    /// The address as far as its owner needs it: a mail may have been forwarded.
    pub fn address(&self) -> String {
        masked(&self.recipient.address)
    }
}

#[derive(Template)]
#[template(path = "public/unknown_person.html")]
struct UnknownPerson {
    page: Page,
}

/// Whose link carries that key; none when the recipient was deleted.
pub fn find(conn: &mut Conn, key: &Random128) -> DbResult<Option<Person>> {
    let Some((account_id, recipient)) = recipients::find_by_public_key(conn, key)? else {
        return Ok(None);
    };
    Ok(Some(Person {
        account: accounts::find(conn, account_id)?,
        recipient,
    }))
}

/// Runs an act for the person whose link carries that key, and gives whether there is one. A
/// recipient who is deleted at this very moment counts as gone.
pub fn act(
    conn: &mut Conn,
    key: &Random128,
    act: impl FnOnce(&mut Conn, i64, i64) -> DbResult<()>,
) -> DbResult<bool> {
    let Some((account_id, recipient)) = recipients::find_by_public_key(conn, key)? else {
        return Ok(false);
    };
    match act(conn, account_id, recipient.id) {
        Ok(()) => Ok(true),
        Err(DbError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A friendly page in place of an error: the link is damaged, or the recipient is gone.
pub fn unknown() -> WebResult {
    let page = Page::public("Dieser Link gilt nicht mehr");
    page_with(StatusCode::NOT_FOUND, &UnknownPerson { page })
}
