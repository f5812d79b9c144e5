//! *Löschen* of several recipients at once, of a group with its people, and how far that is.

use actix_web::web;
use actix_web::{HttpResponse, http::header::ContentType};
use askama::Template;

use crate::db::models::deliveries::{self, Past};
use crate::db::models::groups::{self, Group};
use crate::db::models::job_queue::{self, Task};
use crate::db::models::jobs::{self, Job, JobKind, JobStatus, Whom};
use crate::db::models::recipients;
use crate::db::models::signup_forms;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::erasure;
use crate::web::access::SignedIn;
use crate::web::account::work::trouble;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

/// Up to so many recipients are deleted while the browser waits.
const AT_ONCE: i64 = 50;

#[derive(Template)]
#[template(path = "recipients/bulk_delete.html")]
struct BulkDeletePage {
    page: Page,
    /// The recipients, when they were chosen one by one.
    ids: Vec<i64>,
    /// How many recipients go.
    count: i64,
    /// The group that goes with its people.
    group: Option<Group>,
    /// How many forms sign people up for that group, and go with it.
    forms: i64,
    past: Past,
    remembers: bool,
}

impl BulkDeletePage {
    fn action(&self) -> String {
        self.group.as_ref().map_or_else(
            || "/empfaenger/loeschen".to_owned(),
            |group| format!("/gruppen/{}/samt-empfaengern-loeschen", group.id),
        )
    }

    fn way_out(&self) -> String {
        self.group.as_ref().map_or_else(
            || "/empfaenger".to_owned(),
            |group| format!("/gruppen/{}", group.id),
        )
    }

    const fn button(&self) -> &'static str {
        if self.group.is_some() {
            "Gruppe samt Empfängern löschen"
        } else {
            "Löschen"
        }
    }
}

#[derive(Template)]
#[template(path = "recipients/job.html")]
struct JobPage {
    page: Page,
    job: Job,
    text: String,
    trouble: Option<String>,
}

impl JobPage {
    fn is_deletion(&self) -> bool {
        self.job.kind == JobKind::Deletion
    }
}

#[derive(Template)]
#[template(path = "recipients/job_progress.html")]
struct Progress {
    job: Job,
    text: String,
    trouble: Option<String>,
}

impl Progress {
    fn is_deletion(&self) -> bool {
        self.job.kind == JobKind::Deletion
    }
}

fn progress_text(job: &Job) -> String {
    let what = match job.kind {
        JobKind::Deletion => "Empfängern",
        JobKind::Pseudonymisation => "Zustellungen",
    };
    format!(
        "{} von {} {what}",
        filters::format_number(job.done),
        filters::format_number(job.total)
    )
}

/// GET `/empfaenger/loeschen?id=1&id=2`
pub async fn ask(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<Fields>,
) -> WebResult {
    let (account_id, ids) = (signed_in.account_id(), query.numbers("id"));
    let (ids, past) = state
        .read(move |conn| {
            let people = recipients::find_many(conn, account_id, &ids)?;
            let ids: Vec<i64> = people.iter().map(|person| person.id).collect();
            let past = deliveries::past_of(conn, account_id, &ids)?;
            Ok((ids, past))
        })
        .await?;
    if ids.is_empty() {
        return see_other("/empfaenger?meldung=nichts-ausgewaehlt");
    }
    page(&BulkDeletePage {
        page: Page::new(&signed_in, Section::Recipients, "Empfänger löschen?"),
        count: i64::try_from(ids.len()).unwrap_or(i64::MAX),
        ids,
        group: None,
        forms: 0,
        past,
        remembers: signed_in.account.remember_objections,
    })
}

/// POST `/empfaenger/loeschen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let ids = form.numbers("id");
    if ids.is_empty() {
        return see_other("/empfaenger?meldung=nichts-ausgewaehlt");
    }
    delete(&signed_in, &state, Whom::Chosen(ids)).await
}

/// GET `/gruppen/{id}/samt-empfaengern-loeschen`
pub async fn ask_for_group(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let (group, forms, past) = state
        .read(move |conn| {
            Ok((
                groups::find(conn, account_id, *id)?,
                signup_forms::count_of_group(conn, account_id, *id)?,
                jobs::past_of_group(conn, account_id, *id)?,
            ))
        })
        .await?;
    page(&BulkDeletePage {
        page: Page::new(
            &signed_in,
            Section::Recipients,
            "Gruppe samt Empfängern löschen?",
        ),
        ids: Vec::new(),
        count: group.member_count,
        group: Some(group),
        forms,
        past,
        remembers: signed_in.account.remember_objections,
    })
}

/// POST `/gruppen/{id}/samt-empfaengern-loeschen`
pub async fn destroy_group(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    delete(&signed_in, &state, Whom::Group(*id)).await
}

async fn delete(signed_in: &SignedIn, state: &web::Data<State>, whom: Whom) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let node = state.cleaner.node().to_owned();
    let job = state
        .write(move |conn| {
            erasure::jobs::start(conn, account_id, &whom, &actor, &node, Timestamp::now())
        })
        .await?;
    go(state, &job).await
}

/// Does a small job at once and shows its receipt, a long one in the background and shows how far it
/// has come. It is committed, so whatever goes wrong from here on it will be done.
pub(super) async fn go(state: &State, job: &Job) -> WebResult {
    let (id, receipt) = (job.id, job.receipt_id);
    let is_done = if job.total > AT_ONCE {
        state.deletions.enqueue(id);
        false
    } else {
        let deletions = state.deletions.clone();
        web::block(move || deletions.finish_now(id))
            .await
            .unwrap_or(false)
    };
    if is_done {
        see_other(format!("/belege/{receipt}"))
    } else {
        see_other(format!("/auftraege/{id}"))
    }
}

/// GET `/auftraege/{id}`
pub async fn progress_page(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let (job, trouble) = state
        .read(move |conn| standing(conn, account_id, *id))
        .await?;
    if job.status == JobStatus::Done {
        return see_other(format!("/belege/{}", job.receipt_id));
    }
    let title = match job.kind {
        JobKind::Deletion => "Empfänger werden gelöscht",
        JobKind::Pseudonymisation => "Alte Tracking-Daten werden pseudonymisiert",
    };
    page(&JobPage {
        page: Page::new(&signed_in, Section::Recipients, title),
        text: progress_text(&job),
        job,
        trouble,
    })
}

/// GET `/auftraege/{id}/stand`: the inside of the page's progress, for its script.
pub async fn progress(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let (job, trouble) = state
        .read(move |conn| standing(conn, account_id, *id))
        .await?;
    let over = job.status == JobStatus::Done;
    let mut answer = HttpResponse::Ok();
    answer.content_type(ContentType::html());
    if over {
        answer.insert_header(("X-Fertig", "ja"));
    }
    let text = progress_text(&job);
    let shown = Progress { job, text, trouble };
    Ok(answer.body(shown.render()?))
}

/// A job, and why it does not get on, where that is so.
fn standing(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<(Job, Option<String>)> {
    let job = jobs::find(conn, account_id, id)?;
    let task = match job.kind {
        JobKind::Deletion => Task::Deletion,
        JobKind::Pseudonymisation => Task::Pseudonymisation,
    };
    let queued = job_queue::find(conn, account_id, task, id)?;
    Ok((job, queued.as_ref().and_then(trouble)))
}
