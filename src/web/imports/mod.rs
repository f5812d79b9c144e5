//! *Importieren*: sending a CSV file, checking how it is read, watching the import, and its report.

pub mod mapping;
pub(in crate::web) mod parts;
pub mod report;
pub mod upload;

use actix_web::web;
use serde::Deserialize;

use crate::db::models::imports::{self, Import, ImportStatus};
use crate::import::background::Imports;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::paging::PagingQuery;
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

/// GET `/empfaenger/import`
pub async fn index(
    signed_in: SignedIn,
    state: web::Data<State>,
    paging: web::Query<PagingQuery>,
) -> WebResult {
    let form = upload::UploadForm::default();
    let errors = FormErrors::new();
    page(&upload::form_page(&signed_in, &state, form, errors, paging.position()).await?)
}

/// From which column on those of a file are shown.
#[derive(Deserialize)]
pub struct ColumnsQuery {
    #[serde(rename = "ab-spalte")]
    first_column: Option<usize>,
}

/// GET `/empfaenger/import/{id}`: what there is to do, to see or to read, as far as the import is.
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    paging: web::Query<PagingQuery>,
    columns: web::Query<ColumnsQuery>,
) -> WebResult {
    let import = load(&signed_in, &state, *id).await?;
    match import.status {
        ImportStatus::Uploaded => {
            let first_column = columns.first_column.unwrap_or(1).saturating_sub(1);
            mapping::edit(&signed_in, &state, import, first_column).await
        }
        ImportStatus::Running => report::running(&signed_in, &state, import).await,
        ImportStatus::Done | ImportStatus::Failed | ImportStatus::Cancelled => {
            report::ended(&signed_in, &state, import, paging.position()).await
        }
    }
}

/// POST `/empfaenger/import/{id}/abbrechen`: ends an import; what it has written stays.
pub async fn cancel(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let import = load(&signed_in, &state, *id).await?;
    let (account_id, import_id) = (signed_in.account_id(), import.id);
    state
        .write(move |conn| Imports::cancel(conn, account_id, import_id))
        .await?;
    // Whoever runs it finds out with the next slice.
    state.imports.uploads.remove(import_id);
    if import.status == ImportStatus::Uploaded {
        return see_other("/empfaenger/import?meldung=import-verworfen");
    }
    see_other(format!("/empfaenger/import/{import_id}"))
}

async fn load(signed_in: &SignedIn, state: &State, import_id: i64) -> Result<Import, WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| imports::find(conn, account_id, import_id))
        .await
}
