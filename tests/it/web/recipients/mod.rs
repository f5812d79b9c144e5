//! *Empfänger* and *Gruppen*.

mod data;
mod fields;
mod groups;
mod history;
mod left_groups;
mod list;
mod new;
mod search;

use widerspruch::db::models::groups as group_models;
use widerspruch::db::models::recipients::{self, NewRecipient, Recipient};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;

use crate::support::World;

/// Adds somebody behind the pages' back.
pub fn add(world: &World, account_id: i64, address: &str, first: &str, last: &str) -> i64 {
    let address = EmailAddress::parse(address).expect("an address");
    world.write(|conn| {
        let new = NewRecipient {
            address: &address,
            first_name: first,
            last_name: last,
            fields: &serde_json::Map::new(),
            tracking: None,
            unsubscribed: None,
        };
        recipients::create(conn, account_id, &new, Timestamp::now())
    })
}

/// Adds people called `p0`, `p1`, … at example.org, in one transaction.
pub fn add_many(world: &World, count: usize) -> Vec<i64> {
    world.write(|conn| {
        (0..count)
            .map(|n| {
                let address = EmailAddress::parse(&format!("p{n}@example.org")).unwrap();
                let new = NewRecipient {
                    address: &address,
                    first_name: "",
                    last_name: "",
                    fields: &serde_json::Map::new(),
                    tracking: None,
                    unsubscribed: None,
                };
                recipients::create(conn, world.account_id, &new, Timestamp::now())
            })
            .collect()
    })
}

/// Makes a group with these members.
pub fn group(world: &World, name: &str, members: &[i64]) -> i64 {
    world.write(|conn| {
        let id = group_models::create(conn, world.account_id, name, Timestamp::now())?;
        group_models::add_members(conn, world.account_id, id, members, Timestamp::now())?;
        Ok(id)
    })
}

/// The recipient with that normalised address.
pub fn by_address(world: &World, key: &str) -> Option<Recipient> {
    world.read(|conn| recipients::find_by_address(conn, world.account_id, key))
}
