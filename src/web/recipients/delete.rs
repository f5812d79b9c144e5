//! *Löschen* of one recipient: what will happen, the act, and on to the receipt (documented
//! procedure 3).

use actix_web::web;
use askama::Template;

use crate::db::models::deliveries::{self, Past};
use crate::db::models::groups::{self, Group};
use crate::db::models::receipts;
use crate::db::models::recipients::{self, Recipient};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking};
use crate::erasure::deletion;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/delete.html")]
struct DeletePage {
    page: Page,
    recipient: Recipient,
    groups: Vec<Group>,
    past: Past,
    remembers: bool,
}

impl DeletePage {
    /// What the person has said and the account remembers beyond the deletion (rule P9).
    fn remembered(&self) -> Option<&'static str> {
        let objected = self.recipient.tracking == RecipientTracking::Objected;
        let unsubscribed = self.recipient.status == RecipientStatus::Unsubscribed;
        match (self.remembers, objected, unsubscribed) {
            (true, true, true) => Some("Widerspruch und Abmeldung werden"),
            (true, true, false) => Some("Der Widerspruch wird"),
            (true, false, true) => Some("Die Abmeldung wird"),
            _ => None,
        }
    }
}

/// GET `/empfaenger/{id}/loeschen`
pub async fn ask(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let account_id = signed_in.account_id();
    let (recipient, groups, past) = state
        .read(move |conn| {
            Ok((
                recipients::find(conn, account_id, *id)?,
                groups::of_recipient(conn, account_id, *id)?,
                deliveries::past_of(conn, account_id, &[*id])?,
            ))
        })
        .await?;
    page(&DeletePage {
        page: Page::new(&signed_in, Section::Recipients, "Empfänger löschen?"),
        remembers: signed_in.account.remember_objections,
        recipient,
        groups,
        past,
    })
}

/// POST `/empfaenger/{id}/loeschen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, actor, key) = (
        signed_in.account_id(),
        signed_in.actor(),
        state.remembering.clone(),
    );
    let node = state.cleaner.node().to_owned();
    let (receipt, remains) = state
        .write(move |conn| {
            let now = Timestamp::now();
            let (receipt, remains) =
                deletion::delete_recipient(conn, account_id, *id, &key, &actor, now)?;
            receipts::assign(conn, account_id, receipt, &node)?;
            Ok((receipt, remains))
        })
        .await?;
    state.cleaner.clean(remains);
    see_other(format!("/belege/{receipt}"))
}
