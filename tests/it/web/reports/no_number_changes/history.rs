//! A history that happens for real, and in the model.

use std::collections::BTreeSet;

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::{mailing_counters, receipts};
use widerspruch::domain::bounce::BounceKind;
use widerspruch::domain::secret::Random128;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, TrackingMode, TrackingSource};
use widerspruch::erasure::deletion;
use widerspruch::tracking::device::Device;
use widerspruch::tracking::recorder::{self, Hit};
use widerspruch::tracking::token::HitKind;
use widerspruch::tracking::visitor::Visitor;
use widerspruch::tracking::{pseudonymise, settings};

use super::model::{Expected, Mail, Person, kind, number};
use super::steps::{Step, What};
use super::{LINKS, MAILINGS, PEOPLE};
use crate::support::World;
use crate::support::agent::Agent;
use crate::support::bounce::{complaint, failed};

const TEST: Actor = Actor::Program("test");
const HOUR: i64 = 3_600_000;

pub struct History<'a> {
    pub world: &'a World,
    pub admin: &'a Agent,
    pub people: Vec<Person>,
    pub mailings: Vec<i64>,
    pub expected: Vec<Expected>,
    pub mails: Vec<Mail>,
    pub mode: TrackingMode,
    pub anonymously: bool,
    pub now: i64,
    /// How many acts were checked.
    pub cuts: usize,
}

impl<'a> History<'a> {
    pub fn new(world: &'a World, admin: &'a Agent, number: usize) -> Self {
        let mut history = Self {
            world,
            admin,
            people: (0..PEOPLE)
                .map(|at| Person {
                    address: format!("person{at}-{number}@example.org"),
                    id: None,
                    objected: false,
                    subscribed: true,
                })
                .collect(),
            mailings: (0..MAILINGS)
                .map(|at| {
                    world.make_sent_mailing(&format!("Brief {number}-{at}"), i64::from(LINKS))
                })
                .collect(),
            expected: (0..MAILINGS).map(|_| Expected::default()).collect(),
            mails: Vec::new(),
            mode: TrackingMode::Active,
            anonymously: true,
            now: Timestamp::now().millis(),
            cuts: 0,
        };
        for person in 0..PEOPLE {
            history.enter(person);
        }
        history.set_mode(TrackingMode::Active);
        history.count_anonymously(true);
        history
    }

    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Deliver { person, mailing } => self.deliver(*person, *mailing),
            Step::Hit { mail, what } => {
                if !self.mails.is_empty() {
                    self.hit(mail % self.mails.len(), *what);
                }
            }
            Step::AnonymousHit { mailing, what } => {
                self.store(*mailing, None, *what);
                self.expect_impersonal(*mailing, *what);
            }
            Step::HoursPass(hours) => self.now += hours * HOUR,
            Step::SetMode(mode) => self.set_mode(*mode),
            Step::CountAnonymously(on) => self.count_anonymously(*on),
            Step::Object(person) => self.object(*person),
            Step::Allow(person) => self.allow(*person),
            Step::Unsubscribe { person, mailing } => self.unsubscribe(*person, *mailing),
            Step::ComeBack { mail, kind } => {
                if !self.mails.is_empty() {
                    self.come_back(mail % self.mails.len(), *kind);
                }
            }
            Step::Pseudonymise(person) => self.pseudonymise(*person),
            Step::Delete(people) => self.delete(people),
            Step::Enter(person) => self.enter(*person),
        }
    }

    fn deliver(&mut self, person: usize, mailing: usize) {
        let Some(id) = self.people[person].id else {
            return;
        };
        let there = |mail: &Mail| mail.person == person && mail.mailing == mailing && mail.tied;
        if self.mails.iter().any(there) {
            return;
        }
        let policy = match (self.is_personal(person), self.anonymously) {
            (true, _) => Decision::Personal,
            (false, true) => Decision::Anonymous,
            (false, false) => Decision::Nothing,
        };
        let key = self.world.deliver(self.mailings[mailing], id, policy);
        let expected = &mut self.expected[mailing];
        expected.handed += 1;
        expected.handed_personal += i64::from(policy == Decision::Personal);
        expected.handed_anonymous += i64::from(policy == Decision::Anonymous);
        self.mails.push(Mail {
            mailing,
            person,
            recipient_id: id,
            return_path: self.world.return_path(self.mailings[mailing], id),
            key,
            bounce: None,
            tied: true,
            opened: false,
            clicked: false,
            followed: BTreeSet::new(),
            opens: 0,
            clicks: 0,
        });
    }

    /// Nobody consents in these histories.
    fn is_personal(&self, person: usize) -> bool {
        self.mode == TrackingMode::Active && !self.people[person].objected
    }

    fn hit(&mut self, at: usize, what: What) {
        let (mailing, key) = (self.mails[at].mailing, self.mails[at].key);
        self.store(mailing, key, what);
        let mail = &self.mails[at];
        if key.is_none() || !mail.tied || !self.is_personal(mail.person) {
            self.expect_impersonal(mailing, what);
            return;
        }
        if what.automatic {
            self.expect(mailing, what, |_| [0, 0, 0, 1]);
            return;
        }
        let mail = &mut self.mails[at];
        let first_of_mailing = if what.link == 0 {
            mail.opens += 1;
            !std::mem::replace(&mut mail.opened, true)
        } else {
            mail.clicks += 1;
            !std::mem::replace(&mut mail.clicked, true)
        };
        let first_of_link = mail.followed.insert(what.link);
        self.expect(mailing, what, |link| {
            let first = if link == 0 {
                first_of_mailing
            } else {
                first_of_link
            };
            [1, i64::from(first), 0, 0]
        });
        *self.expected[mailing]
            .devices
            .entry((kind(what), Device::ALL[what.device].number()))
            .or_default() += 1;
    }

    fn expect_impersonal(&mut self, mailing: usize, what: What) {
        if self.anonymously {
            let automatic = i64::from(what.automatic);
            self.expect(mailing, what, |_| [0, 0, 1 - automatic, automatic]);
        }
    }

    /// Raises what is expected of the mailing and, for a click, of its link.
    fn expect(&mut self, mailing: usize, what: What, by: impl Fn(u16) -> [i64; 4]) {
        let hour = self.now / HOUR;
        for link in BTreeSet::from([0, what.link]) {
            let counts = self.expected[mailing]
                .hours
                .entry((kind(what), i64::from(link), hour))
                .or_default();
            for (count, by) in counts.iter_mut().zip(by(link)) {
                *count += by;
            }
        }
    }

    fn store(&self, mailing: usize, key: Option<Random128>, what: What) {
        let hit = Hit {
            account_id: self.world.account_id,
            mailing_id: self.mailings[mailing],
            kind: if what.link == 0 {
                HitKind::Open
            } else {
                HitKind::Click
            },
            key,
            link: what.link,
            at: Timestamp(self.now),
            visitor: Visitor {
                device: Device::ALL[what.device],
                automatic: what.automatic,
            },
        };
        recorder::store(&self.world.state.db, &[hit]).expect("stored");
    }

    fn set_mode(&mut self, mode: TrackingMode) {
        self.mode = mode;
        let (account, now) = (self.world.account_id, Timestamp(self.now));
        self.world
            .write(|conn| settings::set_account_mode(conn, account, mode, &TEST, now));
    }

    fn count_anonymously(&mut self, on: bool) {
        self.anonymously = on;
        let (account, now) = (self.world.account_id, Timestamp(self.now));
        self.world
            .write(|conn| settings::set_account_options(conn, account, on, true, &TEST, now));
    }

    fn object(&mut self, person: usize) {
        let Some(id) = self.people[person].id else {
            return;
        };
        self.people[person].objected = true;
        let (account, now) = (self.world.account_id, Timestamp(self.now));
        self.world
            .write(|conn| settings::object(conn, account, id, TrackingSource::Admin, &TEST, now));
    }

    fn allow(&mut self, person: usize) {
        let Some(id) = self.people[person].id else {
            return;
        };
        self.people[person].objected = false;
        let (account, now) = (self.world.account_id, Timestamp(self.now));
        let lifting = settings::Lifting {
            reason: "",
            source: TrackingSource::Recipient,
            remembering: &self.world.state.remembering,
        };
        self.world
            .write(|conn| settings::lift_objection(conn, account, id, &lifting, &TEST, now));
    }

    fn unsubscribe(&mut self, person: usize, mailing: usize) {
        let Some(id) = self.people[person].id else {
            return;
        };
        if !std::mem::replace(&mut self.people[person].subscribed, false) {
            return;
        }
        self.expected[mailing].unsubscriptions += 1;
        let (account, now) = (self.world.account_id, Timestamp(self.now));
        let mailing = self.mailings[mailing];
        self.world.write(|conn| {
            settings::unsubscribe(conn, account, id, TrackingSource::Recipient, &TEST, now)?;
            mailing_counters::count_unsubscription(conn, account, mailing)
        });
    }

    fn come_back(&mut self, at: usize, kind: BounceKind) {
        let mail = &self.mails[at];
        let (mailing, person, id) = (mail.mailing, mail.person, mail.recipient_id);
        let (path, address) = (&mail.return_path, &self.people[person].address);
        let message = match kind {
            BounceKind::Hard => failed(path, address, "5.1.1"),
            BounceKind::Soft => failed(path, address, "4.2.2"),
            BounceKind::Complaint => complaint(path, address),
        };
        self.world.come_back_at(&message, Timestamp(self.now));
        let is_there = self.people[person].id == Some(id);
        let complains = kind == BounceKind::Complaint && is_there;
        let was_subscribed = self.people[person].subscribed;
        // A mail that was sent again to who was pseudonymised bears the same mark.
        let tied = self
            .mails
            .iter_mut()
            .find(|mail| mail.mailing == mailing && mail.recipient_id == id && mail.tied);
        let expected = &mut self.expected[mailing];
        if let Some(mail) = tied {
            if !kind.outweighs(mail.bounce) {
                return;
            }
            if let Some(before) = mail.bounce.replace(kind) {
                expected.came_back[number(before)] -= 1;
            }
            expected.came_back[number(kind)] += 1;
        } else if !complains || was_subscribed {
            let all: i64 = expected.came_back.iter().sum();
            expected.came_back[number(kind)] += i64::from(all < expected.handed);
        }
        if complains {
            self.people[person].subscribed = false;
        }
    }

    fn enter(&mut self, person: usize) {
        if self.people[person].id.is_none() {
            let id = self.world.make_recipient(&self.people[person].address);
            let person = &mut self.people[person];
            person.id = Some(id);
            person.objected = false;
            person.subscribed = true;
        }
    }

    fn pseudonymise(&mut self, person: usize) {
        let Some(id) = self.people[person].id else {
            return;
        };
        let (account, now) = (self.world.account_id, Timestamp(self.now));
        self.cut(&BTreeSet::from([person]), |world| {
            world.write(|conn| pseudonymise::pseudonymise_recipient(conn, account, id, &TEST, now));
        });
    }

    pub fn delete(&mut self, people: &BTreeSet<usize>) {
        let ids: Vec<i64> = people
            .iter()
            .filter_map(|person| self.people[*person].id)
            .collect();
        let (account, now) = (self.world.account_id, Timestamp(self.now));
        self.cut(people, |world| {
            let key = world.state.remembering.clone();
            world.write(|conn| {
                let kind = receipts::ReceiptKind::Deletion;
                let receipt = receipts::start(conn, account, kind, "test", now)?;
                deletion::delete_recipients(conn, account, &ids, receipt, &key, &TEST, now)
            });
        });
        for person in people {
            self.people[*person].id = None;
        }
    }

    /// Does an act that cuts people off, and compares everything before and after.
    fn cut(&mut self, people: &BTreeSet<usize>, act: impl FnOnce(&World)) {
        let before = self.shown();
        let activity_before = self.activity();
        act(self.world);
        for mail in &mut self.mails {
            if mail.tied && people.contains(&mail.person) {
                mail.tied = false;
                mail.bounce = mail.returned_unread();
            }
        }
        assert_eq!(
            self.shown(),
            before,
            "no page and no file says anything else"
        );
        self.check_activity(&activity_before, people);
        self.check_totals();
        self.cuts += 1;
    }
}
