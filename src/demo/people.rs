//! The example's recipients: who they are, when they came, what becomes of them.

use std::collections::HashSet;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Map, Value};

use super::names::{self, LAST, MAILBOXES, MEN, NEWSROOMS, TOWNS, WOMEN};
use super::readers::Habits;
use super::returns::Mailbox;
use crate::domain::address::EmailAddress;
use crate::domain::time::Timestamp;
use crate::domain::tracking::RecipientTracking;

/// The groups, in the order of [`Group`].
pub const GROUPS: [&str; 6] = [
    "Newsletter",
    "Stammkundschaft",
    "Veranstaltungen",
    "Schulen und Kitas",
    "Lesekreis",
    "Presse",
];

/// A group, as an index into [`GROUPS`].
pub type Group = usize;

/// The readers of the monthly newsletter.
pub const NEWSLETTER: Group = 0;
/// Those who buy often.
pub const REGULARS: Group = 1;
/// Those who come to readings.
pub const EVENTS: Group = 2;
/// Schools and day nurseries.
pub const SCHOOLS: Group = 3;
/// A small circle.
pub const CIRCLE: Group = 4;
/// Journalists: so few that each of the newest mailing's mails can lie in the outbox.
pub const PRESS: Group = 5;

/// The most members of [`PRESS`].
const MOST_PRESS: usize = 45;

/// One in so many has a mailbox whose gateway checks every mail, links included.
const CHECKED: usize = 60;

/// What a person comes to decide, and how it is learnt of. For acts of their own: after opening
/// that mailing, counted from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// No tracking, said behind the link in a mail.
    ObjectsAfter(usize),
    /// No tracking, and the past pseudonymised as well, said to the shop.
    WantsThePastGone(Timestamp),
    /// No tracking, said to the shop.
    ObjectsTo(Timestamp),
    /// No tracking, known from the file that was imported.
    ObjectedBefore,
    /// Yes to tracking, said behind the link in a mail.
    ConsentsAfter(usize),
    /// Yes to tracking, said to the shop.
    ConsentsTo(Timestamp),
    /// Yes to tracking, known from the file that was imported.
    ConsentedBefore,
    /// Reports the mail as unwanted.
    ComplainsAfter(usize),
    /// No more mails, said behind the link in a mail.
    UnsubscribesAfter(usize),
    /// No more mails, said to the shop.
    UnsubscribesTo(Timestamp),
    /// To be deleted.
    Leaves(Timestamp),
}

/// A recipient.
#[derive(Debug, Clone)]
pub struct Person {
    /// The number in the database; zero until entered.
    pub id: i64,
    /// The address.
    pub address: EmailAddress,
    /// First name.
    pub first_name: &'static str,
    /// Last name.
    pub last_name: &'static str,
    /// Free fields.
    pub fields: Map<String, Value>,
    /// When the person came.
    pub joined: Timestamp,
    /// The groups.
    pub groups: Vec<Group>,
    /// How the person reads.
    pub habits: Habits,
    /// What the mailbox does with mails.
    pub mailbox: Mailbox,
    /// What the person comes to decide.
    pub wish: Option<Wish>,
}

impl Person {
    /// What the imported file said about tracking.
    pub fn said_before(&self) -> Option<RecipientTracking> {
        match self.wish {
            Some(Wish::ObjectedBefore) => Some(RecipientTracking::Objected),
            Some(Wish::ConsentedBefore) => Some(RecipientTracking::Consented),
            _ => None,
        }
    }
}

/// Makes up people, in the order of their coming.
pub fn invent(rng: &mut SmallRng, size: usize, now: Timestamp) -> Vec<Person> {
    let press = (size / 60).clamp(2, MOST_PRESS).min(size);
    let mut joined: Vec<Timestamp> = (0..size).map(|_| joined(rng, now)).collect();
    joined.sort_unstable();
    let mut taken = HashSet::with_capacity(size);
    // Journalists are spread over the whole time.
    let each = size / press.max(1);
    let mut left = press;
    let mut people = Vec::with_capacity(size);
    for (at, joined) in joined.into_iter().enumerate() {
        let is_press = left > 0 && at % each.max(1) == 0;
        left -= usize::from(is_press);
        if let Some(person) = one(rng, &mut taken, joined, is_press, at % CHECKED == 7) {
            people.push(person);
        }
    }
    grant_wishes(rng, &mut people, now);
    people
}

/// Two thirds came in the two years before the first mailing, the others in the year after.
fn joined(rng: &mut SmallRng, now: Timestamp) -> Timestamp {
    let minutes = 24 * 60;
    let ago = if rng.random_bool(0.66) {
        rng.random_range(366 * minutes..3 * 365 * minutes)
    } else {
        rng.random_range(2 * minutes..366 * minutes)
    };
    now.plus_millis(-ago * 60_000)
}

fn one(
    rng: &mut SmallRng,
    taken: &mut HashSet<String>,
    joined: Timestamp,
    is_press: bool,
    checked: bool,
) -> Option<Person> {
    let is_woman = rng.random_bool(0.56);
    let first_name = pick(rng, if is_woman { &WOMEN } else { &MEN });
    // The first names in the list are the common ones.
    let last_name = LAST[rng
        .random_range(0..LAST.len())
        .min(rng.random_range(0..LAST.len()))];
    let groups = groups(rng, is_press);
    let employers: Option<&[&str]> = if is_press {
        Some(&NEWSROOMS)
    } else if groups.contains(&SCHOOLS) {
        Some(&names::SCHOOLS)
    } else {
        None
    };
    let address = address(rng, taken, first_name, last_name, employers)?;
    let mut fields = Map::new();
    let form = if is_woman { "Frau" } else { "Herr" };
    fields.insert("Anrede".into(), form.into());
    fields.insert("Ort".into(), pick(rng, &TOWNS).into());
    if groups.contains(&REGULARS) {
        let number = rng.random_range(10_000..99_999);
        fields.insert("Kundennummer".into(), format!("L-{number}").into());
    }
    Some(Person {
        id: 0,
        address,
        first_name,
        last_name,
        fields,
        joined,
        groups,
        habits: Habits::invent(rng, employers.is_some(), checked),
        mailbox: Mailbox::Open,
        wish: None,
    })
}

fn groups(rng: &mut SmallRng, is_press: bool) -> Vec<Group> {
    if is_press {
        return vec![PRESS];
    }
    let mut groups = Vec::new();
    for (group, share) in [
        (NEWSLETTER, 0.82),
        (REGULARS, 0.24),
        (EVENTS, 0.17),
        (SCHOOLS, 0.04),
        (CIRCLE, 0.02),
    ] {
        if rng.random_bool(share) {
            groups.push(group);
        }
    }
    if groups.is_empty() {
        groups.push(NEWSLETTER);
    }
    groups
}

/// An address that nobody has yet, at work where there is an employer.
fn address(
    rng: &mut SmallRng,
    taken: &mut HashSet<String>,
    first: &str,
    last: &str,
    employers: Option<&[&'static str]>,
) -> Option<EmailAddress> {
    let (first, last) = (plain(first), plain(last));
    let initial = first.chars().next().unwrap_or('x');
    for attempt in 0..50 {
        let style = if employers.is_some() { 6 } else { 10 };
        let mut local = match rng.random_range(0..style) {
            0..=4 => format!("{first}.{last}"),
            5 => format!("{initial}.{last}"),
            6 => format!("{first}{last}"),
            7 => format!("{last}.{first}"),
            8 => format!("{first}_{last}"),
            _ => format!("{first}.{last}+buch"),
        };
        if attempt > 0 || (employers.is_none() && rng.random_bool(0.3)) {
            local.push_str(&rng.random_range(1..100).to_string());
        }
        let domain = match employers {
            Some(domains) => pick(rng, domains),
            None => mailbox(rng),
        };
        let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) else {
            continue;
        };
        if taken.insert(address.key().to_owned()) {
            return Some(address);
        }
    }
    // Fifty times taken: the example has one person less.
    None
}

/// The domain of a mailbox, the large ones more often.
pub fn mailbox(rng: &mut SmallRng) -> &'static str {
    let all: u32 = MAILBOXES.iter().map(|(_, share)| share).sum();
    let mut at = rng.random_range(0..all);
    for (domain, share) in MAILBOXES {
        if at < share {
            return domain;
        }
        at -= share;
    }
    "example.org"
}

/// A name as it is written in an address.
pub fn plain(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    for letter in name.to_lowercase().chars() {
        match letter {
            'ä' => text.push_str("ae"),
            'ö' => text.push_str("oe"),
            'ü' => text.push_str("ue"),
            'ß' => text.push_str("ss"),
            'ë' => text.push('e'),
            'ı' => text.push('i'),
            ' ' => text.push('-'),
            other => text.push(other),
        }
    }
    text
}

/// About 3 in 100 object, 9 in 100 consent, 4 in 100 unsubscribe; a few complain, want their past gone
/// or leave. Of the others, 4 in 100 have a mailbox that mails come back from.
fn grant_wishes(rng: &mut SmallRng, people: &mut [Person], now: Timestamp) {
    let size = people.len();
    let share = |of_thousand: usize| (size * of_thousand).div_ceil(1_000);
    let mut order: Vec<usize> = (0..size).collect();
    rand::seq::SliceRandom::shuffle(&mut order[..], rng);
    let mut order = order.into_iter();
    let long_ago = now.plus_days(-330);
    let some_day = |rng: &mut SmallRng, person: &Person| {
        let from = person.joined.max(long_ago).plus_days(1).millis();
        let day = rng.random_range(from..now.plus_days(-1).millis().max(from + 1));
        in_office_hours(rng, Timestamp(day))
    };
    let recently = |rng: &mut SmallRng| {
        let day = now.plus_days(-rng.random_range(2..12));
        in_office_hours(rng, day)
    };
    for (number, kind) in [
        (share(14), 0),
        (share(6), 1),
        (share(8), 2),
        (share(2).clamp(1, 12), 3),
        (share(28), 4),
        (share(10), 5),
        (share(2).clamp(1, 12), 6),
        (share(3), 7),
        (share(25), 8),
        (share(8), 9),
        (share(60), 10),
    ] {
        let needs_a_past = matches!(kind, 3 | 6);
        // The file was imported at the beginning.
        let came_early = needs_a_past || kind == 10;
        let chosen: Vec<usize> = order
            .by_ref()
            .filter(|at| !came_early || people[*at].joined < long_ago)
            .take(number)
            .collect();
        for at in chosen {
            let person = &mut people[at];
            person.wish = Some(match kind {
                0 => Wish::ObjectsAfter(rng.random_range(0..12)),
                2 if person.joined < long_ago => Wish::ObjectedBefore,
                1 | 2 => Wish::ObjectsTo(some_day(rng, person)),
                3 => Wish::WantsThePastGone(recently(rng)),
                4 => Wish::UnsubscribesAfter(rng.random_range(0..12)),
                5 => Wish::UnsubscribesTo(some_day(rng, person)),
                6 => Wish::Leaves(recently(rng)),
                7 => Wish::ComplainsAfter(rng.random_range(0..12)),
                8 => Wish::ConsentsAfter(rng.random_range(0..12)),
                9 => Wish::ConsentsTo(some_day(rng, person)),
                _ => Wish::ConsentedBefore,
            });
            if needs_a_past {
                person.habits.make_keen();
            }
        }
    }
    // The journalists' mails lie in the outbox: nothing comes back of them.
    let others = order.filter(|at| !people[*at].groups.contains(&PRESS));
    let others: Vec<usize> = others.take(share(36)).collect();
    for (place, at) in others.into_iter().enumerate() {
        people[at].mailbox = match place % 4 {
            0 => Mailbox::GivenUp(0),
            1 => Mailbox::Full,
            _ => Mailbox::GivenUp(rng.random_range(1..13)),
        };
    }
}

/// That day, while somebody is in the shop: between 8 and 15 o'clock UTC.
fn in_office_hours(rng: &mut SmallRng, day: Timestamp) -> Timestamp {
    const HOUR: i64 = 3_600_000;
    let midnight = day.millis() - day.millis().rem_euclid(24 * HOUR);
    Timestamp(midnight + rng.random_range(8 * HOUR..15 * HOUR))
}

/// One of them.
pub fn pick(rng: &mut SmallRng, from: &[&'static str]) -> &'static str {
    from[rng.random_range(0..from.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn people(size: usize) -> Vec<Person> {
        invent(
            &mut SmallRng::seed_from_u64(1),
            size,
            Timestamp(1_800_000_000_000),
        )
    }

    #[test]
    fn nobody_real_can_be_reached() {
        let reserved = [".example", "example.org", "example.net", "example.com"];
        for person in people(3_000) {
            let key = person.address.unicode_form();
            assert!(reserved.iter().any(|domain| key.ends_with(domain)), "{key}");
        }
    }

    #[test]
    fn they_come_in_order_and_no_address_twice() {
        let people = people(3_000);
        assert!(people.is_sorted_by_key(|person| person.joined));
        let keys: HashSet<&str> = people.iter().map(|person| person.address.key()).collect();
        assert_eq!(keys.len(), people.len());
        assert!(people.len() > 2_990);
    }

    #[test]
    fn so_few_journalists_that_the_outbox_can_hold_their_mails() {
        for size in [10, 60, 3_000, 20_000] {
            let press = people(size)
                .iter()
                .filter(|person| person.groups.contains(&PRESS))
                .count();
            assert!((1..=MOST_PRESS).contains(&press), "{press} of {size}");
        }
    }

    #[test]
    fn so_many_object_consent_and_unsubscribe() {
        let people = people(3_000);
        let count = |is: fn(&Wish) -> bool| {
            people
                .iter()
                .filter(|person| person.wish.as_ref().is_some_and(is))
                .count()
        };
        let object = count(|wish| {
            matches!(
                wish,
                Wish::ObjectsAfter(_)
                    | Wish::ObjectsTo(_)
                    | Wish::ObjectedBefore
                    | Wish::WantsThePastGone(_)
            )
        });
        let unsubscribe =
            count(|wish| matches!(wish, Wish::UnsubscribesAfter(_) | Wish::UnsubscribesTo(_)));
        assert!((80..=100).contains(&object), "{object}");
        assert!((105..=125).contains(&unsubscribe), "{unsubscribe}");
        let consent = count(|wish| {
            matches!(
                wish,
                Wish::ConsentsAfter(_) | Wish::ConsentsTo(_) | Wish::ConsentedBefore
            )
        });
        assert!((270..=290).contains(&consent), "{consent}");
        let bad = people.iter().filter(|p| p.mailbox != Mailbox::Open);
        assert!((100..=110).contains(&bad.count()));
    }
}
