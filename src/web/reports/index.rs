//! The list of sent mailings with their rates.

use actix_web::web;
use askama::Template;

use crate::db::reports::overview::{self, ReportLine};
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "reports/index.html")]
struct ReportsPage {
    page: Page,
    lines: Vec<ReportLine>,
    count: i64,
    links: Links,
}

/// GET `/analysen`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<PagingQuery>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let position = query.position();
    let (list, count) = state
        .read(move |conn| {
            Ok((
                overview::list(conn, account_id, position, PAGE_SIZE)?,
                overview::count(conn, account_id)?,
            ))
        })
        .await?;
    let links = Links::new(&list, |line| line.mailing.id, "/analysen", &[]);
    page(&ReportsPage {
        page: Page::new(&signed_in, Section::Reports, "Analysen"),
        lines: list.rows,
        count,
        links,
    })
}
