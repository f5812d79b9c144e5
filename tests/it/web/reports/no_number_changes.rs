//! Rule P5: pseudonymising and deleting change no figure of any report, whatever went before.
//!
//! Random histories run against the real recorder and the real acts, beside a small model of what
//! must come out. After every act that cuts somebody off, every report is compared three ways:
//! with itself before the act (rendered pages and files, byte for byte), with the raw rows, and
//! with the model, which knows nothing of counters.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::{mailing_counters, receipts};
use widerspruch::db::reports::details::{self, Counts};
use widerspruch::db::reports::{Figures, figures};
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

use crate::support::agent::Agent;
use crate::support::bounce::{complaint, failed};
use crate::support::{World, on_both};

const TEST: Actor = Actor::Program("test");
const PEOPLE: usize = 5;
const MAILINGS: usize = 3;
const LINKS: u16 = 2;
const HOUR: i64 = 3_600_000;

/// One thing that happens. Numbers choose among people, mailings and mails there are.
#[derive(Debug, Clone)]
enum Step {
    Deliver { person: usize, mailing: usize },
    Hit { mail: usize, what: What },
    AnonymousHit { mailing: usize, what: What },
    HoursPass(i64),
    SetMode(TrackingMode),
    CountAnonymously(bool),
    Object(usize),
    Allow(usize),
    Unsubscribe { person: usize, mailing: usize },
    ComeBack { mail: usize, kind: BounceKind },
    Pseudonymise(usize),
    Delete(BTreeSet<usize>),
    Enter(usize),
}

#[derive(Debug, Clone, Copy)]
struct What {
    /// 0 is an open, others are links.
    link: u16,
    device: usize,
    automatic: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = (0..=LINKS, 0..Device::ALL.len(), prop::bool::weighted(0.15)).prop_map(
        |(link, device, automatic)| What {
            link,
            device,
            automatic,
        },
    );
    let person = 0..PEOPLE;
    let mailing = 0..MAILINGS;
    let mode = prop_oneof![
        4 => Just(TrackingMode::Active),
        1 => Just(TrackingMode::Off),
        1 => Just(TrackingMode::Consent),
    ];
    let kind = prop_oneof![
        Just(BounceKind::Hard),
        Just(BounceKind::Soft),
        Just(BounceKind::Complaint),
    ];
    let step = prop_oneof![
        12 => (person.clone(), mailing.clone())
            .prop_map(|(person, mailing)| Step::Deliver { person, mailing }),
        20 => (0_usize..20, what.clone()).prop_map(|(mail, what)| Step::Hit { mail, what }),
        3 => (mailing.clone(), what)
            .prop_map(|(mailing, what)| Step::AnonymousHit { mailing, what }),
        4 => (1_i64..30).prop_map(Step::HoursPass),
        2 => mode.prop_map(Step::SetMode),
        1 => any::<bool>().prop_map(Step::CountAnonymously),
        2 => person.clone().prop_map(Step::Object),
        2 => person.clone().prop_map(Step::Allow),
        8 => (0_usize..20, kind).prop_map(|(mail, kind)| Step::ComeBack { mail, kind }),
        1 => (person.clone(), mailing)
            .prop_map(|(person, mailing)| Step::Unsubscribe { person, mailing }),
        3 => person.clone().prop_map(Step::Pseudonymise),
        3 => prop::collection::btree_set(person.clone(), 1..3).prop_map(Step::Delete),
        5 => person.prop_map(Step::Enter),
    ];
    prop::collection::vec(step, 10..60)
}

/// What the model knows of a mail that went out.
struct Mail {
    mailing: usize,
    person: usize,
    /// The person's number when it went out.
    recipient_id: i64,
    return_path: String,
    key: Option<Random128>,
    /// What stands on the delivery.
    bounce: Option<BounceKind>,
    /// Whether the way back to the person still exists.
    tied: bool,
    opened: bool,
    clicked: bool,
    followed: BTreeSet<u16>,
    opens: i64,
    clicks: i64,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    handed: i64,
    handed_personal: i64,
    handed_anonymous: i64,
    unsubscriptions: i64,
    /// For good, for now, complaints.
    came_back: [i64; 3],
    /// By kind, link (0: all), hour.
    hours: BTreeMap<(i32, i64, i64), [i64; 4]>,
    /// By kind and stored class of device.
    devices: BTreeMap<(i32, i32), i64>,
}

struct Person {
    address: String,
    id: Option<i64>,
    objected: bool,
    subscribed: bool,
}

struct History<'a> {
    world: &'a World,
    admin: &'a Agent,
    people: Vec<Person>,
    mailings: Vec<i64>,
    expected: Vec<Expected>,
    mails: Vec<Mail>,
    mode: TrackingMode,
    anonymously: bool,
    now: i64,
    /// How many acts were checked.
    cuts: usize,
}

impl<'a> History<'a> {
    fn new(world: &'a World, admin: &'a Agent, number: usize) -> Self {
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

    fn take(&mut self, step: &Step) {
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

    fn delete(&mut self, people: &BTreeSet<usize>) {
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

    /// All pages and files with figures, as they are sent.
    fn shown(&self) -> Vec<String> {
        let mut shown = vec![self.admin.visit("/analysen").html()];
        for id in &self.mailings {
            for page in ["", "/e-mail", "/e-mail/inhalt"] {
                shown.push(self.admin.visit(&format!("/analysen/{id}{page}")).html());
            }
            shown.push(
                self.admin
                    .visit(&format!("/analysen/{id}/kennzahlen.csv"))
                    .html(),
            );
        }
        shown
    }

    /// The lines of each mailing's activity, as downloaded.
    fn activity(&self) -> Vec<Vec<String>> {
        let lines = |id: &i64| {
            let file = self.admin.visit(&format!("/analysen/{id}/aktivitaet.csv"));
            file.rows().lines().skip(1).map(str::to_owned).collect()
        };
        self.mailings.iter().map(lines).collect()
    }

    /// Only those cut off have lost their names, and nobody a number.
    fn check_activity(&self, before: &[Vec<String>], cut: &BTreeSet<usize>) {
        let after = self.activity();
        let gone: Vec<&str> = cut
            .iter()
            .map(|person| self.people[*person].address.as_str())
            .collect();
        let is_gone = |line: &&String| gone.iter().any(|address| line.starts_with(address));
        for (mailing, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_eq!(after.iter().filter(is_gone).count(), 0);
            let untouched: Vec<_> = before.iter().filter(|line| !is_gone(line)).collect();
            for line in untouched {
                assert!(after.contains(line), "{line} in {after:?}");
            }
            assert_eq!(numbers(before), numbers(after));
            let mut expected: Vec<(String, i64, i64, bool)> = self
                .mails
                .iter()
                .filter(|mail| mail.mailing == mailing)
                .map(|mail| {
                    let came_back = mail.returned_unread().is_some();
                    let tracking = if mail.key.is_some() {
                        "personenbezogen"
                    } else {
                        "ohne personenbezogenes Tracking"
                    };
                    (tracking.to_owned(), mail.opens, mail.clicks, came_back)
                })
                .collect();
            expected.sort();
            assert_eq!(numbers(after), expected);
        }
    }

    /// The counters against the model, and both against the raw rows.
    fn check_totals(&self) {
        for (expected, id) in self.expected.iter().zip(&self.mailings) {
            let (shown, hours, links, devices) = self.world.read(|conn| {
                let account = self.world.account_id;
                Ok((
                    figures(conn, account, &[*id])?.remove(0),
                    details::hours(conn, account, *id, 0, 0)?.1,
                    details::links(conn, account, *id)?,
                    details::devices(conn, account, *id)?,
                ))
            });
            assert_eq!(shown, expected.figures(&shown));
            assert_eq!(counts(hours.opens), expected.total(0, 0));
            assert_eq!(counts(hours.clicks), expected.total(1, 0));
            for link in links {
                assert_eq!(
                    [link.personal, link.firsts, link.anonymous, link.automatic],
                    expected.total(1, link.number)
                );
            }
            let devices: BTreeMap<_, _> = devices
                .into_iter()
                .map(|(kind, device, n)| ((kind, device), n))
                .collect();
            assert_eq!(devices, expected.devices);
            let stored: BTreeMap<_, _> = self.hour_rows(*id);
            assert_eq!(stored, expected.hours, "every hour of every link");
            self.check_raw_rows(expected, *id);
            self.check_bounces(*id);
        }
    }

    /// What came back stands on as many deliveries as it should.
    fn check_bounces(&self, mailing_id: i64) {
        for kind in [BounceKind::Hard, BounceKind::Soft, BounceKind::Complaint] {
            let rows = self.world.rows(
                "deliveries",
                &format!("mailing_id = {mailing_id} AND bounce = '{}'", kind.as_str()),
            );
            let of_mailing = |mail: &&Mail| self.mailings[mail.mailing] == mailing_id;
            let mails = self.mails.iter().filter(of_mailing);
            let expected = mails.filter(|mail| mail.bounce == Some(kind)).count();
            assert_eq!(usize::try_from(rows), Ok(expected), "{kind:?}");
        }
    }

    fn hour_rows(&self, mailing_id: i64) -> BTreeMap<(i32, i64, i64), [i64; 4]> {
        use widerspruch::db::schema::mailing_hours as hours;
        let rows: Vec<(i32, i64, i64, i64, i64, i64, i64)> = self.world.read(|conn| {
            Ok(hours::table
                .filter(hours::mailing_id.eq(mailing_id))
                .select((
                    hours::kind,
                    hours::link,
                    hours::hour,
                    hours::personal,
                    hours::firsts,
                    hours::anonymous,
                    hours::automatic,
                ))
                .load(conn)?)
        });
        rows.into_iter()
            .map(
                |(kind, link, hour, personal, firsts, anonymous, automatic)| {
                    ((kind, link, hour), [personal, firsts, anonymous, automatic])
                },
            )
            .collect()
    }

    /// What can be recomputed from deliveries and events, which pseudonymising must keep.
    fn check_raw_rows(&self, expected: &Expected, mailing_id: i64) {
        #[derive(QueryableByName)]
        struct Raw {
            #[diesel(sql_type = Integer)]
            kind: i32,
            #[diesel(sql_type = BigInt)]
            link: i64,
            #[diesel(sql_type = BigInt)]
            hour: i64,
            #[diesel(sql_type = BigInt)]
            delivery_id: i64,
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let raw: Vec<Raw> = self.world.read(|conn| {
            Ok(sql_query(
                "SELECT CAST(e.kind AS INTEGER) AS kind, CAST(e.link AS BIGINT) AS link, e.hour, e.delivery_id, e.n
                 FROM events e JOIN deliveries d ON d.id = e.delivery_id
                 WHERE d.mailing_id = $1 AND NOT e.automatic ORDER BY e.hour",
            )
            .bind::<BigInt, _>(mailing_id)
            .load(conn)?)
        });
        let mut personal: BTreeMap<(i32, i64, i64), [i64; 2]> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for row in &raw {
            for link in BTreeSet::from([0, row.link]) {
                let counts = personal.entry((row.kind, link, row.hour)).or_default();
                counts[0] += row.n;
                counts[1] += i64::from(seen.insert((row.kind, link, row.delivery_id)));
            }
        }
        let wanted: BTreeMap<_, _> = expected
            .hours
            .iter()
            .filter(|(_, counts)| counts[0] > 0)
            .map(|(key, counts)| (*key, [counts[0], counts[1]]))
            .collect();
        assert_eq!(personal, wanted, "recomputed from the events");
        let of = |condition: &str| {
            self.world.rows(
                "deliveries",
                &format!("mailing_id = {mailing_id} AND {condition}"),
            )
        };
        assert_eq!(of("status = 'handed'"), expected.handed);
        assert_eq!(of("policy = 'personal'"), expected.handed_personal);
        assert_eq!(of("policy = 'anonymous'"), expected.handed_anonymous);
        assert_eq!(of("opens > 0"), expected.total(0, 0)[1]);
        assert_eq!(of("clicks > 0"), expected.total(1, 0)[1]);
    }
}

impl Expected {
    fn total(&self, kind: i32, link: i64) -> [i64; 4] {
        self.hours
            .iter()
            .filter(|((of_kind, of_link, _), _)| *of_kind == kind && *of_link == link)
            .fold([0; 4], |mut sum, (_, counts)| {
                for (sum, count) in sum.iter_mut().zip(counts) {
                    *sum += count;
                }
                sum
            })
    }

    /// All figures; number and subject are those of the mailing that is asked about.
    fn figures(&self, of: &Figures) -> Figures {
        let [opens, openers, anonymous_opens, automatic_opens] = self.total(0, 0);
        let [clicks, clickers, anonymous_clicks, automatic_clicks] = self.total(1, 0);
        Figures {
            mailing_id: of.mailing_id,
            subject: of.subject.clone(),
            handed: self.handed,
            handed_personal: self.handed_personal,
            handed_anonymous: self.handed_anonymous,
            opens,
            openers,
            anonymous_opens,
            automatic_opens,
            clicks,
            clickers,
            anonymous_clicks,
            automatic_clicks,
            bounces: self.came_back[0],
            soft_bounces: self.came_back[1],
            complaints: self.came_back[2],
            unsubscriptions: self.unsubscriptions,
            objections: 0,
        }
    }
}

impl Mail {
    /// A bounce of a mail of which nothing was measured: it is kept when the person goes.
    fn returned_unread(&self) -> Option<BounceKind> {
        self.bounce
            .filter(|kind| *kind != BounceKind::Complaint && self.opens == 0 && self.clicks == 0)
    }
}

fn number(kind: BounceKind) -> usize {
    match kind {
        BounceKind::Hard => 0,
        BounceKind::Soft => 1,
        BounceKind::Complaint => 2,
    }
}

fn counts(of: Counts) -> [i64; 4] {
    [of.personal, of.unique, of.anonymous, of.automatic]
}

fn kind(what: What) -> i32 {
    i32::from(what.link != 0)
}

/// Tracking, opens, clicks and whether it came back unread, of all lines, in an order that names have no part in.
fn numbers(lines: &[String]) -> Vec<(String, i64, i64, bool)> {
    let mut numbers: Vec<_> = lines
        .iter()
        .map(|line| {
            let cells: Vec<&str> = line.split(';').collect();
            let number = |at: usize| cells[at].parse().expect("a number");
            let (opens, clicks) = (number(3), number(5));
            let came_back = cells[7].ends_with("unzustellbar") && opens == 0 && clicks == 0;
            (cells[2].to_owned(), opens, clicks, came_back)
        })
        .collect();
    numbers.sort();
    numbers
}

on_both!(p5_no_history_makes_a_figure_change, |world| {
    let admin = world.admin();
    let number = std::cell::Cell::new(0);
    let cuts = std::cell::Cell::new(0);
    let cases = std::env::var("TEST_HISTORIES").map_or(16, |n| n.parse().expect("a number"));
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        number.set(number.get() + 1);
        let mut history = History::new(world, &admin, number.get());
        for step in &steps {
            history.take(step);
        }
        // Whatever else happened, in the end everybody goes.
        history.delete(&(0..PEOPLE).collect());
        cuts.set(cuts.get() + history.cuts);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(cuts.get() > number.get(), "histories cut people off");
    assert!(
        world.rows("events", "1 = 1") > 0,
        "and measured them before"
    );
    assert!(
        world.rows("deliveries", "bounce IS NOT NULL") > 0,
        "some mails came back"
    );
    assert_eq!(
        world.rows("deliveries", "recipient_id IS NOT NULL"),
        0,
        "everybody is gone"
    );
});
