//! `/api/v1/reports`: the figures of a sent mailing, as the page shows them. What the page keeps
//! back is kept back here.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::{ApiResult, utc};
use crate::domain::small_groups::Shown;
use crate::domain::time::Hour;
use crate::web::reports::report::{HourLine, Reaction, Report};
use crate::web::state::State;

/// How often something was done with a mailing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reaction)]
pub struct ReactionBody {
    /// Measured personally.
    personal: i64,
    /// Of these, the first of their recipient.
    unique: i64,
    /// Counted anonymously; null where the number could point at single people.
    #[schema(required)]
    anonymous: Option<i64>,
    /// By programs: in no rate.
    automatic: i64,
}

/// What was done within one hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportHour)]
pub struct HourBody {
    /// When the hour begins.
    #[schema(format = DateTime)]
    hour: String,
    /// Opens.
    opens: ReactionBody,
    /// Clicks.
    clicks: ReactionBody,
}

/// What was done at any other time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportRest)]
pub struct RestBody {
    /// Opens.
    opens: ReactionBody,
    /// Clicks.
    clicks: ReactionBody,
}

/// Clicks on one link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportLink)]
pub struct LinkBody {
    /// Its number in the mailing.
    number: i64,
    /// Where it leads.
    url: String,
    /// How often it was followed.
    clicks: ReactionBody,
}

/// Opens and clicks by one kind of device; measured personally only.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReportDevice)]
pub struct DeviceBody {
    /// The kind: `desktop`, `phone`, `tablet`, `proxy` (of a mailbox provider), or `unknown`.
    device: &'static str,
    /// Opens.
    opens: i64,
    /// Clicks.
    clicks: i64,
}

/// The figures of a mailing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Report)]
pub struct ReportBody {
    /// The mailing.
    mailing_id: i64,
    /// Its subject.
    subject: String,
    /// Whether all mails have gone out.
    is_complete: bool,
    /// Mails handed over.
    handed: i64,
    /// Of these, measured personally: what the rates of openers and clickers are of.
    measured_personally: i64,
    /// Of these, counted anonymously.
    counted_anonymously: i64,
    /// Of these, not measured at all.
    not_measured: i64,
    /// Mails that came back for good.
    hard_bounces: i64,
    /// Mails that came back for now.
    soft_bounces: i64,
    /// Mails that were reported as unwanted.
    complaints: i64,
    /// Unsubscriptions through this mailing.
    unsubscriptions: i64,
    /// Objections through this mailing.
    objections: i64,
    /// Opens.
    opens: ReactionBody,
    /// Clicks.
    clicks: ReactionBody,
    /// The links, the most clicked first.
    links: Vec<LinkBody>,
    /// The hour of sending and the 47 after it.
    hours: Vec<HourBody>,
    /// All that lies outside of these hours.
    other_hours: RestBody,
    /// Kinds of devices.
    devices: Vec<DeviceBody>,
}

impl From<Reaction> for ReactionBody {
    fn from(reaction: Reaction) -> Self {
        Self {
            personal: reaction.personal,
            unique: reaction.unique,
            anonymous: match reaction.anonymous {
                Shown::Exactly(n) => Some(n),
                Shown::Few | Shown::SmallGroup => None,
            },
            automatic: reaction.automatic,
        }
    }
}

impl From<HourLine> for HourBody {
    fn from(line: HourLine) -> Self {
        Self {
            hour: utc(Hour(line.hour).start().millis()),
            opens: line.opens.into(),
            clicks: line.clicks.into(),
        }
    }
}

impl From<Report> for ReportBody {
    fn from(report: Report) -> Self {
        Self {
            handed: report.handed(),
            measured_personally: report.measured(),
            counted_anonymously: report.anonymous(),
            not_measured: report.unmeasured(),
            hard_bounces: report.hard_bounces(),
            soft_bounces: report.soft_bounces(),
            complaints: report.complaints(),
            unsubscriptions: report.unsubscriptions(),
            objections: report.objections(),
            opens: report.opens.into(),
            clicks: report.clicks.into(),
            links: report
                .links
                .into_iter()
                .map(|link| LinkBody {
                    number: link.number,
                    url: link.url,
                    clicks: link.clicks.into(),
                })
                .collect(),
            hours: report.hours.into_iter().map(HourBody::from).collect(),
            other_hours: RestBody {
                opens: report.others.opens.into(),
                clicks: report.others.clicks.into(),
            },
            devices: report
                .devices
                .into_iter()
                .map(|line| DeviceBody {
                    device: line.device.word(),
                    opens: line.opens,
                    clicks: line.clicks,
                })
                .collect(),
            mailing_id: report.mailing.id,
            is_complete: !report.mailing.is_sending(),
            subject: report.mailing.subject,
        }
    }
}

/// Get the report of a mailing
///
/// Not found until sending has started.
#[utoipa::path(get, path = "/api/v1/reports/{id}", operation_id = "get_report", tag = "Reports",
    params(("id" = i64, Path, minimum = 1, description = "The mailing's number")),
    responses((status = 200, description = "The figures", body = ReportBody)),
    security(("key" = ["reports:read"])))]
pub async fn show(caller: Caller, state: web::Data<State>, id: web::Path<i64>) -> ApiResult {
    let (account_id, id) = (caller.account_id(), *id);
    let report = state
        .read(move |conn| Report::read(conn, account_id, id))
        .await?;
    Ok(HttpResponse::Ok().json(ReportBody::from(report)))
}
