//! What is added to the end of a mail: the personal links its author did not place, and the
//! pixel.

use askama::Template;

use super::MailError;

/// The addresses of those of the two personal pages that a mail does not link to yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing<'a> {
    /// The page to unsubscribe.
    pub(crate) unsubscribe: Option<&'a str>,
    /// The page to object to personal tracking.
    pub(crate) preferences: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/footer.html")]
struct FooterHtml<'a> {
    missing: Missing<'a>,
}

#[derive(Template)]
#[template(path = "mail/footer.txt")]
struct FooterText<'a> {
    missing: Missing<'a>,
}

#[derive(Template)]
#[template(path = "mail/pixel.html")]
struct Pixel<'a> {
    url: &'a str,
}

impl Missing<'_> {
    /// Is there nothing to add?
    fn is_empty(&self) -> bool {
        self.unsubscribe.is_none() && self.preferences.is_none()
    }

    /// The footer of the HTML part; empty if nothing is missing.
    pub(crate) fn html(self) -> Result<String, MailError> {
        if self.is_empty() {
            return Ok(String::new());
        }
        Ok(FooterHtml { missing: self }.render()?)
    }

    /// The footer of the text part; empty if nothing is missing.
    pub(crate) fn text(self) -> Result<String, MailError> {
        if self.is_empty() {
            return Ok(String::new());
        }
        Ok(FooterText { missing: self }.render()?)
    }
}

/// The picture whose loading is an open.
pub(crate) fn pixel(url: &str) -> Result<String, MailError> {
    Ok(Pixel { url }.render()?)
}
