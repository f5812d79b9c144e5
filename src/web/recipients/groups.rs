//! Tab *Gruppen*: to which groups a recipient belongs.

use std::collections::HashSet;

use actix_web::web;
use askama::Template;

use crate::db::models::groups::{self, Group};
use crate::db::models::recipients::{self, Recipient};
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::fields::Fields;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/groups.html")]
struct GroupsPage {
    page: Page,
    recipient: Recipient,
    groups: Vec<Group>,
    member_of: Vec<i64>,
}

impl GroupsPage {
    fn choices(&self) -> Vec<(i64, &str, bool)> {
        self.groups
            .iter()
            .map(|group| {
                let is_member = self.member_of.contains(&group.id);
                (group.id, group.name.as_str(), is_member)
            })
            .collect()
    }
}

/// GET `/empfaenger/{id}/gruppen`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, path: web::Path<i64>) -> WebResult {
    let (account_id, recipient_id) = (signed_in.account_id(), *path);
    let (recipient, groups, member_of) = state
        .read(move |conn| {
            Ok((
                recipients::find(conn, account_id, recipient_id)?,
                groups::all(conn, account_id)?,
                groups::of_recipient(conn, account_id, recipient_id)?,
            ))
        })
        .await?;
    page(&GroupsPage {
        page: Page::new(&signed_in, Section::Recipients, recipient.address.clone()),
        recipient,
        groups,
        member_of: member_of.iter().map(|group| group.id).collect(),
    })
}

/// POST `/empfaenger/{id}/gruppen`. Only groups that the form showed (`gezeigt`) change, so that
/// one that came meanwhile keeps its members.
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, recipient_id) = (signed_in.account_id(), *path);
    let shown: HashSet<i64> = form.numbers("gezeigt").into_iter().collect();
    let ticked: HashSet<i64> = form.numbers("gruppen").into_iter().collect();
    state
        .write(move |conn| {
            recipients::find(conn, account_id, recipient_id)?;
            // The account's groups, not what a form may list: a million numbers cost nothing.
            for group in groups::all(conn, account_id)? {
                let group_id = group.id;
                if !shown.contains(&group_id) {
                    continue;
                }
                if ticked.contains(&group_id) {
                    let members = [recipient_id];
                    groups::add_members(conn, account_id, group_id, &members, Timestamp::now())?;
                } else {
                    groups::remove_member(conn, account_id, group_id, recipient_id)?;
                }
            }
            Ok(())
        })
        .await?;
    see_other(format!(
        "/empfaenger/{recipient_id}/gruppen?meldung=gespeichert"
    ))
}
