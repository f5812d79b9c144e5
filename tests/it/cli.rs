//! The command line: what it says, what it refuses and how, and how the program ends.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use widerspruch::db::models::accounts;
use widerspruch::db::{account_lock, sqlite_file};
use widerspruch::domain::private_files;
use widerspruch::domain::tracking::Decision;

use crate::support::agent::Agent;
use crate::support::program::{Program, program, run, run_with_input};
use crate::support::{On, World, eventually};

/// Expects a command to end with exit code 1 and one line, and gives the line.
#[track_caller]
fn refused(outcome: &Output) -> String {
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    assert!(said.starts_with("widerspruch: "), "{said}");
    assert!(outcome.stdout.is_empty(), "{outcome:?}");
    said
}

/// Expects a command to do its work, and gives what it printed.
#[track_caller]
fn done(outcome: &Output) -> String {
    let printed = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(outcome.status.success(), "{outcome:?}");
    printed
}

fn data() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// The commands that a help text lists, with what it says about each.
fn listed(help: &str) -> Vec<(String, String)> {
    help.lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.trim().split_once(' '))
        .filter(|(name, _)| *name != "help")
        .map(|(name, about)| (name.to_owned(), about.trim().to_owned()))
        .collect()
}

#[test]
fn every_command_says_what_it_does() {
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(words) = open.pop() {
        let help = done(&run(Command::new(env!("CARGO_BIN_EXE_widerspruch"))
            .args(&words)
            .arg("--help")
            .env("DATABASE_URL", "postgres://u:geheim@localhost/x")));
        assert!(help.contains("Usage:"), "{words:?}: {help}");
        for setting in [
            "WIDERSPRUCH_LISTEN",
            "WIDERSPRUCH_DATA",
            "WIDERSPRUCH_PUBLIC_URL",
            "WIDERSPRUCH_SECRET_FILE",
            "DATABASE_URL",
        ] {
            assert!(help.contains(setting), "{words:?} names {setting}: {help}");
        }
        assert!(!help.contains("geheim"), "passwords are not shown: {help}");
        for (name, about) in listed(&help) {
            assert!(!about.is_empty(), "{name} is explained");
            open.push([words.clone(), vec![name]].concat());
        }
        seen += 1;
    }
    assert!(seen >= 5, "serve, migrate, account, account create: {seen}");
}

#[test]
fn wrong_settings_end_with_a_line_that_names_them() {
    let dir = data();
    let with = |arguments: &[&str]| refused(&run(program(dir.path(), None).args(arguments)));
    // Where an option is given twice the program refuses in another way.
    let listen = |value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_widerspruch"));
        command.arg("--data-dir").arg(dir.path());
        refused(&run(command.env("WIDERSPRUCH_LISTEN", value)))
    };
    for value in ["8080", "localhost", "127.0.0.1:99999"] {
        let said = listen(value);
        assert!(said.contains("--listen (WIDERSPRUCH_LISTEN)"), "{said}");
        assert!(said.contains("127.0.0.1:8080"), "an example helps: {said}");
    }
    for value in [
        "mail.example.org",
        "ftp://example.org",
        "https://example.org/x",
    ] {
        let said = with(&["--public-url", value]);
        assert!(
            said.contains("--public-url (WIDERSPRUCH_PUBLIC_URL)"),
            "{said}"
        );
        assert!(said.contains(value), "{said}");
    }
    assert!(
        !dir.path().join("widerspruch.sqlite").exists(),
        "settings are looked at before anything is made"
    );
}

#[test]
fn a_database_that_cannot_be_used_is_said_without_its_password() {
    let dir = data();
    for (url, says) in [
        ("mysql://u:geheim@localhost/x".to_owned(), "mysql"),
        ("geheim".to_owned(), "sqlite: or postgres://"),
        ("sqlite:".to_owned(), "path of a file"),
        // Where nobody listens: a port that was free a moment ago may be somebody's by now.
        ("postgres://u:geheim@127.0.0.1:1/x".to_owned(), "refused"),
        (
            "postgres://u:x@geheim@nirgends.invalid/x".to_owned(),
            "DATABASE_URL",
        ),
        ("postgres://u:geheim@[::1/x".to_owned(), "DATABASE_URL"),
        (
            "postgres://u:geheim%zz@127.0.0.1/x".to_owned(),
            "DATABASE_URL",
        ),
        (
            "postgres://127.0.0.1:x/x?password=geheim".to_owned(),
            "DATABASE_URL",
        ),
        ("postgres:geheim".to_owned(), "DATABASE_URL"),
    ] {
        for command in ["serve", "migrate"] {
            let said = refused(&run(program(dir.path(), Some(&url)).arg(command)));
            assert!(said.contains(says), "{says}: {said}");
            assert!(!said.contains("geheim"), "{said}");
        }
    }
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let dir = data();
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory").expect("a file");
    for path in [
        file.as_path(),
        &file.join("beneath"),
        Path::new("/proc/widerspruch"),
    ] {
        let said = refused(&run(program(path, None).arg("migrate")));
        assert!(said.contains("data directory"), "{said}");
        assert!(said.contains(&path.display().to_string()), "{said}");
    }
    assert_eq!(
        std::fs::read_to_string(&file).expect("the file"),
        "not a directory"
    );
}

#[test]
fn the_secret_is_the_owners_alone_and_belongs_to_its_database() {
    use std::os::unix::fs::PermissionsExt;
    let dir = data();
    let inside = dir.path().join("installation");
    let said = done(&run(program(&inside, None).arg("migrate")));
    assert!(said.contains("up to date"), "{said}");
    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&inside), 0o700);
    let secret = inside.join("secret.key");
    assert_eq!(mode(&secret), 0o600);
    let hex = std::fs::read_to_string(&secret).expect("the secret");
    assert_eq!(hex.trim().len(), 64);

    // Again: the same secret, nothing to do.
    done(&run(program(&inside, None).arg("migrate")));
    assert_eq!(std::fs::read_to_string(&secret).expect("the secret"), hex);

    let other = dir.path().join("other");
    done(&run(program(&other, None).arg("migrate")));
    let foreign = other.join("secret.key");
    for command in ["serve", "migrate"] {
        let said = refused(&run(program(&inside, None)
            .arg(command)
            .arg("--secret-file")
            .arg(&foreign)));
        assert!(said.contains("does not belong to this database"), "{said}");
        assert!(said.contains(&foreign.display().to_string()), "{said}");
    }

    std::fs::write(&secret, "zu kurz").expect("a file");
    let said = refused(&run(&mut program(&inside, None)));
    assert!(said.contains("64 hexadecimal digits"), "{said}");
    assert!(!said.contains("zu kurz"), "{said}");
}

#[test]
fn a_directory_of_somebody_else_will_do() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let dir = data();
    let may = |path: &Path, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).expect("permissions");
    };
    if std::fs::metadata(dir.path()).expect("it is there").uid() != 0 {
        // Only the administrator of a machine can play two people on it. The directory for
        // everybody's temporary files is somebody else's, though.
        private_files::take_dir(Path::new("/tmp")).expect("it can be written");
        return;
    }
    // Nobody may have to reach the program and the directory, wherever the tests run.
    may(dir.path(), 0o755);
    let binary = dir.path().join("widerspruch");
    std::fs::copy(env!("CARGO_BIN_EXE_widerspruch"), &binary).expect("a copy");
    may(&binary, 0o755);
    let inside = dir.path().join("installation");
    std::fs::create_dir(&inside).expect("a directory");
    chown(&inside, Some(0), Some(NOBODY)).expect("another group");
    may(&inside, 0o2775);
    let said = done(&run(Command::new(&binary)
        .env_remove("DATABASE_URL")
        .args(["migrate", "--data-dir"])
        .arg(&inside)
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)));
    assert!(said.contains("up to date"), "{said}");
    for file in std::fs::read_dir(&inside).expect("it is there") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("it is there").permissions().mode();
        let is_lock = file.file_name() == "lock";
        assert!(
            is_lock || matches!(mode & 0o777, 0o600 | 0o700),
            "{file:?}: {mode:o}"
        );
    }
}

#[test]
fn accounts_are_made_listed_and_named() {
    for on in [On::Sqlite, On::Postgres] {
        let mut world = World::start_empty(on);
        world.stop();
        let command = |words: &[&str], input: &str| {
            let mut command = program(world.dir.path(), world.database_url());
            run_with_input(command.args(words), input)
        };
        let mut numbers = Vec::new();
        for (name, email) in [
            ("Muster GmbH", "a@example.org"),
            ("Verein", "b@example.org"),
        ] {
            let create = [
                "account",
                "create",
                "--admin-password-stdin",
                "--name",
                name,
            ];
            let said = done(&command(
                &[&create[..], &["--admin-email", email]].concat(),
                "ein langes Passwort",
            ));
            let number = said.split(' ').nth(1).expect("a number").to_owned();
            assert!(
                said.starts_with(&format!("Account {number} \"{name}\" made")),
                "{said}"
            );
            numbers.push(number);
        }
        assert_eq!(
            done(&command(&["account", "list"], "")),
            format!("{}\tMuster GmbH\n{}\tVerein\n", numbers[0], numbers[1])
        );
        let file = world.dir.path().join("kunden.csv");
        std::fs::write(&file, "E-Mail\nanna@example.org\n").expect("a file");
        let file = file.to_str().expect("a name");
        let import = |account: &str| {
            command(
                &["import", "--group", "Kunden", "--account", account, file],
                "",
            )
        };
        for account in [&numbers[1], "Verein", " verein "] {
            done(&import(account));
        }
        let said = refused(&import("Verband"));
        assert!(said.contains("there is no account Verband"), "{said}");
        assert!(
            said.contains(&format!("{} \"Muster GmbH\"", numbers[0])),
            "{said}"
        );
        world.restart();
        let count = |account_id: &str| {
            let id = account_id.parse().expect("a number");
            world.read(|conn| accounts::find(conn, id)).recipient_count
        };
        assert_eq!((count(&numbers[0]), count(&numbers[1])), (0, 1));
    }
}

#[test]
fn an_empty_variable_counts_as_none() {
    let binary = || Command::new(env!("CARGO_BIN_EXE_widerspruch"));
    let help = ["--help", "backup"].map(|word| done(&run(binary().args([word, "--help"]))));
    let names: Vec<&str> = help
        .iter()
        .flat_map(|help| help.split("[env: ").skip(1))
        .filter_map(|rest| rest.split(['=', ']']).next())
        .collect();
    for name in ["DATABASE_URL", "WIDERSPRUCH_LISTEN", "WIDERSPRUCH_BACKUPS"] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
    let empty = || names.iter().map(|name| (*name, ""));
    let dir = data();
    done(&run(binary()
        .current_dir(dir.path())
        .envs(empty())
        .arg("migrate")));
    assert!(sqlite_file(&dir.path().join("data")).is_file());
    Program::start(program(dir.path(), None).envs(empty())).stop();
    done(&run(binary()
        .current_dir(dir.path())
        .envs(empty())
        .arg("backup")));
    assert!(dir.path().join("backups").is_dir());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let dir = data();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_widerspruch"));
    command.arg("--data-dir").arg(dir.path());
    command
        .env_remove("DATABASE_URL")
        .env("WIDERSPRUCH_LISTEN", &address);
    let said = refused(&run(&mut command));
    assert!(said.contains(&address), "{said}");
    assert!(said.contains("can't listen"), "{said}");
}

#[test]
fn one_process_serves_a_sqlite_directory() {
    let dir = data();
    let first = Program::serve(dir.path(), None);
    for command in [&["serve"][..], &["migrate"]] {
        let said = refused(&run(program(dir.path(), None).args(command)));
        assert!(said.contains("in use"), "{said}");
        assert!(said.contains(&dir.path().display().to_string()), "{said}");
    }
    let answer = Agent::new(&first.url).get("/anmelden");
    assert_eq!(answer.status, 200, "the first one is not disturbed");
    first.kill();
    // The lock dies with its process, however that ended.
    let next = Program::serve(dir.path(), None);
    let url = next.url.clone();
    let said = next.stop();
    assert!(said.contains(&url), "{said}");
    assert!(said.contains("/einrichtung/"), "{said}");
}

#[test]
fn several_processes_serve_one_postgres_database() {
    let world = World::start(On::Postgres);
    let other = data();
    std::fs::copy(
        world.dir.path().join("secret.key"),
        other.path().join("secret.key"),
    )
    .expect("the same secret");
    let second = Program::serve(other.path(), world.database_url());
    assert_eq!(Agent::new(&second.url).get("/anmelden").status, 200);
    assert_eq!(world.visitor().get("/anmelden").status, 200);
}

#[test]
fn accounts_are_made_on_the_command_line() {
    let dir = data();
    let create = |email: &str, password: &str| {
        let mut command = program(dir.path(), None);
        command.args(["account", "create", "--name", "Muster GmbH"]);
        command.args(["--admin-email", email, "--admin-password-stdin"]);
        run_with_input(&mut command, password)
    };
    let short = refused(&create("eva@example.org", "kurz\n"));
    assert!(short.contains("--admin-password-stdin"), "{short}");
    assert!(!short.contains("kurz\n"), "{short}");
    let wrong = refused(&create("keine-adresse", "correct horse battery"));
    assert!(wrong.contains("--admin-email"), "{wrong}");
    let made = done(&create("eva@example.org", "correct horse battery\n"));
    assert!(
        made.contains("Muster GmbH") && made.contains("eva@example.org"),
        "{made}"
    );
    let twice = refused(&create("EVA@example.org", "correct horse battery"));
    assert!(twice.contains("--admin-email"), "{twice}");

    let server = Program::serve(dir.path(), None);
    let visitor = Agent::new(&server.url);
    let sign_in = |password| {
        let form = [("email", "eva@example.org"), ("password", password)];
        visitor.post("/anmelden", &form).status
    };
    assert_eq!(sign_in("correct horse batter"), 422);
    assert_eq!(
        sign_in("correct horse battery"),
        303,
        "without the line's end"
    );
    visitor.visit("/benutzerkonto");
    drop(server);

    // Whoever forgot it, and nobody else could help.
    let set = |email: &str, password: &str| {
        let mut command = program(dir.path(), None);
        command.args(["account", "set-password", email, "--password-stdin"]);
        run_with_input(&mut command, password)
    };
    let nobody = refused(&set("max@example.org", "an entirely new one"));
    assert!(nobody.contains("max@example.org"), "{nobody}");
    refused(&set("eva@example.org", "kurz"));
    done(&set("EVA@example.org", "an entirely new one\n"));
    let server = Program::serve(dir.path(), None);
    let again = Agent::new(&server.url);
    let sign_in = |password| {
        let form = [("email", "eva@example.org"), ("password", password)];
        again.post("/anmelden", &form).status
    };
    assert_eq!(sign_in("correct horse battery"), 422);
    assert_eq!(sign_in("an entirely new one"), 303);
    again
        .visit("/benutzerkonto/protokoll")
        .assert_says("Vergessenes Passwort ersetzt")
        .assert_says("Kommandozeile");
    again
        .visit("/benutzerkonto/anmeldungen")
        .assert_says("1 Anmeldung");
}

/// Hits that wait for a database in use are stored before the program ends.
fn what_waits_is_stored(mut world: World) {
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    world.stop();
    let server = Program::serve(world.dir.path(), world.database_url());
    let address: SocketAddr = server.url["http://".len()..].parse().expect("an address");
    let visitor = Agent::new(&server.url);
    visitor.get(&world.pixel(mailing, key));
    assert_eq!(world.rows("deliveries", "opens = 1"), 1);

    // This transaction keeps every hit from being stored.
    world.write(|conn| {
        account_lock::keep_hits_out(conn, world.account_id)?;
        for _ in 0..3 {
            let answer = visitor.get(&world.click(mailing, key, 1));
            assert_eq!(answer.status, 302, "the reader goes on");
            assert_eq!(answer.header("server-timing"), Some("stored;desc=no"));
        }
        server.signal("TERM");
        eventually(
            "it takes no more requests",
            || TcpStream::connect(address).is_ok(),
            |connects| !connects,
        );
        Ok(())
    });
    assert!(server.ended().success());
    assert_eq!(world.rows("deliveries", "opens = 1 AND clicks = 3"), 1);
}

#[test]
fn what_waits_is_stored_before_the_program_ends_sqlite() {
    what_waits_is_stored(World::start(On::Sqlite));
}

#[test]
fn what_waits_is_stored_before_the_program_ends_postgres() {
    what_waits_is_stored(World::start(On::Postgres));
}
