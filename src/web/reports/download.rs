//! A mailing's figures and activity as CSV files, for spreadsheets.
//!
//! Written as German spreadsheet programs read it: semicolons, a byte order mark, decimal commas.

use actix_web::web;

use super::activity::moment;
use super::show::Report;
use crate::db::json_rows::hex;
use crate::db::reports::activity::{self, ActivityLine, Filter, Place, Who};
use crate::db::reports::overview;
use crate::db::{Conn, DbResult};
use crate::domain::bounce::BounceKind;
use crate::web::access::SignedIn;
use crate::web::csv_file::CsvFile;
use crate::web::filters::{format_as, format_percent};
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
) -> WebResult {
    let (account_id, mailing_id) = (signed_in.account_id(), mailing_id.into_inner());
    let file = state
        .read(move |conn| write_activity(conn, account_id, mailing_id))
        .await?;
    file.answer(&format!("aktivitaet-{mailing_id}.csv"))
}

fn write_figures(file: &mut CsvFile, report: &Report) {
    let figures = &report.figures;
    file.row(&["Bereich", "Name", "Kennzahl", "Wert"]);
    let mut row = |area: &str, name: &str, what: &str, value: &str| {
        file.row(&[area, name, what, value]);
    };
    let totals = [
        ("Empfänger", figures.handed),
        ("davon personenbezogen gemessen", figures.handed_personal),
        ("davon anonym gezählt", figures.handed_anonymous),
        ("davon nicht gemessen", report.unmeasured()),
        ("Öffnungen, personenbezogen", figures.opens),
        ("Öffnungen, eindeutig", figures.openers),
        ("Öffnungen, anonym", figures.anonymous_opens),
        ("Öffnungen, automatisch", figures.automatic_opens),
        ("Klicks, personenbezogen", figures.clicks),
        ("Klicks, eindeutig", figures.clickers),
        ("Klicks, anonym", figures.anonymous_clicks),
        ("Klicks, automatisch", figures.automatic_clicks),
        ("Unzustellbar, dauerhaft", figures.bounces),
        ("Unzustellbar, vorübergehend", figures.soft_bounces),
        ("Beschwerden", figures.complaints),
        ("Abmeldungen", figures.unsubscriptions),
        ("Widersprüche", figures.objections),
        ("Abgebrochen", report.mailing.cancelled),
        ("Fehlgeschlagen", report.mailing.failed),
        ("Ungewiss", report.mailing.uncertain),
    ];
    for (what, value) in totals {
        row("Gesamt", &figures.subject, what, &value.to_string());
    }
    let measured = figures.handed_personal;
    for (what, part) in [
        ("Öffnungsrate", figures.openers),
        ("Klickrate", figures.clickers),
    ] {
        row(
            "Gesamt",
            &figures.subject,
            what,
            &format_percent(part, measured),
        );
    }
    for (what, part) in [
        ("Rücklaufquote", report.came_back()),
        ("Beschwerdequote", figures.complaints),
    ] {
        let rate = format_percent(part, figures.handed);
        row("Gesamt", &figures.subject, what, &rate);
    }
    for link in &report.links {
        for (what, value) in [
            ("Klicks, personenbezogen", link.personal),
            ("Klicks, eindeutig", link.firsts),
            ("Klicks, anonym", link.anonymous),
            ("Klicks, automatisch", link.automatic),
        ] {
            row("Link", &link.url, what, &value.to_string());
        }
    }
    let named = report
        .hours
        .iter()
        .map(|hour| (format_as(hour.hour * 3_600_000, "%d.%m.%Y %H:00"), hour));
    let others = std::iter::once(("übrige Zeit".to_owned(), &report.others));
    for (name, hour) in named.chain(others) {
        for (kind, counts) in [("Öffnungen", hour.opens), ("Klicks", hour.clicks)] {
            for (way, value) in [
                ("personenbezogen", counts.personal),
                ("eindeutig", counts.unique),
                ("anonym", counts.anonymous),
                ("automatisch", counts.automatic),
            ] {
                row(
                    "Stunde",
                    &name,
                    &format!("{kind}, {way}"),
                    &value.to_string(),
                );
            }
        }
    }
    for device in &report.devices {
        row(
            "Gerät",
            device.label,
            "Öffnungen",
            &device.opens.to_string(),
        );
        row("Gerät", device.label, "Klicks", &device.clicks.to_string());
    }
}

/// Writes the whole list as it is in one transaction: nobody who is pseudonymised meanwhile
/// stands in it twice, once by name and once by pseudonym, which would tie the two together.
fn write_activity(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<CsvFile> {
    overview::find(conn, account_id, mailing_id)?;
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
        let page = activity::list(conn, account_id, mailing_id, Filter::All, place, SLICE)?;
        for line in &page.rows {
            write_line(&mut file, line);
        }
        match page.rows.last() {
            Some(last) if page.has_next => place = Place::After(last.key()),
            _ => return Ok(file),
        }
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
