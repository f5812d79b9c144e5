//! *Empfängeraktivität*: who did what with one mailing.

use actix_web::web;
use askama::Template;

use super::format_moment;
use super::report::Report;
use super::selection::{self, Query};
use crate::db::json_rows::hex;
use crate::db::paging::{CappedCount, Page as Lines, Position};
use crate::db::reports::activity::{self, ActivityLine, Filter, Who};
use crate::db::reports::found;
use crate::db::reports::overview::SentMailing;
use crate::db::search;
use crate::db::{Conn, DbResult};
use crate::domain::role::Role;
use crate::domain::secret::Random128;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::PAGE_SIZE;
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// Up to how many lines are counted exactly.
const COUNTED: i64 = 10_000;

/// How many recipients who match a search are looked up in the mailing.
const LOOKED_THROUGH: usize = 200;

#[derive(Template)]
#[template(path = "reports/activity.html")]
struct ActivityPage {
    page: Page,
    mailing: SentMailing,
    /// What can be chosen: word and label.
    choices: Vec<(String, String)>,
    chosen: String,
    /// What is looked for; empty: nothing.
    needle: String,
    count: CappedCount,
    lines: Vec<ActivityLine>,
    /// Where the chosen ones are downloaded.
    file: String,
    /// Where a group is made of them; none where that can't be.
    group: Option<String>,
    first: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    last: Option<String>,
}

impl ActivityPage {
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
    let needle = query.needle().map(str::to_owned);
    let (report, lines, count) = state
        .read(move |conn| {
            let report = Report::read(conn, account_id, mailing_id)?;
            if let Some(needle) = needle {
                let (lines, count) = look_for(conn, account_id, mailing_id, filter, &needle)?;
                return Ok((report, lines, count));
            }
            Ok((
                report,
                activity::list(conn, account_id, mailing_id, filter, place, PAGE_SIZE)?,
                activity::count(conn, account_id, mailing_id, filter, COUNTED)?,
            ))
        })
        .await?;
    let path = format!("/analysen/{mailing_id}/aktivitaet");
    let link = |name: &str, value: &str| {
        let pairs: &[(&str, &str)] = if name.is_empty() {
            &[]
        } else {
            &[(name, value)]
        };
        address(&path, filter, pairs)
    };
    let key_of = |line: Option<&ActivityLine>| line.map(|line| line.key().to_string());
    page(&ActivityPage {
        page: Page::new(&signed_in, Section::Reports, "Empfängeraktivität"),
        choices: selection::choices(&report.links),
        needle: query.needle().unwrap_or_default().to_owned(),
        chosen: selection::word(filter),
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
        file: address(&format!("{path}.csv"), filter, &[]),
        group: (filter.tells_what_was_done()
            && query.needle().is_none()
            && signed_in.user.roles().allow(Role::Recipients))
        .then(|| address(&format!("{path}/gruppe"), filter, &[])),
        mailing: report.mailing,
    })
}

/// Those among the first recipients with that part in address or name who received the mailing;
/// how many they are, and whether there are more to look through.
fn look_for(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    needle: &str,
) -> DbResult<(Lines<ActivityLine>, CappedCount)> {
    let matches = search::find(conn, account_id, needle, Position::First, LOOKED_THROUGH)?;
    let ids: Vec<i64> = matches.rows.iter().map(|row| row.id).collect();
    let rows = found::lines(conn, account_id, mailing_id, filter, &ids)?;
    let count = CappedCount {
        counted: i64::try_from(rows.len()).unwrap_or(i64::MAX),
        more: matches.has_next,
    };
    let lines = Lines {
        rows,
        has_previous: false,
        has_next: false,
    };
    Ok((lines, count))
}

/// An address that keeps the chosen filter.
pub(super) fn address(path: &str, filter: Filter, more: &[(&str, &str)]) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    if filter != Filter::All {
        pairs.append_pair("aktivitaet", &selection::word(filter));
    }
    match pairs.extend_pairs(more).finish() {
        pairs if pairs.is_empty() => path.to_owned(),
        pairs => format!("{path}?{pairs}"),
    }
}
