//! Pictures for mails.

use diesel::prelude::*;

use crate::db::models::mailings::MailingStatus;
use crate::db::paging::{Page, Position, page};
use crate::db::schema::{mailings, pictures};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::secret::{hex, random_128};
use crate::domain::time::Timestamp;

/// A picture, without its bytes.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = pictures)]
pub struct Picture {
    /// Its number.
    pub id: i64,
    /// The random key of its address.
    pub public_key: Vec<u8>,
    /// As the file was called.
    pub file_name: String,
    /// What kind of picture it is.
    pub media_type: String,
    /// In pixels.
    pub width: i64,
    /// In pixels.
    pub height: i64,
    /// In bytes.
    pub size: i64,
    /// When it was uploaded, in milliseconds.
    pub created_at: i64,
}

impl Picture {
    /// The path under which everybody can see it.
    pub fn path(&self) -> String {
        format!("/bilder/{}", hex(&self.public_key))
    }

    /// How wide a mail shows it, in pixels: mails are 600 pixels wide.
    pub fn shown_width(&self) -> i64 {
        self.width.min(600)
    }
}

/// A picture to be kept.
#[derive(Debug, Clone)]
pub struct NewPicture {
    /// As the file was called.
    pub file_name: String,
    /// One of `image/gif`, `image/jpeg`, `image/png`, `image/webp`.
    pub media_type: &'static str,
    /// In pixels.
    pub width: i64,
    /// In pixels.
    pub height: i64,
    /// The bytes.
    pub content: Vec<u8>,
}

/// A mailing that shows a picture.
#[derive(Debug, Clone, Queryable)]
pub struct Use {
    /// The mailing's number.
    pub mailing_id: i64,
    /// Its subject.
    pub subject: String,
    /// How far it has come.
    pub status: MailingStatus,
}

/// Keeps a picture and gives its number.
pub fn create(conn: &mut Conn, account_id: i64, new: &NewPicture, now: Timestamp) -> DbResult<i64> {
    let key = random_128().map_err(|e| DbError::Unavailable(e.to_string()))?;
    Ok(diesel::insert_into(pictures::table)
        .values((
            pictures::account_id.eq(account_id),
            pictures::public_key.eq(&key[..]),
            pictures::file_name.eq(&new.file_name),
            pictures::media_type.eq(new.media_type),
            pictures::width.eq(new.width),
            pictures::height.eq(new.height),
            pictures::size.eq(i64::try_from(new.content.len()).unwrap_or(i64::MAX)),
            pictures::content.eq(&new.content),
            pictures::created_at.eq(now.millis()),
        ))
        .returning(pictures::id)
        .get_result(conn)?)
}

/// A page of the account's pictures, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<Picture>> {
    let (_, _, key) = position.descending();
    let query = pictures::table
        .filter(pictures::account_id.eq(account_id))
        .select(Picture::as_select())
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let rows = if position.reads_backwards() {
        query
            .filter(pictures::id.gt(key))
            .order(pictures::id.asc())
            .load(conn)?
    } else {
        query
            .filter(pictures::id.lt(key))
            .order(pictures::id.desc())
            .load(conn)?
    };
    Ok(page(rows, position, size))
}

/// How many pictures there are.
pub fn count(conn: &mut Conn, account_id: i64) -> DbResult<i64> {
    Ok(pictures::table
        .filter(pictures::account_id.eq(account_id))
        .count()
        .get_result(conn)?)
}

/// The picture of that number.
pub fn find(conn: &mut Conn, account_id: i64, picture_id: i64) -> DbResult<Picture> {
    Ok(pictures::table
        .filter(pictures::account_id.eq(account_id))
        .filter(pictures::id.eq(picture_id))
        .select(Picture::as_select())
        .first(conn)?)
}

/// The kind and bytes of the picture with that key, of whatever account: whoever has the key may
/// see it, as the readers of a mail do.
pub fn content(conn: &mut Conn, public_key: &[u8]) -> DbResult<(String, Vec<u8>)> {
    Ok(pictures::table
        .filter(pictures::public_key.eq(public_key))
        .select((pictures::media_type, pictures::content))
        .first(conn)?)
}

/// The mailings that show a picture, newest first, up to 50.
pub fn uses(conn: &mut Conn, account_id: i64, picture: &Picture) -> DbResult<Vec<Use>> {
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::html.like(format!("%{}%", picture.path())))
        .order(mailings::id.desc())
        .select((mailings::id, mailings::subject, mailings::status))
        .limit(50)
        .load(conn)?)
}

/// Removes a picture.
pub fn delete(conn: &mut Conn, account_id: i64, picture_id: i64) -> DbResult<()> {
    find(conn, account_id, picture_id)?;
    diesel::delete(
        pictures::table
            .filter(pictures::account_id.eq(account_id))
            .filter(pictures::id.eq(picture_id)),
    )
    .execute(conn)?;
    Ok(())
}
