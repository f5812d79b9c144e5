//! *Aufträge*: what is being done for the account in the background, and what keeps failing.

use actix_web::web;
use askama::Template;

use crate::db::models::job_queue::{self, Failure, Queued, Task};
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// How many are listed.
const LISTED: i64 = 100;

#[derive(Template)]
#[template(path = "account/work.html")]
struct WorkPage {
    page: Page,
    jobs: Vec<Shown>,
}

/// A queued job as it is shown.
struct Shown {
    what: &'static str,
    path: String,
    is_in_hand: bool,
    trouble: Option<String>,
}

impl Shown {
    fn new(job: &Queued, now: Timestamp) -> Self {
        let (what, folder) = match job.task {
            Task::Deletion => ("Empfänger löschen", "/auftraege"),
            Task::Pseudonymisation => ("Alte Tracking-Daten pseudonymisieren", "/auftraege"),
            Task::Import => ("Empfänger importieren", "/empfaenger/import"),
        };
        Self {
            what,
            path: format!("{folder}/{}", job.subject_id),
            is_in_hand: job.leased_until > now.millis(),
            trouble: trouble(job),
        }
    }
}

/// GET `/benutzerkonto/auftraege`
pub async fn index(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let jobs = state
        .read(move |conn| job_queue::of_account(conn, account_id, LISTED))
        .await?;
    let now = Timestamp::now();
    page(&WorkPage {
        page: Page::new(&signed_in, Section::Account, "Aufträge"),
        jobs: jobs.iter().map(|job| Shown::new(job, now)).collect(),
    })
}

/// Why a job does not get on, in words; none where it does.
pub fn trouble(job: &Queued) -> Option<String> {
    let since = filters::format_time(job.failing_since?);
    let reason = match job.last_failure? {
        Failure::DatabaseAway => "Die Datenbank war nicht erreichbar.",
        Failure::Database => "Die Datenbank hat den letzten Schritt abgelehnt.",
        Failure::DiskFull => "Auf dem Datenträger der Datenbank ist kein Platz mehr.",
        Failure::Panic => {
            "Das Programm hat einen Fehler gemacht; wer es betreibt, findet ihn in dessen Ausgaben."
        }
    };
    let next = filters::format_time(job.due_at);
    Some(format!(
        "Kommt seit {since} nicht voran. {reason} Was erledigt ist, bleibt erledigt; \
         der nächste Versuch folgt von selbst ({next})."
    ))
}
