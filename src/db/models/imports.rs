//! Imports of recipients. The rows they refuse are in [`super::refusals`].

use diesel::prelude::*;

use crate::db::paging::{Page, Position, page};
use crate::db::schema::imports;
use crate::db::{Conn, DbResult};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// How far an import is.
    ImportStatus {
        /// The file is there; dialect and columns are still being chosen.
        Uploaded => "uploaded",
        /// Rows are being written, or will be again after an interruption.
        Running => "running",
        /// All rows are written or refused.
        Done => "done",
        /// The file could not be read to its end.
        Failed => "failed",
        /// Ended by a person.
        Cancelled => "cancelled",
    }
}

impl ImportStatus {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Uploaded => "Noch nicht gestartet",
            Self::Running => "Läuft",
            Self::Done => "Abgeschlossen",
            Self::Failed => "Fehlgeschlagen",
            Self::Cancelled => "Abgebrochen",
        }
    }
}

/// An import.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = imports)]
pub struct Import {
    /// Its number.
    pub id: i64,
    /// The account whose recipients it brings.
    pub account_id: i64,
    /// Who began it; none from the command line, or when that user is gone.
    pub user_id: Option<i64>,
    /// The group its recipients join, while there is one.
    pub group_id: Option<i64>,
    /// The file's name, without its path.
    pub file_name: String,
    /// The file's size in bytes.
    pub size: i64,
    /// Dialect and columns, as JSON.
    pub settings: String,
    /// How far it is.
    pub status: ImportStatus,
    /// Why it failed, as a German sentence.
    pub problem: Option<String>,
    /// How many bytes are dealt with.
    pub bytes_read: i64,
    /// How many rows are dealt with: where to go on after an interruption.
    pub rows_read: i64,
    /// Rows that brought a new recipient.
    pub added: i64,
    /// Rows that changed a recipient.
    pub updated: i64,
    /// Rows that said nothing new.
    pub unchanged: i64,
    /// Rows that were refused.
    pub refused: i64,
    /// When the file came, in milliseconds.
    pub created_at: i64,
    /// When it ended, in milliseconds.
    pub finished_at: Option<i64>,
    /// Recipients whom the file unsubscribed, new ones included.
    pub unsubscribed: i64,
    /// Recipients whose address the file called undeliverable, new ones included.
    pub undeliverable: i64,
    /// Recipients who got no mails before and get none now, although the file does not say so.
    pub kept_out: i64,
    /// Recipients who had left the group by themselves and were not put back.
    pub not_rejoined: i64,
}

/// An import to be begun.
#[derive(Debug, Clone, Copy)]
pub struct NewImport<'a> {
    /// Who begins it; none from the command line.
    pub user_id: Option<i64>,
    /// The group to join.
    pub group_id: Option<i64>,
    /// The file's name, without its path.
    pub file_name: &'a str,
    /// The file's size in bytes.
    pub size: i64,
    /// Dialect and columns, as JSON.
    pub settings: &'a str,
    /// `Uploaded` or `Running`.
    pub status: ImportStatus,
}

/// What became of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that brought a new recipient.
    pub added: i64,
    /// Rows that changed a recipient.
    pub updated: i64,
    /// Rows that said nothing new.
    pub unchanged: i64,
    /// Rows that were refused.
    pub refused: i64,
    /// Recipients whom the file unsubscribed.
    pub unsubscribed: i64,
    /// Recipients whose address the file called undeliverable.
    pub undeliverable: i64,
    /// Recipients who got no mails before and get none now, although the file does not say so.
    pub kept_out: i64,
    /// Recipients who had left the group by themselves.
    pub not_rejoined: i64,
}

/// Notes an import and gives its number.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    new: &NewImport<'_>,
    now: Timestamp,
) -> DbResult<i64> {
    Ok(diesel::insert_into(imports::table)
        .values((
            imports::account_id.eq(account_id),
            imports::user_id.eq(new.user_id),
            imports::group_id.eq(new.group_id),
            imports::file_name.eq(new.file_name),
            imports::size.eq(new.size),
            imports::settings.eq(new.settings),
            imports::status.eq(new.status.as_str()),
            imports::created_at.eq(now.millis()),
        ))
        .returning(imports::id)
        .get_result(conn)?)
}

/// The import of that number.
pub fn find(conn: &mut Conn, account_id: i64, import_id: i64) -> DbResult<Import> {
    Ok(imports::table
        .filter(imports::account_id.eq(account_id))
        .find(import_id)
        .select(Import::as_select())
        .first(conn)?)
}

/// One page of the account's imports, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<Import>> {
    let of_account = imports::table
        .filter(imports::account_id.eq(account_id))
        .select(Import::as_select())
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX))
        .into_boxed();
    let place = match position {
        Position::First => of_account.order(imports::id.desc()),
        Position::After(id) => of_account
            .filter(imports::id.lt(id))
            .order(imports::id.desc()),
        Position::Before(id) => of_account
            .filter(imports::id.gt(id))
            .order(imports::id.asc()),
        Position::Last => of_account.order(imports::id.asc()),
    };
    Ok(page(place.load(conn)?, position, size))
}

/// An import of the same file in the same way that was interrupted, from the command line.
pub fn find_interrupted(
    conn: &mut Conn,
    account_id: i64,
    same: &NewImport<'_>,
) -> DbResult<Option<Import>> {
    Ok(imports::table
        .filter(imports::account_id.eq(account_id))
        .filter(imports::user_id.is_null())
        .filter(imports::group_id.eq(same.group_id))
        .filter(imports::file_name.eq(same.file_name))
        .filter(imports::size.eq(same.size))
        .filter(imports::settings.eq(same.settings))
        .filter(imports::status.eq(ImportStatus::Running.as_str()))
        .order(imports::id.desc())
        .select(Import::as_select())
        .first(conn)
        .optional()?)
}

/// All imports of the installation in that state, of every account: what a start takes up again.
pub fn all_with_status(conn: &mut Conn, status: ImportStatus) -> DbResult<Vec<Import>> {
    Ok(imports::table
        .filter(imports::status.eq(status.as_str()))
        .order(imports::id)
        .select(Import::as_select())
        .load(conn)?)
}

/// Moves a running import on by one slice. Gives whether it was still running and still where
/// the slice begins; if not, somebody has ended it, or somebody else writes it, and the slice
/// must not be written.
pub(crate) fn advance(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    from_row: i64,
    to_row: i64,
    bytes_read: i64,
) -> DbResult<bool> {
    let moved = diesel::update(scoped(account_id, import_id))
        .filter(imports::status.eq(ImportStatus::Running.as_str()))
        .filter(imports::rows_read.eq(from_row))
        .set((
            imports::rows_read.eq(to_row),
            imports::bytes_read.eq(bytes_read),
        ))
        .execute(conn)?;
    Ok(moved == 1)
}

/// Adds a slice's rows to the counters.
pub(crate) fn count(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    counts: Counts,
) -> DbResult<()> {
    diesel::update(scoped(account_id, import_id))
        .set((
            imports::added.eq(imports::added + counts.added),
            imports::updated.eq(imports::updated + counts.updated),
            imports::unchanged.eq(imports::unchanged + counts.unchanged),
            imports::refused.eq(imports::refused + counts.refused),
            imports::unsubscribed.eq(imports::unsubscribed + counts.unsubscribed),
            imports::undeliverable.eq(imports::undeliverable + counts.undeliverable),
            imports::kept_out.eq(imports::kept_out + counts.kept_out),
            imports::not_rejoined.eq(imports::not_rejoined + counts.not_rejoined),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps how an uploaded file is to be read, until it is started.
pub fn configure(conn: &mut Conn, account_id: i64, import_id: i64, settings: &str) -> DbResult<()> {
    diesel::update(scoped(account_id, import_id))
        .filter(imports::status.eq(ImportStatus::Uploaded.as_str()))
        .set(imports::settings.eq(settings))
        .execute(conn)?;
    Ok(())
}

/// Gives up uploaded files that nobody has started to import (rule P7: they must not stay). Gives
/// how many. Of every account: it is the installation's housekeeping.
pub fn expire_uploads(conn: &mut Conn, before: Timestamp, now: Timestamp) -> DbResult<usize> {
    Ok(diesel::update(
        imports::table
            .filter(imports::status.eq(ImportStatus::Uploaded.as_str()))
            .filter(imports::created_at.lt(before.millis())),
    )
    .set((
        imports::status.eq(ImportStatus::Cancelled.as_str()),
        imports::problem.eq("Der Import wurde nicht gestartet. Die Datei wurde deshalb entfernt."),
        imports::finished_at.eq(now.millis()),
    ))
    .execute(conn)?)
}

/// Those of the numbers whose import has ended or is gone. Of every account: these are the files
/// that the housekeeping removes.
pub fn ended_of(conn: &mut Conn, ids: &[i64]) -> DbResult<Vec<i64>> {
    let open: Vec<i64> = imports::table
        .filter(imports::id.eq_any(ids))
        .filter(imports::finished_at.is_null())
        .select(imports::id)
        .load(conn)?;
    Ok(ids
        .iter()
        .copied()
        .filter(|id| !open.contains(id))
        .collect())
}

/// Begins to import an uploaded file. Gives whether it was still waiting.
pub fn start(conn: &mut Conn, account_id: i64, import_id: i64) -> DbResult<bool> {
    let started = diesel::update(scoped(account_id, import_id))
        .filter(imports::status.eq(ImportStatus::Uploaded.as_str()))
        .set(imports::status.eq(ImportStatus::Running.as_str()))
        .execute(conn)?;
    Ok(started == 1)
}

/// Ends an import that has not ended yet. Gives whether this ended it.
pub fn finish(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    status: ImportStatus,
    problem: Option<&str>,
    now: Timestamp,
) -> DbResult<bool> {
    let ended = diesel::update(scoped(account_id, import_id))
        .filter(imports::finished_at.is_null())
        .set((
            imports::status.eq(status.as_str()),
            imports::problem.eq(problem),
            imports::finished_at.eq(now.millis()),
        ))
        .execute(conn)?;
    Ok(ended == 1)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn scoped(account_id: i64, import_id: i64) -> _ {
    imports::table
        .filter(imports::account_id.eq(account_id))
        .filter(imports::id.eq(import_id))
}
