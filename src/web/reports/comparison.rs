//! *Vergleich*: the rates of mailings beside each other, over time and by the groups they went to.

use std::collections::BTreeMap;

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::rate_chart::RateChart;
use crate::db::models::groups;
use crate::db::reports::Figures;
use crate::db::reports::overview::{self, ReportLine};
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PagingQuery};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// How many mailings are compared at a time.
const COMPARED: usize = 24;

/// Below so many measured recipients one person makes more than a whole percent.
const FEW: i64 = 100;

/// Which mailings.
#[derive(Deserialize)]
pub struct Query {
    /// Those that went to the group of that number.
    #[serde(default)]
    gruppe: String,
    nach: Option<String>,
    vor: Option<String>,
    seite: Option<String>,
}

impl Query {
    fn group(&self) -> Option<i64> {
        self.gruppe.parse().ok()
    }

    /// Where in the list; what is no number is the first page.
    fn paging(&self) -> PagingQuery {
        PagingQuery::of(
            self.nach.as_deref(),
            self.vor.as_deref(),
            self.seite.as_deref(),
        )
    }
}

#[derive(Template)]
#[template(path = "reports/comparison.html")]
struct ComparisonPage {
    page: Page,
    groups: Vec<(String, String)>,
    chosen: String,
    count: i64,
    chart: Option<RateChart>,
    /// The newest first.
    lines: Vec<ReportLine>,
    /// The same mailings by the groups they went to.
    by_group: Vec<Sum>,
    /// Whether some went to several groups, so that they count in each.
    overlaps: bool,
    links: Links,
}

/// Mailings to one group, taken together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sum {
    group: String,
    mailings: i64,
    handed: i64,
    measured: i64,
    openers: i64,
    clickers: i64,
}

impl ComparisonPage {
    #[allow(
        clippy::unused_self,
        clippy::trivially_copy_pass_by_ref,
        reason = "templates reach it through the page, and pass references"
    )]
    const fn is_few(&self, measured: &i64) -> bool {
        *measured < FEW
    }

    fn has_few(&self) -> bool {
        let of_mailing = |line: &ReportLine| line.figures.handed_personal < FEW;
        self.lines.iter().any(of_mailing) || self.by_group.iter().any(|sum| sum.measured < FEW)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    const fn few(&self) -> i64 {
        FEW
    }
}

/// GET `/analysen/vergleich`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<Query>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let (group, position) = (query.group(), query.paging().position());
    let (all_groups, list, count, went_to) = state
        .read(move |conn| {
            let list = overview::list_to(conn, account_id, group, position, COMPARED)?;
            let ids: Vec<i64> = list.rows.iter().map(|line| line.mailing.id).collect();
            Ok((
                groups::all(conn, account_id)?,
                list,
                overview::count_to(conn, account_id, group)?,
                overview::groups_of(conn, account_id, &ids)?,
            ))
        })
        .await?;
    let chosen = group.map(|id| id.to_string()).unwrap_or_default();
    let kept: &[(&str, &str)] = if chosen.is_empty() {
        &[]
    } else {
        &[("gruppe", &chosen)]
    };
    let links = Links::new(&list, |line| line.mailing.id, "/analysen/vergleich", kept);
    let (by_group, overlaps) = sums(&list.rows, &went_to);
    page(&ComparisonPage {
        page: Page::new(&signed_in, Section::Reports, "Vergleich"),
        groups: all_groups
            .into_iter()
            .map(|group| (group.id.to_string(), group.name))
            .collect(),
        chart: RateChart::new(&list.rows),
        lines: list.rows,
        chosen,
        count,
        by_group,
        overlaps,
        links,
    })
}

/// The mailings by group, in the order of the groups' names; and whether one is in several.
fn sums(lines: &[ReportLine], went_to: &[(i64, String)]) -> (Vec<Sum>, bool) {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let mut overlaps = false;
    for line in lines {
        let of_this = went_to
            .iter()
            .filter(|(mailing, _)| *mailing == line.mailing.id);
        overlaps |= of_this.clone().count() > 1;
        for (_, name) in of_this {
            sums.entry(name.to_lowercase())
                .or_insert_with(|| Sum {
                    group: name.clone(),
                    ..Sum::default()
                })
                .add(&line.figures);
        }
    }
    (sums.into_values().collect(), overlaps)
}

impl Sum {
    const fn add(&mut self, figures: &Figures) {
        self.mailings += 1;
        self.handed += figures.handed;
        self.measured += figures.handed_personal;
        self.openers += figures.openers;
        self.clickers += figures.clickers;
    }
}
