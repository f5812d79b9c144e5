//! *Empfänger hinzufügen*.

use std::collections::HashSet;

use actix_web::web;
use askama::Template;

use super::person::Typed;
use crate::db::models::groups::{self, Group};
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingSource;
use crate::tracking::enter::{self, Entered, Entering, Start};
use crate::web::access::SignedIn;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/new.html")]
struct NewPage {
    page: Page,
    typed: Typed,
    groups: Vec<Group>,
    ticked: Vec<i64>,
    objects: bool,
    /// The recipient who has the typed address already.
    existing: Option<i64>,
    errors: FormErrors,
}

impl NewPage {
    fn group_choices(&self) -> Vec<(i64, &str, bool)> {
        self.groups
            .iter()
            .map(|group| {
                let is_ticked = self.ticked.contains(&group.id);
                (group.id, group.name.as_str(), is_ticked)
            })
            .collect()
    }
}

/// GET `/empfaenger/neu`. `?gruppe=7` ticks that group, `?email=…` fills the address in.
pub async fn new(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<Fields>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let groups = state
        .read(move |conn| groups::all(conn, account_id))
        .await?;
    page(&NewPage {
        page: new_page(&signed_in),
        typed: Typed {
            email: query.text("email").to_owned(),
            ..Typed::default()
        },
        groups,
        ticked: query.numbers("gruppe"),
        objects: false,
        existing: None,
        errors: FormErrors::new(),
    })
}

/// POST `/empfaenger/neu`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let typed = Typed::from_form(&form);
    let ticked = form.numbers("gruppen");
    let objects = form.has("tracking-deaktiviert");
    let (existing, errors) = match typed.check() {
        Err(errors) => (None, errors),
        Ok(person) => {
            let ticked_ids: HashSet<i64> = ticked.iter().copied().collect();
            let remembering = state.clone();
            let entered = state
                .write(move |conn| {
                    let mut wanted: Vec<i64> = groups::all(conn, account_id)?
                        .iter()
                        .map(|group| group.id)
                        .collect();
                    wanted.retain(|id| ticked_ids.contains(id));
                    let person = Entering {
                        address: &person.address,
                        first_name: &person.first_name,
                        last_name: &person.last_name,
                        fields: &person.fields,
                        groups: &wanted,
                        objects,
                        source: TrackingSource::Admin,
                    };
                    let key = &remembering.remembering;
                    enter::enter(conn, account_id, &person, key, &actor, Timestamp::now())
                })
                .await?;
            match entered {
                Entered::New(id, start) => {
                    return see_other(format!("/empfaenger/{id}?meldung={}", said_of(start)));
                }
                Entered::Existing(id) => (
                    Some(id),
                    FormErrors::one("email", "Einen Empfänger mit dieser Adresse gibt es schon."),
                ),
            }
        }
    };
    let groups = state
        .read(move |conn| groups::all(conn, account_id))
        .await?;
    invalid(&NewPage {
        page: new_page(&signed_in),
        typed,
        groups,
        ticked,
        objects,
        existing,
        errors,
    })
}

fn new_page(signed_in: &SignedIn) -> Page {
    Page::new(signed_in, Section::Recipients, "Empfänger hinzufügen")
}

/// The notice that tells what the new recipient started with.
fn said_of(start: Start) -> &'static str {
    let is_remembered = start
        .tracking
        .is_some_and(|(_, _, source)| source == TrackingSource::Remembered);
    match (is_remembered, start.unsubscribed.is_some()) {
        (false, false) => "empfaenger-hinzugefuegt",
        (true, false) => "empfaenger-widerspruch-gemerkt",
        (false, true) => "empfaenger-abmeldung-gemerkt",
        (true, true) => "empfaenger-beides-gemerkt",
    }
}
