//! Storing a batch of hits in one transaction: the second asking of the policy (rule P1).

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::Hit;
use crate::db::models::hits::{self, Additions, KnownDelivery};
use crate::db::{Db, DbError, DbResult, LOCK_TIMEOUT};
use crate::domain::tracking::{AccountTracking, TrackingMode};
use crate::tracking::policy::{Decision, decide};
use crate::tracking::token::HitKind;

/// Decides each hit with the settings as they are in the transaction that stores them.
///
/// What is not personal raises an hourly total of the mailing (and link) and leaves nothing else
/// behind (rule P3). On PostgreSQL the shared locks of the accounts' hits keep a deactivation from
/// committing between the decision and this transaction's commit (rule P2).
///
/// Each of these locks is waited for so long at most: `false`, and nothing is stored, where one could
/// not be had.
pub fn store_within(db: &Db, batch: &[Hit], patience: Duration) -> DbResult<bool> {
    let account_ids = each_once(batch.iter().map(|hit| hit.account_id));
    let keys = each_once(batch.iter().filter_map(|hit| hit.key));
    let clicked = each_once(batch.iter().filter_map(|hit| match hit.kind {
        HitKind::Open => None,
        HitKind::Click => hit.key,
    }));
    let recorded = db.record(&account_ids, patience, |conn| {
        let known = hits::known(conn, &account_ids, &keys)?;
        let followed: Vec<i64> = clicked
            .iter()
            .filter_map(|key| known.deliveries.get(key))
            .filter(|delivery| delivery.clicked)
            .map(|delivery| delivery.id)
            .collect();
        let followed = if followed.is_empty() {
            HashSet::new()
        } else {
            hits::followed_links(conn, &followed)?
        };
        let mut sums = Sums::new(followed);
        for hit in batch {
            // An account that is gone takes its mailings' hits along.
            let Some(account) = known.accounts.get(&hit.account_id) else {
                continue;
            };
            let delivery = hit.key.and_then(|key| known.deliveries.get(&key));
            sums.add(hit, *account, delivery);
        }
        hits::add(conn, &sums.additions())
    })?;
    Ok(recorded.is_some())
}

/// The same, waiting for each lock as everybody else does.
pub fn store(db: &Db, batch: &[Hit]) -> DbResult<()> {
    if store_within(db, batch, LOCK_TIMEOUT)? {
        Ok(())
    } else {
        Err(DbError::Unavailable("an account is locked".to_owned()))
    }
}

/// In order.
fn each_once<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[derive(Default)]
struct HourSums {
    personal: i64,
    firsts: i64,
    anonymous: i64,
    automatic: i64,
    /// Of the anonymous ones, those counted while tracking was off for the account.
    account_off: i64,
}

#[derive(Default)]
struct DeliverySums {
    open: Span,
    click: Span,
}

/// From when to when, and how often.
#[derive(Default)]
struct Span {
    from: Option<i64>,
    to: Option<i64>,
    n: i64,
}

impl Span {
    fn add(&mut self, at: i64) {
        self.from = Some(self.from.map_or(at, |from| from.min(at)));
        self.to = Some(self.to.map_or(at, |to| to.max(at)));
        self.n += 1;
    }
}

/// Delivery, kind, link, hour, device, automatic.
type EventKey = (i64, i32, i64, i64, i32, bool);

/// What the batch adds up to, in the order of the tables' keys.
struct Sums {
    /// Links followed before, by delivery; grows while the batch is added up.
    followed: HashSet<(i64, i64)>,
    /// Deliveries first opened, or first clicked, in this batch.
    first_seen: HashSet<(i64, i32)>,
    /// The account, and how often.
    events: BTreeMap<EventKey, (i64, i64)>,
    deliveries: BTreeMap<i64, DeliverySums>,
    /// By account, mailing, kind, link, hour.
    hours: BTreeMap<(i64, i64, i32, i64, i64), HourSums>,
    /// By account, mailing, kind, device.
    devices: BTreeMap<(i64, i64, i32, i32), i64>,
}

impl Sums {
    fn new(followed: HashSet<(i64, i64)>) -> Self {
        Self {
            followed,
            first_seen: HashSet::new(),
            events: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            hours: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    fn add(&mut self, hit: &Hit, account: AccountTracking, delivery: Option<&KnownDelivery>) {
        let delivery = delivery.filter(|d| d.rendered_personal && d.mailing_id == hit.mailing_id);
        match (decide(account, delivery.map(|d| d.recipient)), delivery) {
            (Decision::Personal, Some(delivery)) => self.add_personal(hit, delivery),
            (Decision::Anonymous, _) => self.add_anonymous(hit, account.mode),
            (Decision::Nothing, _) | (Decision::Personal, None) => {}
        }
    }

    fn add_personal(&mut self, hit: &Hit, delivery: &KnownDelivery) {
        let kind = number(hit.kind);
        let link = i64::from(hit.link);
        let hour = hit.at.hour().0;
        let automatic = hit.visitor.automatic;
        let device = hit.visitor.device.number();
        let event = self
            .events
            .entry((delivery.id, kind, link, hour, device, automatic))
            .or_insert((hit.account_id, 0));
        event.1 += 1;
        if automatic {
            self.each_total(hit, |total| total.automatic += 1);
            return;
        }
        let sums = self.deliveries.entry(delivery.id).or_default();
        let seen_before = match hit.kind {
            HitKind::Open => {
                sums.open.add(hit.at.millis());
                delivery.opened
            }
            HitKind::Click => {
                sums.click.add(hit.at.millis());
                delivery.clicked
            }
        };
        let first_of_mailing = !seen_before && self.first_seen.insert((delivery.id, kind));
        let first_of_link = hit.kind == HitKind::Click && self.followed.insert((delivery.id, link));
        *self
            .devices
            .entry((hit.account_id, hit.mailing_id, kind, device))
            .or_default() += 1;
        let total = self.total(hit, 0);
        total.personal += 1;
        total.firsts += i64::from(first_of_mailing);
        if hit.kind == HitKind::Click {
            let total = self.total(hit, link);
            total.personal += 1;
            total.firsts += i64::from(first_of_link);
        }
    }

    /// While tracking is off for the account everybody is counted alike, also who objected: that
    /// is told apart from what is anonymous because of single people.
    fn add_anonymous(&mut self, hit: &Hit, mode: TrackingMode) {
        if hit.visitor.automatic {
            self.each_total(hit, |total| total.automatic += 1);
        } else {
            self.each_total(hit, |total| {
                total.anonymous += 1;
                total.account_off += i64::from(mode == TrackingMode::Off);
            });
        }
    }

    /// The mailing's own total and, for a click, that of its link.
    fn each_total(&mut self, hit: &Hit, raise: impl Fn(&mut HourSums)) {
        raise(self.total(hit, 0));
        if hit.kind == HitKind::Click {
            raise(self.total(hit, i64::from(hit.link)));
        }
    }

    fn total(&mut self, hit: &Hit, link: i64) -> &mut HourSums {
        self.hours
            .entry((
                hit.account_id,
                hit.mailing_id,
                number(hit.kind),
                link,
                hit.at.hour().0,
            ))
            .or_default()
    }

    fn additions(self) -> Additions {
        let events = self.events.into_iter().map(
            |((delivery, kind, link, hour, device, automatic), (account, n))| {
                (account, delivery, kind, link, hour, device, automatic, n)
            },
        );
        let deliveries = self.deliveries.into_iter().map(|(id, sums)| {
            let DeliverySums { open, click } = sums;
            (
                id, open.from, open.to, open.n, click.from, click.to, click.n,
            )
        });
        let hours = self
            .hours
            .into_iter()
            .map(|((account, mailing, kind, link, hour), sums)| {
                let HourSums {
                    personal,
                    firsts,
                    anonymous,
                    automatic,
                    account_off,
                } = sums;
                (
                    account,
                    mailing,
                    kind,
                    link,
                    hour,
                    personal,
                    firsts,
                    anonymous,
                    automatic,
                    account_off,
                )
            });
        let devices = self
            .devices
            .into_iter()
            .map(|((account, mailing, kind, device), n)| (account, mailing, kind, device, n));
        Additions {
            events: events.collect(),
            deliveries: deliveries.collect(),
            hours: hours.collect(),
            devices: devices.collect(),
        }
    }
}

/// The number a kind is stored as.
const fn number(kind: HitKind) -> i32 {
    match kind {
        HitKind::Open => 0,
        HitKind::Click => 1,
    }
}
