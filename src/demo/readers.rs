//! What people do with a mail: whether and when they open it, with what, and where they click.

use jiff::tz::TimeZone;
use rand::RngExt;
use rand::rngs::SmallRng;

use super::calendar::Appeal;
use crate::domain::time::Timestamp;
use crate::tracking::device::Device;
use crate::tracking::token::HitKind;
use crate::tracking::visitor::Visitor;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

/// How much is read in each hour of the day, from midnight, beside the busiest hour.
const RHYTHM: [f64; 24] = [
    0.08, 0.03, 0.02, 0.02, 0.03, 0.12, 0.35, 0.65, 0.85, 0.95, 1.0, 0.9, 0.85, 0.8, 0.75, 0.75,
    0.8, 0.85, 0.9, 1.0, 1.0, 0.8, 0.5, 0.2,
];

/// How a person reads mail.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// How likely an ordinary mail is opened.
    loyalty: f64,
    /// How likely a link is followed in an opened mail.
    curiosity: f64,
    /// What the person reads with.
    device: Device,
    /// Whether the mailbox loads pictures through a proxy.
    proxied: bool,
    /// Whether a program checks all mails on their way.
    checked: bool,
}

/// One thing that happens to a mail.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// Open or click.
    pub kind: HitKind,
    /// The number of the link; 0 for an open.
    pub link: u16,
    /// With what, and whether by a program.
    pub visitor: Visitor,
}

impl Habits {
    /// Makes up habits; `checked` are mailboxes behind a gateway that looks at all mails.
    pub fn invent(rng: &mut SmallRng, at_work: bool, checked: bool) -> Self {
        let loyalty = match rng.random_range(0..100) {
            0..33 => rng.random_range(0.0..0.06),
            33..75 => rng.random_range(0.15..0.6),
            _ => rng.random_range(0.6..0.95),
        };
        let device = match rng.random_range(0..100) {
            _ if at_work => Device::Desktop,
            0..46 => Device::Phone,
            46..90 => Device::Desktop,
            90..98 => Device::Tablet,
            _ => Device::Unknown,
        };
        Self {
            loyalty,
            curiosity: rng.random_range(0.04..0.42),
            device,
            proxied: !at_work && rng.random_bool(0.24),
            checked,
        }
    }

    /// Lets the person read much, so that there is a past to speak of.
    pub fn make_keen(&mut self) {
        self.loyalty = self.loyalty.max(0.8);
        self.curiosity = self.curiosity.max(0.5);
    }

    fn device(&self, rng: &mut SmallRng) -> Device {
        match rng.random_range(0..100) {
            0..82 => self.device,
            82..92 => Device::Phone,
            92..98 => Device::Desktop,
            _ => Device::Tablet,
        }
    }
}

/// What one person does with one mail that arrived then. `links` is the number of its links.
/// `opens_surely` is for those who act behind a link of this mail.
pub fn answers(
    rng: &mut SmallRng,
    habits: &Habits,
    appeal: Appeal,
    sent: Timestamp,
    links: u16,
    opens_surely: bool,
) -> Vec<Answer> {
    let mut all = Vec::new();
    if habits.checked {
        check(rng, sent, links, &mut all);
    }
    let likely = (habits.loyalty * appeal.opens).clamp(0.0, 0.97);
    if !opens_surely && !rng.random_bool(likely) {
        return all;
    }
    let first = first_look(rng, sent);
    let mut look = first;
    // Some come back to it.
    for again in 0..4 {
        let device = habits.device(rng);
        let seen_as = if habits.proxied {
            Device::Proxy
        } else {
            device
        };
        all.push(by_a_person(look, HitKind::Open, 0, seen_as));
        let clicks = (habits.curiosity * appeal.clicks).clamp(0.0, 0.9);
        // Who comes back has mostly seen the links.
        let clicks = if again == 0 { clicks } else { clicks * 0.4 };
        if links > 0 && rng.random_bool(clicks) {
            let mut at = look;
            loop {
                at = at.plus_millis(rng.random_range(5 * SECOND..150 * SECOND));
                all.push(by_a_person(at, HitKind::Click, link(rng, links), device));
                if !rng.random_bool(0.28) {
                    break;
                }
            }
        }
        if !rng.random_bool(0.16 + 0.2 * habits.loyalty) {
            break;
        }
        look = first_look(rng, look.plus_millis(5 * 60 * SECOND));
    }
    all
}

/// One look at a mail at that time, or a click on one of so many links.
pub fn look(rng: &mut SmallRng, habits: &Habits, at: Timestamp, links: Option<u16>) -> Answer {
    let device = habits.device(rng);
    match links {
        Some(links) => by_a_person(at, HitKind::Click, link(rng, links), device),
        None if habits.proxied => by_a_person(at, HitKind::Open, 0, Device::Proxy),
        None => by_a_person(at, HitKind::Open, 0, device),
    }
}

const fn by_a_person(at: Timestamp, kind: HitKind, link: u16, device: Device) -> Answer {
    Answer {
        at,
        kind,
        link,
        visitor: Visitor {
            device,
            automatic: false,
        },
    }
}

/// A firm's mail gateway loads the picture and follows every link before the mail is delivered.
fn check(rng: &mut SmallRng, sent: Timestamp, links: u16, all: &mut Vec<Answer>) {
    let at = sent.plus_millis(rng.random_range(2 * SECOND..90 * SECOND));
    let visitor = Visitor {
        device: Device::Unknown,
        automatic: true,
    };
    let open = std::iter::once((HitKind::Open, 0));
    let clicks = (1..=links).map(|link| (HitKind::Click, link));
    all.extend(open.chain(clicks).map(|(kind, link)| Answer {
        at,
        kind,
        link,
        visitor,
    }));
}

/// The first article draws most, the logo and the links at the end little.
fn link(rng: &mut SmallRng, links: u16) -> u16 {
    let weight = |number: u16| match number {
        1 => 0.5,
        2 => 3.0,
        _ => 2.4 / f64::from(number - 1),
    };
    let all: f64 = (1..=links).map(weight).sum();
    let mut at = rng.random_range(0.0..all);
    for number in 1..=links {
        at -= weight(number);
        if at < 0.0 {
            return number;
        }
    }
    links
}

/// When a mail is looked at that arrived then: half within three hours, some after days, and
/// hardly ever at night.
fn first_look(rng: &mut SmallRng, sent: Timestamp) -> Timestamp {
    let mut at = sent;
    for _ in 0..8 {
        at = sent.plus_millis(milliseconds(delay_hours(rng)));
        if rng.random_bool(RHYTHM[hour_of_day(at)]) {
            break;
        }
    }
    at
}

/// Log-normal: the median is 2.5 hours, one in ten waits longer than a day.
fn delay_hours(rng: &mut SmallRng) -> f64 {
    // Twelve uniform values less six come close to a normal one.
    let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    (0.92 + 1.75 * normal).exp().min(30.0 * 24.0)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "at most thirty days in milliseconds"
)]
fn milliseconds(hours: f64) -> i64 {
    (hours * 3_600_000.0) as i64 + 20 * SECOND
}

fn hour_of_day(at: Timestamp) -> usize {
    // The example's people live in one time zone; half an hour more or less does not matter, the
    // change to summer time does.
    static ZONE: std::sync::LazyLock<TimeZone> =
        std::sync::LazyLock::new(|| TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC));
    let offset = jiff::Timestamp::from_millisecond(at.millis())
        .map_or(0, |time| ZONE.to_offset(time).seconds());
    let local = at.millis() + i64::from(offset) * SECOND;
    usize::try_from(local.div_euclid(HOUR).rem_euclid(24)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// A Thursday in January 2026, 9 o'clock in Berlin.
    const SENT: Timestamp = Timestamp(1_768_464_000_000);

    #[test]
    fn people_look_soon_and_by_day() {
        let mut rng = SmallRng::seed_from_u64(3);
        let looks: Vec<Timestamp> = (0..2_000).map(|_| first_look(&mut rng, SENT)).collect();
        let within = |hours: i64| {
            looks
                .iter()
                .filter(|at| at.millis() - SENT.millis() < hours * HOUR)
                .count()
        };
        assert!(within(4) > 900, "{}", within(4));
        assert!(within(48) < 1_990, "{}", within(48));
        let at_night = looks.iter().filter(|at| hour_of_day(**at) < 5).count();
        assert!(at_night < 100, "{at_night}");
    }

    #[test]
    fn every_link_exists_and_clicks_follow_opens() {
        let mut rng = SmallRng::seed_from_u64(4);
        let appeal = Appeal {
            opens: 1.0,
            clicks: 2.0,
        };
        let mut clicks = 0;
        for _ in 0..500 {
            let habits = Habits::invent(&mut rng, false, false);
            let answers = answers(&mut rng, &habits, appeal, SENT, 5, true);
            assert_eq!(answers[0].kind, HitKind::Open);
            for answer in &answers {
                assert!(answer.at > SENT && !answer.visitor.automatic);
                match answer.kind {
                    HitKind::Open => assert_eq!(answer.link, 0),
                    HitKind::Click => assert!((1..=5).contains(&answer.link)),
                }
                clicks += usize::from(answer.kind == HitKind::Click);
            }
        }
        assert!(clicks > 100, "{clicks}");
    }
}
