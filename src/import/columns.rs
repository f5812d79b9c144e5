//! What each column of a file is: recognised by its name or its content, changeable by the user.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::status_columns;
use crate::domain::address::{EmailAddress, addresses_in};
use crate::domain::field::transliterate;
pub use crate::domain::field::{MAX_FIELD_NAME_CHARS, RESERVED_FIELD_NAMES, field_name};

/// With how many columns a file is imported at most.
pub const MAX_COLUMNS: usize = 2_000;

/// What a column holds.
///
/// In forms and in JSON it is one word ([`fmt::Display`] and [`FromStr`]), for a free field
/// `field:` and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Column {
    /// The e-mail address.
    Address,
    /// The first name.
    FirstName,
    /// The last name.
    LastName,
    /// Whether the recipient has objected to personal tracking (*Tracking deaktiviert*).
    TrackingOff,
    /// Whether the recipient has consented to personal tracking. Never guessed: it is a statement
    /// that needs evidence.
    Consent,
    /// The day of that consent.
    ConsentDay,
    /// Whether the recipient may still be mailed, in words. This and the next four may stand several
    /// times in a file; the worst of what they say holds.
    Status,
    /// Whether the recipient is subscribed: yes or no.
    Subscribed,
    /// Whether the recipient confirmed the subscription: yes or no.
    Confirmed,
    /// Whether, when or why the recipient unsubscribed or was blocked.
    Unsubscribed,
    /// Whether, when or why the address refuses mails for good.
    Undeliverable,
    /// A free field with the name under which mails use it, such as `anrede`.
    Field(String),
    /// Nothing that is imported.
    Ignore,
}

impl Column {
    /// The German name on the screen.
    pub fn label(&self) -> &str {
        match self {
            Self::Address => "E-Mail-Adresse",
            Self::FirstName => "Vorname",
            Self::LastName => "Nachname",
            Self::TrackingOff => "Tracking deaktiviert",
            Self::Consent => "Einwilligung ins Tracking",
            Self::ConsentDay => "Einwilligung erteilt am",
            Self::Status => "Status",
            Self::Subscribed => "Angemeldet",
            Self::Confirmed => "Anmeldung bestätigt",
            Self::Unsubscribed => "Abgemeldet oder gesperrt",
            Self::Undeliverable => "Unzustellbar",
            Self::Field(name) => name,
            Self::Ignore => "Nicht importieren",
        }
    }

    /// Whether it says if the recipient may still be mailed.
    pub const fn is_status(&self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::Subscribed
                | Self::Confirmed
                | Self::Unsubscribed
                | Self::Undeliverable
        )
    }
}

impl fmt::Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => formatter.write_str("address"),
            Self::FirstName => formatter.write_str("first_name"),
            Self::LastName => formatter.write_str("last_name"),
            Self::TrackingOff => formatter.write_str("tracking_off"),
            Self::Consent => formatter.write_str("consent"),
            Self::ConsentDay => formatter.write_str("consent_day"),
            Self::Status => formatter.write_str("status"),
            Self::Subscribed => formatter.write_str("subscribed"),
            Self::Confirmed => formatter.write_str("confirmed"),
            Self::Unsubscribed => formatter.write_str("unsubscribed"),
            Self::Undeliverable => formatter.write_str("undeliverable"),
            Self::Field(name) => write!(formatter, "field:{name}"),
            Self::Ignore => formatter.write_str("ignore"),
        }
    }
}

impl FromStr for Column {
    type Err = UnknownColumn;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "address" => Ok(Self::Address),
            "first_name" => Ok(Self::FirstName),
            "last_name" => Ok(Self::LastName),
            "tracking_off" => Ok(Self::TrackingOff),
            "consent" => Ok(Self::Consent),
            "consent_day" => Ok(Self::ConsentDay),
            "status" => Ok(Self::Status),
            "subscribed" => Ok(Self::Subscribed),
            "confirmed" => Ok(Self::Confirmed),
            "unsubscribed" => Ok(Self::Unsubscribed),
            "undeliverable" => Ok(Self::Undeliverable),
            "ignore" => Ok(Self::Ignore),
            _ => match word.strip_prefix("field:") {
                Some(name) => Ok(Self::Field(name.to_owned())),
                None => Err(UnknownColumn),
            },
        }
    }
}

impl From<Column> for String {
    fn from(column: Column) -> Self {
        column.to_string()
    }
}

impl TryFrom<String> for Column {
    type Error = UnknownColumn;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

/// A word that names no kind of column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of column")]
pub struct UnknownColumn;

/// What every column of a file is, from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnMapping {
    /// One entry per column of the file.
    pub columns: Vec<Column>,
}

impl ColumnMapping {
    /// Guesses the mapping from the header, where the file has one, and some rows.
    ///
    /// Named columns that mean nothing to us become free fields; columns without a name are
    /// ignored, because nobody would know what their values are.
    pub fn guess(header: Option<&[String]>, rows: &[Vec<String>]) -> Self {
        let count = header.map_or_else(
            || rows.iter().map(Vec::len).max().unwrap_or(0),
            <[String]>::len,
        );
        let names: Vec<String> = (0..count)
            .map(|index| {
                header
                    .and_then(|header| header.get(index))
                    .map_or_else(String::new, |name| compact(name))
            })
            .collect();
        let mut columns = vec![Column::Ignore; count];
        if let Some(index) = address_column(header, count, rows) {
            columns[index] = Column::Address;
        }
        for (target, known) in [
            (Column::FirstName, FIRST_NAME),
            (Column::LastName, LAST_NAME),
            (Column::TrackingOff, TRACKING_OFF),
        ] {
            // The lists are ordered: "Nachname" is a better last name than "Name".
            let found = known.iter().find_map(|name| {
                (0..count).find(|index| names[*index] == *name && columns[*index] == Column::Ignore)
            });
            if let Some(index) = found {
                columns[index] = target;
            }
        }
        for (index, column) in columns.iter_mut().enumerate() {
            if *column == Column::Ignore {
                let title = header.and_then(|header| header.get(index));
                let cells = rows.iter().filter_map(|row| row.get(index));
                let said = status_columns::guess(
                    title.map_or("", String::as_str),
                    cells.map(String::as_str),
                );
                *column = said.unwrap_or(Column::Ignore);
            }
        }
        if let Some(header) = header {
            name_free_fields(&mut columns, header, &names);
        }
        Self { columns }
    }

    /// Checks what the user made of the mapping: one address column, nothing twice, usable names.
    pub fn validate(&self) -> Result<(), MappingProblem> {
        if self.columns.len() > MAX_COLUMNS {
            return Err(MappingProblem::TooMany(self.columns.len()));
        }
        if !self.columns.contains(&Column::Address) {
            return Err(MappingProblem::NoAddress);
        }
        let mut seen = HashSet::new();
        for column in self
            .columns
            .iter()
            .filter(|column| **column != Column::Ignore)
        {
            if let Column::Field(name) = column {
                if RESERVED_FIELD_NAMES.contains(&name.as_str()) {
                    return Err(MappingProblem::ReservedName(name.clone()));
                }
                if field_name(name).as_ref() != Some(name) {
                    return Err(MappingProblem::UnusableName(name.clone()));
                }
            }
            if !seen.insert(column) && !column.is_status() {
                return Err(MappingProblem::Twice(column.label().to_owned()));
            }
        }
        if seen.contains(&Column::ConsentDay) && !seen.contains(&Column::Consent) {
            return Err(MappingProblem::DayWithoutConsent);
        }
        Ok(())
    }

    /// Where the column with this meaning stands.
    pub fn position(&self, wanted: &Column) -> Option<usize> {
        self.columns.iter().position(|column| column == wanted)
    }
}

/// Why a mapping cannot be used. The display text is a German sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingProblem {
    /// No column is the address.
    #[error("Bitte wählen Sie aus, welche Spalte die E-Mail-Adresse enthält.")]
    NoAddress,
    /// Two columns have the same meaning.
    #[error("„{0}“ ist mehreren Spalten zugeordnet. Bitte wählen Sie eine davon aus.")]
    Twice(String),
    /// A free field whose name a mail could not use.
    #[error(
        "„{0}“ ist kein möglicher Feldname. Erlaubt sind bis zu 40 Kleinbuchstaben ohne Umlaute, Ziffern und Unterstriche, am Anfang ein Buchstabe."
    )]
    UnusableName(String),
    /// A free field with the name of something else.
    #[error("Der Feldname „{0}“ ist bereits vergeben. Bitte wählen Sie einen anderen.")]
    ReservedName(String),
    /// More columns than a file can have.
    #[error(
        "Die Datei hat {0} Spalten. Höchstens {MAX_COLUMNS} sind möglich. Bitte löschen Sie Spalten, die Sie nicht brauchen, oder wählen Sie ein anderes Trennzeichen."
    )]
    TooMany(usize),
    /// Days of consents, and no column that says whose.
    #[error("Zur Spalte „Einwilligung erteilt am“ gehört eine Spalte „Einwilligung ins Tracking“.")]
    DayWithoutConsent,
}

/// How a list of refused rows, which can be mended and imported again, names the columns before
/// those of the file, as [`compact`] writes them.
const REFUSED_HEADER: [&str; 2] = ["zeile", "ablehnungsgrund"];

const ADDRESS: &[&str] = &[
    "email",
    "emailadresse",
    "mail",
    "mailadresse",
    "emailaddress",
    "eadresse",
    "emailprivat",
    "emailgeschaeftlich",
    "primaryemail",
    "workemail",
];
const FIRST_NAME: &[&str] = &[
    "vorname",
    "vornamen",
    "firstname",
    "givenname",
    "forename",
    "fname",
    "rufname",
];
const LAST_NAME: &[&str] = &[
    "nachname",
    "familienname",
    "zuname",
    "lastname",
    "surname",
    "familyname",
    "lname",
    "name",
];
/// "Tracking" alone is missing on purpose: its "ja" would mean the opposite.
const TRACKING_OFF: &[&str] = &[
    "trackingdeaktiviert",
    "trackingwiderspruch",
    "widerspruch",
    "widerspruchtracking",
    "widerspruchgegentracking",
    "trackingwidersprochen",
    "widersprochen",
    "personenbezogenestrackingdeaktiviert",
    "personenbeztrackingdeaktiviert",
    "trackingaus",
    "keintracking",
    "nichttracken",
    "trackingoff",
    "trackingdisabled",
    "trackingoptout",
    "notracking",
    "donottrack",
    "objection",
    "objected",
];

/// Words that may stand beside *E-Mail* in the name of a column of addresses.
const BESIDE_ADDRESS: &[&str] = &[
    "address",
    "adresse",
    "anschrift",
    "arbeit",
    "beruflich",
    "business",
    "contact",
    "customer",
    "dienstlich",
    "email",
    "empfaenger",
    "firma",
    "geschaeft",
    "geschaeftlich",
    "haupt",
    "home",
    "kontakt",
    "kunde",
    "kunden",
    "mail",
    "main",
    "mitglied",
    "of",
    "office",
    "person",
    "personal",
    "persoenlich",
    "primaer",
    "primary",
    "privat",
    "private",
    "recipient",
    "subscriber",
    "teilnehmer",
    "user",
    "value",
    "wert",
    "work",
    "your",
    "ihre",
    "deine",
    "der",
    "die",
    "des",
    "the",
    "pflichtfeld",
    "required",
    "e",
];

/// How a column's name speaks for addresses, the better the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum AddressName {
    /// It is about mail, but not the address: `E-Mail-Status`, `Opt-in E-Mail`.
    About,
    /// It says nothing.
    None,
    /// One of several addresses, such as `E-mail 1 - Value`; the first is the greatest.
    Among(std::cmp::Reverse<u32>),
    /// *E-Mail* or another plain name; the plainest is the greatest.
    Plain(std::cmp::Reverse<usize>),
}

impl AddressName {
    fn of(title: &str) -> Self {
        use std::cmp::Reverse;
        let name = compact(title);
        if let Some(place) = ADDRESS.iter().position(|known| *known == name) {
            return Self::Plain(Reverse(place));
        }
        let mut words = words(title);
        // "E-Mail" is one word.
        while let Some(at) = words.windows(2).position(|pair| pair == ["e", "mail"]) {
            words.splice(at..at + 2, ["email".to_owned()]);
        }
        let is_mail = |word: &String| {
            matches!(word.as_str(), "email" | "mail") || ADDRESS[..5].contains(&word.as_str())
        };
        if !words.iter().any(is_mail) {
            return Self::None;
        }
        let number = words.iter().find_map(|word| word.parse().ok());
        let fits = |word: &String| {
            is_mail(word) || BESIDE_ADDRESS.contains(&word.as_str()) || word.parse::<u32>().is_ok()
        };
        if words.iter().all(fits) {
            Self::Among(Reverse(number.unwrap_or(0)))
        } else {
            Self::About
        }
    }

    const fn is_address(self) -> bool {
        matches!(self, Self::Among(_) | Self::Plain(_))
    }
}

/// Whether a header of that text announces addresses.
pub(super) fn names_address(title: &str) -> bool {
    AddressName::of(title).is_address()
}

/// The most convincing column by name and content.
fn address_column(header: Option<&[String]>, count: usize, rows: &[Vec<String>]) -> Option<usize> {
    let name_of = |index: usize| {
        let title = header.and_then(|header| header.get(index));
        title.map_or(AddressName::None, |title| AddressName::of(title))
    };
    let found: Vec<(AddressName, usize, usize)> = (0..count)
        .map(|index| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            let filled = cells.filter(|cell| !cell.trim().is_empty());
            let (mut count, mut addresses) = (0, 0);
            for cell in filled {
                count += 1;
                addresses += usize::from(holds_address(cell));
            }
            (name_of(index), count, addresses)
        })
        .collect();
    let most = found.iter().map(|(.., addresses)| *addresses).max();
    let conviction = |(name, filled, addresses): (AddressName, usize, usize)| {
        let mostly = addresses * 2 > filled;
        let rank = match name {
            AddressName::Plain(_) if addresses > 0 && addresses * 5 >= filled => 5,
            AddressName::Among(_) if mostly => 5,
            AddressName::Plain(_) | AddressName::Among(_) if filled == 0 => 4,
            AddressName::None if mostly => 3,
            AddressName::About if mostly => 2,
            AddressName::Plain(_) | AddressName::Among(_) => 1,
            AddressName::None | AddressName::About => 0,
        };
        // Of several the best name, unless it is empty for most of the people.
        let covers = addresses * 2 >= most.unwrap_or(0);
        (rank, covers, name, addresses)
    };
    (0..count)
        .rev()
        .map(|index| (conviction(found[index]), index))
        .filter(|((rank, ..), _)| *rank > 0)
        .max_by_key(|(conviction, _)| *conviction)
        .map(|(_, index)| index)
}

/// Whether a cell is an address or a few, perhaps with a name; not a text that mentions one.
fn holds_address(cell: &str) -> bool {
    const MAX_WORDS: usize = 6;
    EmailAddress::parse(cell).is_ok()
        || (cell.split_whitespace().count() <= MAX_WORDS && addresses_in(cell).next().is_some())
}

/// Makes a free field of every column that is still nothing, with a name of its own.
fn name_free_fields(columns: &mut [Column], header: &[String], names: &[String]) {
    // A second address or first name is not worth a field.
    let doubles = [FIRST_NAME, TRACKING_OFF];
    // Nor is what a list of refused rows says about them.
    let is_refused = names.iter().any(|name| name == REFUSED_HEADER[1]);
    let mut taken = HashSet::new();
    for ((column, title), name) in columns.iter_mut().zip(header).zip(names) {
        let is_double = (is_refused && REFUSED_HEADER.contains(&name.as_str()))
            || names_address(title)
            || doubles.iter().any(|list| list.contains(&name.as_str()));
        if *column != Column::Ignore || is_double {
            continue;
        }
        let Some(name) =
            field_name(title).filter(|name| !RESERVED_FIELD_NAMES.contains(&name.as_str()))
        else {
            continue;
        };
        let stem = &name[..name.len().min(MAX_FIELD_NAME_CHARS - "_999".len())];
        let numbered = (2..1000).map(|number| format!("{stem}_{number}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !taken.contains(name));
        if let Some(name) = free {
            taken.insert(name.clone());
            *column = Column::Field(name);
        }
    }
}

/// A header reduced to its letters and digits: `E-Mail-Adresse *` is `emailadresse`.
pub(super) fn compact(name: &str) -> String {
    transliterate(name)
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

/// The words of a header, as [`compact`] writes them.
fn words(title: &str) -> Vec<String> {
    let text: String = transliterate(title).collect();
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
