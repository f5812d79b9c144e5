//! *Empfänger suchen*: by any part of the address or the name.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::recipients::RecipientRow;
use crate::db::paging::CappedCount;
use crate::db::search;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// Longest needle that is searched for, in characters: no address and no name is longer.
const MAX_NEEDLE_CHARS: usize = 320;

#[derive(Template)]
#[template(path = "recipients/search.html")]
struct SearchPage {
    page: Page,
    needle: String,
    hits: Option<Hits>,
}

struct Hits {
    rows: Vec<RecipientRow>,
    count: CappedCount,
    links: Links,
    /// Whether the index is still that of an earlier version in part.
    is_rebuilding: bool,
}

/// What is searched for.
#[derive(Deserialize)]
pub struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// GET `/empfaenger/suche`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<SearchQuery>,
    paging: web::Query<PagingQuery>,
) -> WebResult {
    let needle: String = query.q.trim().chars().take(MAX_NEEDLE_CHARS).collect();
    let hits = if needle.is_empty() {
        None
    } else {
        let (account_id, position) = (signed_in.account_id(), paging.position());
        let wanted = needle.clone();
        let (found, count, is_rebuilding) = state
            .read(move |conn| {
                Ok((
                    search::find(conn, account_id, &wanted, position, PAGE_SIZE)?,
                    search::count(conn, account_id, &wanted)?,
                    search::rebuild::is_pending(conn)?,
                ))
            })
            .await?;
        let links = Links::new(&found, |row| row.id, "/empfaenger/suche", &[("q", &needle)]);
        Some(Hits {
            rows: found.rows,
            count,
            links,
            is_rebuilding,
        })
    };
    page(&SearchPage {
        page: Page::new(&signed_in, Section::Recipients, "Empfänger suchen"),
        needle,
        hits,
    })
}
