//! *Datenschutz-Einstellungen*: what a person can decide and see about themselves, behind the
//! personal link of a mail, without signing in.
//!
//! Looking changes nothing, since programs that check mails follow links; every change is a POST
//! of its own and holds at once. The address is shown masked, as a mail may have been forwarded;
//! [`data`] says why it is whole there.

pub mod data;
pub mod deletion;
pub mod mailings;
pub mod tracking;

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::InAddress;
use super::person::{self, Person, unknown};
use crate::db::models::audit::{self, Action};
use crate::db::models::deletion_requests;
use crate::db::models::groups::{self, Group};
use crate::domain::consent::{OBJECTING, wording};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingMode};
use crate::tracking::policy::{Decision, decide};
use crate::tracking::settings;
use crate::tracking::token::{PersonalLink, PersonalToken};
use crate::web::filters;
use crate::web::notice;
use crate::web::page::Page;
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "public/preferences/show.html")]
struct PreferencesPage {
    page: Page,
    token: String,
    person: Person,
    groups: Vec<Group>,
    /// What is recorded about this person as things are.
    now: Decision,
    /// When the person asked for deletion, in milliseconds.
    deletion_requested_at: Option<i64>,
    declined: Option<Declined>,
}

/// A wish to be deleted that was declined.
struct Declined {
    /// When, in milliseconds.
    at: i64,
    /// Why, in the account's words.
    reason: String,
}

impl PreferencesPage {
    fn has_objected(&self) -> bool {
        self.person.recipient.tracking == RecipientTracking::Objected
    }

    fn has_consented(&self) -> bool {
        self.person.recipient.tracking == RecipientTracking::Consented
    }

    fn is_personal(&self) -> bool {
        self.now == Decision::Personal
    }

    /// Whether the page asks for consent, rather than leaving it to the person.
    fn asks(&self) -> bool {
        tracking::asks(&self.person, Timestamp::now())
    }

    /// Until when the person is not asked again, in milliseconds.
    fn rests_until(&self) -> Option<i64> {
        settings::rests_until(&self.person.recipient, Timestamp::now()).map(Timestamp::millis)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    const fn objecting(&self) -> &'static str {
        OBJECTING
    }

    fn is_unsubscribed(&self) -> bool {
        self.person.recipient.status == RecipientStatus::Unsubscribed
    }

    /// Whether allowing would change what is recorded.
    fn can_allow(&self) -> bool {
        self.person.account.tracking_mode != TrackingMode::Off && !self.is_personal()
    }

    fn allowing(&self) -> String {
        wording(&self.person.account.name)
    }
}

/// What the page is to say after a change.
#[derive(Deserialize)]
pub struct Query {
    meldung: Option<String>,
}

/// GET `/datenschutz/{token}`: shows, and changes nothing.
pub async fn show(
    state: web::Data<State>,
    address: web::Path<InAddress>,
    query: web::Query<Query>,
) -> WebResult {
    let Some(token) = read(&state, &address) else {
        return unknown();
    };
    let found = state
        .read(move |conn| {
            let Some(person) = person::find(conn, &token.recipient_key)? else {
                return Ok(None);
            };
            let (account, recipient) = (person.account.id, person.recipient.id);
            let action = Action::DeletionRequestDeclined;
            Ok(Some((
                groups::of_recipient(conn, account, recipient)?,
                deletion_requests::of_recipient(conn, account, recipient)?,
                audit::newest_of_recipient(conn, account, recipient, action)?,
                person,
            )))
        })
        .await?;
    let Some((groups, deletion_requested_at, declined, person)) = found else {
        return unknown();
    };
    let now = decide(person.account.tracking(), Some(person.recipient.tracking));
    page(&PreferencesPage {
        page: Page::public("Datenschutz-Einstellungen")
            .with_notice(query.meldung.as_deref().and_then(notice::find)),
        token: written(&state, token),
        groups,
        now,
        deletion_requested_at,
        declined: declined.map(|entry| Declined {
            at: entry.at,
            reason: deletion::reason_of(&entry),
        }),
        person,
    })
}

/// What the text in the address says; none when it is damaged or forged.
fn read(state: &State, address: &InAddress) -> Option<PersonalToken> {
    state
        .tokens
        .read_personal(PersonalLink::Preferences, &address.token)
}

/// The token as the links of these pages write it, with nothing behind it.
fn written(state: &State, token: PersonalToken) -> String {
    state.tokens.personal(PersonalLink::Preferences, token)
}

/// After a change: to the page again, which says what has happened; or that nobody is there.
fn back(state: &State, found: bool, token: PersonalToken, notice: &str) -> WebResult {
    if found {
        let token = written(state, token);
        see_other(format!("/datenschutz/{token}?meldung={notice}"))
    } else {
        unknown()
    }
}
