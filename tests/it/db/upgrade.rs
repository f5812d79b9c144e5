//! A database made by the version before, with data in it, is brought up to date at start.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use serde_json::json;
use widerspruch::db::models::audit::{self, Action, Actor, Entry};
use widerspruch::db::models::groups;
use widerspruch::db::models::recipients::{self, RecipientData};
use widerspruch::db::paging::Position;
use widerspruch::db::search::rebuild::{self, Rebuilt};
use widerspruch::db::{Db, search, sqlite_file};
use widerspruch::domain::time::Timestamp;

use crate::support::import::import;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, eventually, on_both};

/// The migrations whose upgrades this tests.
const SESSION_KEYS: &str = "20261201000001";
const SEARCH_FOLDING: &str = "20261202000001";
const LEFT_GROUPS: &str = "20261202000004";
const FIELDS: &str = "20261202000005";
const VERSIONS: &str = "20261202000007";
const JOB_QUEUE: &str = "20261203000001";

/// Tables that the upgrade or a running server changes, and which are looked at apart.
const APART: [&str; 4] = [
    "__diesel_schema_migrations",
    "installation",
    "sessions",
    "sign_ins",
];

/// Takes that migration back and all since, and enters what the version before would have.
fn as_before(world: &World, migration: &str, data: &str) {
    fn revert<C>(conn: &mut C, folder: &str, migration: &str)
    where
        C: MigrationHarness<C::Backend> + Connection,
    {
        let migrations = FileBasedMigrations::from_path(folder).expect("migrations");
        while conn
            .revert_last_migration(migrations.clone())
            .expect("its down.sql")
            .to_string()
            != migration
        {}
    }
    match world.on {
        On::Sqlite => {
            let path = sqlite_file(world.dir.path());
            let path = path.to_str().expect("a path");
            let mut conn = SqliteConnection::establish(path).expect("the file");
            revert(&mut conn, "migrations/sqlite", migration);
            conn.batch_execute(data).expect("rows");
        }
        On::Postgres => {
            let url = world.database_url().expect("a server");
            let mut conn = PgConnection::establish(url).expect("the server");
            revert(&mut conn, "migrations/postgres", migration);
            conn.batch_execute(data).expect("rows");
        }
    }
}

on_both!(sessions_of_the_version_before_end, |_world| {
    let mut world = World::start(_world.on);
    let admin = world.admin();
    let form = [("email", "maria@example.org"), ("name", "Maria")];
    assert_eq!(admin.post("/empfaenger/neu", &form).status, 303);
    // Totals that were counted before anonymous hits were told apart.
    let mailing = world.make_sent_mailing("Neues", 0);
    for _ in 0..3 {
        world.visitor().get(&world.pixel(mailing, None));
    }
    let before = world.dump(&APART);
    assert!(world.rows("mailing_hours", "anonymous = 3 AND account_off = 0") == 1);
    assert!(before.iter().any(|row| row.contains("maria@example.org")));
    world.stop();
    let blob = |byte: &str| match world.on {
        On::Sqlite => format!("x'{}'", byte.repeat(32)),
        On::Postgres => format!("'\\x{}'", byte.repeat(32)),
    };
    let (of_session, of_sign_in) = (blob("aa"), blob("bb"));
    as_before(
        &world,
        SESSION_KEYS,
        &format!(
            "INSERT INTO sessions (key_hash, user_id, device, created_at, used_at, expires_at)
             SELECT {of_session}, id, 1, 1, 1, 9999999999999 FROM users;
             INSERT INTO sign_ins (key_hash, account_id, user_id, next, failures, expires_at)
             SELECT {of_sign_in}, account_id, id, '/', 0, 9999999999999 FROM users;"
        ),
    );

    world.restart();
    assert_eq!(world.dump(&APART), before);
    assert_eq!(world.rows("sessions", "1 = 1"), 0, "all sign in once more");
    assert_eq!(world.rows("sign_ins", "1 = 1"), 0);
    let again = world.visitor();
    let form = [("email", ADMIN), ("password", PASSWORD)];
    assert_eq!(again.post("/anmelden", &form).status, 303);
    again.visit("/empfaenger").assert_says("maria@example.org");
});

/// Search texts as they were stored before they were folded.
fn as_before_folding(world: &World) {
    let data = "UPDATE recipients SET search_text =
             address_key || CASE first_name WHEN '' THEN '' ELSE chr(10) || lower(first_name) || ' ' || replace(lower(last_name), 'Ü', 'ü') END";
    let data = match world.on {
        On::Postgres => format!("{data};"),
        // The index goes with its texts.
        On::Sqlite => format!(
            "{};
             INSERT INTO recipient_search (recipient_search) VALUES ('rebuild');",
            data.replace("chr(10)", "char(10)")
        ),
    };
    as_before(world, SEARCH_FOLDING, &data);
}

fn found(world: &World, needle: &str) -> usize {
    let page = world.read(|conn| search::find(conn, world.account_id, needle, Position::First, 50));
    page.rows.len()
}

fn rename(world: &World, db: &Db, first_name: &str) {
    db.write(|conn| {
        let address = "mitglied119@verein.example".parse().expect("an address");
        let known =
            recipients::find_by_address(conn, world.account_id, "mitglied119@verein.example")?;
        let data = RecipientData {
            address: &address,
            first_name,
            last_name: "Müller",
            fields: &serde_json::Map::new(),
        };
        let id = known.expect("the recipient").id;
        recipients::update(conn, world.account_id, id, &data, Timestamp::now())
    })
    .expect("a change");
}

on_both!(search_texts_of_the_version_before_are_folded, |_world| {
    let mut world = World::start(_world.on);
    let rows = (0..120).fold("E-Mail;Vorname;Nachname\n".to_owned(), |rows, n| {
        rows + &format!("mitglied{n}@verein.example;Jürgen;Müller\n")
    });
    import(&world, &rows, None);
    let other = world.make_account("Andere GmbH", "other@example.org");
    let rows = "E-Mail\nfremd@verein.example\n";
    let own = std::mem::replace(&mut world.account_id, other);
    import(&world, rows, None);
    world.account_id = own;
    let before = world.dump(&APART);
    world.stop();
    as_before_folding(&world);
    // As after a kill in the middle: what was folded stays, and the rest is found as before.
    {
        let db = Db::open(&world.config().data.database).expect("the database");
        assert_eq!(
            db.write(|conn| rebuild::step(conn, 50)).expect("a step"),
            Rebuilt::Some(50)
        );
        let count = |needle: &str| {
            db.read(|conn| search::count(conn, world.account_id, needle))
                .expect("a count")
                .counted
        };
        assert_eq!(count("müller"), 120);
        assert_eq!(count("jürgen müller"), 120);
        assert_eq!(count("mitglied119@"), 1);
        assert_eq!(count("mueller"), 50, "not folded yet");
        // Whoever changes meanwhile is folded at once.
        rename(&world, &db, "Zoë");
        assert_eq!(count("zoe mueller"), 1);
        rename(&world, &db, "Jürgen");
    }
    world.restart();
    eventually(
        "all texts are folded",
        || world.rows("installation", "key = 'search_folded_to'"),
        |left| *left == 0,
    );
    assert_eq!(found(&world, "mueller"), 50);
    let mueller = world.read(|conn| search::count(conn, world.account_id, "Jurgen Mueller"));
    assert_eq!(mueller.counted, 120);
    assert_eq!(found(&world, "mitglied119@"), 1);
    assert_eq!(found(&world, "fremd"), 0);
    assert_eq!(
        world
            .read(|conn| search::count(conn, other, "fremd"))
            .counted,
        1
    );
    let without_time = |rows: Vec<String>| -> Vec<String> {
        rows.into_iter()
            .filter(|row| !row.contains("mitglied119@"))
            .collect()
    };
    assert_eq!(without_time(world.dump(&APART)), without_time(before));
});

on_both!(refused_rows_of_the_version_before_are_listed, |_world| {
    let mut world = World::start(_world.on);
    let import = import(
        &world,
        "E-Mail;Notiz\nanna@;Anna\nben@example.org;Ben\n",
        None,
    );
    world.stop();
    as_before(&world, FIELDS, "SELECT 1;");
    world.restart();
    let admin = world.admin();
    let file = admin.get(&format!("/empfaenger/import/{}/abgelehnt.csv", import.id));
    let rows = file.rows();
    assert!(
        rows.starts_with("Zeile;Ablehnungsgrund;Spalte 1\n2;"),
        "{rows}"
    );
    assert!(rows.trim_end().ends_with(";anna@"), "{rows}");
    assert_eq!(world.rows("import_refusals", "cells = '' AND line > 0"), 1);
    assert_eq!(world.rows("import_refusals", "1 = 1"), 1);
});

on_both!(
    who_left_a_group_before_is_known_where_it_is_certain,
    |_world| {
        let mut world = World::start(_world.on);
        let account = world.account_id;
        let now = Timestamp::now();
        // Young enough for the audit log to keep it.
        let left_at = now.plus_days(-7);
        let names = ["left", "back", "again", "moved", "never"];
        let ids = names.map(|name| world.make_recipient(&format!("{name}@example.org")));
        let group = world.write(|conn| {
            let group = groups::create(conn, account, "Aktionen", now)?;
            // Put back by an administrator of the version before.
            groups::add_members(conn, account, group, &ids[1..2], now)?;
            Ok(group)
        });
        world.write(|conn| {
            let entry = |action, id, group| Entry {
                actor: &Actor::Recipient,
                action,
                recipient_id: Some(id),
                details: json!({ "group": group, "form": 1 }),
            };
            let left = Action::RecipientLeftGroup;
            for (id, group) in [(0, group), (1, group), (2, group), (3, 4711)] {
                audit::record(conn, account, &entry(left, ids[id], group), left_at)?;
            }
            // Signed up again, and was taken out by somebody else.
            let confirmed = entry(Action::SignupConfirmed, ids[2], group);
            audit::record(conn, account, &confirmed, left_at.plus_millis(1_000))
        });
        world.stop();
        as_before(&world, LEFT_GROUPS, "SELECT 1;");

        world.restart();
        assert_eq!(world.rows("group_leavings", "1 = 1"), 1);
        let left = format!(
            "recipient_id = {} AND group_id = {group} AND left_at = {}",
            ids[0],
            left_at.millis()
        );
        assert_eq!(world.rows("group_leavings", &left), 1);
    }
);

on_both!(what_was_there_can_be_compared_after_the_upgrade, |_world| {
    let mut world = World::start(_world.on);
    let admin = world.admin();
    let form = [("email", "maria@example.org"), ("vorname", "Maria")];
    assert_eq!(admin.post("/empfaenger/neu", &form).status, 303);
    assert_eq!(admin.post("/gruppen", &[("name", "Alt")]).status, 303);
    let before = world.dump(&APART);
    world.stop();
    as_before(&world, VERSIONS, "SELECT 1;");
    world.restart();
    assert_eq!(world.dump(&APART), before);
    let admin = world.admin();
    let group = world.read(|conn| groups::all(conn, world.account_id))[0].id;
    let path = format!("/gruppen/{group}");
    let opened = admin.visit(&path);
    let stamp = opened
        .attribute("input[name=stand]", "value")
        .expect("a stamp");
    assert_eq!(admin.post(&path, &[("name", "Neu")]).status, 303);
    let late = admin.post(&path, &[("name", "Anders"), ("stand", &stamp)]);
    assert_eq!(late.status, 409);
    late.assert_says("Zuletzt gespeichert hat Eva Admin");
});

on_both!(jobs_of_the_version_before_are_queued, |_world| {
    let mut world = World::start(_world.on);
    world.make_recipient("maria@example.org");
    world.stop();
    let data = "INSERT INTO receipts (account_id, kind, actor, cleanup, created_at)
             SELECT id, 'deletion', 'Test', 'pending', 1 FROM accounts;
         INSERT INTO jobs (account_id, kind, receipt_id, status, total, created_at)
             SELECT account_id, 'deletion', id, 'running', 1, 1 FROM receipts;
         INSERT INTO job_items (account_id, job_id, recipient_id)
             SELECT r.account_id, j.id, r.id FROM jobs j CROSS JOIN recipients r;";
    as_before(&world, JOB_QUEUE, data);
    world.restart();
    eventually(
        "what was left is deleted",
        || world.rows("recipients", "1 = 1"),
        |left| *left == 0,
    );
    eventually(
        "the job is over",
        || {
            (
                world.rows("jobs", "status = 'done'"),
                world.rows("job_queue", "1 = 1"),
            )
        },
        |rows| *rows == (1, 0),
    );
});
