//! A program that is killed while it sends: everybody gets the mail, nobody gets it twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::groups;
use widerspruch::db::models::mailings::{self, Mailing, MailingStatus};
use widerspruch::db::models::recipients::{self, NewRecipient};
use widerspruch::db::reports;
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;
use widerspruch::mail::read::read;
use widerspruch::sending::preparation;

use super::{HTML, attributes, draft, group, leases_run_out, sent};
use crate::support::agent::Agent;
use crate::support::program::Program;
use crate::support::{On, World, attempts, eventually};

const PEOPLE: usize = 400;

/// The program is killed when so many mails lie in the outbox; none is the end of a claim.
const KILLED_AT: [usize; 3] = [30, 130, 270];

const WITH_MAILS_IN_HAND: &str = "killed in the middle with mails in hand";

fn killed_three_times(on: On) -> Option<()> {
    let mut world = World::start(on);
    let (all, expected) = people(&world);
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)
    });

    let dir = world.dir.path().join("outbox");
    let (mut seen, mut in_hand) = (BTreeMap::new(), 0);
    for at in KILLED_AT {
        let program = Program::serve(world.dir.path(), world.database_url());
        eventually(
            "mails are written",
            || whole_files(&dir).len(),
            |n| *n >= at,
        );
        program.kill();
        if find(&world, mailing).status == MailingStatus::Sent {
            return None;
        }
        in_hand += world.rows("deliveries", "status = 'claimed'");
        seen.append(&mut whole_mails(&dir));
        leases_run_out(&world);
    }
    if in_hand == 0 {
        return None;
    }

    let program = Program::serve(world.dir.path(), world.database_url());
    let mailing = sent(&world, mailing);
    let people = i64::try_from(PEOPLE).expect("a number");
    assert_eq!((mailing.deliveries, mailing.handed), (people, people));
    assert_eq!(mailing.handed_personal, people);
    assert_eq!(
        (mailing.uncertain, mailing.failed, mailing.cancelled),
        (0, 0, 0)
    );
    assert_eq!(world.rows("deliveries", "status = 'handed'"), people);
    assert_eq!(world.rows("outbox_mails", "1 = 1"), people);

    let mails = whole_mails(&dir);
    for (name, bytes) in &seen {
        // A mail has keys of its own: written again it would read differently.
        assert!(mails.get(name) == Some(bytes), "a mail was written again");
    }
    let (mut receivers, mut pixels) = (BTreeSet::new(), Vec::new());
    for bytes in mails.values() {
        let mail = read(bytes).expect("a mail");
        let address = mail.to.rsplit(['<', ' ']).next().expect("an address");
        let address = address.trim_end_matches('>').to_owned();
        assert!(receivers.insert(address), "twice: {}", mail.to);
        let html = mail.html.expect("HTML");
        pixels.extend(attributes(&html, "img", "src"));
    }
    assert_eq!(receivers, expected);
    let left = std::fs::read_dir(&dir).expect("the outbox").count();
    assert_eq!(left, PEOPLE, "nothing half written stays");
    // What was in hand at a kill still belongs to its delivery.
    std::thread::scope(|scope| {
        for some in pixels.chunks(PEOPLE / 16) {
            let visitor = Agent::new(&program.url);
            scope.spawn(move || {
                for pixel in some {
                    let path = &pixel[pixel.find("/o/").expect("a path")..];
                    assert_eq!(visitor.get(path).status, 200);
                }
            });
        }
    });
    // On a busy machine some are answered before they are stored.
    let figures = eventually(
        "all hits are stored",
        || world.read(|conn| reports::figures(conn, world.account_id, &[mailing.id])),
        |figures| figures[0].opens >= people,
    );
    assert_eq!((figures[0].opens, figures[0].openers), (people, people));
    assert_eq!(figures[0].anonymous_opens, 0);
    Some(())
}

/// Makes the recipients, all in one group, and gives the group and their addresses.
fn people(world: &World) -> (i64, BTreeSet<String>) {
    let all = group(world, "Alle");
    let addresses: BTreeSet<String> = (0..PEOPLE).map(|n| format!("p{n}@example.com")).collect();
    world.write(|conn| {
        let (fields, now) = (serde_json::Map::new(), Timestamp::now());
        let mut ids = Vec::new();
        for address in &addresses {
            let new = NewRecipient {
                address: &EmailAddress::parse(address).expect("an address"),
                first_name: "Anna",
                last_name: "Muster",
                fields: &fields,
                tracking: None,
                unsubscribed: None,
            };
            ids.push(recipients::create(conn, world.account_id, &new, now)?);
        }
        groups::add_members(conn, world.account_id, all, &ids, now)
    });
    (all, addresses)
}

fn find(world: &World, mailing: i64) -> Mailing {
    world.read(|conn| mailings::find(conn, world.account_id, mailing))
}

/// The files of mails that are whole.
fn whole_files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .collect()
}

/// The mails that are whole, by their files.
fn whole_mails(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = whole_files(dir).into_iter();
    files
        .map(|path| {
            let bytes = std::fs::read(&path).expect("a file");
            (path, bytes)
        })
        .collect()
}

#[test]
fn a_killed_sender_loses_and_doubles_nothing_sqlite() {
    attempts(WITH_MAILS_IN_HAND, || killed_three_times(On::Sqlite));
}

#[test]
fn a_killed_sender_loses_and_doubles_nothing_postgres() {
    attempts(WITH_MAILS_IN_HAND, || killed_three_times(On::Postgres));
}
