//! A database made by the version before, with data in it, is brought up to date at start.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use widerspruch::db::sqlite_file;

use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, on_both};

/// The newest migration, whose upgrade this tests.
const NEWEST: &str = "20261201000001";

/// Tables that the upgrade or a running server changes, and which are looked at apart.
const APART: [&str; 4] = [
    "__diesel_schema_migrations",
    "installation",
    "sessions",
    "sign_ins",
];

/// Takes the newest migration back, and enters what the version before would have.
fn as_before(world: &World, data: &str) {
    fn revert<C>(conn: &mut C, folder: &str)
    where
        C: MigrationHarness<C::Backend> + Connection,
    {
        let migrations = FileBasedMigrations::from_path(folder).expect("migrations");
        let reverted = conn
            .revert_last_migration(migrations)
            .expect("its down.sql");
        assert_eq!(reverted.to_string(), NEWEST);
    }
    match world.on {
        On::Sqlite => {
            let path = sqlite_file(world.dir.path());
            let path = path.to_str().expect("a path");
            let mut conn = SqliteConnection::establish(path).expect("the file");
            revert(&mut conn, "migrations/sqlite");
            conn.batch_execute(data).expect("rows");
        }
        On::Postgres => {
            let url = world.database_url().expect("a server");
            let mut conn = PgConnection::establish(url).expect("the server");
            revert(&mut conn, "migrations/postgres");
            conn.batch_execute(data).expect("rows");
        }
    }
}

on_both!(a_database_of_the_version_before_is_upgraded, |_world| {
    let mut world = World::start(_world.on);
    let admin = world.admin();
    let form = [("email", "maria@example.org"), ("name", "Maria")];
    assert_eq!(admin.post("/empfaenger/neu", &form).status, 303);
    let before = world.dump(&APART);
    assert!(before.iter().any(|row| row.contains("maria@example.org")));
    world.stop();
    let blob = |byte: &str| match world.on {
        On::Sqlite => format!("x'{}'", byte.repeat(32)),
        On::Postgres => format!("'\\x{}'", byte.repeat(32)),
    };
    let (of_session, of_sign_in) = (blob("aa"), blob("bb"));
    as_before(
        &world,
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
