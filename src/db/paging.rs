//! Pages of a list in the order of a key. The last page costs as much as the first, and rows
//! that come or go meanwhile never make a row appear twice or not at all.

/// Where in the list a page lies. Lists show the newest first: *after* means older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The first page.
    First,
    /// The page after the row with that number.
    After(i64),
    /// The page before the row with that number.
    Before(i64),
    /// The last page.
    Last,
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its rows, in the list's order.
    pub rows: Vec<T>,
    /// Whether there are rows before it.
    pub has_previous: bool,
    /// Whether there are rows after it.
    pub has_next: bool,
}

impl Position {
    /// Whether the query has to read against the list's order, to be turned round by [`page`].
    pub const fn reads_backwards(self) -> bool {
        matches!(self, Self::Before(_) | Self::Last)
    }

    /// The comparison, order and key for a list that shows high numbers first: rows have to
    /// satisfy `column COMPARISON key`.
    pub const fn descending(self) -> (&'static str, &'static str, i64) {
        match self {
            Self::First => ("<=", "DESC", i64::MAX),
            Self::After(key) => ("<", "DESC", key),
            Self::Before(key) => (">", "ASC", key),
            Self::Last => (">=", "ASC", i64::MIN),
        }
    }
}

/// Makes a page of rows that were read with one more than fits, in reading direction.
pub fn page<T>(mut read: Vec<T>, position: Position, size: usize) -> Page<T> {
    let more = read.len() > size;
    read.truncate(size);
    if position.reads_backwards() {
        read.reverse();
    }
    let (has_previous, has_next) = match position {
        Position::First => (false, more),
        Position::After(_) => (true, more),
        Position::Before(_) => (more, true),
        Position::Last => (more, false),
    };
    Page {
        rows: read,
        has_previous,
        has_next,
    }
}

/// A number of rows that was counted up to a limit only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CappedCount {
    /// What was counted, at most the limit.
    pub counted: i64,
    /// Whether there are more.
    pub more: bool,
}

impl CappedCount {
    /// From a count that stopped one row after the limit.
    pub const fn new(counted: i64, limit: i64) -> Self {
        if counted > limit {
            Self {
                counted: limit,
                more: true,
            }
        } else {
            Self {
                counted,
                more: false,
            }
        }
    }
}
