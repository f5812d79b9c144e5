//! Copies of the whole database, as far as they are known. They belong to the installation, not to
//! an account: each holds all of them.

use diesel::prelude::*;

use crate::db::schema::backups;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = backups)]
pub struct Backup {
    /// Its number.
    pub id: i64,
    /// Where it was put, or what it is called.
    pub name: String,
    /// A moment before it was made, in milliseconds: whoever was deleted later may be in it.
    pub made_at: i64,
    /// Until when it is kept, in milliseconds.
    pub expires_at: i64,
}

impl Backup {
    /// Its name without the way to it.
    pub fn short_name(&self) -> &str {
        self.name
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or(self.name.as_str())
    }
}

/// Enters a copy that is about to be made: a copy nobody knows of would be worse than an entry too
/// many.
pub fn enter(
    conn: &mut Conn,
    name: &str,
    made_at: Timestamp,
    expires_at: Timestamp,
) -> DbResult<i64> {
    Ok(diesel::insert_into(backups::table)
        .values((
            backups::name.eq(name),
            backups::made_at.eq(made_at.millis()),
            backups::expires_at.eq(expires_at.millis()),
        ))
        .returning(backups::id)
        .get_result(conn)?)
}

/// Whether a copy of that name is entered.
pub fn is_known(conn: &mut Conn, name: &str) -> DbResult<bool> {
    Ok(backups::table
        .filter(backups::name.eq(name))
        .select(backups::id)
        .first::<i64>(conn)
        .optional()?
        .is_some())
}

/// Takes out a copy that was never finished.
pub fn withdraw(conn: &mut Conn, name: &str) -> DbResult<usize> {
    Ok(diesel::delete(backups::table.filter(backups::name.eq(name))).execute(conn)?)
}

/// Those that are kept at that moment, the oldest first.
pub fn living(conn: &mut Conn, now: Timestamp) -> DbResult<Vec<Backup>> {
    Ok(backups::table
        .filter(backups::expires_at.gt(now.millis()))
        .order((backups::made_at, backups::id))
        .select(Backup::as_select())
        .load(conn)?)
}

/// Those still kept in which somebody may be who was deleted at that moment, the oldest first.
/// Copies are of the whole database, so it does not matter whose recipient it was.
pub fn holding(conn: &mut Conn, deleted_at: Timestamp, now: Timestamp) -> DbResult<Vec<Backup>> {
    let mut living = living(conn, now)?;
    living.retain(|backup| backup.made_at <= deleted_at.millis());
    Ok(living)
}

/// Those whose time is over.
pub fn expired(conn: &mut Conn, now: Timestamp) -> DbResult<Vec<Backup>> {
    Ok(backups::table
        .filter(backups::expires_at.le(now.millis()))
        .order(backups::id)
        .select(Backup::as_select())
        .load(conn)?)
}

/// Takes out a copy that is gone.
pub fn remove(conn: &mut Conn, id: i64) -> DbResult<()> {
    diesel::delete(backups::table.find(id)).execute(conn)?;
    Ok(())
}
