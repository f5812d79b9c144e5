//! *Auskunft* about one recipient (Art. 15 GDPR) and the same to be taken along (Art. 20), as the
//! account gives it out: a page to print, JSON, CSV. Who made one stands in the audit log.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::{Value, json};

use crate::db::models::audit::{self, Action, Entry};
use crate::db::models::recipients;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::csv_file::CsvFile;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::own_data::{self, HOW, OwnData};
use crate::web::page::{Page, Section};
use crate::web::public::person::Person;
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/disclosure.html")]
struct DisclosurePage {
    page: Page,
    data: OwnData,
    how: [&'static str; 5],
    /// In milliseconds.
    made_at: i64,
}

/// GET `/empfaenger/{id}/auskunft`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let data = gather(&signed_in, &state, *id, "Seite").await?;
    page(&DisclosurePage {
        page: Page::new(&signed_in, Section::Recipients, "Auskunft"),
        data,
        how: HOW,
        made_at: Timestamp::now().millis(),
    })
}

/// GET `/empfaenger/{id}/auskunft.json`
pub async fn json_file(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let data = gather(&signed_in, &state, *id, "JSON").await?;
    let body = serde_json::to_string_pretty(&data.json(Timestamp::now()))
        .map_err(|e| WebError::Internal(e.to_string()))?;
    let name = format!("attachment; filename=\"auskunft-{id}.json\"");
    Ok(HttpResponse::Ok()
        .content_type("application/json; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, name))
        .body(body))
}

/// GET `/empfaenger/{id}/auskunft.csv`
pub async fn csv_file(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let data = gather(&signed_in, &state, *id, "CSV").await?;
    let mut file = CsvFile::empty();
    file.row(&["Bereich", "Angabe", "Wert"]);
    if let Value::Object(areas) = data.json(Timestamp::now()) {
        for (area, value) in &areas {
            write(&mut file, area, "", value);
        }
    }
    file.answer(&format!("auskunft-{id}.csv"))
}

/// One line for each value, under the names that lead to it: "emails", "3 betreff", "Herbstbrief".
fn write(file: &mut CsvFile, area: &str, name: &str, value: &Value) {
    let below = |key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name} {key}")
        }
    };
    match value {
        Value::Object(values) => {
            for (key, value) in values {
                write(file, area, &below(key), value);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                write(file, area, &below(&(at + 1).to_string()), value);
            }
        }
        Value::Null => {}
        Value::Bool(yes) => file.row(&[area, name, if *yes { "ja" } else { "nein" }]),
        Value::String(text) => file.row(&[area, name, text]),
        Value::Number(number) => file.row(&[area, name, &number.to_string()]),
    }
}

/// Notes who asks, then gathers everything.
async fn gather(
    signed_in: &SignedIn,
    state: &State,
    id: i64,
    form: &'static str,
) -> Result<OwnData, WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| {
            recipients::find(conn, account_id, id)?;
            let entry = Entry {
                actor: &actor,
                action: Action::DataDisclosed,
                recipient_id: Some(id),
                details: json!({ "format": form }),
            };
            audit::record(conn, account_id, &entry, Timestamp::now())
        })
        .await?;
    let (account, remembering) = (signed_in.account.clone(), state.remembering.clone());
    state
        .read(move |conn| {
            let recipient = recipients::find(conn, account_id, id)?;
            let person = Person { account, recipient };
            own_data::gather(conn, person, &remembering)
        })
        .await
}
