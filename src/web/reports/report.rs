//! Everything a mailing's report says, with what may not be shown kept back already.

use crate::db::reports::details::{self, Counts, HourCounts};
use crate::db::reports::overview::{self, SentMailing};
use crate::db::reports::{Figures, figures};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::small_groups::{Count, Groups, LEAST, Shown};
use crate::domain::time::Timestamp;
use crate::tracking::device::Device;

/// How many hours are shown one by one: the hour of sending and the 47 after it.
const HOURS: usize = 48;

/// Everything a mailing's report says.
pub(in crate::web) struct Report {
    pub mailing: SentMailing,
    /// The totals; their anonymous ones may be too small to be shown.
    figures: Figures,
    pub opens: Reaction,
    pub clicks: Reaction,
    pub hours: Vec<HourLine>,
    /// All that lies outside of these hours.
    pub others: HourLine,
    /// The most clicked first.
    pub links: Vec<LinkLine>,
    pub devices: Vec<DeviceLine>,
}

/// How often something was counted, as it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct Reaction {
    pub personal: i64,
    /// Of these, the first of their recipient.
    pub unique: i64,
    pub anonymous: Shown,
    pub automatic: i64,
}

/// Opens and clicks of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct HourLine {
    /// The hour, in whole hours since 1970.
    pub hour: i64,
    pub opens: Reaction,
    pub clicks: Reaction,
}

/// Clicks on one link.
pub(in crate::web) struct LinkLine {
    /// Its number in the mailing.
    pub number: i64,
    pub url: String,
    pub clicks: Reaction,
}

/// One class of device.
pub(in crate::web) struct DeviceLine {
    pub device: Device,
    pub label: &'static str,
    pub opens: i64,
    pub clicks: i64,
}

impl Reaction {
    const fn new(counts: Counts, anonymous: Shown) -> Self {
        Self {
            personal: counts.personal,
            unique: counts.unique,
            anonymous,
            automatic: counts.automatic,
        }
    }

    /// By people, as far as it may be shown.
    pub const fn by_people(&self) -> i64 {
        self.personal + self.anonymous.known()
    }

    /// Of all kinds, as far as it may be shown.
    pub const fn all(&self) -> i64 {
        self.by_people() + self.automatic
    }
}

impl Report {
    /// Reads the report; not found where the mailing was not sent yet.
    pub fn read(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Self> {
        let mailing = overview::find(conn, account_id, mailing_id)?;
        let figures = figures(conn, account_id, &[mailing_id])?
            .pop()
            .ok_or(DbError::NotFound)?;
        let groups = figures.groups();
        let begun = Timestamp(mailing.send_started_at.unwrap_or_default());
        let (hours, others) = details::hours(conn, account_id, mailing_id, begun.hour().0, HOURS)?;
        let mut hours = hour_lines(groups, hours, others);
        Ok(Self {
            opens: Reaction {
                personal: figures.opens,
                unique: figures.openers,
                anonymous: figures.shown_opens(),
                automatic: figures.automatic_opens,
            },
            clicks: Reaction {
                personal: figures.clicks,
                unique: figures.clickers,
                anonymous: figures.shown_clicks(),
                automatic: figures.automatic_clicks,
            },
            others: hours.pop().ok_or(DbError::NotFound)?,
            hours,
            links: links(conn, account_id, mailing_id, groups)?,
            devices: devices(conn, account_id, mailing_id)?,
            figures,
            mailing,
        })
    }

    /// Totals that may be shown as they are.
    pub const fn handed(&self) -> i64 {
        self.figures.handed
    }

    /// Of these, measured personally: the denominator of the unique rates.
    pub const fn measured(&self) -> i64 {
        self.figures.handed_personal
    }

    /// Of these, counted anonymously.
    pub const fn anonymous(&self) -> i64 {
        self.figures.handed_anonymous
    }

    /// Mails handed over whose recipients were not measured in any way.
    pub const fn unmeasured(&self) -> i64 {
        self.figures.handed - self.figures.handed_personal - self.figures.handed_anonymous
    }

    pub const fn hard_bounces(&self) -> i64 {
        self.figures.bounces
    }

    pub const fn soft_bounces(&self) -> i64 {
        self.figures.soft_bounces
    }

    /// Mails that came back, for good or for now.
    pub const fn came_back(&self) -> i64 {
        self.figures.bounces + self.figures.soft_bounces
    }

    pub const fn complaints(&self) -> i64 {
        self.figures.complaints
    }

    pub const fn unsubscriptions(&self) -> i64 {
        self.figures.unsubscriptions
    }

    pub const fn objections(&self) -> i64 {
        self.figures.objections
    }

    /// The rates: what, which part, of which whole.
    pub const fn rates(&self) -> [(&'static str, i64, i64); 7] {
        [
            ("Öffnungsrate", self.opens.unique, self.measured()),
            ("Klickrate", self.clicks.unique, self.measured()),
            ("Klicks je Öffnung", self.clicks.unique, self.opens.unique),
            ("Rücklaufquote", self.came_back(), self.handed()),
            ("Beschwerdequote", self.complaints(), self.handed()),
            ("Abmeldequote", self.unsubscriptions(), self.handed()),
            ("Widerspruchsquote", self.objections(), self.handed()),
        ]
    }

    /// Whether something anonymous is kept back, so that a note has to say so.
    pub fn keeps_back(&self) -> bool {
        let of_hour =
            |hour: &HourLine| hour.opens.anonymous.is_known() && hour.clicks.anonymous.is_known();
        self.anonymous() < LEAST
            || !(self.opens.anonymous.is_known()
                && self.clicks.anonymous.is_known()
                && self.hours.iter().chain([&self.others]).all(of_hour)
                && self
                    .links
                    .iter()
                    .all(|link| link.clicks.anonymous.is_known()))
    }

    /// What the shares of clicks are of: how often which link was clicked, and how often all were.
    /// Anonymous clicks are in it only where every link's are known, so that shares are of alike.
    pub fn shares(&self) -> Shares {
        let with_anonymous = self
            .links
            .iter()
            .all(|link| link.clicks.anonymous.is_known());
        let clicks = |link: &LinkLine| {
            if with_anonymous {
                link.clicks.by_people()
            } else {
                link.clicks.personal
            }
        };
        Shares {
            with_anonymous,
            whole: self.links.iter().map(clicks).sum(),
            parts: self
                .links
                .iter()
                .map(|link| (link.number, clicks(link)))
                .collect(),
        }
    }
}

/// Clicks of each link among those of all.
pub(in crate::web) struct Shares {
    /// Whether anonymous clicks are in it.
    pub with_anonymous: bool,
    /// All of them.
    pub whole: i64,
    parts: Vec<(i64, i64)>,
}

impl Shares {
    /// How often the link of that number was clicked.
    pub fn of(&self, number: i64) -> i64 {
        self.parts
            .iter()
            .find(|(of, _)| *of == number)
            .map_or(0, |(_, clicks)| *clicks)
    }
}

/// Each hour as it may be shown, and the rest of the time as the last one.
fn hour_lines(groups: Groups, hours: Vec<HourCounts>, others: HourCounts) -> Vec<HourLine> {
    let hours: Vec<HourCounts> = hours.into_iter().chain([others]).collect();
    let shown = |of: fn(&HourCounts) -> Counts| {
        let counts: Vec<Count> = hours.iter().map(|hour| of(hour).anonymous).collect();
        groups.parts(&counts)
    };
    let opens = shown(|hour| hour.opens);
    let clicks = shown(|hour| hour.clicks);
    hours
        .iter()
        .zip(opens.into_iter().zip(clicks))
        .map(|(hour, (opens, clicks))| HourLine {
            hour: hour.hour,
            opens: Reaction::new(hour.opens, opens),
            clicks: Reaction::new(hour.clicks, clicks),
        })
        .collect()
}

fn links(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    groups: Groups,
) -> DbResult<Vec<LinkLine>> {
    let counted = details::links(conn, account_id, mailing_id)?;
    let anonymous: Vec<Count> = counted
        .iter()
        .map(|link| Count {
            all: link.anonymous,
            account_off: link.account_off,
        })
        .collect();
    let shown = groups.parts(&anonymous);
    let mut lines: Vec<LinkLine> = counted
        .into_iter()
        .zip(shown)
        .map(|(link, anonymous)| LinkLine {
            number: link.number,
            url: link.url,
            clicks: Reaction {
                personal: link.personal,
                unique: link.firsts,
                anonymous,
                automatic: link.automatic,
            },
        })
        .collect();
    // By what may be known: the order must not tell what the figures do not.
    lines.sort_by_key(|link| (std::cmp::Reverse(link.clicks.by_people()), link.number));
    Ok(lines)
}

fn devices(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Vec<DeviceLine>> {
    let counted = details::devices(conn, account_id, mailing_id)?;
    let of = |wanted_kind: i32, wanted: Device| {
        counted
            .iter()
            .filter(|(kind, device, _)| *kind == wanted_kind && *device == wanted.number())
            .map(|(_, _, n)| n)
            .sum()
    };
    Ok(Device::ALL
        .into_iter()
        .map(|device| DeviceLine {
            device,
            label: device.label(),
            opens: of(0, device),
            clicks: of(1, device),
        })
        .filter(|line: &DeviceLine| line.opens + line.clicks > 0)
        .collect())
}
