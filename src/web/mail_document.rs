//! A mail as a document of its own: shown in a frame, with a policy of its own. Whatever its
//! author wrote, no script runs and nothing reaches the page around it.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, ContentType, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
};

/// How a mail is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// To its author: links lead nowhere.
    Preview,
    /// As its recipient sees it: links open in a new tab.
    Received,
}

impl Shown {
    /// No script, no form, nothing embedded; inline style and pictures from everywhere, because
    /// mails are made of them (CSP Level 3, `sandbox`).
    const fn policy(self) -> &'static str {
        match self {
            Self::Preview => {
                "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src * data:; \
                 form-action 'none'; frame-ancestors 'self'"
            }
            Self::Received => {
                "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
                 style-src 'unsafe-inline'; img-src * data:; form-action 'none'; frame-ancestors 'self'"
            }
        }
    }
}

/// An HTML part as a document.
pub fn html(html: String, shown: Shown) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, shown.policy()))
        .insert_header((X_FRAME_OPTIONS, "SAMEORIGIN"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((
            HeaderName::from_static("cross-origin-opener-policy"),
            "unsafe-none",
        ))
        .body(html)
}
