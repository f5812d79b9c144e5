//! Everything that turns a mailing into mail.
//!
//! The files here are pure: no database, no HTTP, no clock of their own.
//!
//! - `syntax` finds the template language in a source, `tag` reads one tag, `attribute` reads and writes HTML
//!   attributes, `walk` shows the elements of HTML; these serve
//! - [`links`], which finds and rewrites a mailing's links,
//! - [`personalise`], which fills its templates for one recipient,
//! - [`text`], which makes the plain text part where the author gave none, and
//! - [`mjml`], which makes HTML of MJML, and [`inline`], which brings style sheets to the elements,
//! - `visible` tells what of a finished mail a reader sees,
//! - [`footer`], the two personal links that every mail has, and the pixel.
//! - `names` reads names of fields as people write them, `foreign` knows placeholders of other systems.
//! - [`check`] says what is missing or suspicious in a mailing.
//! - [`prepared`] ties these together: once per mailing, then per recipient.
//! - [`compose`] makes a message of the result (RFC 5322, MIME), [`read`] reads one back.
//! - [`shares`] draws a mail of nobody with the share of clicks on each link.
//! - [`dkim`] makes keys and signs messages, [`verp`] marks the return path, so that a bounce tells which
//!   mail it is about.

mod attribute;
mod bounds;
pub mod check;
pub mod compose;
pub mod dkim;
pub mod footer;
mod foreign;
pub mod inline;
pub mod links;
pub mod mjml;
mod names;
pub mod personalise;
pub mod plain;
pub mod prepared;
pub mod read;
pub mod shares;
mod syntax;
mod tag;
pub mod text;
pub mod verp;
mod visible;
mod walk;

use std::ops::Range;

pub use personalise::{Recipient, TemplateProblem};
pub use prepared::{Lacks, PreparedMailing, RenderedMail, TrackingUrls};
pub use visible::UnseenEnd;

/// A part of a mail that has a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The subject line.
    Subject,
    /// The HTML part.
    Html,
    /// The plain text part.
    Text,
}

impl Part {
    /// The part's name among the compiled templates.
    const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Html => "html",
            Self::Text => "text",
        }
    }
}

/// What can go wrong between a mailing and a message.
///
/// The rule: what an author can mend is a [`MailError::Template`] or [`MailError::Unseen`] and carries a German message
/// for him. All else is in English for the log. No message holds an address, a token or any
/// other value of a recipient, so every error may be logged as it is.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The author's template can't be read, or not be filled with some recipient's values.
    #[error("{part:?} template, line {}: {}", problem.line, problem.message)]
    Template {
        /// Where.
        part: Part,
        /// What.
        problem: TemplateProblem,
    },
    /// The HTML can't be read.
    #[error("cannot read the HTML: {0}")]
    Html(#[from] lol_html::errors::RewritingError),
    /// The HTML can't be made into text.
    #[error("cannot make text of the HTML: {0}")]
    Text(#[from] html2text::Error),
    /// One of our own small templates failed.
    #[error("cannot render a part of the mail: {0}")]
    Furniture(#[from] askama::Error),
    /// A sender or recipient whose address no mail can be sent to.
    #[error("not an address that mail can be sent to: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The message can't be put together.
    #[error("cannot compose the message: {0}")]
    Compose(#[from] lettre::error::Error),
    /// A key that signs mails can't be made, read or used.
    #[error("cannot make, read or use a key: {0}")]
    Key(String),
    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// Readers would not see the end of the mail, where its links are. Carries a German message for
    /// the author.
    #[error("the end of the mail is not seen, line {:?}: {}", .0.line, .0.message)]
    Unseen(UnseenEnd),
    /// Elements stand too deep inside each other.
    #[error("the HTML is nested too deep")]
    TooDeep,
    /// A file that is no message.
    #[error("this is not a mail message")]
    Unreadable,
}

/// Random bytes from the operating system.
fn random<const N: usize>() -> Result<[u8; N], MailError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(MailError::Random)?;
    Ok(bytes)
}

/// The source with these ranges, in order and apart, replaced.
fn splice(source: &str, edits: &[(Range<usize>, String)]) -> String {
    let added: usize = edits.iter().map(|(_, text)| text.len()).sum();
    let mut result = String::with_capacity(source.len() + added);
    let mut done = 0;
    for (range, text) in edits {
        result.push_str(&source[done..range.start]);
        result.push_str(text);
        done = range.end;
    }
    result.push_str(&source[done..]);
    result
}
