//! The example beyond its story: people by the hundred thousand, who only read.
//!
//! They come through the bulk path of the imports and get mailings that are written as handed over,
//! many at a time; what they open and click is stored by [`recorder::store`], like everybody's. Each
//! slice is one transaction with all its counters, so whoever interrupts the filling has a smaller
//! example, and a right one.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::calendar::{self, Appeal};
use super::names::{LAST, MEN, TOWNS, WOMEN};
use super::people::{NEWSLETTER, REGULARS, mailbox, pick, plain};
use super::readers::{self, Answer, Habits};
use super::returns::ComesBack;
use super::story::content;
use super::texts::{self, Text};
use super::{DemoError, Kit, Made, returns, said};
use crate::db::models::recipient_batches::{self, NewRow};
use crate::db::models::sending::past::{self, HandedOver};
use crate::db::models::{accounts, groups, mailing_links, mailings, sending};
use crate::db::{Conn, DbError, DbResult, account_lock, maintenance};
use crate::domain::address::EmailAddress;
use crate::domain::bounce::StatusCode;
use crate::domain::secret::random_128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{Decision, RecipientTracking, TrackingSource};
use crate::sending::preparation;
use crate::tracking::enter::{Start, record_starts};
use crate::tracking::policy::decide;
use crate::tracking::recorder::{self, Hit};

/// How many people, or deliveries, or hits are written in one transaction.
const SLICE: usize = 2_000;

/// The numbers in the addresses begin here: those of the story's people end before.
const FIRST_NUMBER: usize = 1_000;

/// One in so many objected before the file was imported.
const OBJECTED: u32 = 33;

/// One in so many consented on the form for the customer's card.
const CONSENTED: u32 = 14;

/// Of one in so many mails each: the address is no more; it could not be delivered; its reader
/// reports it as unwanted.
const GONE: u32 = 500;
const UNDELIVERED: u32 = 400;
const UNWANTED: u32 = 3_000;

/// One in so many buys often.
const REGULAR: u32 = 10;

/// For how many days a mailing is looked at whose number of opens and clicks is given.
const LOOKED_AT_DAYS: i64 = 28;

/// What is sent to all, how many days ago, and how well it is received.
const MAILINGS: [(&Text, &str, i64, Appeal); 2] = [
    (&texts::ONLINE_SHOP, "laden", 60, appeal(0.9, 0.8)),
    (&texts::SURVEY, "umfrage", 31, appeal(1.1, 1.2)),
];

const fn appeal(opens: f64, clicks: f64) -> Appeal {
    Appeal { opens, clicks }
}

/// Who is to come, and what is to happen.
pub struct Crowd<'a> {
    kit: &'a Kit,
    made: &'a Made,
    now: Timestamp,
    /// The groups' numbers, in the order of [`super::people::GROUPS`].
    groups: &'a [i64],
    people: usize,
    events: u64,
    rng: SmallRng,
}

/// How many steps it takes to bring so many people and events, about: a mailing's reach is known
/// when it is sent.
pub fn steps(all: usize, people: usize, events: u64) -> usize {
    if people == 0 && events == 0 {
        return 0;
    }
    people.div_ceil(SLICE) + MAILINGS.len() * all.div_ceil(SLICE)
}

impl<'a> Crowd<'a> {
    /// `events` is how often the newest mailing is opened and clicked; 0 leaves it to the people.
    pub fn new(
        kit: &'a Kit,
        made: &'a Made,
        now: Timestamp,
        groups: &'a [i64],
        (people, events): (usize, u64),
    ) -> Self {
        Self {
            kit,
            made,
            now,
            groups,
            people,
            events,
            rng: SmallRng::seed_from_u64(people as u64),
        }
    }

    /// Lets them come and read. Calls `step` after every slice.
    pub fn bring(mut self, step: &mut dyn FnMut()) -> Result<(), DemoError> {
        if self.people == 0 && self.events == 0 {
            return Ok(());
        }
        let mut from = 0;
        while from < self.people {
            let to = self.people.min(from + SLICE);
            let newcomers: Vec<Newcomer> = (from..to)
                .filter_map(|at| Newcomer::invent(&mut self.rng, FIRST_NUMBER + at))
                .collect();
            // They came one after the other in the two years before the first mailing to them.
            let share = i64::try_from((self.people - from) * 700 / self.people).unwrap_or(0);
            let came = self.now.plus_days(-70 - share);
            self.kit
                .db
                .write(|conn| self.enter(conn, &newcomers, came))?;
            from = to;
            step();
        }
        maintenance::refresh_statistics(&self.kit.db)?;
        for (at, (text, issue, days_ago, appeal)) in MAILINGS.into_iter().enumerate() {
            let at_last = at + 1 == MAILINGS.len();
            let events = (at_last && self.events > 0).then_some(self.events);
            let sent = self.now.plus_days(-days_ago);
            self.send((text, issue), sent, appeal, events, step)?;
        }
        Ok(())
    }

    fn enter(&self, conn: &mut Conn, newcomers: &[Newcomer], came: Timestamp) -> DbResult<()> {
        let (account_id, admin) = (self.made.account_id, self.made.admin());
        let start = |newcomer: &Newcomer| Start {
            tracking: newcomer
                .said
                .map(|said| (said, came.millis(), TrackingSource::Import)),
            ..Start::default()
        };
        let rows: Vec<NewRow<'_>> = newcomers
            .iter()
            .map(|newcomer| NewRow {
                address: &newcomer.address,
                first_name: newcomer.first_name,
                last_name: newcomer.last_name,
                fields: &newcomer.fields,
                tracking: start(newcomer).tracking,
                unsubscribed: None,
                undeliverable: None,
            })
            .collect();
        let added = recipient_batches::insert(conn, account_id, &rows, came)?;
        let by_address: std::collections::HashMap<&str, &Newcomer> = newcomers
            .iter()
            .map(|newcomer| (newcomer.address.key(), newcomer))
            .collect();
        let (mut ids, mut regulars, mut starts) = (Vec::new(), Vec::new(), Vec::new());
        let mut consented = Vec::new();
        for row in &added {
            ids.push(row.id);
            if let Some(newcomer) = by_address.get(row.address_key.as_str()) {
                starts.push((row.id, start(newcomer)));
                if newcomer.said == Some(RecipientTracking::Consented) {
                    consented.push((row.id, came.millis()));
                }
                if newcomer.is_regular {
                    regulars.push(row.id);
                }
            }
        }
        record_starts(conn, account_id, &starts, &admin, came)?;
        said::prove_by_file(conn, account_id, &consented)?;
        groups::add_members(conn, account_id, self.groups[NEWSLETTER], &ids, came)?;
        groups::add_members(conn, account_id, self.groups[REGULARS], &regulars, came)?;
        let number = i64::try_from(added.len()).unwrap_or(i64::MAX);
        accounts::count_recipients(conn, account_id, number)
    }

    /// Sends a mailing to all who want the newsletter, and lets them read it: as they like, or so
    /// often that there are as many opens and clicks as given.
    fn send(
        &mut self,
        (text, issue): (&Text, &str),
        sent: Timestamp,
        appeal: Appeal,
        events: Option<u64>,
        step: &mut dyn FnMut(),
    ) -> Result<(), DemoError> {
        let (kit, account_id) = (self.kit, self.made.account_id);
        let html = calendar::html(text, issue)?;
        let to = [self.groups[NEWSLETTER]];
        let (mailing_id, mut ids, links) = kit.db.write(|conn| {
            let content = content(text.subject, &html, &to);
            let id = mailings::create(conn, account_id, &content, sent.plus_days(-1))?;
            preparation::start(conn, account_id, id, &self.made.admin(), sent)?;
            past::mark_sent(conn, account_id, id, sent)?;
            let ids = sending::recipients_to_reach(conn, account_id, id, sent)?;
            let links = mailing_links::of_mailing(conn, id)?.map_or(0, |(_, links)| links.len());
            Ok((id, ids, u16::try_from(links).unwrap_or(u16::MAX)))
        })?;
        // A delivery's number says nothing about the person (rule P6).
        ids.shuffle(&mut self.rng);
        let share = |place: usize| {
            let all = ids.len().max(1) as u128;
            events.map(|events| u128::from(events) * place as u128 / all)
        };
        let mut place = 0;
        for some in ids.chunks(SLICE) {
            let handed = kit
                .db
                .write(|conn| hand_over(conn, account_id, mailing_id, some, sent))?;
            let (mut hits, mut backs) = (Vec::new(), Vec::new());
            for mail in &handed {
                place += 1;
                let mut rng = SmallRng::seed_from_u64(mail.recipient_id.unsigned_abs());
                let habits = Habits::invent(&mut rng, false, false);
                // Whoever gives the number of hits gets it: then everybody reads.
                if events.is_none()
                    && let Some(back) = comes_back(&mut self.rng, sent)
                {
                    backs.push((mail.recipient_id, back));
                    continue;
                }
                let answers = match (share(place), share(place - 1)) {
                    (Some(to), Some(from)) => often(&mut self.rng, &habits, sent, links, to - from),
                    _ => readers::answers(&mut self.rng, &habits, appeal, sent, links, false),
                };
                if events.is_none()
                    && let Some(last) = answers.last()
                    && self.rng.random_ratio(1, UNWANTED)
                {
                    let at = last.at.plus_millis(60_000);
                    backs.push((mail.recipient_id, returns::complaint(at)));
                }
                let answers = answers.into_iter().filter(|answer| answer.at < self.now);
                hits.extend(answers.map(|answer| Hit {
                    account_id,
                    mailing_id,
                    kind: answer.kind,
                    key: mail.key,
                    link: answer.link,
                    at: answer.at,
                    visitor: answer.visitor,
                }));
            }
            for some in hits.chunks(SLICE) {
                recorder::store(&kit.db, some)?;
            }
            backs.retain(|(_, back)| back.at < self.now);
            kit.db.write(|conn| {
                backs.iter().try_for_each(|(recipient_id, back)| {
                    let mailing = Some(mailing_id);
                    returns::take(conn, account_id, mailing, *recipient_id, *back)
                })
            })?;
            step();
        }
        Ok(())
    }
}

/// What comes back of a mail; mostly nothing.
fn comes_back(rng: &mut SmallRng, sent: Timestamp) -> Option<ComesBack> {
    if rng.random_ratio(1, GONE) {
        Some(returns::for_good(rng, sent))
    } else if rng.random_ratio(1, UNDELIVERED) {
        let code = StatusCode::new(4, 2, 2);
        Some(returns::for_now(rng, code, sent))
    } else {
        None
    }
}

/// Writes mails to these recipients as handed over. Where the policy lets them be measured they
/// get a key (rules P1 and P4).
fn hand_over(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    ids: &[i64],
    at: Timestamp,
) -> DbResult<Vec<HandedOver>> {
    account_lock::shared(conn, account_id)?;
    let account = accounts::find(conn, account_id)?.tracking();
    let handed = past::reached(conn, account_id, ids)?
        .into_iter()
        .map(|reached| {
            let policy = decide(account, Some(reached.tracking));
            let key = match policy {
                Decision::Personal => {
                    Some(random_128().map_err(|e| DbError::Unavailable(e.to_string()))?)
                }
                Decision::Anonymous | Decision::Nothing => None,
            };
            Ok(HandedOver {
                recipient_id: reached.id,
                policy,
                key,
            })
        })
        .collect::<DbResult<Vec<_>>>()?;
    past::enter_handed(conn, account_id, mailing_id, &handed, at)?;
    Ok(handed)
}

/// Comes back exactly so often, each time in another hour as far as there are enough: two opens,
/// then a click.
fn often(
    rng: &mut SmallRng,
    habits: &Habits,
    sent: Timestamp,
    links: u16,
    times: u128,
) -> Vec<Answer> {
    let times = i64::try_from(times).unwrap_or(i64::MAX);
    let hours = LOOKED_AT_DAYS * 24;
    let begin = rng.random_range(0..48.min(hours / times.max(1)).max(1));
    (0..times)
        .map(|time| {
            let hour = begin + time * (hours - begin) / times;
            let at = sent.plus_millis(hour * 3_600_000 + rng.random_range(60_000..3_600_000));
            let clicks = links > 0 && time % 3 == 2;
            readers::look(rng, habits, at, clicks.then_some(links))
        })
        .collect()
}

/// Somebody of the crowd.
struct Newcomer {
    address: EmailAddress,
    first_name: &'static str,
    last_name: &'static str,
    fields: String,
    said: Option<RecipientTracking>,
    is_regular: bool,
}

impl Newcomer {
    /// The number makes the address one of its own: names hold no digits.
    fn invent(rng: &mut SmallRng, number: usize) -> Option<Self> {
        let is_woman = rng.random_bool(0.56);
        let first_name = pick(rng, if is_woman { &WOMEN } else { &MEN });
        let last_name = pick(rng, &LAST);
        let between = pick(rng, &[".", "_", ""]);
        let local = format!("{}{between}{}{number}", plain(first_name), plain(last_name));
        let address = EmailAddress::parse(&format!("{local}@{}", mailbox(rng))).ok()?;
        let said = if rng.random_ratio(1, OBJECTED) {
            Some(RecipientTracking::Objected)
        } else {
            rng.random_ratio(1, CONSENTED)
                .then_some(RecipientTracking::Consented)
        };
        let form = if is_woman { "Frau" } else { "Herr" };
        Some(Self {
            address,
            first_name,
            last_name,
            fields: json!({ "Anrede": form, "Ort": pick(rng, &TOWNS) }).to_string(),
            said,
            is_regular: rng.random_ratio(1, REGULAR),
        })
    }
}
