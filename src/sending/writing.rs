//! The mail of one delivery: rendered, with its own links, composed, signed.

use lettre::address::Envelope;

use super::SendError;
use super::claiming::InHand;
use super::sender::Tools;
use super::signing::signer;
use super::transport::Slot;
use crate::db::DbError;
use crate::db::models::mailing_links;
use crate::db::models::mailings::Mailing;
use crate::domain::secret::Random128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::Decision;
use crate::mail::compose::{Composed, Outgoing, Stream, compose};
use crate::mail::dkim::Signer;
use crate::mail::{MailError, PreparedMailing, Recipient, TrackingUrls, verp};
use crate::tracking::token::{HitKind, PersonalLink, PersonalToken, TrackingToken};

/// Writes the mails of one mailing.
pub(super) struct Writer<'a> {
    tools: &'a Tools,
    account_id: i64,
    mailing: &'a Mailing,
    prepared: PreparedMailing,
    signer: Option<Signer>,
    return_path: &'a str,
}

/// A mail ready to be handed over.
pub(super) struct Written {
    /// From which address to which.
    pub envelope: Envelope,
    /// The message, signed where the sender's domain has keys.
    pub message: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Makes a mailing ready. `return_path` is where bounces arrive; empty: at the sender's.
    pub(super) fn new(
        tools: &'a Tools,
        account_id: i64,
        mailing: &'a Mailing,
        return_path: &'a str,
    ) -> Result<Self, SendError> {
        // Before the first mail is out, so that its links lead on even without the database.
        tools.links.load(mailing.id)?;
        let (links, signer) = tools.db.read(|conn| {
            let links = mailing_links::of_mailing(conn, mailing.id)?;
            let signer = match &tools.keys {
                Some(keys) => {
                    match signer(conn, &keys.sealer, account_id, &mailing.sender_address) {
                        Err(DbError::Unreadable(_)) => Err(SendError::Keys),
                        other => Ok(other?),
                    }
                }
                None => Ok(None),
            };
            Ok((links, signer))
        })?;
        let links: Vec<(i32, String)> = links
            .map(|(_, links)| links)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(number, url)| Some((i32::try_from(number).ok()?, url)))
            .collect();
        let prepared =
            PreparedMailing::new(&mailing.subject, &mailing.html, &mailing.text, &links)?;
        // Before the first mail is out: none goes without its links.
        prepared.check(&mailing.html)?;
        Ok(Self {
            prepared,
            signer: signer?,
            tools,
            account_id,
            mailing,
            return_path,
        })
    }

    /// The mail of one delivery.
    ///
    /// # Errors
    /// These values can't be put into this mail, or the address can't be used.
    pub(super) fn write(&self, delivery: &InHand, now: Timestamp) -> Result<Written, MailError> {
        let person = &delivery.waiting;
        let fields = serde_json::from_str(&person.fields).unwrap_or_default();
        let recipient = Recipient {
            first_name: &person.first_name,
            last_name: &person.last_name,
            address: &person.address,
            fields: &fields,
        };
        let key = person.public_key.as_slice().try_into().unwrap_or_default();
        let unsubscribe = self.personal(PersonalLink::Unsubscribe, key);
        let preferences = self.personal(PersonalLink::Preferences, key);
        let pixel = format!("{}.gif", self.tracked(HitKind::Open, delivery.key, 0));
        let click = |number: i32| {
            let link = u16::try_from(number).unwrap_or_default();
            self.tracked(HitKind::Click, delivery.key, link)
        };
        let measured = delivery.policy != Decision::Nothing;
        let urls = TrackingUrls {
            pixel: measured.then_some(pixel.as_str()),
            click: measured.then_some(&click as &dyn Fn(i32) -> String),
            unsubscribe: &unsubscribe,
            preferences: &preferences,
        };
        let mail = self.prepared.render(&recipient, &urls)?;
        self.prepared.check_mail(&mail, &urls)?;
        let name = [person.first_name.as_str(), person.last_name.as_str()].join(" ");
        let Composed { envelope, message } = compose(&Outgoing {
            from_name: &self.mailing.sender_name,
            from_address: &self.mailing.sender_address,
            to_name: name.trim(),
            to_address: &person.address,
            mail: &mail,
            unsubscribe: &unsubscribe,
            stream: Some(Stream {
                account_id: self.account_id,
                mailing_id: self.mailing.id,
            }),
            return_path: &self.marked_return_path(&key),
            sent_at: now.millis(),
        })?;
        let message = match &self.signer {
            Some(signer) => signer.sign(&message, now)?,
            None => message,
        };
        Ok(Written { envelope, message })
    }

    fn marked_return_path(&self, recipient_key: &Random128) -> String {
        match &self.tools.keys {
            Some(keys) if !self.return_path.is_empty() => {
                let mark = verp::mark(&keys.bounces, self.mailing.id, recipient_key);
                verp::marked(self.return_path, &mark).unwrap_or_else(|| self.return_path.to_owned())
            }
            _ => String::new(),
        }
    }

    fn tracked(&self, kind: HitKind, key: Option<Random128>, link: u16) -> String {
        let token = TrackingToken {
            mailing_id: self.mailing.id,
            key,
            link,
        };
        let path = match kind {
            HitKind::Open => "o",
            HitKind::Click => "k",
        };
        self.address(path, &self.tools.tokens.tracking(kind, token))
    }

    fn personal(&self, link: PersonalLink, recipient_key: Random128) -> String {
        let token = PersonalToken {
            mailing_id: self.mailing.id,
            recipient_key,
        };
        let path = match link {
            PersonalLink::Unsubscribe => "abmelden",
            PersonalLink::Preferences => "datenschutz",
        };
        self.address(path, &self.tools.tokens.personal(link, token))
    }

    fn address(&self, path: &str, token: &str) -> String {
        let base = self.tools.public_url.as_str().trim_end_matches('/');
        format!("{base}/{path}/{token}")
    }

    pub(super) const fn slot(&self, delivery: &InHand) -> Slot {
        Slot {
            mailing_id: self.mailing.id,
            recipient_id: delivery.waiting.recipient_id,
        }
    }
}
