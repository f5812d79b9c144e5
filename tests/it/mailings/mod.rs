//! Mailings from the draft to the mail in the *Postausgang*.

mod asking;
mod composing;
mod files;
mod halting;
mod kill;
mod links;
mod pages;
mod refusals;
mod sending;
mod signing;
mod smtp;
mod trial;
mod turns;

use diesel::RunQueryDsl;

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::mailings::{self, Content, Mailing, MailingStatus};
use widerspruch::db::models::recipients::{self, NewRecipient};
use widerspruch::db::models::sending::Hold;
use widerspruch::db::models::{groups, outbox};
use widerspruch::db::paging::Position;
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{RecipientTracking, TrackingSource};
use widerspruch::mail::read::{ReadMail, read};
use widerspruch::sending::preparation;

use crate::support::sink::Sink;
use crate::support::{World, eventually};

pub const HTML: &str = r#"<html><body><p>Hallo {{ vorname }}</p>
<a href="https://example.org/a?x=1&amp;y=2">A</a> <a href="https://example.org/b">B</a></body></html>"#;

/// The hold of a sender that has ended.
pub const LEFT: Hold = Hold {
    holder: 1,
    until: 0,
};

/// As if the leases of all senders that have ended had run out.
pub fn leases_run_out(world: &World) {
    world.write(|conn| {
        diesel::sql_query("UPDATE deliveries SET lease_until = 0 WHERE lease_until IS NOT NULL")
            .execute(conn)?;
        Ok(())
    });
}

/// Adds a person to a group and gives the number.
pub fn person(world: &World, group: i64, address: &str, tracking: RecipientTracking) -> i64 {
    let parsed = EmailAddress::parse(address).expect("an address");
    let now = Timestamp::now();
    let name = address.split('@').next().expect("a name").to_owned();
    world.write(|conn| {
        let new = NewRecipient {
            address: &parsed,
            first_name: &name,
            last_name: "Muster",
            fields: &serde_json::Map::new(),
            tracking: Some((tracking, now.millis(), TrackingSource::Admin)),
            unsubscribed: None,
        };
        let id = recipients::create(conn, world.account_id, &new, now)?;
        groups::add_members(conn, world.account_id, group, &[id], now)?;
        Ok(id)
    })
}

pub fn group(world: &World, name: &str) -> i64 {
    world.write(|conn| groups::create(conn, world.account_id, name, Timestamp::now()))
}

/// So many people in a group of their own: `p0@example.com` and so on.
pub fn people(world: &World, count: usize) -> i64 {
    let all = group(world, "Alle");
    for n in 0..count {
        let address = format!("p{n}@example.com");
        person(world, all, &address, RecipientTracking::Unset);
    }
    all
}

pub fn draft(world: &World, html: &str, groups: &[i64]) -> i64 {
    let content = Content {
        subject: "Neues für {{ vorname }}",
        sender_name: "Gärtnerei",
        sender_address: "post@example.org",
        html,
        mjml: "",
        text: "",
        groups,
    };
    world.write(|conn| mailings::create(conn, world.account_id, &content, Timestamp::now()))
}

/// The mailing as it stands now.
pub fn find(world: &World, mailing: i64) -> Mailing {
    world.read(|conn| mailings::find(conn, world.account_id, mailing))
}

/// The problem that a mailing is said to have, once there is one.
pub fn told_problem(world: &World, mailing: i64) -> String {
    let look = || find(world, mailing).problem;
    eventually("the problem is told", look, Option::is_some).expect("a problem")
}

/// Waits until a mail server has taken so many mails.
pub fn wait_for_mails(sink: &Sink, mails: usize) {
    eventually("mails go out", || sink.taken().len(), |n| *n >= mails);
}

/// Starts a mailing and waits until it is sent.
pub fn send(world: &World, mailing: i64) -> Mailing {
    let actor = Actor::Program("Test");
    world.write(|conn| {
        preparation::start(conn, world.account_id, mailing, &actor, Timestamp::now())
    });
    world.state.sender.wake();
    sent(world, mailing)
}

/// Waits until a mailing is sent.
pub fn sent(world: &World, mailing: i64) -> Mailing {
    eventually(
        "it is sent",
        || find(world, mailing),
        |found| found.status == MailingStatus::Sent,
    )
}

/// The mails in the outbox with the addresses they are for, by address.
pub fn mails(world: &World) -> Vec<(String, ReadMail)> {
    let listed = world.read(|conn| outbox::list(conn, world.account_id, Position::First, 100_000));
    let mut mails: Vec<_> = listed
        .rows
        .into_iter()
        .map(|mail| {
            let bytes = world.state.outbox.read(&mail.file).expect("the file");
            (mail.address, read(&bytes).expect("a mail"))
        })
        .collect();
    mails.sort_by(|a, b| a.0.cmp(&b.0));
    mails
}

/// The values of these attributes in an HTML part, in the order of the document.
pub fn attributes(html: &str, selector: &str, name: &str) -> Vec<String> {
    let selector = scraper::Selector::parse(selector).expect("a selector");
    scraper::Html::parse_document(html)
        .select(&selector)
        .filter_map(|element| element.value().attr(name).map(str::to_owned))
        .collect()
}
