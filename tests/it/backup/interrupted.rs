//! `widerspruch restore` and `widerspruch replay`, killed wherever they are: the next one goes on,
//! and at no time does a server start on a database in which somebody has come back.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use widerspruch::db::models::recipients;
use widerspruch::db::{Db, Target};

use super::restore::{
    Copy, Story, address, after_the_copy, assert_told, copy_database, copy_journal, done, find,
    refused, until_the_copy,
};
use crate::support::program::{program, run};
use crate::support::{On, World, attempts};

/// How many kills make a test: fewer would show little.
const ENOUGH: usize = 8;

/// Runs a command again and again, each time for a little longer, until it comes to its end. Gives
/// what it printed then; none when it was not killed often enough before. After each kill something
/// is looked at.
fn killed_until_done(command: impl Fn() -> Command, after_each: impl Fn()) -> Option<String> {
    let mut lives = Duration::from_millis(1);
    let mut kills = 0;
    loop {
        let mut child = command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let begun = Instant::now();
        while begun.elapsed() < lives && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().expect("a child").is_some() {
            let said = done(&child.wait_with_output().expect("it has ended"));
            return (kills >= ENOUGH).then_some(said);
        }
        child.kill().expect("it is killed");
        child.wait().expect("it has ended");
        kills += 1;
        after_each();
        lives += lives / 10 + Duration::from_millis(2);
    }
}

fn a_story(world: &mut World) -> Story {
    let story = until_the_copy(world);
    after_the_copy(world);
    world.stop();
    story
}

fn killed_restore() -> Option<()> {
    let mut world = World::start(On::Sqlite);
    let story = a_story(&mut world);
    let Copy::Directory(copy) = &story.copy else {
        panic!("a directory")
    };
    let dir = tempfile::tempdir().expect("a directory");
    copy_database(world.dir.path(), dir.path());
    let journal = dir.path().join("journal");
    copy_journal(&world.dir.path().join("journal"), &journal);
    let restore = || {
        let mut command = program(dir.path(), None);
        command.arg("restore").arg(copy).arg("--replace");
        command
    };
    let nobody_is_back = || {
        let migrated = run(program(dir.path(), None).arg("migrate"));
        if !migrated.status.success() {
            let said = refused(&migrated);
            assert!(said.contains("was interrupted"), "{said}");
            return;
        }
        let file = dir.path().join("widerspruch.sqlite");
        let db = Db::open_as_it_is(&Target::Sqlite(file)).expect("it opens");
        for gone in ["anna", "emil", "neu", "kurz"] {
            let found =
                db.read(|conn| recipients::find_by_address(conn, world.account_id, &address(gone)));
            // The old database, or the new one: in the old one somebody new is there rightly.
            let found = found.expect("it can be read");
            assert!(gone == "neu" || found.is_none(), "{gone}");
        }
    };
    let said = killed_until_done(restore, nobody_is_back)?;
    assert!(said.contains("1 recipients deleted,"), "{said}");
    let restored = World::on_directory(dir, world.account_id);
    assert_told(&restored, &story);
    Some(())
}

#[test]
fn a_restore_that_is_killed_brings_nobody_back() {
    attempts("killed often enough", killed_restore);
}

fn killed_replay() -> Option<()> {
    let mut world = World::start(On::Postgres);
    let story = a_story(&mut world);
    let Copy::Dump(dump) = &story.copy else {
        panic!("a dump")
    };
    let url = world.database_url().expect("an address").to_owned();
    let outcome = Command::new("pg_restore")
        .args(["--clean", "--if-exists", "--no-owner", "--dbname", &url])
        .arg(dump)
        .output();
    done(&outcome.expect("pg_restore is there"));
    let replay = || {
        let mut command = program(world.dir.path(), Some(&url));
        command.arg("replay");
        command
    };
    let no_node_starts = || {
        let migrated = run(program(world.dir.path(), Some(&url)).arg("migrate"));
        if migrated.status.success() {
            // It was killed behind its last transaction.
            assert!(find(&world, "anna").is_none());
            return;
        }
        let said = refused(&migrated);
        assert!(said.contains("older than the journal"), "{said}");
    };
    // Where the last kill came behind the last transaction, there is nothing left to be told.
    let said = killed_until_done(replay, no_node_starts)?;
    assert!(
        said.contains("1 recipients deleted,") || said.contains("nothing"),
        "{said}"
    );
    world.restart();
    assert_told(&world, &story);
    Some(())
}

#[test]
fn a_replay_that_is_killed_goes_on_where_it_was() {
    attempts("killed often enough", killed_replay);
}
