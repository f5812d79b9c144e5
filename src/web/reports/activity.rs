//! *Empfängeraktivität*: who did what with one mailing.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::format_moment;
use crate::db::json_rows::hex;
use crate::db::paging::CappedCount;
use crate::db::reports::activity::{self, ActivityLine, Filter, Place, Who};
use crate::db::reports::overview::{self, SentMailing};
use crate::domain::secret::Random128;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::PAGE_SIZE;
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// Up to how many lines are counted exactly.
const COUNTED: i64 = 10_000;

/// The filters as they stand in addresses and on the screen.
const FILTERS: [(&str, &str, Filter); 6] = [
    ("", "Alle", Filter::All),
    ("geoeffnet", "Geöffnet", Filter::Opened),
    ("geklickt", "Geklickt", Filter::Clicked),
    ("nichts", "Nichts davon", Filter::Neither),
    ("zurueck", "Unzustellbar", Filter::CameBack),
    (
        "ohne",
        "Ohne personenbezogenes Tracking",
        Filter::Unmeasured,
    ),
];

/// Which part of the list, and which page of it.
#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    aktivitaet: String,
    nach: Option<String>,
    vor: Option<String>,
    seite: Option<String>,
}

impl Query {
    fn filter(&self) -> Filter {
        FILTERS
            .iter()
            .find(|(word, ..)| *word == self.aktivitaet)
            .map_or(Filter::All, |(_, _, filter)| *filter)
    }

    fn place(&self) -> Place {
        let key = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        match (key(&self.nach), key(&self.vor), self.seite.as_deref()) {
            (Some(key), _, _) => Place::After(key),
            (None, Some(key), _) => Place::Before(key),
            (None, None, Some("letzte")) => Place::Last,
            _ => Place::First,
        }
    }
}

#[derive(Template)]
#[template(path = "reports/activity.html")]
struct ActivityPage {
    page: Page,
    mailing: SentMailing,
    chosen: String,
    count: CappedCount,
    lines: Vec<ActivityLine>,
    first: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    last: Option<String>,
}

impl ActivityPage {
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn filters(&self) -> [(&'static str, &'static str); 6] {
        FILTERS.map(|(word, label, _)| (word, label))
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn first_open(&self, line: &ActivityLine) -> String {
        moment(line, line.first_open_at)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn first_click(&self, line: &ActivityLine) -> String {
        moment(line, line.first_click_at)
    }

    /// The beginning of a pseudonym: enough to tell the lines of one list apart.
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn short(&self, pseudonym: &Random128) -> String {
        format!("{}…", hex(&pseudonym[..4]))
    }

    fn can_open_recipients(&self) -> bool {
        self.page
            .user
            .as_ref()
            .is_some_and(|user| user.can_recipients)
    }
}

/// A first time as the list says it; nothing where it never was.
pub(super) fn moment(line: &ActivityLine, at: Option<i64>) -> String {
    let to_the_hour = matches!(line.who, Who::Pseudonym(_));
    at.map(|millis| format_moment(millis, to_the_hour))
        .unwrap_or_default()
}

/// GET `/analysen/{id}/aktivitaet`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
    query: web::Query<Query>,
) -> WebResult {
    let (account_id, mailing_id) = (signed_in.account_id(), mailing_id.into_inner());
    let (filter, place) = (query.filter(), query.place());
    let (mailing, lines, count) = state
        .read(move |conn| {
            Ok((
                overview::find(conn, account_id, mailing_id)?,
                activity::list(conn, account_id, mailing_id, filter, place, PAGE_SIZE)?,
                activity::count(conn, account_id, mailing_id, filter, COUNTED)?,
            ))
        })
        .await?;
    let link = |name: &str, value: &str| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        if filter != Filter::All {
            pairs.append_pair("aktivitaet", &query.aktivitaet);
        }
        if !name.is_empty() {
            pairs.append_pair(name, value);
        }
        let path = format!("/analysen/{mailing_id}/aktivitaet");
        match pairs.finish() {
            pairs if pairs.is_empty() => path,
            pairs => format!("{path}?{pairs}"),
        }
    };
    let key_of = |line: Option<&ActivityLine>| line.map(|line| line.key().to_string());
    page(&ActivityPage {
        page: Page::new(&signed_in, Section::Reports, "Empfängeraktivität"),
        mailing,
        chosen: if filter == Filter::All {
            String::new()
        } else {
            query.aktivitaet.clone()
        },
        count,
        first: lines.has_previous.then(|| link("", "")),
        previous: key_of(lines.rows.first())
            .filter(|_| lines.has_previous)
            .map(|key| link("vor", &key)),
        next: key_of(lines.rows.last())
            .filter(|_| lines.has_next)
            .map(|key| link("nach", &key)),
        last: lines.has_next.then(|| link("seite", "letzte")),
        lines: lines.rows,
    })
}
