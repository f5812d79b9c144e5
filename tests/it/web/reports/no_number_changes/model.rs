//! What must come out, told from what happened alone: no counter, no table.

use std::collections::{BTreeMap, BTreeSet};

use widerspruch::db::reports::Figures;
use widerspruch::domain::bounce::BounceKind;
use widerspruch::domain::secret::Random128;

use super::steps::What;

/// What the model knows of a mail that went out.
pub struct Mail {
    pub mailing: usize,
    pub person: usize,
    /// The person's number when it went out.
    pub recipient_id: i64,
    pub return_path: String,
    pub key: Option<Random128>,
    /// What stands on the delivery.
    pub bounce: Option<BounceKind>,
    /// Whether the way back to the person still exists.
    pub tied: bool,
    pub opened: bool,
    pub clicked: bool,
    pub followed: BTreeSet<u16>,
    pub opens: i64,
    pub clicks: i64,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub handed: i64,
    pub handed_personal: i64,
    pub handed_anonymous: i64,
    pub unsubscriptions: i64,
    /// For good, for now, complaints.
    pub came_back: [i64; 3],
    /// By kind, link (0: all), hour.
    pub hours: BTreeMap<(i32, i64, i64), [i64; 4]>,
    /// By kind and stored class of device.
    pub devices: BTreeMap<(i32, i32), i64>,
}

pub struct Person {
    pub address: String,
    pub id: Option<i64>,
    pub objected: bool,
    pub subscribed: bool,
}

impl Expected {
    pub fn total(&self, kind: i32, link: i64) -> [i64; 4] {
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
    pub fn figures(&self, of: &Figures) -> Figures {
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
            account_off_opens: of.account_off_opens,
            automatic_opens,
            clicks,
            clickers,
            anonymous_clicks,
            account_off_clicks: of.account_off_clicks,
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
    pub fn returned_unread(&self) -> Option<BounceKind> {
        self.bounce
            .filter(|kind| *kind != BounceKind::Complaint && self.opens == 0 && self.clicks == 0)
    }
}

pub fn number(kind: BounceKind) -> usize {
    match kind {
        BounceKind::Hard => 0,
        BounceKind::Soft => 1,
        BounceKind::Complaint => 2,
    }
}

pub fn kind(what: What) -> i32 {
    i32::from(what.link != 0)
}
