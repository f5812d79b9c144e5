//! Walks through HTML that stays as it is. In one place, so that the parser is compiled once for
//! all who only look.

use lol_html::errors::RewritingError;
use lol_html::{HtmlRewriter, Settings};

/// Shows the elements and comments of a text to the handlers, in the order of the source. Markup
/// that browsers read in spite of its errors is read too.
///
/// # Errors
/// Fails where a handler does, or where the parser needs more memory than it may.
pub fn walk(text: &str, settings: Settings) -> Result<(), RewritingError> {
    let settings = Settings {
        strict: false,
        ..settings
    };
    let mut reader = HtmlRewriter::new(settings, |_: &[u8]| {});
    reader.write(text.as_bytes())?;
    reader.end()
}
