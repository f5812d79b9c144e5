//! Opening connections: where the database is, and how each is set up.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{
    Connection, ConnectionError, PgConnection, SqliteConnection, connection::SimpleConnection,
};

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// Embedded SQLite.
    Sqlite(SqliteConnection),
    /// A PostgreSQL server.
    Postgres(PgConnection),
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// The address of a server, with user and password: never shown or logged.
    Postgres(String),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Self::Postgres(_) => write!(f, "Postgres(…)"),
        }
    }
}

/// Why a `DATABASE_URL` can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetProblem {
    /// Only the scheme is named, since the rest may hold a password.
    #[error("the scheme \"{0}\" is not supported; use sqlite:PATH or postgres://…")]
    UnknownScheme(String),
    /// No scheme at all: whatever it is, it is not shown.
    #[error("it must begin with sqlite: or postgres://")]
    NoScheme,
    /// `sqlite:` without a path.
    #[error("sqlite: needs the path of a file")]
    NoPath,
}

impl Target {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// Refuses every other scheme.
    pub fn parse(url: &str) -> Result<Self, TargetProblem> {
        let (scheme, rest) = url.split_once(':').ok_or(TargetProblem::NoScheme)?;
        match scheme {
            "postgres" | "postgresql" => Ok(Self::Postgres(url.to_owned())),
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err(TargetProblem::NoPath);
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            other => Err(TargetProblem::UnknownScheme(other.to_owned())),
        }
    }
}

/// Opens connections for the pool.
#[derive(Debug)]
pub struct Connector {
    target: Target,
}

/// Why a connection could not be opened, or is no longer good.
#[derive(Debug, thiserror::Error)]
pub enum ConnectProblem {
    #[error(transparent)]
    Open(#[from] ConnectionError),
    #[error("{0}")]
    Server(String),
    #[error(transparent)]
    SetUp(#[from] diesel::result::Error),
    #[error("the path of the database file is not valid UTF-8")]
    Path,
}

impl Connector {
    pub fn new(target: Target) -> Self {
        Self { target }
    }

    pub fn open(&self) -> Result<Conn, ConnectProblem> {
        match &self.target {
            Target::Sqlite(path) => {
                let path = path.to_str().ok_or(ConnectProblem::Path)?;
                let mut conn = SqliteConnection::establish(path)?;
                // FULL: a hit that was answered survives a power cut. secure_delete: deleted
                // bytes are overwritten with zeros, not left in free pages (rule P7). What a
                // connection keeps in memory is small, since there are many; the system keeps the
                // file's pages once for all of them, and mapping it would count them for each.
                conn.batch_execute(
                    "PRAGMA busy_timeout = 5000;
                     PRAGMA journal_mode = WAL;
                     PRAGMA synchronous = FULL;
                     PRAGMA foreign_keys = ON;
                     PRAGMA secure_delete = ON;
                     PRAGMA temp_store = MEMORY;
                     PRAGMA cache_size = -2000;
                     PRAGMA mmap_size = 0;",
                )?;
                Ok(Conn::Sqlite(conn))
            }
            Target::Postgres(url) => {
                let mut conn = PgConnection::establish(&with_time_limits(url))
                    .map_err(|error| ConnectProblem::Server(presentable(&error)))?;
                // Compiling a query takes longer than any of ours may.
                conn.batch_execute("SET client_min_messages = warning; SET lock_timeout = '10s'; SET TIME ZONE 'UTC'; SET jit = off")?;
                Ok(Conn::Postgres(conn))
            }
        }
    }
}

/// How long to wait for a server that says nothing, unless the address has limits of its own: the
/// library would wait for ever, and hits would wait behind it. Seconds, and once milliseconds.
const TIME_LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "25000"),
];

fn with_time_limits(url: &str) -> String {
    let mut limited = url.to_owned();
    for (name, value) in TIME_LIMITS {
        if !url.contains(name) {
            limited.push(if limited.contains('?') { '&' } else { '?' });
            limited.push_str(name);
            limited.push('=');
            limited.push_str(value);
        }
    }
    limited
}

/// What the client library says, on one line. Only what a server or the way to it is to blame for:
/// of an address it can't understand the library quotes parts, and any of them may be the password.
fn presentable(error: &ConnectionError) -> String {
    let said = error.to_string();
    if said.starts_with("connection to server") {
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    } else if said.starts_with("could not translate host name") {
        "the host in DATABASE_URL is not known".to_owned()
    } else {
        "the address in DATABASE_URL can't be understood".to_owned()
    }
}

/// A connection of the pool.
pub struct Pooled {
    /// The connection.
    pub conn: Conn,
    /// When it was last known to be good.
    good_at: Instant,
    /// Whether it turned out not to be any more.
    is_gone: bool,
}

/// For how long a connection that did its work is trusted by who asked for it, without asking the
/// server.
const TRUSTED: Duration = Duration::from_millis(500);

impl Pooled {
    /// Whether it did its work a moment ago.
    pub fn is_trusted(&self) -> bool {
        self.good_at.elapsed() < TRUSTED
    }

    /// Asks the server, which costs a round trip. One that does not answer leaves the pool.
    pub fn is_good(&mut self) -> bool {
        self.is_gone = self.conn.ping().is_err();
        !self.is_gone
    }
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = ConnectProblem;

    fn connect(&self) -> Result<Pooled, ConnectProblem> {
        Ok(Pooled {
            conn: self.open()?,
            good_at: Instant::now(),
            is_gone: false,
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), ConnectProblem> {
        pooled.conn.ping().map_err(ConnectProblem::SetUp)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        let is_broken = pooled.is_gone || std::thread::panicking() || pooled.conn.is_broken();
        if !is_broken {
            pooled.good_at = Instant::now();
        }
        is_broken
    }
}

#[cfg(test)]
mod tests {
    use super::with_time_limits;

    #[test]
    fn time_limits_of_the_address_stay() {
        let limited = with_time_limits("postgres://u@h/d?connect_timeout=60");
        assert!(
            limited.starts_with("postgres://u@h/d?connect_timeout=60&keepalives_idle=10&"),
            "{limited}"
        );
        let limited = with_time_limits("postgres://u@h/d");
        assert!(
            limited.starts_with("postgres://u@h/d?connect_timeout=5&"),
            "{limited}"
        );
    }
}
