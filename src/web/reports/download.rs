//! A mailing's figures and activity as CSV files, for spreadsheets.
//!
//! Who takes one is in the audit log. Written as German spreadsheet programs read it: semicolons, a byte order mark, decimal commas.

use actix_web::web;
use serde_json::json;

use super::activity::moment;
use super::report::{Reaction, Report};
use super::selection::{self, Query};
use crate::db::json_rows::hex;
use crate::db::models::audit::{self, Action, Entry};
use crate::db::reports::activity::{self, ActivityLine, Filter, Place, Who};
use crate::db::reports::overview;
use crate::db::{Conn, DbResult};
use crate::domain::bounce::BounceKind;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::csv_file::{self, CsvFile, Pieces};
use crate::web::error::WebError;
use crate::web::filters::{format_as, format_percent, format_shown};
use crate::web::respond::WebResult;
use crate::web::state::State;

/// How many lines of the activity are read at a time.
const SLICE: usize = 5_000;

/// GET `/analysen/{id}/kennzahlen.csv`
pub async fn figures(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
) -> WebResult {
    let (account_id, mailing_id) = (signed_in.account_id(), mailing_id.into_inner());
    let what = json!({ "mailing": mailing_id, "export": "figures" });
    note(&signed_in, &state, Some(mailing_id), what).await?;
    let report = state
        .read(move |conn| Report::read(conn, account_id, mailing_id))
        .await?;
    let mut file = CsvFile::empty();
    write_figures(&mut file, &report);
    file.answer(&format!("kennzahlen-{mailing_id}.csv"))
}

/// GET `/analysen/{id}/aktivitaet.csv`
pub async fn activity(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
    query: web::Query<Query>,
) -> WebResult {
    let (account_id, mailing_id) = (signed_in.account_id(), mailing_id.into_inner());
    let filter = query.filter();
    let what =
        json!({ "mailing": mailing_id, "export": "activity", "filter": selection::word(filter) });
    note(&signed_in, &state, Some(mailing_id), what).await?;
    let name = format!("aktivitaet-{mailing_id}.csv");
    csv_file::stream(&state, &name, move |conn, pieces| {
        write_activity(conn, account_id, mailing_id, filter, pieces)
    })
    .await
}

/// Writes down who takes data away, before it is given: the figures or the activity of a mailing,
/// which has to be there.
pub(super) async fn note(
    signed_in: &SignedIn,
    state: &State,
    mailing_id: Option<i64>,
    details: serde_json::Value,
) -> Result<(), WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| {
            if let Some(id) = mailing_id {
                overview::find(conn, account_id, id)?;
            }
            let entry = Entry {
                actor: &actor,
                action: Action::ReportExported,
                recipient_id: None,
                details,
            };
            audit::record(conn, account_id, &entry, Timestamp::now())
        })
        .await
}

fn write_figures(file: &mut CsvFile, report: &Report) {
    file.row(&["Bereich", "Name", "Kennzahl", "Wert"]);
    write_totals(file, report);
    for link in &report.links {
        write_reaction(file, "Link", &link.url, "Klicks", &link.clicks);
    }
    let named = report
        .hours
        .iter()
        .map(|hour| (format_as(hour.hour * 3_600_000, "%d.%m.%Y %H:00"), hour));
    let others = std::iter::once(("übrige Zeit".to_owned(), &report.others));
    for (name, hour) in named.chain(others) {
        write_reaction(file, "Stunde", &name, "Öffnungen", &hour.opens);
        write_reaction(file, "Stunde", &name, "Klicks", &hour.clicks);
    }
    for device in &report.devices {
        for (what, n) in [("Öffnungen", device.opens), ("Klicks", device.clicks)] {
            file.row(&["Gerät", device.label, what, &n.to_string()]);
        }
    }
}

fn write_totals(file: &mut CsvFile, report: &Report) {
    let subject = &report.mailing.subject;
    let mut total = |what: &str, value: i64| {
        file.row(&["Gesamt", subject, what, &value.to_string()]);
    };
    total("Empfänger", report.handed());
    total("davon personenbezogen gemessen", report.measured());
    total("davon anonym gezählt", report.anonymous());
    total("davon nicht gemessen", report.unmeasured());
    total("Unzustellbar, dauerhaft", report.hard_bounces());
    total("Unzustellbar, vorübergehend", report.soft_bounces());
    total("Beschwerden", report.complaints());
    total("Abmeldungen", report.unsubscriptions());
    total("Widersprüche", report.objections());
    total("Abgebrochen", report.mailing.cancelled);
    total("Fehlgeschlagen", report.mailing.failed);
    total("Ungewiss", report.mailing.uncertain);
    write_reaction(file, "Gesamt", subject, "Öffnungen", &report.opens);
    write_reaction(file, "Gesamt", subject, "Klicks", &report.clicks);
    for (what, part, whole) in report.rates() {
        file.row(&["Gesamt", subject, what, &format_percent(part, whole)]);
    }
}

/// The four ways in which something is counted.
fn write_reaction(file: &mut CsvFile, area: &str, name: &str, kind: &str, counts: &Reaction) {
    for (way, value) in [
        ("personenbezogen", counts.personal.to_string()),
        ("eindeutig", counts.unique.to_string()),
        ("anonym", format_shown(counts.anonymous)),
        ("automatisch", counts.automatic.to_string()),
    ] {
        file.row(&[area, name, &format!("{kind}, {way}"), &value]);
    }
}

/// Writes the whole list as it is in one transaction: nobody who is pseudonymised meanwhile
/// stands in it twice, once by name and once by pseudonym, which would tie the two together.
fn write_activity(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    pieces: &Pieces,
) -> DbResult<()> {
    let mut file = CsvFile::empty();
    file.row(&[
        "Empfänger",
        "Name",
        "Tracking",
        "Öffnungen",
        "Erste Öffnung",
        "Klicks",
        "Erster Klick",
        "Rückläufer",
    ]);
    let mut place = Place::First;
    loop {
        let page = activity::list(conn, account_id, mailing_id, filter, place, SLICE)?;
        for line in &page.rows {
            write_line(&mut file, line);
        }
        pieces.send(file)?;
        match page.rows.last() {
            Some(last) if page.has_next => place = Place::After(last.key()),
            _ => return Ok(()),
        }
        file = CsvFile::continued();
    }
}

fn write_line(file: &mut CsvFile, line: &ActivityLine) {
    let (who, name) = match &line.who {
        Who::Recipient { address, name, .. } => (address.clone(), name.as_str()),
        Who::Pseudonym(pseudonym) => (format!("Pseudonym {}", hex(pseudonym)), ""),
    };
    let measured = if line.measured {
        "personenbezogen"
    } else {
        "ohne personenbezogenes Tracking"
    };
    file.row(&[
        &who,
        name,
        measured,
        &line.opens.to_string(),
        &moment(line, line.first_open_at),
        &line.clicks.to_string(),
        &moment(line, line.first_click_at),
        line.bounce.map_or("", BounceKind::label),
    ]);
}
