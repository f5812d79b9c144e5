//! Tab *Gruppen*: to which groups a recipient belongs.

use std::collections::HashSet;

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::group_leavings::{self, Leaving};
use crate::db::models::groups::{self, Group};
use crate::db::models::recipients::{self, Recipient};
use crate::domain::time::Timestamp;
use crate::tracking::readmission;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::{FormErrors, NO_ADDRESS, may_hold_address};
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// Longest reason for putting somebody back, in characters.
const MAX_REASON_CHARS: usize = 500;

#[derive(Template)]
#[template(path = "recipients/groups.html")]
struct GroupsPage {
    page: Page,
    recipient: Recipient,
    groups: Vec<Group>,
    member_of: Vec<i64>,
    /// Groups that the recipient left; they have no box to tick in passing.
    left: Vec<Leaving>,
    readmission: Readmission,
    errors: FormErrors,
}

/// An administrator puts a recipient back into a group they left.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Readmission {
    #[serde(default)]
    gruppe: String,
    #[serde(default)]
    grund: String,
}

impl GroupsPage {
    fn choices(&self) -> Vec<(i64, &str, bool)> {
        let was_left = |group: &&Group| self.left.iter().any(|left| left.group_id == group.id);
        self.groups
            .iter()
            .filter(|group| !was_left(group))
            .map(|group| {
                let is_member = self.member_of.contains(&group.id);
                (group.id, group.name.as_str(), is_member)
            })
            .collect()
    }

    /// The groups that have a box.
    fn shown(&self) -> Vec<i64> {
        self.choices().into_iter().map(|(id, ..)| id).collect()
    }

    fn left_options(&self) -> Vec<(i64, &str)> {
        let left = self.left.iter();
        left.map(|left| (left.group_id, left.name.as_str()))
            .collect()
    }
}

/// GET `/empfaenger/{id}/gruppen`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, path: web::Path<i64>) -> WebResult {
    let (readmission, errors) = (Readmission::default(), FormErrors::new());
    page(&groups_page(&signed_in, &state, *path, readmission, errors).await?)
}

async fn groups_page(
    signed_in: &SignedIn,
    state: &State,
    recipient_id: i64,
    readmission: Readmission,
    errors: FormErrors,
) -> Result<GroupsPage, WebError> {
    let account_id = signed_in.account_id();
    let (recipient, groups, member_of, left) = state
        .read(move |conn| {
            Ok((
                recipients::find(conn, account_id, recipient_id)?,
                groups::all(conn, account_id)?,
                groups::of_recipient(conn, account_id, recipient_id)?,
                group_leavings::of_recipient(conn, account_id, recipient_id)?,
            ))
        })
        .await?;
    Ok(GroupsPage {
        page: Page::new(signed_in, Section::Recipients, recipient.address.clone()),
        recipient,
        groups,
        member_of: member_of.iter().map(|group| group.id).collect(),
        left,
        readmission,
        errors,
    })
}

/// POST `/empfaenger/{id}/gruppen/wieder-aufnehmen`: into one group that the recipient left, with a
/// reason for the audit log.
pub async fn readmit(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
    form: web::Form<Readmission>,
) -> WebResult {
    let (account_id, actor, recipient_id) = (signed_in.account_id(), signed_in.actor(), *path);
    let typed = form.into_inner();
    let shown = groups_page(&signed_in, &state, recipient_id, typed, FormErrors::new()).await?;
    let chosen = shown
        .left
        .iter()
        .find(|left| left.group_id.to_string() == shown.readmission.gruppe);
    let tab = format!("/empfaenger/{recipient_id}/gruppen");
    let Some(group_id) = chosen.map(|left| left.group_id) else {
        // Readmitted meanwhile, or by a second click.
        return see_other(tab);
    };
    let reason = shown.readmission.grund.trim().to_owned();
    let problem = if reason.is_empty() {
        Some("Geben Sie an, warum der Empfänger wieder in die Gruppe kommt.")
    } else if reason.chars().count() > MAX_REASON_CHARS {
        Some("Höchstens 500 Zeichen.")
    } else if may_hold_address(&reason) {
        Some(NO_ADDRESS)
    } else {
        None
    };
    if let Some(problem) = problem {
        let errors = FormErrors::one("grund", problem);
        return invalid(&GroupsPage { errors, ..shown });
    }
    state
        .write(move |conn| {
            let now = Timestamp::now();
            readmission::readmit(
                conn,
                account_id,
                group_id,
                recipient_id,
                &reason,
                &actor,
                now,
            )
        })
        .await?;
    see_other(format!("{tab}?meldung=gruppe-wieder-aufgenommen"))
}

/// POST `/empfaenger/{id}/gruppen`. Only what was ticked or unticked changes: the form says which
/// groups it showed (`gezeigt`) and which of them were ticked then (`vorher`), so what others change
/// meanwhile stays.
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, recipient_id) = (signed_in.account_id(), *path);
    let shown: HashSet<i64> = form.numbers("gezeigt").into_iter().collect();
    let ticked: HashSet<i64> = form.numbers("gruppen").into_iter().collect();
    // A script that does not say what was ticked sets every group it names.
    let before: Option<HashSet<i64>> = form
        .has("vorher")
        .then(|| form.numbers("vorher").into_iter().collect());
    let stays_out = state
        .write(move |conn| {
            recipients::find(conn, account_id, recipient_id)?;
            let left = group_leavings::of_recipient(conn, account_id, recipient_id)?;
            // The account's groups, not what a form may list: a million numbers cost nothing.
            for group in groups::all(conn, account_id)? {
                let group_id = group.id;
                let is_ticked = ticked.contains(&group_id);
                let is_same = |before: &HashSet<i64>| before.contains(&group_id) == is_ticked;
                if !shown.contains(&group_id) || before.as_ref().is_some_and(is_same) {
                    continue;
                }
                if is_ticked {
                    let members = [recipient_id];
                    groups::add_members(conn, account_id, group_id, &members, Timestamp::now())?;
                } else {
                    groups::remove_member(conn, account_id, group_id, recipient_id)?;
                }
            }
            // Ticked on a page that was opened before the recipient left: the groups' query left
            // them out, and the page names them.
            Ok(left.iter().any(|left| ticked.contains(&left.group_id)))
        })
        .await?;
    let notice = if stays_out {
        "gruppe-selbst-verlassen"
    } else {
        "gespeichert"
    };
    see_other(format!(
        "/empfaenger/{recipient_id}/gruppen?meldung={notice}"
    ))
}
