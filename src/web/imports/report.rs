//! How far an import is, and what came of it.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::load;
use crate::db::models::groups;
use crate::db::models::imports::{Import, ImportStatus};
use crate::db::models::job_queue::{self, Task};
use crate::db::models::refusals::{self, Refusal};
use crate::db::paging::Position;
use crate::import::background::REFUSALS_KEPT_DAYS;
use crate::web::access::SignedIn;
use crate::web::account::work::trouble;
use crate::web::csv_file::{self, CsvFile};
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// How many refused rows are read at a time for the download.
const SLICE: i64 = 500;

#[derive(Template)]
#[template(path = "imports/running.html")]
struct RunningPage {
    page: Page,
    import: Import,
    group_name: Option<String>,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "imports/progress.html")]
struct Progress {
    import: Import,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "imports/report.html")]
struct ReportPage {
    page: Page,
    import: Import,
    group_name: Option<String>,
    refusals: Vec<Refusal>,
    links: Links,
    kept_days: i64,
}

/// How far an import is, in words.
fn progress_text(import: &Import) -> String {
    if import.rows_read == 0 {
        return "wartet".to_owned();
    }
    let rows = filters::format_number(import.rows_read);
    format!("{rows} Zeilen")
}

impl RunningPage {
    fn progress_text(&self) -> String {
        progress_text(&self.import)
    }
}

impl Progress {
    fn progress_text(&self) -> String {
        progress_text(&self.import)
    }
}

impl ReportPage {
    /// The kind of the status's badge.
    fn badge(&self) -> &'static str {
        match self.import.status {
            ImportStatus::Done => "positive",
            ImportStatus::Failed => "danger",
            _ => "warning",
        }
    }
}

/// The page of an import that runs.
pub async fn running(signed_in: &SignedIn, state: &State, import: Import) -> WebResult {
    page(&RunningPage {
        page: Page::new(signed_in, Section::Recipients, "Import läuft"),
        group_name: group_name(signed_in, state, &import).await?,
        trouble: trouble_with(signed_in, state, &import).await?,
        import,
    })
}

/// Why an import does not get on; none where it does.
async fn trouble_with(
    signed_in: &SignedIn,
    state: &State,
    import: &Import,
) -> Result<Option<String>, WebError> {
    let (account_id, id) = (signed_in.account_id(), import.id);
    let queued = state
        .read(move |conn| job_queue::find(conn, account_id, Task::Import, id))
        .await?;
    Ok(queued.as_ref().and_then(trouble))
}

/// GET `/empfaenger/import/{id}/stand`: the inside of the page's progress, for its script.
pub async fn progress(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let import = load(&signed_in, &state, *id).await?;
    let mut answer = HttpResponse::Ok();
    answer.content_type(ContentType::html());
    if import.status != ImportStatus::Running {
        answer.insert_header(("X-Fertig", "ja"));
    }
    let trouble = trouble_with(&signed_in, &state, &import).await?;
    Ok(answer.body(Progress { import, trouble }.render()?))
}

/// The report of an import that has ended.
pub async fn ended(
    signed_in: &SignedIn,
    state: &State,
    import: Import,
    position: Position,
) -> WebResult {
    let (account_id, import_id) = (signed_in.account_id(), import.id);
    let refusals = state
        .read(move |conn| refusals::list(conn, account_id, import_id, position, PAGE_SIZE))
        .await?;
    let path = format!("/empfaenger/import/{import_id}");
    page(&ReportPage {
        page: Page::new(signed_in, Section::Recipients, "Import"),
        group_name: group_name(signed_in, state, &import).await?,
        import,
        links: Links::new(&refusals, |refusal| refusal.line, &path, &[]),
        refusals: refusals.rows,
        kept_days: REFUSALS_KEPT_DAYS,
    })
}

/// GET `/empfaenger/import/{id}/abgelehnt.csv`: the refused rows as they were, to be mended and
/// imported again.
pub async fn download(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let import = load(&signed_in, &state, *id).await?;
    let (account_id, import_id) = (signed_in.account_id(), import.id);
    let name = format!("abgelehnt-{import_id}.csv");
    csv_file::stream(&state, &name, move |conn, pieces| {
        let mut after = 0;
        let mut some = refusals::after(conn, account_id, import_id, after, SLICE)?;
        let mut names = refusals::header(conn, account_id, import_id)?;
        if names.is_empty() {
            // Kept by an earlier version, or deleted with the person in it.
            let columns = some.iter().map(|row| row.cells().len()).max();
            names = (1..=columns.unwrap_or(0).max(1))
                .map(|number| format!("Spalte {number}"))
                .collect();
        }
        let mut file = CsvFile::empty();
        file.row(&whole_row("Zeile", "Ablehnungsgrund", &names));
        while let Some(last) = some.last() {
            after = last.line;
            for refusal in &some {
                let mut cells = refusal.cells();
                if cells.is_empty() {
                    cells.push(refusal.value.clone());
                }
                cells.resize(cells.len().max(names.len()), String::new());
                file.row(&whole_row(
                    &refusal.line.to_string(),
                    &refusal.reason,
                    &cells,
                ));
            }
            pieces.send(std::mem::replace(&mut file, CsvFile::continued()))?;
            some = refusals::after(conn, account_id, import_id, after, SLICE)?;
        }
        pieces.send(file)
    })
    .await
}

/// A row as it was, behind the line where it stands and why it was refused.
fn whole_row<'a>(line: &'a str, reason: &'a str, cells: &'a [String]) -> Vec<&'a str> {
    let cells = cells.iter().map(String::as_str);
    [line, reason].into_iter().chain(cells).collect()
}

async fn group_name(
    signed_in: &SignedIn,
    state: &State,
    import: &Import,
) -> Result<Option<String>, WebError> {
    let (account_id, group_id) = (signed_in.account_id(), import.group_id);
    let group = state
        .read(move |conn| {
            group_id
                .map(|id| groups::find(conn, account_id, id))
                .transpose()
        })
        .await?;
    Ok(group.map(|group| group.name))
}
