//! Where the links of mailings lead, in memory.
//!
//! A mailing's links never change once it is sent, so they are kept: a database in trouble does
//! not break a reader's link. The memory is bounded; what was not used for longest makes room.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::db::models::mailing_links;
use crate::db::{Db, DbResult};

/// How many mailings' links are kept.
const KEPT: usize = 2_000;

/// The links of one mailing.
#[derive(Debug)]
pub struct MailingLinks {
    /// The account of the mailing.
    pub account_id: i64,
    /// Where each link leads, by its number (the first link is number 1).
    pub urls: HashMap<u16, String>,
}

/// The links kept in memory. Cheap to clone.
#[derive(Clone)]
pub struct LinkCache {
    db: Db,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    mailings: HashMap<i64, (u64, Arc<MailingLinks>)>,
    clock: u64,
}

impl LinkCache {
    /// An empty memory.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            kept: Arc::default(),
        }
    }

    /// Loads the links of the mailings sent last.
    pub fn warm_up(&self) -> DbResult<()> {
        for mailing_id in self
            .db
            .read(|conn| mailing_links::recently_sent(conn, 200))?
        {
            self.load(mailing_id)?;
        }
        Ok(())
    }

    /// The links of a mailing, if they are in memory.
    pub fn kept(&self, mailing_id: i64) -> Option<Arc<MailingLinks>> {
        let mut kept = self.kept.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let (used, links) = kept.mailings.get_mut(&mailing_id)?;
        *used = clock;
        Some(Arc::clone(links))
    }

    /// The links of a mailing from the database, kept from then on; none when there is no such
    /// mailing.
    pub fn load(&self, mailing_id: i64) -> DbResult<Option<Arc<MailingLinks>>> {
        let Some((account_id, urls)) = self
            .db
            .read(|conn| mailing_links::of_mailing(conn, mailing_id))?
        else {
            return Ok(None);
        };
        let links = Arc::new(MailingLinks {
            account_id,
            urls: urls
                .into_iter()
                .filter_map(|(number, url)| Some((u16::try_from(number).ok()?, url)))
                .collect(),
        });
        let mut kept = self.kept.lock();
        kept.clock += 1;
        let clock = kept.clock;
        if kept.mailings.len() >= KEPT
            && let Some(oldest) = kept
                .mailings
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(id, _)| *id)
        {
            kept.mailings.remove(&oldest);
        }
        kept.mailings
            .insert(mailing_id, (clock, Arc::clone(&links)));
        Ok(Some(links))
    }
}
