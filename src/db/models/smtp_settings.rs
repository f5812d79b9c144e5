//! The mail server that takes an account's mails, one row per account that has one.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use crate::db::schema::smtp_settings;
use crate::db::{Conn, DbResult};
use crate::domain::server::Encryption;
use crate::domain::time::Timestamp;

/// An account's mail server.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = smtp_settings)]
pub struct SmtpSettings {
    /// Whether mails go there; the built-in outbox takes them otherwise.
    pub active: bool,
    /// Its name or address, without the port.
    pub host: String,
    /// 1 to 65535.
    pub port: i64,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// Who signs in there; empty if nobody has to.
    pub username: String,
    /// The password, sealed for [`place`]; none if none is kept.
    pub password: Option<Vec<u8>>,
    /// How many connections at most are open at the same time.
    pub connections: i64,
    /// At most so many mails a minute; 0: as many as the server takes.
    pub per_minute: i64,
    /// The address at which bounces arrive, to which each mail adds a mark of its own; empty:
    /// they go to the sender's address, without a mark.
    pub return_path: String,
}

impl std::fmt::Debug for SmtpSettings {
    /// Names neither the user, the password nor an address (rule P8).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("active", &self.active)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

/// For which place the password of an account's mail server is sealed
/// (see [`crate::domain::sealed::Sealer`]).
pub fn place(account_id: i64) -> String {
    format!("smtp/{account_id}")
}

/// The account's mail server, if it has one.
pub fn find(conn: &mut Conn, account_id: i64) -> DbResult<Option<SmtpSettings>> {
    Ok(smtp_settings::table
        .find(account_id)
        .select(SmtpSettings::as_select())
        .first(conn)
        .optional()?)
}

/// Keeps the settings in place of those there were.
pub fn save(
    conn: &mut Conn,
    account_id: i64,
    settings: &SmtpSettings,
    now: Timestamp,
) -> DbResult<()> {
    diesel::sql_query(
        "INSERT INTO smtp_settings
             (account_id, active, host, port, encryption, username, password, connections, per_minute,
              return_path, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (account_id) DO UPDATE SET
             active = excluded.active, host = excluded.host, port = excluded.port,
             encryption = excluded.encryption, username = excluded.username,
             password = excluded.password, connections = excluded.connections,
             per_minute = excluded.per_minute, return_path = excluded.return_path,
             updated_at = excluded.updated_at",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<Bool, _>(settings.active)
    .bind::<Text, _>(&settings.host)
    .bind::<BigInt, _>(settings.port)
    .bind::<Text, _>(settings.encryption.as_str())
    .bind::<Text, _>(&settings.username)
    .bind::<Nullable<Binary>, _>(settings.password.as_deref())
    .bind::<BigInt, _>(settings.connections)
    .bind::<BigInt, _>(settings.per_minute)
    .bind::<Text, _>(&settings.return_path)
    .bind::<BigInt, _>(now.millis())
    .execute(conn)?;
    Ok(())
}

/// Switches between the mail server and the built-in outbox. Whether there was a server to
/// switch.
pub fn set_active(
    conn: &mut Conn,
    account_id: i64,
    active: bool,
    now: Timestamp,
) -> DbResult<bool> {
    let changed = diesel::update(smtp_settings::table.find(account_id))
        .set((
            smtp_settings::active.eq(active),
            smtp_settings::updated_at.eq(now.millis()),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}
