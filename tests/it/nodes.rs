//! Two programs on one PostgreSQL, as behind a proxy that asks them in turn.

use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use crate::support::agent::Agent;
use crate::support::hits::Read;
use crate::support::program::Program;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, eventually};

/// A node with a data directory of its own, and the same secret.
fn node(world: &World) -> (Program, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let secret = world.dir.path().join("secret.key");
    std::fs::copy(secret, dir.path().join("secret.key")).expect("the same secret");
    (Program::serve(dir.path(), world.database_url()), dir)
}

fn sign_in(browser: &Agent, node: &Program) {
    let form = [("email", ADMIN), ("password", PASSWORD)];
    let answer = browser.post(&format!("{}/anmelden", node.url), &form);
    assert_eq!(answer.status, 303, "{}", answer.text());
}

#[test]
fn who_signed_in_on_one_node_is_signed_in_on_the_other() {
    let mut world = World::start(On::Postgres);
    world.stop();
    let ((one, _dir), (two, _other)) = (node(&world), node(&world));
    // Cookies belong to a host, whatever its port.
    let browser = Agent::new(&one.url);
    let home = |node: &Program| browser.get(&format!("{}/empfaenger", node.url)).status;
    assert_eq!(home(&two), 303, "nobody yet");
    sign_in(&browser, &one);
    assert_eq!((home(&one), home(&two)), (200, 200));
    let answer = browser.post(&format!("{}/abmelden-sitzung", two.url), &[]);
    assert_eq!(answer.status, 303);
    assert_eq!((home(&one), home(&two)), (303, 303), "nobody any more");
}

#[test]
fn two_nodes_count_every_acknowledged_hit_once() {
    let (mut world, proxy) = World::start_behind_proxy();
    let read = Read::new(&world);
    world.stop();
    let ((one, _dir), (two, _other)) = (node(&world), node(&world));
    let urls = [one.url.clone(), two.url.clone()];
    let is_over = AtomicBool::new(false);
    let more = |hits: usize| read.wait_for(read.acknowledged() + hits);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let urls = [&*urls[0], &*urls[1]];
            read.by(&world, &urls, || !is_over.load(Ordering::SeqCst));
        });
        more(200);
        one.kill();
        more(200);
        proxy.cut();
        let reader = Agent::new(&two.url);
        let look = || {
            let answer = reader.get("/o/damaged.gif");
            assert_eq!(answer.status, 200, "pictures load");
            read.unconfirmed()
        };
        eventually("hits are not acknowledged", look, |hits| *hits > 8);
        proxy.restore();
        more(200);
        is_over.store(true, Ordering::SeqCst);
    });
    // Stores what waits.
    two.stop();
    read.assert_stored(&world);
}

#[test]
fn p2_switching_off_on_one_node_holds_on_the_other_at_once() {
    let mut world = World::start(On::Postgres);
    let read = Read::new(&world);
    world.stop();
    let ((one, _dir), (two, _other)) = (node(&world), node(&world));
    let browser = Agent::new(&two.url);
    sign_in(&browser, &two);
    let personal = || world.total("personal", "mailing_hours", "1 = 1");
    let anonymous = || world.total("anonymous", "mailing_hours", "1 = 1");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| read.by(&world, &[&one.url], || !is_over.load(Ordering::SeqCst)));
        eventually("hits are stored", personal, |hits| *hits >= 100);
        assert_eq!(anonymous(), 0);
        let answer = browser.post("/benutzerkonto/tracking/deaktivieren", &[]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let (before, events) = (personal(), world.rows("events", "1 = 1"));
        let what = "hits are counted without a person";
        eventually(what, anonymous, |hits| *hits >= 100);
        assert_eq!(personal(), before, "not one more");
        assert_eq!(world.rows("events", "1 = 1"), events);
        is_over.store(true, Ordering::SeqCst);
    });
}
