//! One mailing's figures.

use actix_web::web;
use askama::Template;

use super::chart::{Chart, hour_words};
use super::report::{HourLine, Report};
use crate::domain::small_groups::LEAST;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "reports/show.html")]
struct ReportPage {
    page: Page,
    report: Report,
    charts: Vec<Chart>,
}

impl ReportPage {
    /// The unique rates' denominator, in words.
    fn denominator(&self) -> String {
        format!(
            "bezogen auf {} personenbezogen gemessene Empfänger",
            filters::format_number(self.report.measured())
        )
    }

    /// Of whom the share of clickers among openers is.
    fn of_openers(&self) -> String {
        let openers = self.report.opens.unique;
        format!(
            "{} von {} Empfängern, die geöffnet haben",
            filters::format_number(self.report.clicks.unique),
            filters::format_number(openers)
        )
    }

    /// What the rate of bounces is made of.
    fn of_bounces(&self) -> String {
        format!(
            "{} dauerhaft, {} vorübergehend, {}",
            filters::format_number(self.report.hard_bounces()),
            filters::format_number(self.report.soft_bounces()),
            self.of_handed()
        )
    }

    /// What the rate of something is made of that any recipient can do.
    fn counted_of_handed(&self, count: i64, what: &str) -> String {
        format!(
            "{} {what}, {}",
            filters::format_number(count),
            self.of_handed()
        )
    }

    /// How many have objected, as the mailing's figure is told.
    fn of_objections(&self) -> String {
        let count = self.report.objections();
        let verb = if count == 1 { "hat" } else { "haben" };
        let what = format!("{verb} personenbezogenem Tracking widersprochen");
        self.counted_of_handed(count, &what)
    }

    fn of_handed(&self) -> String {
        format!(
            "bezogen auf {} versendete E-Mails",
            filters::format_number(self.report.handed())
        )
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn hour(&self, hour: &HourLine) -> String {
        hour_words(hour.hour)
    }

    fn has_others(&self) -> bool {
        self.report.others.opens.all() + self.report.others.clicks.all() > 0
    }

    /// From how many on anonymous figures are shown.
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    const fn least(&self) -> i64 {
        LEAST
    }
}

/// GET `/analysen/{id}`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let report = state
        .read(move |conn| Report::read(conn, account_id, *mailing_id))
        .await?;
    let charts = [
        Chart::new("Öffnungen", &report.hours, |hour| hour.opens),
        Chart::new("Klicks", &report.hours, |hour| hour.clicks),
    ];
    page(&ReportPage {
        page: Page::new(&signed_in, Section::Reports, report.mailing.subject.clone()),
        charts: charts.into_iter().flatten().collect(),
        report,
    })
}
