//! *Gruppen*: making, renaming and dissolving them.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::DbResult;
use crate::db::models::groups::{self, Group};
use crate::db::models::last_change::{self, Subject};
use crate::db::models::{jobs, signup_forms, signups};
use crate::domain::group::{NAME_TAKEN, name_problem};
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::{self, Snapshot};

#[derive(Template)]
#[template(path = "groups/list.html")]
struct ListPage {
    page: Page,
    groups: Vec<Group>,
    /// How many groups there are.
    count: i64,
    name: String,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "groups/edit.html")]
struct EditPage {
    page: Page,
    group: Group,
    name: String,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "groups/dissolve.html")]
struct DissolvePage {
    page: Page,
    group: Group,
    /// How many forms sign people up for it.
    forms: i64,
}

impl DissolvePage {
    /// What becomes of the members, as a sentence.
    fn stay(&self) -> String {
        match self.group.member_count {
            0 => "Die Gruppe hat keine Empfänger.".into(),
            1 => "Ihr Empfänger bleibt, ebenso seine anderen Gruppen und sein Verlauf.".into(),
            n => format!(
                "Ihre {} Empfänger bleiben, ebenso deren andere Gruppen und Verläufe.",
                filters::format_number(n)
            ),
        }
    }
}

/// What can be typed about a group.
#[derive(Deserialize)]
pub struct GroupForm {
    name: String,
}

/// GET `/gruppen`
pub async fn index(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let listed = list_page(&signed_in, &state, String::new(), FormErrors::new()).await?;
    page(&listed)
}

/// POST `/gruppen`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<GroupForm>,
) -> WebResult {
    let (account_id, name) = (signed_in.account_id(), form.into_inner().name);
    let wanted = name.clone();
    let problem = match name_problem(&name) {
        Some(problem) => Some(problem),
        None => {
            state
                .write(move |conn| {
                    if groups::find_by_name(conn, account_id, &wanted)?.is_some() {
                        return Ok(Some(NAME_TAKEN));
                    }
                    groups::create(conn, account_id, &wanted, Timestamp::now())?;
                    Ok(None)
                })
                .await?
        }
    };
    match problem {
        None => see_other("/gruppen?meldung=gruppe-angelegt"),
        Some(problem) => {
            let errors = FormErrors::one("name", problem);
            invalid(&list_page(&signed_in, &state, name, errors).await?)
        }
    }
}

/// GET `/gruppen/{id}`
pub async fn edit(signed_in: SignedIn, state: web::Data<State>, path: web::Path<i64>) -> WebResult {
    let group = load(&signed_in, &state, *path).await?;
    let (name, state) = (group.name.clone(), snapshot(&group.name));
    let mut shown = edit_page(&signed_in, group, name, FormErrors::new());
    shown.page = shown.page.made_from(&state);
    page(&shown)
}

/// POST `/gruppen/{id}`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, group_id) = (signed_in.account_id(), *path);
    let (name, actor) = (form.text("name").to_owned(), signed_in.actor());
    let group = load(&signed_in, &state, group_id).await?;
    let (wanted, sent) = (name.clone(), form.clone());
    let problem = match name_problem(&name) {
        Some(problem) => Ok(Some(problem)),
        None => {
            state
                .write(move |conn| -> DbResult<_> {
                    let subject = Subject::Group(group_id);
                    last_change::lock(conn, account_id, subject)?;
                    let kept = snapshot(&groups::find(conn, account_id, group_id)?.name);
                    if let Some(both) = versions::compare(&sent, &snapshot(&wanted), &kept) {
                        return Ok(Err((both, last_change::find(conn, account_id, subject)?)));
                    }
                    if groups::is_taken(conn, account_id, group_id, &wanted)? {
                        return Ok(Ok(Some(NAME_TAKEN)));
                    }
                    groups::rename(conn, account_id, group_id, &wanted)?;
                    let now = Timestamp::now();
                    last_change::note(conn, account_id, subject, actor.user_id(), now)?;
                    Ok(Ok(None))
                })
                .await?
        }
    };
    match problem {
        Ok(None) => see_other(format!("/gruppen/{group_id}?meldung=gespeichert")),
        Ok(Some(problem)) => {
            let errors = FormErrors::one("name", problem);
            let mut shown = edit_page(&signed_in, group, name, errors);
            shown.page = shown.page.again(&form);
            invalid(&shown)
        }
        Err((both, last)) => {
            let group = load(&signed_in, &state, group_id).await?;
            let name = both.merged.text("name").to_owned();
            let mut shown = edit_page(&signed_in, group, name, FormErrors::new());
            let path = format!("/gruppen/{group_id}");
            shown.page = shown.page.overtaken(both, last, &path);
            overtaken(&shown)
        }
    }
}

fn snapshot(name: &str) -> Snapshot {
    Snapshot::default().text("name", "Name der Gruppe", name)
}

/// GET `/gruppen/{id}/aufloesen`
pub async fn confirm_dissolve(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
) -> WebResult {
    let (account_id, group_id) = (signed_in.account_id(), *path);
    let group = load(&signed_in, &state, group_id).await?;
    let forms = state
        .read(move |conn| signup_forms::count_of_group(conn, account_id, group_id))
        .await?;
    page(&DissolvePage {
        page: Page::new(&signed_in, Section::Recipients, "Gruppe auflösen?"),
        group,
        forms,
    })
}

/// POST `/gruppen/{id}/aufloesen`
pub async fn dissolve(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
) -> WebResult {
    let (account_id, group_id) = (signed_in.account_id(), *path);
    let dissolved = state
        .write(move |conn| {
            groups::find(conn, account_id, group_id)?;
            // Whoever is to be deleted with it is known by belonging to it.
            if let Some(job) = jobs::deleting_group(conn, account_id, group_id)? {
                return Ok(Err(job));
            }
            let files = signups::mails_of_group(conn, account_id, group_id)?;
            groups::dissolve(conn, account_id, group_id)?;
            Ok(Ok(files))
        })
        .await?;
    let files = match dissolved {
        Ok(files) => files,
        Err(job) => return see_other(format!("/auftraege/{job}")),
    };
    let outbox = state.outbox.clone();
    web::block(move || outbox.remove(&files)).await?;
    see_other("/gruppen?meldung=gruppe-aufgeloest")
}

async fn load(signed_in: &SignedIn, state: &State, group_id: i64) -> Result<Group, WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| groups::find(conn, account_id, group_id))
        .await
}

async fn list_page(
    signed_in: &SignedIn,
    state: &State,
    name: String,
    errors: FormErrors,
) -> Result<ListPage, WebError> {
    let account_id = signed_in.account_id();
    let groups = state
        .read(move |conn| groups::all(conn, account_id))
        .await?;
    Ok(ListPage {
        page: Page::new(signed_in, Section::Recipients, "Gruppen"),
        count: i64::try_from(groups.len()).unwrap_or(i64::MAX),
        groups,
        name,
        errors,
    })
}

fn edit_page(signed_in: &SignedIn, group: Group, name: String, errors: FormErrors) -> EditPage {
    EditPage {
        page: Page::new(signed_in, Section::Recipients, group.name.clone()),
        group,
        name,
        errors,
    }
}
