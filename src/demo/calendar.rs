//! What is sent when: a newsletter in each of the last months, and a few letters to some.

use askama::Template;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use super::people::{CIRCLE, EVENTS, Group, NEWSLETTER, PRESS, REGULARS, SCHOOLS};
use super::texts::{self, MONTHS, Text};
use crate::domain::time::Timestamp;

/// How many months have a newsletter.
const NEWSLETTERS: i32 = 11;

/// How well a mailing is received: factors of what people do with an ordinary one.
#[derive(Debug, Clone, Copy)]
pub struct Appeal {
    /// For opening it.
    pub opens: f64,
    /// For following its links.
    pub clicks: f64,
}

/// A mailing that is sent.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What it says.
    pub text: &'static Text,
    /// Its mark in the addresses of its links.
    pub issue: String,
    /// To whom.
    pub groups: &'static [Group],
    /// When.
    pub at: Timestamp,
    /// How well it is received.
    pub appeal: Appeal,
    /// Whether the mails stay in the outbox.
    pub keep: bool,
}

#[derive(Template)]
#[template(path = "mail/demo/newsletter.html")]
struct Newsletter<'a> {
    subject: &'a str,
    text: &'a Text,
    issue: &'a str,
}

/// The HTML of a mailing.
pub fn html(text: &Text, issue: &str) -> askama::Result<String> {
    Newsletter {
        subject: text.subject,
        text,
        issue,
    }
    .render()
}

/// How the months' newsletters are received, from January.
const APPEAL: [(f64, f64); 12] = [
    (1.05, 0.9),
    (0.98, 0.8),
    (1.0, 1.0),
    (1.18, 1.5),
    (0.92, 0.8),
    (1.1, 1.3),
    (0.78, 0.6),
    (0.95, 1.6),
    (1.15, 1.1),
    (1.02, 0.95),
    (1.12, 1.35),
    (1.25, 1.7),
];

/// All mailings of the last year, in the order they are sent.
pub fn plan(now: Timestamp) -> Vec<Planned> {
    let today = local(now);
    let mut all: Vec<Planned> = (0..NEWSLETTERS)
        .filter_map(|back| newsletter(&today, back))
        .collect();
    let extra = |text, issue: &str, groups, days, opens, clicks| Planned {
        text,
        issue: issue.to_owned(),
        groups,
        at: morning(&today, days).unwrap_or_else(|| now.plus_days(-days)),
        appeal: Appeal { opens, clicks },
        keep: false,
    };
    all.push(extra(&texts::THANKS, "treue", &[REGULARS], 127, 1.5, 1.9));
    all.push(extra(
        &texts::READING,
        "lesung",
        &[EVENTS, CIRCLE],
        61,
        1.35,
        1.6,
    ));
    let press = extra(&texts::PRESS, "presse", &[PRESS], 2, 1.2, 1.2);
    all.push(Planned {
        keep: true,
        ..press
    });
    all.sort_by_key(|planned| planned.at);
    all.retain(|planned| planned.at <= now.plus_days(-1));
    all
}

/// The newsletter of the month so many months back: on its second Thursday, or when that has not
/// been three days ago, not at all.
fn newsletter(today: &Zoned, back: i32) -> Option<Planned> {
    let month = today
        .date()
        .first_of_month()
        .checked_sub(back.months())
        .ok()?;
    let day = month.nth_weekday_of_month(2, Weekday::Thursday).ok()?;
    // Not always at the same minute.
    let at = at(day, 8 + day.month() % 3, 7 * (day.month() % 8))?;
    if at > to_timestamp(today).plus_days(-3) {
        return None;
    }
    let index = usize::try_from(day.month() - 1).ok()?;
    let (opens, clicks) = *APPEAL.get(index)?;
    let schools: &[Group] = if matches!(day.month(), 4 | 8) {
        &[NEWSLETTER, SCHOOLS]
    } else {
        &[NEWSLETTER]
    };
    Some(Planned {
        text: MONTHS.get(index)?,
        issue: day.strftime("%Y-%m").to_string(),
        groups: schools,
        at,
        appeal: Appeal { opens, clicks },
        keep: false,
    })
}

/// The beginning of the day before.
pub fn day_before(at: Timestamp) -> Timestamp {
    local(at)
        .date()
        .yesterday()
        .and_then(|day| day.to_zoned(zone()))
        .map_or(at, |midnight| to_timestamp(&midnight))
}

fn local(now: Timestamp) -> Zoned {
    jiff::Timestamp::from_millisecond(now.millis())
        .unwrap_or_default()
        .to_zoned(zone())
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)
}

/// So many days ago, a little after ten in the morning.
fn morning(today: &Zoned, days: i64) -> Option<Timestamp> {
    let day = today.date().checked_sub(days.days()).ok()?;
    at(day, 10, 5)
}

fn at(day: Date, hour: i8, minute: i8) -> Option<Timestamp> {
    let time = day.at(hour, minute, 0, 0).to_zoned(zone()).ok()?;
    Some(to_timestamp(&time))
}

fn to_timestamp(time: &Zoned) -> Timestamp {
    Timestamp(time.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::check;

    /// Each day of a year, at noon.
    fn days() -> impl Iterator<Item = Timestamp> {
        (0..366).map(|day| Timestamp(1_767_268_800_000).plus_days(day))
    }

    #[test]
    fn on_every_day_there_is_a_year_of_mailings_behind_and_a_press_release_last() {
        for now in days() {
            let plan = plan(now);
            assert!((13..=14).contains(&plan.len()), "{}", plan.len());
            assert!(plan.is_sorted_by_key(|planned| planned.at));
            let last = plan.last().unwrap();
            assert!(last.keep && last.groups == [PRESS]);
            assert_eq!(plan.iter().filter(|planned| planned.keep).count(), 1);
            assert!(last.at < now && plan[0].at > now.plus_days(-366));
        }
    }

    #[test]
    fn every_text_can_be_sent() {
        let facts = check::Facts {
            known_fields: vec!["Anrede".to_owned(), "Ort".to_owned()],
            groups: 1,
            reached: 1,
            holes: Vec::new(),
        };
        let others = [
            texts::THANKS,
            texts::READING,
            texts::ONLINE_SHOP,
            texts::SURVEY,
            texts::PRESS,
            texts::DRAFT,
        ];
        for text in MONTHS.iter().chain(&others) {
            let html = html(text, "2026-01").unwrap();
            let draft = check::Draft {
                subject: text.subject,
                sender_address: "post@gaertnerei.example",
                html: &html,
                mjml: "",
                text: "",
            };
            let mut findings = check::check(&draft, &facts);
            findings.retain(|finding| finding.weight != check::Weight::Note);
            assert_eq!(findings, [], "{}", text.subject);
            let links = crate::mail::links::find_links(&html, "").unwrap();
            assert_eq!(links.tracked.len(), text.articles.len() + 3);
        }
    }
}
