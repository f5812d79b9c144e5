//! Saving a draft: in one transaction with the look at what somebody else may have saved meanwhile.
//! And the answers to the script that saves while somebody is writing.

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::form::MailingForm;
use crate::db::models::last_change::{self, LastChange, Subject};
use crate::db::models::{groups, mailings};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::versions::{self, Overtaken};

/// The hidden field with the key of the page on which a draft is begun: a request that is sent
/// again, because its answer got lost, makes no second draft.
pub(super) const FORM_KEY: &str = "entwurf";

/// As long as such a key is.
const FORM_KEY_CHARS: usize = 43;

/// A draft that was saved.
pub(super) struct Saved {
    /// Its number.
    pub id: i64,
    /// The stamp of what is stored now.
    stamp: String,
    at: Timestamp,
}

/// A draft that somebody else has saved meanwhile.
pub(super) struct Overtaking {
    /// Its number.
    pub id: i64,
    /// Both states.
    pub both: Overtaken,
    /// Who saved.
    pub last: LastChange,
}

/// Saves a draft, or makes one; unless somebody else has saved it since the form was made.
pub(super) fn save(
    conn: &mut Conn,
    account_id: i64,
    user_id: i64,
    id: Option<i64>,
    sent: &Fields,
    form: &MailingForm,
) -> DbResult<Result<Saved, Box<Overtaking>>> {
    let now = Timestamp::now();
    let known = groups::all(conn, account_id)?;
    let mine = form.snapshot(&known);
    let key = sent.text(FORM_KEY);
    // Of our own signs alone: it is stored, and may hold nothing that somebody wrote.
    let is_ours = key.len() == FORM_KEY_CHARS
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let key = is_ours.then_some(key);
    let id = match (id, key) {
        (None, Some(key)) => mailings::find_by_form_key(conn, account_id, key)?,
        (id, _) => id,
    };
    let id = if let Some(id) = id {
        let subject = Subject::Mailing(id);
        last_change::lock(conn, account_id, subject)?;
        let stored = mailings::find(conn, account_id, id)?;
        let chosen = mailings::groups_of(conn, account_id, id)?;
        let kept = MailingForm::of(stored, chosen).snapshot(&known);
        if let Some(both) = versions::compare(sent, &mine, &kept) {
            let last = last_change::find(conn, account_id, subject)?;
            return Ok(Err(Box::new(Overtaking { id, both, last })));
        }
        mailings::update(conn, account_id, id, &form.content(), now)?;
        id
    } else {
        let id = mailings::create(conn, account_id, &form.content(), now)?;
        if let Some(key) = key {
            mailings::set_form_key(conn, account_id, id, key)?;
        }
        id
    };
    last_change::note(conn, account_id, Subject::Mailing(id), Some(user_id), now)?;
    let stamp = mine.stamp();
    Ok(Ok(Saved { id, stamp, at: now }))
}

/// Whether the script asks, and not a form.
pub(super) fn is_script(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT);
    accept.is_some_and(|kinds| kinds.as_bytes() == b"application/json")
}

/// Tells the script that the draft was saved.
pub(super) fn told(saved: &Saved) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "path": format!("/e-mailings/{}", saved.id),
        "stand": saved.stamp,
        "time": filters::format_as(saved.at.millis(), "%H:%M"),
    }))
}

/// Tells the script why the draft was not saved.
pub(super) fn refused(errors: &FormErrors) -> HttpResponse {
    let why: Vec<&str> = errors.iter().map(|(_, message)| message).collect();
    HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY).json(json!({ "why": why.join(" ") }))
}

/// Tells the script that somebody else saved the draft: only a person can choose between the two.
pub(super) fn overtaken() -> HttpResponse {
    let why = "Inzwischen wurde hier etwas anderes gespeichert. Speichern Sie selbst, um beides zu sehen.";
    HttpResponse::build(StatusCode::CONFLICT).json(json!({ "why": why }))
}
