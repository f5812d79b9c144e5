//! `widerspruch bounce`, as a mail server's alias calls it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::bounce::{complaint, failed};
use crate::support::program::{program, run_with_input};
use crate::support::{On, World, eventually, on_both};

use super::mailbox::sent;
use crate::erasure::wait_until_clean;

const ANNA: &str = "anna@example.org";

fn hand_over(world: &World, message: &str) -> Output {
    let mut command = program(world.dir.path(), world.database_url());
    run_with_input(command.arg("bounce"), message)
}

fn spooled(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir.join("bounces"))
        .expect("the spool")
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

on_both!(
    what_is_handed_over_beside_a_running_server_is_counted,
    |world| {
        let (_, paths) = sent(world, &[ANNA, "ben@example.org"]);
        for message in [
            failed(&paths[0], ANNA, "5.1.1"),
            complaint(&paths[1], "ben@example.org"),
            // Not for us, and larger than anybody means it: the mail server hears no complaint.
            "x".repeat(5_000_000),
            String::new(),
        ] {
            let output = hand_over(world, &message);
            assert!(output.status.success(), "{output:?}");
            assert!(
                output.stdout.is_empty() && output.stderr.is_empty(),
                "{output:?}"
            );
        }
        eventually(
            "it is counted",
            || world.rows("mailings", "bounces = 1 AND complaints = 1"),
            |counted| *counted == 1,
        );
        eventually(
            "p7: nothing is left of it",
            || spooled(world.dir.path()),
            Vec::is_empty,
        );
    }
);

#[test]
fn p7_what_waits_for_the_server_is_private_and_goes_with_the_person() {
    use crate::erasure::bytes::files_with;
    let mut world = World::start(On::Sqlite);
    let (_, paths) = sent(&world, &[ANNA]);
    world.stop();
    let output = hand_over(&world, &failed(&paths[0], ANNA, "5.1.1"));
    assert!(output.status.success(), "{output:?}");
    let files = spooled(world.dir.path());
    assert_eq!(files.len(), 1);
    assert!(
        files_with(world.dir.path(), ANNA).contains(&files[0].display().to_string()),
        "it holds the address"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| {
            fs::metadata(path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(mode(&files[0]), 0o600);
        assert_eq!(mode(&world.dir.path().join("bounces")), 0o700);
    }
    world.restart();
    eventually(
        "it is counted",
        || world.rows("recipients", "status = 'bounced'"),
        |bounced| *bounced == 1,
    );
    let anna = world.read(|conn| {
        widerspruch::db::models::recipients::find_by_address(conn, world.account_id, ANNA)
    });
    let anna = anna.expect("the recipient").id;
    world
        .admin()
        .submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    wait_until_clean(&world);
    assert_eq!(files_with(world.dir.path(), ANNA), Vec::<String>::new());
    assert!(world.dump(&[]).iter().all(|row| !row.contains(ANNA)));
}

#[test]
fn p7_a_deletion_is_not_done_while_a_message_about_the_person_waits() {
    use crate::erasure::bytes::files_with;
    let world = World::start(On::Sqlite);
    let anna = world.make_recipient(ANNA);
    // A message that was just being handed over: not whole yet, so nobody takes it up.
    let waiting = world.dir.path().join("bounces").join("unfinished");
    fs::write(&waiting, format!("To: {ANNA}\r\n\r\n")).expect("a file");
    world
        .admin()
        .submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    // The cleaner empties the write-ahead log and then looks at the files: by the second time it
    // has done so once.
    let log = world.dir.path().join("widerspruch.sqlite-wal");
    let size = || fs::metadata(&log).expect("the log").len();
    for n in 0..2 {
        world.make_recipient(&format!("p{n}@example.org"));
        eventually("the cleaner tries", size, |bytes| *bytes == 0);
    }
    assert_eq!(world.rows("receipts", "cleanup = 'pending'"), 1);
    fs::rename(&waiting, waiting.with_extension("eml")).expect("it is whole");
    wait_until_clean(&world);
    assert_eq!(files_with(world.dir.path(), ANNA), Vec::<String>::new());
}

#[test]
fn a_mail_server_is_asked_to_try_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("missing");
    let output = run_with_input(program(&missing, None).arg("bounce"), "To: x\n\n");
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(!missing.exists(), "nothing is made by mistake");
    for url in [
        "postgres://nobody@127.0.0.1:1/none",
        "mysql://nobody@127.0.0.1/none",
    ] {
        let output = run_with_input(program(dir.path(), Some(url)).arg("bounce"), "To: x\n\n");
        assert_eq!(output.status.code(), Some(75), "{output:?}");
    }
}
