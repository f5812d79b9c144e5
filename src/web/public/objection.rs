//! *Personenbezogenes Tracking: Widerspruch*: what is recorded about a person, and the person's
//! right to say no to it (Art. 21 GDPR), exercised without signing in or giving reasons.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::person::{self, Person, unknown};
use crate::db::models::audit::Actor;
use crate::db::models::mailing_counters;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientTracking, TrackingSource};
use crate::tracking::policy::{Decision, decide};
use crate::tracking::settings;
use crate::tracking::token::PersonalLink;
use crate::web::filters;
use crate::web::notice;
use crate::web::page::Page;
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "public/objection.html")]
struct ObjectionPage {
    page: Page,
    token: String,
    person: Person,
    /// What is recorded about this person as things are.
    now: Decision,
}

impl ObjectionPage {
    fn has_objected(&self) -> bool {
        self.person.recipient.tracking == RecipientTracking::Objected
    }

    fn is_personal(&self) -> bool {
        self.now == Decision::Personal
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
    text: web::Path<String>,
    query: web::Query<Query>,
) -> WebResult {
    let Some(token) = state.tokens.read_personal(PersonalLink::Preferences, &text) else {
        return unknown();
    };
    let found = state
        .read(move |conn| person::find(conn, &token.recipient_key))
        .await?;
    let Some(person) = found else {
        return unknown();
    };
    let now = decide(person.account.tracking(), Some(person.recipient.tracking));
    page(&ObjectionPage {
        page: Page::public("Personenbezogenes Tracking: Widerspruch")
            .with_notice(query.meldung.as_deref().and_then(notice::find)),
        token: text.into_inner(),
        now,
        person,
    })
}

/// POST `/datenschutz/{token}`: *Widersprechen*.
pub async fn create(state: web::Data<State>, text: web::Path<String>) -> WebResult {
    let Some(token) = state.tokens.read_personal(PersonalLink::Preferences, &text) else {
        return unknown();
    };
    let found = state
        .write(move |conn| {
            person::act(
                conn,
                &token.recipient_key,
                |conn, account_id, recipient_id| {
                    let changed = settings::object(
                        conn,
                        account_id,
                        recipient_id,
                        TrackingSource::Recipient,
                        &Actor::Recipient,
                        Timestamp::now(),
                    )?;
                    if changed {
                        mailing_counters::count_objection(conn, account_id, token.mailing_id)?;
                    }
                    Ok(())
                },
            )
        })
        .await?;
    if found {
        see_other(format!("/datenschutz/{text}"))
    } else {
        unknown()
    }
}

/// POST `/datenschutz/{token}/erlauben`: the person takes the objection back.
pub async fn destroy(state: web::Data<State>, text: web::Path<String>) -> WebResult {
    let Some(token) = state.tokens.read_personal(PersonalLink::Preferences, &text) else {
        return unknown();
    };
    let remembering = state.remembering.clone();
    let found = state
        .write(move |conn| {
            person::act(
                conn,
                &token.recipient_key,
                |conn, account_id, recipient_id| {
                    let lifting = settings::Lifting {
                        reason: "",
                        source: TrackingSource::Recipient,
                        remembering: &remembering,
                    };
                    settings::lift_objection(
                        conn,
                        account_id,
                        recipient_id,
                        &lifting,
                        &Actor::Recipient,
                        Timestamp::now(),
                    )
                },
            )
        })
        .await?;
    if found {
        see_other(format!("/datenschutz/{text}?meldung=tracking-erlaubt"))
    } else {
        unknown()
    }
}
