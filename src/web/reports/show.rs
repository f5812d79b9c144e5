//! One mailing's figures.

use actix_web::web;
use askama::Template;

use super::chart::{Chart, hour_words};
use crate::db::reports::details::{self, HourCounts, LinkCounts};
use crate::db::reports::overview::{self, SentMailing};
use crate::db::reports::{Figures, figures};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::time::Timestamp;
use crate::tracking::device::Device;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// How many hours are shown one by one: the hour of sending and the 47 after it.
const HOURS: usize = 48;

/// Everything a mailing's report says.
pub(super) struct Report {
    pub mailing: SentMailing,
    pub figures: Figures,
    pub hours: Vec<HourCounts>,
    /// All that lies outside of these hours.
    pub others: HourCounts,
    pub links: Vec<LinkCounts>,
    pub devices: Vec<DeviceLine>,
}

/// One class of device.
pub(super) struct DeviceLine {
    pub label: &'static str,
    pub opens: i64,
    pub clicks: i64,
}

#[derive(Template)]
#[template(path = "reports/show.html")]
struct ReportPage {
    page: Page,
    report: Report,
    charts: Vec<Chart>,
}

impl Report {
    /// Reads the report; not found where the mailing was not sent yet.
    pub fn read(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Self> {
        let mailing = overview::find(conn, account_id, mailing_id)?;
        let figures = figures(conn, account_id, &[mailing_id])?
            .pop()
            .ok_or(DbError::NotFound)?;
        let begun = Timestamp(mailing.send_started_at.unwrap_or_default());
        let (hours, others) = details::hours(conn, account_id, mailing_id, begun.hour().0, HOURS)?;
        let counted = details::devices(conn, account_id, mailing_id)?;
        let of = |wanted_kind: i32, wanted: Device| {
            counted
                .iter()
                .filter(|(kind, device, _)| *kind == wanted_kind && *device == wanted.number())
                .map(|(_, _, n)| n)
                .sum()
        };
        let devices = Device::ALL
            .into_iter()
            .map(|device| DeviceLine {
                label: device.label(),
                opens: of(0, device),
                clicks: of(1, device),
            })
            .filter(|line: &DeviceLine| line.opens + line.clicks > 0)
            .collect();
        Ok(Self {
            figures,
            hours,
            others,
            links: details::links(conn, account_id, mailing_id)?,
            devices,
            mailing,
        })
    }

    /// Mails handed over whose recipients were not measured in any way.
    pub const fn unmeasured(&self) -> i64 {
        self.figures.handed - self.figures.handed_personal - self.figures.handed_anonymous
    }

    /// Mails that came back, for good or for now.
    pub const fn came_back(&self) -> i64 {
        self.figures.bounces + self.figures.soft_bounces
    }

    /// Opens of all kinds.
    const fn all_opens(&self) -> i64 {
        self.figures.opens + self.figures.anonymous_opens + self.figures.automatic_opens
    }

    /// Clicks of all kinds.
    const fn all_clicks(&self) -> i64 {
        self.figures.clicks + self.figures.anonymous_clicks + self.figures.automatic_clicks
    }
}

impl ReportPage {
    /// The unique rates' denominator, in words.
    fn denominator(&self) -> String {
        format!(
            "bezogen auf {} personenbezogen gemessene Empfänger",
            filters::format_number(self.report.figures.handed_personal)
        )
    }

    /// What the rate of bounces is made of.
    fn of_bounces(&self) -> String {
        let figures = &self.report.figures;
        format!(
            "{} dauerhaft, {} vorübergehend, bezogen auf {} versendete E-Mails",
            filters::format_number(figures.bounces),
            filters::format_number(figures.soft_bounces),
            filters::format_number(figures.handed)
        )
    }

    /// What the rate of complaints is made of.
    fn of_complaints(&self) -> String {
        let figures = &self.report.figures;
        format!(
            "{} als Spam gemeldet, bezogen auf {} versendete E-Mails",
            filters::format_number(figures.complaints),
            filters::format_number(figures.handed)
        )
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn hour(&self, hour: &HourCounts) -> String {
        hour_words(hour.hour)
    }

    fn has_others(&self) -> bool {
        self.report.others.opens.all() + self.report.others.clicks.all() > 0
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
