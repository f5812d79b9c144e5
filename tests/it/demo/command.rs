//! `widerspruch demo`, as somebody at a terminal runs it.

use std::process::Output;

use widerspruch::demo;

use crate::support::agent::Agent;
use crate::support::program::{self, Program};
use crate::support::{On, World};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn demo(world: &World) -> Output {
    let mut command = program::program(world.dir.path(), world.database_url());
    program::run(command.args(["demo", "--recipients", "80"]))
}

fn walk(on: On) {
    let mut world = World::start_empty(on);
    if on == On::Sqlite {
        let refused = demo(&world);
        assert!(!refused.status.success());
        let said = text(&refused.stderr);
        assert!(
            said.contains("is in use by another widerspruch process"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    world.stop();

    let made = demo(&world);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(text(&made.stderr).contains("15 of 15") || text(&made.stderr).contains("14 of 14"));
    let said = text(&made.stdout);
    assert!(said.contains(demo::EMAIL), "{said}");
    let password = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Passwort:"))
        .expect("a password")
        .trim();

    let again = demo(&world);
    assert!(!again.status.success());
    assert!(
        text(&again.stderr).contains("is there already"),
        "{}",
        text(&again.stderr)
    );

    let server = Program::serve(world.dir.path(), world.database_url());
    let visitor = Agent::new(&server.url);
    visitor
        .submit(
            "/anmelden",
            &[("email", demo::EMAIL), ("password", password)],
        )
        .assert_says(demo::ACCOUNT);
    visitor.visit("/analysen").assert_says("Presseeinladung");
    visitor.visit("/postausgang").assert_says("Presseeinladung");
}

#[test]
fn it_prints_how_to_sign_in_on_sqlite() {
    walk(On::Sqlite);
}

#[test]
fn it_prints_how_to_sign_in_on_postgres() {
    walk(On::Postgres);
}

#[test]
fn a_senseless_size_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let refused = |setting: String, range: &str| {
        let mut command = program::program(dir.path(), None);
        let output = program::run(command.arg("demo").arg(setting));
        assert!(!output.status.success());
        let said = text(&output.stderr);
        assert!(said.contains(range), "{said}");
    };
    for number in ["0", "-3", "many", "99999999"] {
        refused(
            format!("--recipients={number}"),
            "a number from 1 to 20000000",
        );
    }
    for number in ["0", "1.5", "9999999999"] {
        refused(
            format!("--events={number}"),
            "a number from 1 to 1000000000",
        );
    }
}
