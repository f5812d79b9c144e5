//! A server of its own for one test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, RunQueryDsl};
use tempfile::TempDir;
use widerspruch::app::{self, App};
use widerspruch::config::{Config, DataConfig, PasswordCost};
use widerspruch::db::{Conn, DbResult};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::role::Roles;
use widerspruch::domain::time::Timestamp;
use widerspruch::tracking::recorder;
use widerspruch::web::setup::create_account;
use widerspruch::web::state::State;

use super::agent::Agent;
use super::eventually;
use super::eventually::HANG;
use super::proxy::Proxy;

pub const ADMIN: &str = "admin@example.org";
pub const PASSWORD: &str = "correct horse battery";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// A running server with one account and its administrator.
pub struct World {
    pub on: On,
    pub state: State,
    pub url: String,
    pub account_id: i64,
    pub dir: TempDir,
    /// For files that are not the server's.
    pub files: TempDir,
    database_url: Option<String>,
    server: Option<(actix_web::dev::ServerHandle, JoinHandle<()>)>,
}

impl World {
    /// With an account.
    pub fn start(on: On) -> Self {
        let mut world = Self::start_empty(on);
        world.account_id = world.make_account("Muster GmbH", ADMIN);
        world
    }

    /// Without any account: a new installation.
    pub fn start_empty(on: On) -> Self {
        Self::start_on(new_database(on), |_| {})
    }

    /// With an account, and with other settings.
    pub fn start_with(on: On, change: impl FnOnce(&mut Config)) -> Self {
        let mut world = Self::start_on(new_database(on), change);
        world.account_id = world.make_account("Muster GmbH", ADMIN);
        world
    }

    /// On a data directory that is there, with the account of that number.
    pub fn on_directory(dir: TempDir, account_id: i64) -> Self {
        let (state, url, server) = serve(&config(&dir, None));
        Self {
            on: On::Sqlite,
            state,
            url,
            account_id,
            files: tempfile::tempdir().expect("a directory"),
            dir,
            database_url: None,
            server: Some(server),
        }
    }

    /// With an account, on PostgreSQL behind a proxy that can be cut off.
    pub fn start_behind_proxy() -> (Self, Proxy) {
        Self::start_behind_proxy_with(|_| {})
    }

    /// The same, with other settings.
    pub fn start_behind_proxy_with(change: impl FnOnce(&mut Config)) -> (Self, Proxy) {
        let url = new_postgres_database();
        let (server, database) = url.rsplit_once('/').expect("server and database");
        let (before, server) = server.rsplit_once('@').expect("a user");
        let proxy = Proxy::start(server);
        let through = format!("{before}@{}/{database}", proxy.address());
        let mut world = Self::start_on(Some(through), change);
        world.account_id = world.make_account("Muster GmbH", ADMIN);
        (world, proxy)
    }

    fn start_on(database_url: Option<String>, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let on = match database_url {
            None => On::Sqlite,
            Some(_) => On::Postgres,
        };
        if on == On::Sqlite {
            let file = widerspruch::db::sqlite_file(dir.path());
            std::fs::write(file, migrated_file()).expect("a file");
        }
        let mut config = config(&dir, database_url.as_deref());
        change(&mut config);
        let (state, url, server) = serve(&config);
        Self {
            on,
            state,
            url,
            account_id: 0,
            files: tempfile::tempdir().expect("a directory"),
            dir,
            database_url,
            server: Some(server),
        }
    }

    /// A second server on the same PostgreSQL, as behind one proxy.
    pub fn another_node(&self) -> Node {
        self.another_node_with(|_| {})
    }

    /// The same with other settings.
    pub fn another_node_with(&self, change: impl FnOnce(&mut Config)) -> Node {
        let database_url = self
            .database_url
            .as_deref()
            .expect("several nodes need PostgreSQL");
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = config(&dir, Some(database_url));
        config.data.secret_file = self.dir.path().join("secret.key");
        change(&mut config);
        let (state, url, server) = serve(&config);
        Node {
            state,
            url,
            _dir: dir,
            server: Some(server),
        }
    }

    /// How this world's server is set up, as for a second one on the same data.
    pub fn config(&self) -> Config {
        config(&self.dir, self.database_url.as_deref())
    }

    /// The value of DATABASE_URL for a process on the same data, if it needs one.
    pub fn database_url(&self) -> Option<&str> {
        self.database_url.as_deref()
    }

    /// Stops the server and starts it again on the same data.
    pub fn restart(&mut self) {
        self.stop();
        let (state, url, server) = serve(&config(&self.dir, self.database_url.as_deref()));
        self.state = state;
        self.url = url;
        self.server = Some(server);
    }

    /// Stops the server as Ctrl-C does.
    pub fn stop(&mut self) {
        if let Some((handle, thread)) = self.server.take() {
            drop(handle.stop(true));
            thread.join().expect("the server ends well");
        }
        // The lock of the data directory goes with the last handle to the state.
    }

    pub fn make_account(&self, name: &str, admin: &str) -> i64 {
        let email = EmailAddress::parse(admin).expect("an address");
        let hash = self.state.passwords.hash_here(PASSWORD).expect("a hash");
        self.write(|conn| {
            let now = Timestamp::now();
            let made = create_account(conn, name, &email, "Eva Admin", &hash, now)?;
            Ok(made.0)
        })
    }

    /// A user with these roles only.
    pub fn make_user(&self, email: &str, roles: Roles) {
        self.make_user_in(self.account_id, email, roles);
    }

    /// A user of that account with these roles only.
    pub fn make_user_in(&self, account_id: i64, email: &str, roles: Roles) {
        let email = EmailAddress::parse(email).expect("an address");
        let hash = self.state.passwords.hash_here(PASSWORD).expect("a hash");
        let new = widerspruch::db::models::users::NewUser {
            email: &email,
            name: "Max Benutzer",
            roles,
            password_hash: &hash,
        };
        self.write(|conn| {
            widerspruch::db::models::users::create(conn, account_id, &new, Timestamp::now())
        });
    }

    pub fn read<T>(&self, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> T {
        self.state.db.read(queries).expect("the queries succeed")
    }

    pub fn write<T>(&self, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> T {
        self.state.db.write(queries).expect("the queries succeed")
    }

    /// Lets hits be answered unconfirmed as soon as the product does: for tests about that.
    pub fn answers_hits_in_time(&self) {
        self.state.recorder.set_patience(recorder::PATIENCE);
    }

    /// Lets hits be answered once they are stored, however busy the machine is: so it begins.
    pub fn answers_hits_when_stored(&self) {
        self.state.recorder.set_patience(HANG);
    }

    /// Waits until no hit waits to be stored.
    #[track_caller]
    pub fn wait_for_recorder(&self) {
        let waiting = || self.state.recorder.waiting();
        eventually("all hits are stored", waiting, |waiting| *waiting == 0);
    }

    /// Runs a statement that no page could.
    pub fn execute(&self, statement: &str) {
        self.write(|conn| {
            diesel::sql_query(statement).execute(conn)?;
            Ok(())
        });
    }

    /// A browser without cookies.
    pub fn visitor(&self) -> Agent {
        Agent::new(&self.url)
    }

    /// A browser in which the administrator is signed in.
    pub fn admin(&self) -> Agent {
        self.signed_in(ADMIN)
    }

    /// A browser in which that user is signed in.
    pub fn signed_in(&self, email: &str) -> Agent {
        let agent = self.visitor();
        let answer = agent.post("/anmelden", &[("email", email), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "signing in: {}", answer.text());
        agent
    }
}

/// A second server on the data of a [`World`].
pub struct Node {
    pub state: State,
    pub url: String,
    _dir: TempDir,
    server: Option<(actix_web::dev::ServerHandle, JoinHandle<()>)>,
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some((handle, thread)) = self.server.take() {
            drop(handle.stop(true));
            thread.join().expect("the server ends well");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

fn config(dir: &TempDir, database_url: Option<&str>) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().expect("an address"),
        data: DataConfig::new(dir.path(), database_url, None).expect("settings"),
        public_url: None,
        trusted_proxies: Vec::new(),
        metrics_listen: None,
        password_cost: PasswordCost::Minimal,
        demo_recipients: 150,
        sending: widerspruch::sending::Timing::default(),
        webhooks: widerspruch::webhooks::client::Reach::Public,
    }
}

/// What a started server gives back.
type Serving = (
    State,
    String,
    (actix_web::dev::ServerHandle, JoinHandle<()>),
);

fn serve(config: &Config) -> Serving {
    let config = config.clone();
    let (started, waiting) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app: App = app::build(&config).expect("the server starts");
            let url = format!("http://{}", app.address());
            started
                .send((app.state().clone(), url, app.handle()))
                .expect("the test waits");
            app.run().await.expect("the server ends well");
        });
    });
    let (state, url, handle) = waiting.recv().expect("the server starts");
    state.recorder.set_patience(HANG);
    (state, url, (handle, thread))
}

static NUMBER: AtomicU32 = AtomicU32::new(0);
static TEMPLATE: OnceLock<String> = OnceLock::new();

/// The address of a database of its own; none on SQLite, which lies in the data directory.
fn new_database(on: On) -> Option<String> {
    match on {
        On::Sqlite => None,
        On::Postgres => Some(new_postgres_database()),
    }
}

/// A file of SQLite that was migrated, once for all.
fn migrated_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let file = widerspruch::db::sqlite_file(dir.path());
        let target = widerspruch::db::Target::Sqlite(file.clone());
        let db = widerspruch::db::Db::open(&target).expect("migrations");
        let is_whole = widerspruch::db::maintenance::empty_log(&db);
        assert!(is_whole.expect("a checkpoint"), "nobody else is there");
        std::fs::read(file).expect("the file")
    })
}

/// A database of its own, copied from one that was migrated once.
fn new_postgres_database() -> String {
    let server = std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL: run the tests with bin/test, which starts a PostgreSQL server");
    let template = TEMPLATE.get_or_init(|| {
        let name = format!("template_{}", std::process::id());
        on_server(&server, &format!("CREATE DATABASE {name}"));
        let target = widerspruch::db::Target::Postgres(format!("{server}/{name}"));
        drop(widerspruch::db::Db::open(&target).expect("migrations"));
        name
    });
    let name = format!(
        "test_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    // Copying needs a template that nobody is connected to; the pool's last connection may
    // still be closing.
    let copy = format!("CREATE DATABASE {name} TEMPLATE {template}");
    let ended = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"
    );
    on_server(&server, &ended);
    on_server(&server, &copy);
    format!("{server}/{name}")
}

fn on_server(server: &str, statement: &str) {
    // One at a time: two copies of one template get in each other's way.
    static ONE: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
    let _one = ONE.lock();
    PgConnection::establish(&format!("{server}/postgres"))
        .expect("the server of TEST_POSTGRES_URL")
        .batch_execute(statement)
        .expect("the statement succeeds");
}
