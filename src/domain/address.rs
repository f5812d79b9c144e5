//! The e-mail address of a recipient: parsed once, where it enters, and trusted afterwards.
//!
//! An address has several spellings that reach the same mailbox for all practical purposes:
//! `Hans@Müller.de`, `hans@müller.de` and `hans@xn--mller-kva.de`. [`EmailAddress`] keeps the
//! spelling the person chose and knows the one spelling that decides whether two addresses are
//! the same ([`EmailAddress::key`]).
//!
//! Neither `Display` nor a telling `Debug` exists, so that no address slips into a log; whoever
//! wants to show one says which form.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::text::is_invisible;

/// Longest local part, in octets (RFC 5321 section 4.5.3.1.1).
pub const MAX_LOCAL_OCTETS: usize = 64;

/// Longest address, in octets: the longest path of RFC 5321 section 4.5.3.1.3 without its angle
/// brackets (RFC 3696 erratum 1690).
pub const MAX_OCTETS: usize = 254;

/// Longest label of a domain, in octets of its ASCII form (RFC 1035 section 2.3.4).
const MAX_LABEL_OCTETS: usize = 63;

/// A valid e-mail address.
///
/// Equality compares the spelling too; whether two addresses belong to the same recipient is
/// decided by [`EmailAddress::key`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    typed: Box<str>,
    key: Box<str>,
    /// Only where it differs from `key`, which is rare.
    unicode: Option<Box<str>>,
}

impl EmailAddress {
    /// Reads an address as people write it.
    ///
    /// Surrounding white space (also the invisible characters that copying from web pages brings)
    /// is dropped. Accepted are the unquoted addresses of RFC 5321, with letters of any script
    /// (RFC 6531) and internationalised domains (UTS 46). Refused are forms that nobody has as
    /// his address today: quoted local parts, IP addresses as domain, a name before the address.
    pub fn parse(input: &str) -> Result<Self, AddressProblem> {
        let trimmed = input.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        if trimmed.is_empty() {
            return Err(AddressProblem::Empty);
        }
        // Nothing shortens to a fourth, so the work below is bounded for any input.
        if trimmed.len() > 4 * MAX_OCTETS {
            return Err(AddressProblem::TooLong);
        }
        let typed = nfc(trimmed);
        let (local, domain) = split(&typed)?;
        check_local(local)?;
        let ascii_domain = ascii_domain(domain)?;

        let mut key = lower_case(local);
        key.push('@');
        let local_end = key.len();
        key.push_str(&ascii_domain);
        let unicode =
            unicode_domain(&ascii_domain).map(|domain| key[..local_end].to_owned() + &domain);

        // Lower-casing can lengthen (`İ`), and each form must itself be a valid address.
        if local.len() > MAX_LOCAL_OCTETS || local_end > MAX_LOCAL_OCTETS + "@".len() {
            return Err(AddressProblem::LocalTooLong);
        }
        let longest = typed
            .len()
            .max(key.len())
            .max(unicode.as_ref().map_or(0, String::len));
        if longest > MAX_OCTETS {
            return Err(AddressProblem::TooLong);
        }
        Ok(Self {
            typed: typed.into(),
            key: key.into_boxed_str(),
            unicode: unicode.map(String::into_boxed_str),
        })
    }

    /// The address as the person wrote it, trimmed and in Unicode NFC.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The key that is unique within an account: Unicode NFC, lower-cased as a whole, the domain
    /// in ASCII (IDNA); a `+tag` is kept.
    ///
    /// Lower-casing goes character by character (`Ä` to `ä`, and both Greek small sigmas become
    /// one), so that any mixture of upper and lower case gives the same key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The lower-cased address with its domain in Unicode: what people read and search for.
    pub fn unicode_form(&self) -> &str {
        self.unicode.as_deref().unwrap_or(&self.key)
    }

    /// The address as a mail server without SMTPUTF8 wants it: the local part as typed (RFC 5321
    /// section 2.4 leaves its case to the receiving server), the domain in ASCII.
    pub fn envelope_form(&self) -> String {
        let local = self.typed.split('@').next().unwrap_or_default();
        let domain = self.domain();
        format!("{local}@{domain}")
    }

    /// The domain in ASCII (IDNA), lower-cased.
    pub fn domain(&self) -> &str {
        self.key.rsplit('@').next().unwrap_or_default()
    }

    /// Every spelling in which this program may have stored the address, without doubles: as
    /// typed, the key, in Unicode, and as handed to mail servers. Erasure looks for each of them.
    pub fn forms(&self) -> Vec<String> {
        let mut forms = vec![self.as_typed().to_owned()];
        for form in [
            self.key().to_owned(),
            self.unicode_form().to_owned(),
            self.envelope_form(),
        ] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }
}

/// The addresses that stand in a text, whatever is around them.
pub fn addresses_in(text: &str) -> impl Iterator<Item = EmailAddress> {
    // "Anna <anna@example.org>, mailto:ben@example.org." Signs that may stand in an address, but
    // rarely do, are taken for a part of it.
    text.split(|c: char| c.is_whitespace() || r#"<>()[]{}",;:|\„“”‚‘’«»"#.contains(c))
        .filter(|piece| piece.contains('@'))
        .filter_map(|piece| EmailAddress::parse(piece.trim_matches(['.', '\''])).ok())
}

/// An address as far as its owner needs it to know which one is meant, and nobody else learns it:
/// `anna@example.org` as `a…@example.org`. For pages that somebody may see to whom a mail was
/// forwarded.
pub fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let mut letters = local.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(_)) => format!("{first}…@{domain}"),
        _ => format!("…@{domain}"),
    }
}

impl FromStr for EmailAddress {
    type Err = AddressProblem;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        Self::parse(input)
    }
}

impl fmt::Debug for EmailAddress {
    /// Keeps the address out of logs and panics.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EmailAddress(…)")
    }
}

/// Why a text is not an e-mail address. The display text is a German sentence for the person who
/// typed it; it repeats at most one character of the input, never the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// Nothing but white space.
    #[error("Bitte geben Sie eine E-Mail-Adresse an.")]
    Empty,
    /// A name before the address, or angle brackets around it.
    #[error("Bitte geben Sie nur die Adresse an, ohne Namen und ohne spitze Klammern.")]
    DisplayName,
    /// Quotation marks: a quoted local part (RFC 5321 section 4.1.2) or an address in quotes.
    #[error("Adressen mit Anführungszeichen werden nicht unterstützt.")]
    Quoted,
    /// No `@`.
    #[error("In der Adresse fehlt das @-Zeichen.")]
    NoAt,
    /// Two or more `@` in one word.
    #[error("Die Adresse enthält mehr als ein @-Zeichen.")]
    SeveralAts,
    /// Two or more addresses, separated in some way.
    #[error("Hier stehen mehrere Adressen. Bitte geben Sie nur eine an.")]
    SeveralAddresses,
    /// White space within the address.
    #[error("Die Adresse enthält ein Leerzeichen.")]
    Space,
    /// A control or zero-width character within the address.
    #[error("Die Adresse enthält ein unsichtbares Zeichen (U+{:04X}).", u32::from(*.0))]
    InvisibleCharacter(char),
    /// Nothing before the `@`.
    #[error("Vor dem @-Zeichen fehlt der Name des Postfachs.")]
    EmptyLocal,
    /// Nothing after the `@`.
    #[error("Nach dem @-Zeichen fehlt die Domain, zum Beispiel „beispiel.de“.")]
    EmptyDomain,
    /// Two dots in a row, on either side.
    #[error("Die Adresse enthält zwei Punkte hintereinander.")]
    TwoDots,
    /// The local part starts or ends with a dot.
    #[error("Der Teil vor dem @-Zeichen darf nicht mit einem Punkt beginnen oder enden.")]
    LocalDotAtEdge,
    /// A character that may not stand in the local part.
    #[error("Das Zeichen „{0}“ ist vor dem @-Zeichen nicht erlaubt.")]
    IllegalInLocal(char),
    /// More than 64 octets before the `@`.
    #[error(
        "Der Teil vor dem @-Zeichen ist zu lang: Erlaubt sind höchstens 64 Bytes (Umlaute zählen doppelt)."
    )]
    LocalTooLong,
    /// More than 254 octets in all.
    #[error("Die Adresse ist zu lang: Erlaubt sind höchstens 254 Bytes (Umlaute zählen doppelt).")]
    TooLong,
    /// A domain literal such as `[192.0.2.1]`, or a bare IP address.
    #[error(
        "Die Domain darf keine IP-Adresse sein. Bitte geben Sie einen Namen wie „beispiel.de“ an."
    )]
    IpAddress,
    /// A domain of one label.
    #[error("In der Domain fehlt ein Punkt mit der Endung, zum Beispiel „.de“.")]
    DomainWithoutDot,
    /// The domain starts or ends with a dot.
    #[error("Die Domain darf nicht mit einem Punkt beginnen oder enden.")]
    DomainDotAtEdge,
    /// A character that may not stand in a domain.
    #[error("Das Zeichen „{0}“ ist in der Domain nicht erlaubt.")]
    IllegalInDomain(char),
    /// A part of the domain starts or ends with a hyphen.
    #[error("Kein Teil der Domain darf mit einem Bindestrich beginnen oder enden.")]
    HyphenAtEdge,
    /// A label of the domain has more than 63 octets in ASCII.
    #[error(
        "Ein Teil der Domain ist zu lang: Zwischen zwei Punkten sind höchstens 63 Zeichen erlaubt."
    )]
    LabelTooLong,
    /// Not a valid internationalised domain (UTS 46), or broken punycode.
    #[error("Die Domain ist keine gültige internationalisierte Domain (IDN).")]
    InvalidIdn,
}

/// Splits at the one `@`, after refusing what is not a single bare address.
fn split(typed: &str) -> Result<(&str, &str), AddressProblem> {
    if typed.contains(['<', '>']) {
        return Err(AddressProblem::DisplayName);
    }
    if typed.contains('"') {
        return Err(AddressProblem::Quoted);
    }
    let (local, domain) = typed.split_once('@').ok_or(AddressProblem::NoAt)?;
    if domain.contains('@') {
        let separated =
            typed.contains(|c: char| matches!(c, ',' | ';' | '/' | '|') || c.is_whitespace());
        return Err(if separated {
            AddressProblem::SeveralAddresses
        } else {
            AddressProblem::SeveralAts
        });
    }
    if let Some(odd) = typed
        .chars()
        .find(|c| c.is_whitespace() || c.is_control() || is_invisible(*c))
    {
        // Line breaks and tabs are both white space and control characters.
        return Err(if odd.is_whitespace() {
            AddressProblem::Space
        } else {
            AddressProblem::InvisibleCharacter(odd)
        });
    }
    if local.is_empty() {
        return Err(AddressProblem::EmptyLocal);
    }
    if domain.is_empty() {
        return Err(AddressProblem::EmptyDomain);
    }
    Ok((local, domain))
}

/// The dot-string of RFC 5321 section 4.1.2 with the letters of RFC 6531.
fn check_local(local: &str) -> Result<(), AddressProblem> {
    if local.starts_with('.') || local.ends_with('.') {
        return Err(AddressProblem::LocalDotAtEdge);
    }
    if local.contains("..") {
        return Err(AddressProblem::TwoDots);
    }
    let allowed = |c: char| match c {
        '.' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
        // RFC 6531 allows every character beyond ASCII; only those that letters are made of
        // can belong to a mailbox, the rest is damage.
        c => c.is_alphanumeric() || is_combining_mark(c),
    };
    match local.chars().find(|c| !allowed(*c)) {
        Some(illegal) => Err(AddressProblem::IllegalInLocal(illegal)),
        None => Ok(()),
    }
}

/// The domain in lower-cased ASCII, every label checked.
fn ascii_domain(domain: &str) -> Result<Cow<'_, str>, AddressProblem> {
    if domain.starts_with('[') {
        return Err(AddressProblem::IpAddress);
    }
    let illegal = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-');
    if let Some(illegal) = domain.chars().find(illegal) {
        return Err(AddressProblem::IllegalInDomain(illegal));
    }
    if domain
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        return Err(AddressProblem::HyphenAtEdge);
    }
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Ignore,
        )
        .map_err(|_| AddressProblem::InvalidIdn)?;
    // Asked of the ASCII form, because IDNA knows other dots too (`。`).
    if ascii.starts_with('.') || ascii.ends_with('.') {
        return Err(AddressProblem::DomainDotAtEdge);
    }
    if ascii.contains("..") {
        return Err(AddressProblem::TwoDots);
    }
    let Some((_, last_label)) = ascii.rsplit_once('.') else {
        return Err(AddressProblem::DomainWithoutDot);
    };
    // No top-level domain is a number (RFC 3696 section 2), so this is an IPv4 address.
    if last_label.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressProblem::IpAddress);
    }
    if ascii.split('.').any(|label| label.len() > MAX_LABEL_OCTETS) {
        return Err(AddressProblem::LabelTooLong);
    }
    Ok(ascii)
}

/// The Unicode form of an ASCII domain, where it has one of its own.
fn unicode_domain(ascii: &str) -> Option<String> {
    if !ascii.contains("xn--") {
        return None;
    }
    let (unicode, valid) = Uts46::new().to_unicode(
        ascii.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
    );
    (valid.is_ok() && unicode != ascii).then(|| unicode.into_owned())
}

/// Lower-cases character by character and composes again.
fn lower_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ς' { 'σ' } else { c });
    lower.nfc().collect()
}

fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
