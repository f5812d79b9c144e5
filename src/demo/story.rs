//! The year of the example account, told in the order of time: people come, mailings are sent,
//! people open, click, object, unsubscribe and leave.
//!
//! The order matters: a hit is stored with the settings of its moment, so what somebody did before
//! objecting is there, and nothing of what came after.

mod acts;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use self::acts::{Act, What};
use super::calendar::{self, Planned};
use super::crowd::{self, Crowd};
use super::nowhere::Nowhere;
use super::people::{self, CIRCLE, GROUPS, Person, Wish};
use super::{ACCOUNT, DemoError, Kit, Made, Progress, Size, readers, returns, said, texts};
use crate::db::models::audit::Actor;
use crate::db::models::mailings::{self, Content};
use crate::db::models::recipients::{self, NewRecipient};
use crate::db::models::{groups, mailing_links, sending};
use crate::db::{Conn, DbResult};
use crate::domain::secret::Random128;
use crate::domain::time::{Clock, Timestamp};
use crate::domain::tracking::TrackingSource;
use crate::erasure::deletion::Remains;
use crate::sending::sender::{Tools, send_here};
use crate::sending::transport::Transport;
use crate::sending::{Timing, preparation};
use crate::tracking::enter::{Start, record_start};
use crate::tracking::recorder::{self, Hit};

/// The same story every time.
const SEED: u64 = 0x0077_6964_6572;

/// From whom the mailings are.
const SENDER: &str = "post@lindenhof-buch.example";

/// How many hits are stored in one transaction.
const HITS_AT_ONCE: usize = 1_000;

/// How many people are entered in one transaction.
const PEOPLE_AT_ONCE: usize = 100;

/// Fills the account, which must be new, with people and a year's story that ends now.
///
/// # Errors
/// See [`DemoError`]; what was told until then stays.
pub fn fill(
    kit: &Kit,
    made: &Made,
    size: Size,
    now: Timestamp,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), DemoError> {
    let plan = calendar::plan(now);
    let others = size.recipients.saturating_sub(size.in_story);
    let mut progress = Progress {
        done: 0,
        total: plan.len() + 1 + crowd::steps(size.recipients, others, size.events),
    };
    tell(progress);
    let mut rng = SmallRng::seed_from_u64(SEED);
    let people = people::invent(&mut rng, size.recipients.min(size.in_story), now);
    let mut story = Story {
        kit,
        account_id: made.account_id,
        admin: made.admin(),
        now,
        rng,
        groups: Vec::new(),
        people,
        entered: 0,
        by_id: HashMap::new(),
        coming: BTreeMap::new(),
        told: 0,
        hits: Vec::new(),
        remains: Vec::new(),
    };
    story.make_groups()?;
    for (number, planned) in plan.iter().enumerate() {
        story.live_until(planned.at)?;
        story.send(number, planned)?;
        progress.done += 1;
        tell(progress);
    }
    story.live_until(now)?;
    story.write_draft()?;
    for remains in story.remains {
        kit.cleaner.clean(remains);
    }
    let crowd = Crowd::new(kit, made, now, &story.groups, (others, size.events));
    crowd.bring(&mut || {
        progress.done = progress.total.min(progress.done + 1);
        tell(progress);
    })?;
    progress.done = progress.total;
    tell(progress);
    Ok(())
}

/// Something that is going to happen.
enum Happening {
    Hit(Hit),
    Act(Act),
}

struct Story<'a> {
    kit: &'a Kit,
    account_id: i64,
    admin: Actor,
    now: Timestamp,
    rng: SmallRng,
    /// The groups' numbers, in the order of [`GROUPS`].
    groups: Vec<i64>,
    people: Vec<Person>,
    /// How many of the people have come.
    entered: usize,
    by_id: HashMap<i64, usize>,
    /// What is going to happen, by time; the number keeps those of one moment apart.
    coming: BTreeMap<(Timestamp, u64), Happening>,
    told: u64,
    /// What has happened and is not stored yet.
    hits: Vec<Hit>,
    remains: Vec<Remains>,
}

impl Story<'_> {
    fn make_groups(&mut self) -> DbResult<()> {
        let begin = self.now.plus_days(-super::AGE_DAYS);
        self.groups = self.kit.db.write(|conn| {
            GROUPS
                .iter()
                .map(|name| groups::create(conn, self.account_id, name, begin))
                .collect()
        })?;
        Ok(())
    }

    fn will_be(&mut self, at: Timestamp, happening: Happening) {
        if at < self.now {
            self.told += 1;
            self.coming.insert((at, self.told), happening);
        }
    }

    /// Lets everything happen that happens before that time.
    fn live_until(&mut self, time: Timestamp) -> DbResult<()> {
        self.let_people_come(time)?;
        while let Some(next) = self.coming.first_entry()
            && next.key().0 <= time
        {
            let ((at, _), happening) = next.remove_entry();
            match happening {
                Happening::Hit(hit) => {
                    self.hits.push(hit);
                    if self.hits.len() >= HITS_AT_ONCE {
                        self.store_hits()?;
                    }
                }
                Happening::Act(act) => {
                    self.store_hits()?;
                    self.act(act, at)?;
                }
            }
        }
        self.store_hits()
    }

    fn store_hits(&mut self) -> DbResult<()> {
        if !self.hits.is_empty() {
            recorder::store(&self.kit.db, &self.hits)?;
            self.hits.clear();
        }
        Ok(())
    }

    /// Enters those who have come until that time.
    fn let_people_come(&mut self, time: Timestamp) -> DbResult<()> {
        let end = self.people.partition_point(|person| person.joined <= time);
        while self.entered < end {
            let from = self.entered;
            let to = end.min(from + PEOPLE_AT_ONCE);
            let ids = self.kit.db.write(|conn| self.enter(conn, from..to))?;
            for (person, id) in (from..to).zip(ids) {
                self.people[person].id = id;
                self.by_id.insert(id, person);
                self.foresee(person);
            }
            self.entered = to;
        }
        Ok(())
    }

    fn enter(&self, conn: &mut Conn, range: std::ops::Range<usize>) -> DbResult<Vec<i64>> {
        let people = &self.people[range];
        let mut ids = Vec::with_capacity(people.len());
        for person in people {
            let start = Start {
                tracking: person
                    .said_before()
                    .map(|said| (said, person.joined.millis(), TrackingSource::Import)),
                ..Start::default()
            };
            let new = NewRecipient {
                address: &person.address,
                first_name: person.first_name,
                last_name: person.last_name,
                fields: &person.fields,
                tracking: start.tracking,
                unsubscribed: start.unsubscribed,
            };
            let id = recipients::create(conn, self.account_id, &new, person.joined)?;
            record_start(conn, self.account_id, id, start, &self.admin, person.joined)?;
            ids.push(id);
        }
        let consented = people.iter().zip(&ids);
        let consented: Vec<(i64, i64)> = consented
            .filter(|(person, _)| person.wish == Some(Wish::ConsentedBefore))
            .map(|(person, id)| (*id, person.joined.millis()))
            .collect();
        said::prove_by_file(conn, self.account_id, &consented)?;
        for (group, group_id) in self.groups.iter().enumerate() {
            let members: Vec<i64> = people
                .iter()
                .zip(&ids)
                .filter(|(person, _)| person.groups.contains(&group))
                .map(|(_, id)| *id)
                .collect();
            if let (false, Some(last)) = (members.is_empty(), people.last()) {
                groups::add_members(conn, self.account_id, *group_id, &members, last.joined)?;
            }
        }
        Ok(ids)
    }

    /// Notes what a person is going to tell the shop.
    fn foresee(&mut self, person: usize) {
        let (at, what) = match self.people[person].wish {
            Some(Wish::ObjectsTo(at)) => (at, What::Object),
            Some(Wish::WantsThePastGone(at)) => (at, What::ObjectAndPseudonymise),
            Some(Wish::UnsubscribesTo(at)) => (at, What::Unsubscribe),
            Some(Wish::ConsentsTo(at)) => (at, What::Consent),
            Some(Wish::Leaves(at)) => (at, What::Delete),
            Some(
                Wish::ObjectsAfter(_)
                | Wish::ConsentsAfter(_)
                | Wish::ComplainsAfter(_)
                | Wish::UnsubscribesAfter(_)
                | Wish::ObjectedBefore
                | Wish::ConsentedBefore,
            )
            | None => return,
        };
        let act = Act {
            person,
            what,
            mailing: None,
        };
        self.will_be(at, Happening::Act(act));
    }

    fn send(&mut self, number: usize, planned: &Planned) -> Result<(), DemoError> {
        let (account_id, kit) = (self.account_id, self.kit);
        let html = calendar::html(planned.text, &planned.issue)?;
        let to: Vec<i64> = planned.groups.iter().map(|at| self.groups[*at]).collect();
        let content = content(planned.text.subject, &html, &to);
        let mailing_id = kit.db.write(|conn| {
            let written = planned.at.plus_days(-1);
            let id = mailings::create(conn, account_id, &content, written)?;
            preparation::start(conn, account_id, id, &self.admin, planned.at)?;
            Ok(id)
        })?;
        let transport: Arc<dyn Transport> = if planned.keep {
            Arc::new(kit.outbox.clone())
        } else {
            Arc::new(Nowhere)
        };
        let tools = Tools {
            db: kit.db.clone(),
            links: kit.links.clone(),
            tokens: kit.tokens.clone(),
            public_url: kit.public_url.clone(),
            transport,
            keys: None,
            clock: Clock::set_to(planned.at),
            timing: Timing::default(),
        };
        send_here(tools, account_id, mailing_id)?;
        let (mails, links) = kit.db.read(|conn| {
            let links = mailing_links::of_mailing(conn, mailing_id)?;
            let links = links.map_or(0, |(_, links)| links.len());
            let mails = sending::keys_in_mails(conn, account_id, mailing_id)?;
            Ok((mails, u16::try_from(links).unwrap_or(u16::MAX)))
        })?;
        for (recipient_id, key) in mails {
            if let Some(person) = self.by_id.get(&recipient_id) {
                self.answer(*person, number, planned, mailing_id, key, links);
            }
        }
        Ok(())
    }

    /// What a person is going to do with a mail.
    fn answer(
        &mut self,
        person: usize,
        number: usize,
        planned: &Planned,
        mailing_id: i64,
        key: Option<Random128>,
        links: u16,
    ) {
        // Sending takes a while, and so does the way.
        let arrived = planned.at.plus_millis(60_000);
        let Person { mailbox, wish, .. } = self.people[person];
        // The mails in the outbox were handed to no mail server. Who comes to decide something reads.
        if wish.is_none()
            && !planned.keep
            && let Some(back) = returns::of_mail(&mut self.rng, mailbox, number, arrived)
        {
            let act = Act {
                person,
                what: What::ComesBack(back),
                mailing: Some(mailing_id),
            };
            self.will_be(back.at, Happening::Act(act));
            return;
        }
        let what = match wish {
            Some(Wish::ObjectsAfter(first)) if number >= first => Some(What::Object),
            Some(Wish::ConsentsAfter(first)) if number >= first => Some(What::Consent),
            Some(Wish::ComplainsAfter(first)) if number >= first => Some(What::Complain),
            Some(Wish::UnsubscribesAfter(first)) if number >= first => Some(What::Unsubscribe),
            _ => None,
        };
        let habits = self.people[person].habits;
        let answers = readers::answers(
            &mut self.rng,
            &habits,
            planned.appeal,
            arrived,
            links,
            what.is_some(),
        );
        let opened = answers.iter().find(|answer| !answer.visitor.automatic);
        if let (Some(what), Some(opened)) = (what, opened) {
            let at = opened
                .at
                .plus_millis(self.rng.random_range(20_000..400_000));
            let act = Act {
                person,
                what,
                mailing: Some(mailing_id),
            };
            self.people[person].wish = None;
            self.will_be(at, Happening::Act(act));
        }
        for answer in answers {
            let hit = Hit {
                account_id: self.account_id,
                mailing_id,
                kind: answer.kind,
                key,
                link: answer.link,
                at: answer.at,
                visitor: answer.visitor,
            };
            self.will_be(answer.at, Happening::Hit(hit));
        }
    }

    /// A mailing that is still being written.
    fn write_draft(&self) -> Result<(), DemoError> {
        let html = calendar::html(&texts::DRAFT, "lesekreis")?;
        let to = [self.groups[CIRCLE]];
        let content = content(texts::DRAFT.subject, &html, &to);
        let at = self.now.plus_millis(-40 * 60_000);
        self.kit
            .db
            .write(|conn| mailings::create(conn, self.account_id, &content, at))?;
        Ok(())
    }
}

/// What is sent to these groups.
pub const fn content<'a>(subject: &'a str, html: &'a str, groups: &'a [i64]) -> Content<'a> {
    Content {
        subject,
        sender_name: ACCOUNT,
        sender_address: SENDER,
        html,
        mjml: "",
        text: "",
        groups,
    }
}
