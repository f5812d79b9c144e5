//! The pool of connections.

use std::time::{Duration, Instant};

use diesel::ConnectionError;
use diesel::r2d2::{ManageConnection, R2D2Connection};

use super::{Conn, Target};

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
        self.target.connect()
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
