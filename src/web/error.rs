//! What a request can fail with, and how that becomes a page.
//!
//! **Rule.** A person reads what happened and what can be done, never an inner error. The inner
//! error goes to the log, without addresses, tokens or query strings (rule P8). The page itself is
//! rendered by [`crate::web::protection`], the outermost layer, so that every error has one and
//! the same look, whoever raised it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::db::DbError;
use crate::web::session::throttle::Crowded;

/// What a request fails with.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// There is no such thing, or it belongs to another account: the answer is the same.
    #[error("not found")]
    NotFound,
    /// The role does not allow it.
    #[error("forbidden")]
    Forbidden,
    /// The request comes from another site.
    #[error("request from another origin")]
    OtherOrigin,
    /// The request makes no sense, with a German sentence that says why.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// It can't be done in the present state of things, with a German sentence that says why.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The form is larger than allowed.
    #[error("too large")]
    TooLarge,
    /// The form did not arrive in time.
    #[error("too slow")]
    TooSlow,
    /// The connection ended in the middle of the form.
    #[error("incomplete")]
    Incomplete,
    /// Too many attempts at once.
    #[error("too many attempts")]
    TooMany,
    /// The database can't be reached just now; nothing was changed.
    #[error("the database is away: {0}")]
    Away(String),
    /// There is no room left on the server's disk; nothing was changed.
    #[error("the disk is full: {0}")]
    Full(String),
    /// Nobody knows whether what was asked for was stored.
    #[error("not known whether it was stored")]
    Unconfirmed,
    /// Our fault.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What the outermost layer shows: kept on the response.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Heading.
    pub title: &'static str,
    /// What happened, what can be done.
    pub message: &'static str,
}

impl From<DbError> for WebError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound => Self::NotFound,
            DbError::Duplicate => Self::Conflict("Das gibt es schon."),
            DbError::Refused(_) => Self::Conflict(
                "Das wurde nicht ausgeführt, weil sonst eine Regel verletzt worden wäre.",
            ),
            DbError::Unconfirmed => Self::Unconfirmed,
            other if other.is_disk_full() => Self::Full(other.to_string()),
            other if other.is_away() => Self::Away(other.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// Of files: uploads and the outbox.
impl From<std::io::Error> for WebError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        // Our own limits are far below what makes a file too large for a system without a limit.
        if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            Self::Full(error.to_string())
        } else {
            Self::Internal(error.to_string())
        }
    }
}

impl From<actix_web::error::BlockingError> for WebError {
    fn from(_: actix_web::error::BlockingError) -> Self {
        Self::Internal("the work was cancelled".into())
    }
}

impl From<Crowded> for WebError {
    fn from(_: Crowded) -> Self {
        Self::TooMany
    }
}

impl From<askama::Error> for WebError {
    fn from(error: askama::Error) -> Self {
        Self::Internal(format!("template: {error}"))
    }
}

impl WebError {
    fn shown(&self) -> Shown {
        match self {
            Self::BadRequest(message) => Shown {
                title: "Ungültige Anfrage",
                message,
            },
            Self::Conflict(message) => Shown {
                title: "Das geht gerade nicht",
                message,
            },
            Self::OtherOrigin => Shown {
                title: "Anfrage von einer anderen Website",
                message: "Diese Anfrage kam nicht von dieser Website und wurde zu Ihrem Schutz nicht ausgeführt. \
                          Öffnen Sie die Seite neu und versuchen Sie es noch einmal.",
            },
            Self::Away(_) => Shown {
                title: "Die Datenbank antwortet nicht",
                message: "Es wurde nichts geändert. Bitte versuchen Sie es in einem Moment noch einmal.",
            },
            Self::Full(_) => Shown {
                title: "Auf dem Server ist kein Speicherplatz mehr frei",
                message: "Es wurde nichts geändert. Wer den Server betreibt, muss Platz schaffen. Danach geht es \
                          ohne Neustart weiter.",
            },
            Self::Unconfirmed => Shown {
                title: "Ungewiss, ob das gespeichert wurde",
                message: "Die Verbindung zur Datenbank riss im letzten Augenblick ab. Sehen Sie nach, ob Ihre \
                          Änderung da ist, bevor Sie es noch einmal versuchen.",
            },
            Self::NotFound
            | Self::Forbidden
            | Self::TooLarge
            | Self::TooSlow
            | Self::Incomplete
            | Self::TooMany
            | Self::Internal(_) => shown_for(self.status_code()),
        }
    }
}

/// What a person reads about a status that came without words of its own.
pub fn shown_for(status: StatusCode) -> Shown {
    match status.as_u16() {
        403 => Shown {
            title: "Keine Berechtigung",
            message: "Dafür fehlt Ihnen die nötige Rolle. Eine Administratorin oder ein Administrator Ihres \
                      Benutzerkontos kann sie Ihnen geben.",
        },
        404 => Shown {
            title: "Seite nicht gefunden",
            message: "Diese Seite gibt es nicht oder nicht mehr. Vielleicht wurde gelöscht, was hier stand.",
        },
        405 => Shown {
            title: "So geht das nicht",
            message: "Diese Adresse kann nicht auf diese Weise aufgerufen werden.",
        },
        413 => Shown {
            title: "Zu groß",
            message: "Was Sie gesendet haben, ist größer als erlaubt.",
        },
        408 => Shown {
            title: "Das hat zu lange gedauert",
            message: "Ihre Eingabe kam nicht vollständig an. Gehen Sie zurück und versuchen Sie es noch einmal.",
        },
        429 => Shown {
            title: "Zu viele Versuche auf einmal",
            message: "Gerade versuchen zu viele, sich anzumelden. Warten Sie einen Moment und versuchen Sie es noch \
                      einmal. In einem Browser, in dem Sie sich schon einmal angemeldet haben, geht es sofort.",
        },
        400..=499 => Shown {
            title: "Ungültige Anfrage",
            message: "Die Anfrage konnte nicht verstanden werden. Gehen Sie zurück und versuchen Sie es noch einmal.",
        },
        _ => Shown {
            title: "Etwas ist schiefgegangen",
            message: "Das lag nicht an Ihnen. Bitte versuchen Sie es in einem Moment noch einmal.",
        },
    }
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::OtherOrigin => StatusCode::FORBIDDEN,
            Self::BadRequest(_) | Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Conflict(_) => StatusCode::CONFLICT,
            // RFC 9110, section 15.6.4, and RFC 4918, section 11.5.
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Unconfirmed | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if self.status_code().is_server_error() {
            tracing::error!(what = %self, "a request failed");
        }
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.shown());
        response
    }
}
