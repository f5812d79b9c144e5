//! Tab *Benutzer*: who may sign in to the account, and who is invited.
//!
//! - Here: the list. [`invite`]: invitations. [`edit`]: name and roles of one user, and a link to a
//!   new password. [`remove`]: removal. [`second_factor`]: that
//!   of others. [`form`]: what can be typed.

pub mod edit;
mod form;
pub mod invite;
pub mod remove;
pub mod second_factor;

use actix_web::web;
use askama::Template;

use crate::db::models::invitations::{self, Invitation};
use crate::db::models::users::{self, User};
use crate::domain::time::Timestamp;
use crate::people::letter::Tools;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

pub use form::name_problem;

const HERE: &str = "/benutzerkonto/benutzer";

#[derive(Template)]
#[template(path = "account/users/list.html")]
struct ListPage {
    page: Page,
    users: Vec<User>,
    count: i64,
    invitations: Vec<Invitation>,
    own_id: i64,
    is_required: bool,
    without_factor: i64,
    now: i64,
}

/// What became of a link: the page shows it once, or says why it could not be sent.
#[derive(Template)]
#[template(path = "account/users/link.html")]
struct LinkPage {
    page: Page,
    name: String,
    email: String,
    /// What the link is for.
    purpose: Purpose,
    /// The link; none where it was to be sent and was not.
    url: Option<String>,
    /// Why it could not be sent.
    problem: Option<String>,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Invitation,
    Password,
}

impl LinkPage {
    fn is_invitation(&self) -> bool {
        self.purpose == Purpose::Invitation
    }
}

/// GET `/benutzerkonto/benutzer`
pub async fn index(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let (users, invitations) = state
        .read(move |conn| {
            Ok((
                users::list(conn, account_id)?,
                invitations::list(conn, account_id)?,
            ))
        })
        .await?;
    page(&ListPage {
        page: Page::new(&signed_in, Section::Account, "Benutzerkonto"),
        is_required: signed_in.account.second_factor_required,
        without_factor: {
            let without = users.iter().filter(|user| user.second_factor_at.is_none());
            i64::try_from(without.count()).unwrap_or(i64::MAX)
        },
        count: i64::try_from(users.len()).unwrap_or(i64::MAX),
        users,
        invitations,
        own_id: signed_in.user.id,
        now: Timestamp::now().millis(),
    })
}

fn tools(state: &State) -> Tools {
    Tools {
        db: state.db.clone(),
        outbox: state.outbox.clone(),
        sealer: state.sealer.clone(),
        public_url: state.public_url.clone(),
    }
}
