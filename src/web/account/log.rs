//! Tab *Protokoll*: who changed what, when. Nothing here changes an entry; a set time after it was
//! written the housekeeping lets it go.

mod details;

use actix_web::web;
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::saving::{self, Sent};
use crate::db::models::accounts::{self, Account};
use crate::db::models::audit::{self, Action, Entry, ShownEntry};
use crate::db::models::audit_list::{self, Filter, Who};
use crate::db::paging::{CappedCount, Position};
use crate::db::{Conn, DbResult};
use crate::domain::audit::{Area, describe};
use crate::domain::day::any_day;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::csv_file::{self, CsvFile, Pieces};
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::Snapshot;

/// Up to how many entries are counted exactly.
const COUNTED: i64 = 10_000;

/// How many entries are read at a time for a file.
const SLICE: usize = 5_000;

/// For how many years the log can be kept.
const YEARS: [i64; 5] = [1, 2, 3, 5, 10];

#[derive(Template)]
#[template(path = "account/log.html")]
struct LogPage {
    page: Page,
    account: Account,
    query: Query,
    people: Vec<(String, String)>,
    count: CappedCount,
    entries: Vec<ShownEntry>,
    links: Links,
    /// Where the same is downloaded.
    file: String,
    errors: FormErrors,
}

impl LogPage {
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn areas(&self) -> Vec<(&'static str, &'static str)> {
        let all = Area::ALL.into_iter();
        all.map(|area| (area.word(), area.label())).collect()
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn years(&self) -> Vec<(i64, String)> {
        let text = |n: i64| {
            if n == 1 {
                "1 Jahr".to_owned()
            } else {
                format!("{n} Jahre")
            }
        };
        YEARS.into_iter().map(|n| (n, text(n))).collect()
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn what<'a>(&self, entry: &'a ShownEntry) -> &'a str {
        what(entry)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn area(&self, entry: &ShownEntry) -> &'static str {
        area(entry)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn details(&self, entry: &ShownEntry) -> String {
        details::in_words(&entry.details)
    }

    fn is_narrowed(&self) -> bool {
        self.query.is_narrowed()
    }
}

/// What is looked for, as it stands in the address.
#[derive(Clone, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    bereich: String,
    #[serde(default)]
    wer: String,
    #[serde(default)]
    von: String,
    #[serde(default)]
    bis: String,
    #[serde(default)]
    empfaenger: String,
    nach: Option<String>,
    vor: Option<String>,
    seite: Option<String>,
}

impl Query {
    /// The filter, and what could not be read of it.
    fn read(&self) -> (Filter, FormErrors) {
        let mut errors = FormErrors::new();
        let mut day = |field: &'static str, typed: &str| {
            if typed.trim().is_empty() {
                return None;
            }
            any_day(typed)
                .map_err(|problem| {
                    let prompt = "Geben Sie einen Tag an, zum Beispiel 24.11.2026.";
                    errors.add(field, problem.sentence(prompt));
                })
                .ok()
        };
        let (from, until) = (day("von", &self.von), day("bis", &self.bis));
        let recipient_id = self.empfaenger.trim().parse().ok();
        if recipient_id.is_none() && !self.empfaenger.trim().is_empty() {
            errors.add("empfaenger", "Geben Sie die Nummer des Empfängers an.");
        }
        let filter = Filter {
            actions: Area::of_word(&self.bereich).map(Area::actions),
            who: match self.wer.as_str() {
                "empfaenger" => Some(Who::Recipients),
                "programm" => Some(Who::Program),
                number => number.parse().ok().map(Who::User),
            },
            from: from.map(Timestamp::millis),
            // The whole of that day, however long it is.
            until: until.map(|day| next_day(day).millis()),
            recipient_id,
        };
        (filter, errors)
    }

    fn is_narrowed(&self) -> bool {
        self.kept().iter().any(|(_, value)| !value.is_empty())
    }

    fn kept(&self) -> [(&'static str, &str); 5] {
        [
            ("bereich", self.bereich.as_str()),
            ("wer", &self.wer),
            ("von", &self.von),
            ("bis", &self.bis),
            ("empfaenger", &self.empfaenger),
        ]
    }

    fn position(&self) -> Position {
        let of = |text: &Option<String>| text.clone();
        let (after, before, page) = (of(&self.nach), of(&self.vor), of(&self.seite));
        PagingQuery::of(after.as_deref(), before.as_deref(), page.as_deref()).position()
    }
}

fn next_day(day: Timestamp) -> Timestamp {
    let tomorrow = filters::format_as(day.plus_millis(36 * 3_600_000).millis(), "%Y-%m-%d");
    any_day(&tomorrow).unwrap_or(day)
}

/// GET `/benutzerkonto/protokoll`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<Query>,
) -> WebResult {
    let shown = log_page(signed_in, &state, query.into_inner()).await?;
    if shown.errors.is_empty() {
        page(&shown)
    } else {
        invalid(&shown)
    }
}

async fn log_page(signed_in: SignedIn, state: &State, query: Query) -> Result<LogPage, WebError> {
    let (filter, errors) = query.read();
    let (account_id, position) = (signed_in.account_id(), query.position());
    let (found, count, users) = state
        .read(move |conn| {
            Ok((
                audit_list::list(conn, account_id, &filter, position, PAGE_SIZE)?,
                audit_list::count(conn, account_id, &filter, COUNTED)?,
                audit_list::people(conn, account_id)?,
            ))
        })
        .await?;
    let kept = query.kept();
    let links = Links::new(&found, |entry| entry.id, "/benutzerkonto/protokoll", &kept);
    let wanted = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept.iter().filter(|(_, value)| !value.is_empty()))
        .finish();
    let mut people: Vec<(String, String)> = users
        .into_iter()
        .map(|(id, name)| (id.to_string(), name))
        .collect();
    people.push(("empfaenger".into(), "Empfänger selbst".into()));
    people.push(("programm".into(), "Programm".into()));
    let years = years_snapshot(signed_in.account.audit_years);
    Ok(LogPage {
        page: Page::new(&signed_in, Section::Account, "Benutzerkonto").made_from(&years),
        account: signed_in.account,
        file: format!("/benutzerkonto/protokoll.csv?{wanted}"),
        query,
        people,
        count,
        entries: found.rows,
        links,
        errors,
    })
}

/// GET `/benutzerkonto/protokoll.csv`
pub async fn download(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<Query>,
) -> WebResult {
    let (filter, errors) = query.read();
    if !errors.is_empty() {
        return Err(WebError::BadRequest(
            "Ein Tag oder eine Nummer in dieser Auswahl ist nicht lesbar.",
        ));
    }
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let what = json!({ "area": query.bereich_known(), "narrowed": query.is_narrowed() });
    state
        .write(move |conn| {
            let entry = Entry {
                actor: &actor,
                action: Action::LogExported,
                recipient_id: None,
                details: what,
            };
            audit::record(conn, account_id, &entry, Timestamp::now())
        })
        .await?;
    csv_file::stream(&state, "protokoll.csv", move |conn, pieces| {
        write(conn, account_id, &filter, pieces)
    })
    .await
}

impl Query {
    /// The area, if it is one: what somebody typed into an address does not belong into the log.
    fn bereich_known(&self) -> Option<&'static str> {
        Area::of_word(&self.bereich).map(Area::label)
    }
}

/// POST `/benutzerkonto/protokoll/aufbewahrung`
pub async fn update_retention(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let chosen: Option<i64> = form
        .text("jahre")
        .parse()
        .ok()
        .filter(|n| YEARS.contains(n));
    let Some(years) = chosen else {
        return Err(WebError::BadRequest(
            "Das Protokoll kann 1, 2, 3, 5 oder 10 Jahre aufbewahrt werden.",
        ));
    };
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let sent = Sent {
        mine: years_snapshot(years),
        fields: form.into_inner(),
        acts: &[Action::LogRetentionChanged],
    };
    let kept = |_: &mut Conn, account: &Account| Ok(years_snapshot(account.audit_years));
    let write = move |conn: &mut Conn| {
        let before = accounts::find(conn, account_id)?.audit_years;
        if years == before {
            return Ok(());
        }
        accounts::set_audit_years(conn, account_id, years)?;
        let entry = Entry {
            actor: &actor,
            action: Action::LogRetentionChanged,
            recipient_id: None,
            details: json!({ "years": years, "before": before }),
        };
        audit::record(conn, account_id, &entry, Timestamp::now())
    };
    let path = "/benutzerkonto/protokoll";
    let Some((both, last)) = saving::save(&state, account_id, sent, kept, write).await? else {
        return see_other(format!("{path}?meldung=gespeichert"));
    };
    let query = Query::default();
    let mut shown = log_page(signed_in, &state, query).await?;
    let years = both.merged.text("jahre").parse();
    shown.account.audit_years = years.unwrap_or(shown.account.audit_years);
    shown.page = shown.page.overtaken(both, last, path);
    overtaken(&shown)
}

fn years_snapshot(years: i64) -> Snapshot {
    let text = match years {
        1 => "1 Jahr".to_owned(),
        n => format!("{n} Jahre"),
    };
    Snapshot::default().choice("jahre", "Aufbewahren", years, text)
}

fn write(conn: &mut Conn, account_id: i64, filter: &Filter, pieces: &Pieces) -> DbResult<()> {
    let mut file = CsvFile::empty();
    file.row(&[
        "Zeitpunkt",
        "Wer",
        "Bereich",
        "Was",
        "Empfänger (Nummer)",
        "E-Mail-Adresse",
        "Einzelheiten",
    ]);
    let mut position = Position::First;
    loop {
        let found = audit_list::list(conn, account_id, filter, position, SLICE)?;
        for entry in &found.rows {
            file.row(&[
                &filters::format_as(entry.at, "%d.%m.%Y %H:%M:%S"),
                &entry.actor,
                area(entry),
                what(entry),
                &entry
                    .recipient_id
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
                entry.address.as_deref().unwrap_or_default(),
                &details::in_words(&entry.details),
            ]);
        }
        pieces.send(file)?;
        match found.rows.last() {
            Some(last) if found.has_next => position = Position::After(last.id),
            _ => return Ok(()),
        }
        file = CsvFile::continued();
    }
}

fn what(entry: &ShownEntry) -> &str {
    describe(&entry.action).map_or(&entry.action, |(_, label)| label)
}

fn area(entry: &ShownEntry) -> &'static str {
    describe(&entry.action).map_or("", |(area, _)| area.label())
}
