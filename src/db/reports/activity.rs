//! *Empfängeraktivität*: what each recipient of one mailing did.
//!
//! First come the recipients by number, then those who were pseudonymised, in the order of their
//! pseudonyms, which is random. The number of a delivery is never given out: it would outlive
//! pseudonymising and lead back to whoever noted it before (rule P6).

use std::borrow::Cow;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::db::json_rows::hex;
use crate::db::paging::{CappedCount, Page};
use crate::db::{Conn, DbResult};
use crate::domain::bounce::BounceKind;
use crate::domain::secret::Random128;
use crate::domain::tracking::Decision;

/// Which recipients are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// All to whom the mail was handed over.
    All,
    /// Those who opened it.
    Opened,
    /// Those who clicked.
    Clicked,
    /// Those who clicked the link of that number.
    Followed(i64),
    /// Those who were measured and did neither.
    Neither,
    /// Those whose mails came back. Where something was measured all the same, it reached somebody.
    CameBack,
    /// Those about whom nothing personal was measured: what they did is not known.
    Unmeasured,
}

impl Filter {
    /// Whether it says what people did: nothing is known of others.
    pub const fn tells_what_was_done(self) -> bool {
        matches!(
            self,
            Self::Opened | Self::Clicked | Self::Followed(_) | Self::Neither
        )
    }

    /// The condition on a delivery `d`.
    pub(super) fn condition(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::All => "",
            Self::Opened => "AND d.opens > 0",
            Self::Clicked => "AND d.clicks > 0",
            Self::Followed(link) => {
                return Cow::Owned(format!(
                    "AND d.clicks > 0 AND EXISTS (SELECT 1 FROM events e WHERE e.delivery_id = d.id
                         AND e.kind = 1 AND e.link = {link} AND NOT e.automatic)"
                ));
            }
            Self::Neither => "AND d.policy = 'personal' AND d.opens = 0 AND d.clicks = 0",
            Self::CameBack => "AND d.bounce IN ('hard', 'soft') AND d.opens = 0 AND d.clicks = 0",
            Self::Unmeasured => "AND (d.policy IS NULL OR d.policy <> 'personal')",
        })
    }
}

/// The key of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A recipient's number.
    Recipient(i64),
    /// The pseudonym of this one delivery.
    Pseudonym(Random128),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recipient(id) => write!(f, "e{id}"),
            Self::Pseudonym(pseudonym) => write!(f, "p{}", hex(pseudonym)),
        }
    }
}

impl std::str::FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(id) = text.strip_prefix('e') {
            return id.parse().map(Self::Recipient).map_err(|_| ());
        }
        let digits = text.strip_prefix('p').ok_or(())?;
        if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(());
        }
        u128::from_str_radix(digits, 16)
            .map(|number| Self::Pseudonym(number.to_be_bytes()))
            .map_err(|_| ())
    }
}

/// Where in the list a page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first page.
    First,
    /// The page after that line.
    After(Key),
    /// The page before that line.
    Before(Key),
    /// The last page.
    Last,
}

/// Whose line it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A recipient.
    Recipient {
        /// The number.
        id: i64,
        /// The address as typed.
        address: String,
        /// First and last name, or empty.
        name: String,
    },
    /// Nobody any more. Times are those of the hour's beginning.
    Pseudonym(Random128),
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityLine {
    /// Whose it is.
    pub who: Who,
    /// Whether anything personal was measured at all.
    pub measured: bool,
    /// How many opens.
    pub opens: i64,
    /// The first, in milliseconds.
    pub first_open_at: Option<i64>,
    /// How many clicks.
    pub clicks: i64,
    /// The first, in milliseconds.
    pub first_click_at: Option<i64>,
    /// What came back of the mail.
    pub bounce: Option<BounceKind>,
}

impl ActivityLine {
    /// The line's key.
    pub const fn key(&self) -> Key {
        match &self.who {
            Who::Recipient { id, .. } => Key::Recipient(*id),
            Who::Pseudonym(pseudonym) => Key::Pseudonym(*pseudonym),
        }
    }
}

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Nullable<BigInt>)]
    recipient_id: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    pseudonym: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    first_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    last_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    policy: Option<Decision>,
    #[diesel(sql_type = BigInt)]
    opens: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    first_open_at: Option<i64>,
    #[diesel(sql_type = BigInt)]
    clicks: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    first_click_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    bounce: Option<BounceKind>,
}

impl Row {
    pub(super) fn into_line(self) -> Option<ActivityLine> {
        let who = match (self.recipient_id, self.pseudonym) {
            (Some(id), _) => Who::Recipient {
                id,
                address: self.address.unwrap_or_default(),
                name: [
                    self.first_name.unwrap_or_default(),
                    self.last_name.unwrap_or_default(),
                ]
                .join(" ")
                .trim()
                .to_owned(),
            },
            (None, pseudonym) => Who::Pseudonym(pseudonym?.try_into().ok()?),
        };
        Some(ActivityLine {
            who,
            measured: self.policy == Some(Decision::Personal),
            opens: self.opens,
            first_open_at: self.first_open_at,
            clicks: self.clicks,
            first_click_at: self.first_click_at,
            bounce: self.bounce,
        })
    }
}

/// In which direction rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Forwards,
    Backwards,
}

impl Reading {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Forwards => (">", "ASC"),
            Self::Backwards => ("<", "DESC"),
        }
    }
}

/// To whom the mail went; who never got it did nothing with it.
pub(super) const RECEIVED: &str = "d.status IN ('handed', 'uncertain')";

/// One page of the list.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    place: Place,
    size: usize,
) -> DbResult<Page<ActivityLine>> {
    let reader = Reader {
        account_id,
        mailing_id,
        filter,
        wanted: size + 1,
    };
    let mut lines = match place {
        Place::First => reader.onwards_from_recipient(conn, 0)?,
        Place::After(Key::Recipient(id)) => reader.onwards_from_recipient(conn, id)?,
        Place::After(Key::Pseudonym(pseudonym)) => {
            reader.pseudonyms(conn, Reading::Forwards, &pseudonym, reader.wanted)?
        }
        // Longer than any pseudonym and greater than all of them.
        Place::Last => reader.back_from_pseudonym(conn, &[0xff; 17])?,
        Place::Before(Key::Pseudonym(pseudonym)) => reader.back_from_pseudonym(conn, &pseudonym)?,
        Place::Before(Key::Recipient(id)) => {
            reader.recipients(conn, Reading::Backwards, id, reader.wanted)?
        }
    };
    let more = lines.len() > size;
    lines.truncate(size);
    let backwards = matches!(place, Place::Before(_) | Place::Last);
    if backwards {
        lines.reverse();
    }
    Ok(Page {
        rows: lines,
        has_previous: if backwards {
            more
        } else {
            place != Place::First
        },
        has_next: if backwards {
            place != Place::Last
        } else {
            more
        },
    })
}

/// How many lines the list has, counted up to a limit.
pub fn count(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    limit: i64,
) -> DbResult<CappedCount> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let counted: Counted = diesel::sql_query(format!(
        "SELECT COUNT(*) AS n FROM (
             SELECT 1 FROM deliveries d
             WHERE d.mailing_id = $1 AND d.account_id = $2 AND {RECEIVED} {} LIMIT $3
         ) AS counted",
        filter.condition()
    ))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(limit + 1)
    .get_result(conn)?;
    Ok(CappedCount::new(counted.n, limit))
}

struct Reader {
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    wanted: usize,
}

impl Reader {
    /// Recipients after that number, and pseudonyms where they end.
    fn onwards_from_recipient(&self, conn: &mut Conn, id: i64) -> DbResult<Vec<ActivityLine>> {
        let mut lines = self.recipients(conn, Reading::Forwards, id, self.wanted)?;
        if lines.len() < self.wanted {
            let missing = self.wanted - lines.len();
            lines.extend(self.pseudonyms(conn, Reading::Forwards, &[], missing)?);
        }
        Ok(lines)
    }

    /// Pseudonyms before that one, backwards, and recipients where they begin.
    fn back_from_pseudonym(
        &self,
        conn: &mut Conn,
        pseudonym: &[u8],
    ) -> DbResult<Vec<ActivityLine>> {
        let mut lines = self.pseudonyms(conn, Reading::Backwards, pseudonym, self.wanted)?;
        if lines.len() < self.wanted {
            let missing = self.wanted - lines.len();
            lines.extend(self.recipients(conn, Reading::Backwards, i64::MAX, missing)?);
        }
        Ok(lines)
    }

    fn recipients(
        &self,
        conn: &mut Conn,
        reading: Reading,
        from: i64,
        limit: usize,
    ) -> DbResult<Vec<ActivityLine>> {
        let (comparison, order) = reading.words();
        let rows: Vec<Row> = diesel::sql_query(format!(
            "SELECT d.recipient_id, d.pseudonym, r.address, r.first_name, r.last_name, d.policy,
                    d.opens, d.first_open_at, d.clicks, d.first_click_at, d.bounce
             FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
             WHERE d.mailing_id = $1 AND d.account_id = $2 AND d.recipient_id {comparison} $3 AND {RECEIVED} {}
             ORDER BY d.recipient_id {order} LIMIT $4",
            self.filter.condition()
        ))
        .bind::<BigInt, _>(self.mailing_id)
        .bind::<BigInt, _>(self.account_id)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(conn)?;
        Ok(rows.into_iter().filter_map(Row::into_line).collect())
    }

    fn pseudonyms(
        &self,
        conn: &mut Conn,
        reading: Reading,
        from: &[u8],
        limit: usize,
    ) -> DbResult<Vec<ActivityLine>> {
        let (comparison, order) = reading.words();
        let rows: Vec<Row> = diesel::sql_query(format!(
            "SELECT d.recipient_id, d.pseudonym, NULL AS address, NULL AS first_name, NULL AS last_name, d.policy,
                    d.opens, d.first_open_at, d.clicks, d.first_click_at, d.bounce
             FROM deliveries d
             WHERE d.mailing_id = $1 AND d.account_id = $2 AND d.pseudonym {comparison} $3 AND {RECEIVED} {}
             ORDER BY d.pseudonym {order} LIMIT $4",
            self.filter.condition()
        ))
        .bind::<BigInt, _>(self.mailing_id)
        .bind::<BigInt, _>(self.account_id)
        .bind::<Binary, _>(from)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(conn)?;
        Ok(rows.into_iter().filter_map(Row::into_line).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_written() {
        for key in [
            Key::Recipient(17),
            Key::Pseudonym([0; 16]),
            Key::Pseudonym([0xa7; 16]),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn anything_else_is_no_key() {
        for text in [
            "",
            "e",
            "17",
            "x17",
            "p12",
            "p+0000000000000000000000000000000",
            "pä",
        ] {
            assert_eq!(text.parse::<Key>(), Err(()), "{text}");
        }
    }
}
