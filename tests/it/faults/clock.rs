//! The machine's clock is set back under the running program.

use std::path::Path;
use std::process::Command;

use crate::support::agent::Agent;
use crate::support::hits::Read;
use crate::support::program::{Program, program, run};
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World};

/// A server whose clock differs from the machine's as the file says.
fn with_clock(world: &World, file: &Path) -> Program {
    let mut asked = Command::new("faketime");
    let library = run(asked.args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"])).stdout;
    let library = String::from_utf8(library).expect("a path");
    let mut command = program(world.dir.path(), world.database_url());
    command
        .env("LD_PRELOAD", library.trim())
        .env("FAKETIME_TIMESTAMP_FILE", file)
        .env("FAKETIME_NO_CACHE", "1")
        // Pauses and limits go by the clock that nobody sets.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Program::start(&mut command)
}

fn set_back(on: On) {
    let mut world = World::start(on);
    let read = Read::new(&world);
    let made = |n: usize| format!("neu{n}@example.net");
    world.stop();
    let file = world.files.path().join("clock");
    std::fs::write(&file, "+0").expect("a clock");
    let program = with_clock(&world, &file);
    let browser = Agent::new(&program.url);
    let form = [("email", ADMIN), ("password", PASSWORD)];
    assert_eq!(browser.post("/anmelden", &form).status, 303);
    let hours = || world.rows("mailing_hours", "kind = 0");
    let mut hours_before = 0;
    for (n, clock) in ["+0", "-26h", "-1h", "+3h", "-400d"]
        .into_iter()
        .enumerate()
    {
        std::fs::write(&file, clock).expect("a clock");
        let enough = read.acknowledged() + 60;
        read.by(&world, &[&program.url], || read.acknowledged() < enough);
        assert!(
            hours() > hours_before,
            "{clock}: hits have the hour that the clock shows"
        );
        hours_before = hours();
        let answer = browser.post("/empfaenger/neu", &[("email", &made(n))]);
        assert_eq!(answer.status, 303, "{clock}: {}", answer.text());
        for page in ["/empfaenger", "/e-mailings", "/benutzerkonto/tracking"] {
            browser.visit(page);
        }
        browser.visit(&format!("/analysen/{}", read.mailing));
    }
    assert_eq!(program.stop().lines().count(), 1, "nothing else is said");
    read.assert_stored(&world);
    for kind in ["open", "click"] {
        let strange = format!("first_{kind}_at > last_{kind}_at");
        assert_eq!(world.rows("deliveries", &strange), 0, "{strange}");
    }
}

#[test]
fn a_clock_that_is_set_back_harms_nothing_sqlite() {
    set_back(On::Sqlite);
}

#[test]
fn a_clock_that_is_set_back_harms_nothing_postgres() {
    set_back(On::Postgres);
}
