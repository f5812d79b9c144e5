//! Start-up and shutdown in one place: [`build`] makes a running [`App`] of a [`Config`].

use std::fs::{File, TryLockError};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{HttpServer, web};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use url::Url;

use crate::backup::journal::Journal;
use crate::backup::journaler::{self, Journaler};
use crate::backup::{copy, replay, restore};
use crate::bounces::background::Bounces;
use crate::bounces::origin::Keys;
use crate::bounces::spool::Spool;
use crate::config::{Config, DataConfig};
use crate::db::models::{
    accounts, api_requests, audit_list, installation, invitations, password_resets, sessions,
    sign_ins, signups, webhook_deliveries,
};
use crate::db::{Backend, Db};
use crate::demo::Background;
use crate::domain::secret::{Key, Purpose, Secret};
use crate::domain::time::{Clock, Timestamp};
use crate::erasure::cleanup::Cleaner;
use crate::erasure::jobs::Deletions;
use crate::erasure::past::PastWork;
use crate::erasure::{list, retention};
use crate::error::StartError;
use crate::import::background::{self, Imports};
use crate::import::uploads::Uploads;
use crate::people::{invite, reset};
use crate::routes;
use crate::sending::Sender;
use crate::sending::outbox::{self, Outbox};
use crate::sending::sender::{Keys as SendingKeys, Tools};
use crate::signup::stamp::Stamps;
use crate::signup::{self, Mailer};
use crate::tracking::links::LinkCache;
use crate::tracking::recorder::Recorder;
use crate::tracking::token::TokenKeys;
use crate::web::measures::Requests;
use crate::web::protection::protect;
use crate::web::public::signup::limits::FormLimits;
use crate::web::session::throttle::Throttle;
use crate::web::state::{Inner, State};
use crate::webhooks;
use crate::webhooks::worker::Teller;

/// So many mails with links to new passwords are on their way to mail servers at the same time.
const RESETS_AT_ONCE: usize = 32;

/// What lies in the data directory, opened: what the server and the commands share.
pub struct Data {
    /// The database, with all migrations.
    pub db: Db,
    /// The installation's secret.
    pub secret: Secret,
    /// What a restored copy has to be told again.
    pub journal: Journal,
    /// Held as long as this process uses the directory; none on PostgreSQL.
    pub(crate) lock: Option<File>,
}

impl Data {
    /// Makes the data directory and the secret where there are none, takes the directory's lock,
    /// and opens the database.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn open(config: &DataConfig) -> Result<Self, StartError> {
        let data = Self::open_untold(config)?;
        if replay::is_behind(&data.db, &data.journal, config.backup_days)? {
            return Err(StartError::OlderThanJournal(config.journal_dir.clone()));
        }
        Ok(data)
    }

    /// The same for a database that may have been brought back and was not yet told what has
    /// happened since.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn open_untold(config: &DataConfig) -> Result<Self, StartError> {
        prepare_directory(&config.dir)?;
        let lock = match config.database {
            crate::db::Target::Sqlite(_) => Some(lock_directory(&config.dir)?),
            crate::db::Target::Postgres(_) => None,
        };
        if restore::is_unfinished(&config.dir) {
            return Err(StartError::RestoreUnfinished(config.dir.clone()));
        }
        let secret = Secret::load_or_create(&config.secret_file)?;
        let db = Db::open(&config.database)?;
        let check = secret.check_value();
        let known = db.write(|conn| {
            let known = installation::secret_check(conn)?;
            if known.is_none() {
                installation::keep_secret_check(conn, &check)?;
            }
            Ok(known)
        })?;
        if known.is_some_and(|known| known != check) {
            return Err(StartError::WrongSecret(config.secret_file.clone()));
        }
        let journal = Journal::open(&config.journal_dir, &secret)?;
        Ok(Self {
            db,
            secret,
            journal,
            lock,
        })
    }
}

/// A server that listens.
pub struct App {
    server: Server,
    /// What a monitoring system asks, apart from everything else.
    metrics: Option<Server>,
    state: State,
    address: SocketAddr,
    setup_link: Option<String>,
    journaler: Journaler,
    _lock: Option<File>,
}

/// Starts everything: database, recorder, background work, server.
///
/// # Errors
/// See [`StartError`].
pub fn build(config: &Config) -> Result<App, StartError> {
    let Data {
        db,
        secret,
        journal,
        lock,
    } = Data::open(&config.data)?;
    let listener = listen(config.listen)?;
    let for_metrics = config.metrics_listen.map(listen).transpose()?;
    let address = listener.local_addr()?;
    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => default_public_url(address)?,
    };
    let (setup_key, setup_link) = setup(&db, &public_url)?;
    let links = LinkCache::new(db.clone());
    links.warm_up()?;
    let tokens = TokenKeys::new(&secret);
    let outbox = Outbox::open(&config.data.dir, secret.key(Purpose::OutboxFile))?;
    // Before the cleaner says that a deletion left nothing: the program may have ended between the
    // writing of a mail and the moment at which its recipient turned out to be deleted.
    outbox.sweep(&db)?;
    let sender = start_sender(config, &db, &links, &tokens, &public_url, &outbox, &secret)?;
    let cleaner = Cleaner::start(db.clone(), config.data.dir.clone())?;
    let remembering = secret.key(Purpose::RememberedAddress);
    let journaler = start_journaler(config, &db, journal, &remembering)?;
    let signup_key = secret.key(Purpose::Signup);
    let mailer = Mailer::start(signup::Tools {
        db: db.clone(),
        outbox: outbox.clone(),
        sealer: secret.sealer(),
        public_url: public_url.clone(),
        secret: signup_key.clone(),
        tokens: tokens.clone(),
    })?;
    let state = State::new(Inner {
        teller: start_teller(config, &db, &secret)?,
        recorder: Recorder::start(db.clone())?,
        links,
        sender,
        outbox,
        deletions: Deletions::start(db.clone(), cleaner.clone(), remembering.clone())?,
        past: PastWork::start(db.clone())?,
        imports: Imports::start(
            db.clone(),
            Uploads::open(&config.data.dir)?,
            remembering.clone(),
        )?,
        bounces: Bounces::start(
            db.clone(),
            Keys::new(&secret),
            secret.sealer(),
            Spool::open(&config.data.dir)?,
        )?,
        cleaner,
        tokens,
        sealer: secret.sealer(),
        mailer,
        signup_key,
        stamps: Stamps::new(secret.key(Purpose::PublicForm)),
        form_limits: FormLimits::default(),
        remembering,
        idempotency: secret.key(Purpose::IdempotentRequest),
        passwords: State::passwords(config.password_cost),
        throttle: Throttle::new(secret.key(Purpose::KnownBrowser)),
        reset_turns: Semaphore::new(RESETS_AT_ONCE),
        public_url,
        trusted_proxies: config.trusted_proxies.clone(),
        requests: Requests::new(for_metrics.is_some())
            .map_err(|error| std::io::Error::other(error.to_string()))?,
        metrics_address: for_metrics
            .as_ref()
            .map(TcpListener::local_addr)
            .transpose()?,
        data_dir: config.data.dir.clone(),
        demo: Background::new(config.demo_recipients),
        setup_key: Mutex::new(setup_key),
        db,
    });
    let for_server = state.clone();
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(web::Data::new(for_server.clone()))
            .configure(routes::limits)
            .configure(routes::configure)
            .wrap(from_fn(protect))
    })
    .workers(workers())
    .shutdown_timeout(10)
    .listen(listener)?
    .run();
    Ok(App {
        server,
        metrics: for_metrics
            .map(|at| serve_metrics(at, &state))
            .transpose()?,
        state,
        address,
        setup_link,
        journaler,
        _lock: lock,
    })
}

/// How many threads answer requests.
fn workers() -> usize {
    let cores = std::thread::available_parallelism();
    cores.map_or(2, std::num::NonZero::get).max(2)
}

fn start_teller(config: &Config, db: &Db, secret: &Secret) -> std::io::Result<Teller> {
    Teller::start(webhooks::worker::Tools {
        db: db.clone(),
        sealer: secret.sealer(),
        reach: config.webhooks,
    })
}

/// The key of *Ersteinrichtung* and the link with it, while there is no account.
fn setup(db: &Db, public_url: &Url) -> Result<(Option<String>, Option<String>), StartError> {
    if db.read(accounts::any)? {
        return Ok((None, None));
    }
    let key = random_key()?;
    let link = public_url.join(&format!("/einrichtung/{key}")).ok();
    Ok((Some(key), link.map(String::from)))
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|source| StartError::Listen { address, source })
}

fn start_journaler(
    config: &Config,
    db: &Db,
    journal: Journal,
    remembering: &Key,
) -> std::io::Result<Journaler> {
    Journaler::start(journaler::Tools {
        db: db.clone(),
        journal,
        remembering: remembering.clone(),
        keep_days: config.data.backup_days,
    })
}

/// One thread is enough for whoever asks now and then.
fn serve_metrics(listener: TcpListener, state: &State) -> std::io::Result<Server> {
    let state = state.clone();
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(web::Data::new(state.clone()))
            .configure(routes::measures)
    });
    // Signals are the main server's: this one ends with it.
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

fn start_sender(
    config: &Config,
    db: &Db,
    links: &LinkCache,
    tokens: &TokenKeys,
    public_url: &Url,
    outbox: &Outbox,
    secret: &Secret,
) -> std::io::Result<Sender> {
    Sender::start(Tools {
        db: db.clone(),
        links: links.clone(),
        tokens: tokens.clone(),
        public_url: public_url.clone(),
        transport: Arc::new(outbox.clone()),
        keys: Some(SendingKeys {
            sealer: secret.sealer(),
            bounces: secret.key(Purpose::Bounce),
        }),
        clock: Clock::default(),
        timing: config.sending.clone(),
    })
}

impl App {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Under which address browsers reach it.
    pub fn public_url(&self) -> &Url {
        &self.state.public_url
    }

    /// The one-time link to *Ersteinrichtung*, while there is no account.
    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref()
    }

    /// What the running program holds: how tests look inside.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How to stop it from elsewhere.
    pub fn handle(&self) -> actix_web::dev::ServerHandle {
        self.server.handle()
    }

    /// Serves until it is told to stop (Ctrl-C, SIGTERM), then stores what still waits.
    ///
    /// # Errors
    /// Fails when the server fails.
    pub async fn run(self) -> Result<(), StartError> {
        let housekeeping = actix_web::rt::spawn(keep_house(self.state.clone()));
        let metrics = self.metrics.map(|server| {
            let handle = server.handle();
            actix_web::rt::spawn(server);
            handle
        });
        let outcome = self.server.await;
        housekeeping.abort();
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        let (recorder, sender) = (self.state.recorder.clone(), self.state.sender.clone());
        let (cleaner, deletions) = (self.state.cleaner.clone(), self.state.deletions.clone());
        let imports = self.state.imports.clone();
        let bounces = self.state.bounces.clone();
        let mailer = self.state.mailer.clone();
        let past = self.state.past.clone();
        let teller = self.state.teller.clone();
        let journaler = self.journaler.clone();
        // Every hit that was taken is stored before the program ends, every mail in hand marked.
        let _ = web::block(move || {
            sender.shut_down();
            mailer.shut_down();
            teller.shut_down();
            imports.shut_down();
            past.shut_down();
            bounces.shut_down();
            recorder.shut_down();
            // Before the cleaner, to which it hands what it deleted.
            deletions.shut_down();
            cleaner.shut_down();
            // The last one: it writes down what the others did.
            journaler.shut_down();
        })
        .await;
        outcome.map_err(StartError::from)
    }
}

/// Small regular work: removes what has run out or is kept no longer.
async fn keep_house(state: State) {
    let mut hourly = tokio::time::interval(Duration::from_hours(1));
    loop {
        hourly.tick().await;
        if let Err(error) = state
            .write(|conn| sessions::remove_expired(conn, Timestamp::now()))
            .await
        {
            tracing::warn!(%error, "expired sessions could not be removed");
        }
        tidy_links(&state).await;
        tidy_requests(&state).await;
        tidy_webhooks(&state).await;
        tidy_signups(&state).await;
        tidy_outbox(&state).await;
        tidy_imports(&state).await;
        tidy_audit_log(&state).await;
        tidy_backups(&state).await;
        tidy_deletion_lists(&state).await;
        take_over_cleaning(&state).await;
        start_retention(&state).await;
    }
}

/// Lets entries of the audit log go after their time, in small steps.
async fn tidy_audit_log(state: &State) {
    loop {
        let pruned = state
            .write(|conn| audit_list::prune(conn, Timestamp::now(), 500))
            .await;
        match pruned {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "old entries of the audit log could not be removed");
                return;
            }
        }
    }
}

/// Forgets copies of the database whose time is over.
async fn tidy_backups(state: &State) {
    let db = state.db.clone();
    let tidied = web::block(move || copy::forget_expired(&db, Timestamp::now())).await;
    if !matches!(tidied, Ok(Ok(()))) {
        tracing::warn!("copies of the database whose time is over could not be removed");
    }
}

/// Gives up deletions by list that nobody confirmed.
async fn tidy_deletion_lists(state: &State) {
    let db = state.db.clone();
    let tidied = web::block(move || list::give_up_old(&db, Timestamp::now())).await;
    if !matches!(tidied, Ok(Ok(()))) {
        tracing::warn!("deletions by list that nobody confirmed could not be given up");
    }
}

/// Cleans up after deletions of nodes that are gone.
async fn take_over_cleaning(state: &State) {
    let (db, cleaner) = (state.db.clone(), state.cleaner.clone());
    let taken = web::block(move || cleaner.take_over(&db, Timestamp::now())).await;
    if !matches!(taken, Ok(Ok(()))) {
        tracing::warn!("the cleaning of other nodes could not be looked up");
    }
}

/// Lets go of tracking data that is older than its account keeps it.
async fn start_retention(state: &State) {
    let (db, past) = (state.db.clone(), state.past.clone());
    let started = web::block(move || retention::start_due(&db, &past, Timestamp::now())).await;
    if !matches!(started, Ok(Ok(()))) {
        tracing::warn!("old tracking data could not be looked up");
    }
}

/// Forgets what imports leave, after its time.
async fn tidy_imports(state: &State) {
    let (db, uploads) = (state.db.clone(), state.imports.uploads.clone());
    let tidied = web::block(move || background::tidy(&db, &uploads)).await;
    if !matches!(tidied, Ok(Ok(()))) {
        tracing::warn!("the imports could not be tidied");
    }
}

/// Forgets invitations and links to new passwords that hold no longer.
async fn tidy_links(state: &State) {
    let removed = state
        .write(|conn| {
            let now = Timestamp::now();
            sign_ins::remove_expired(conn, now)?;
            invitations::remove_expired(conn, now.plus_days(-invite::SHOWN_DAYS))?;
            password_resets::remove_older(conn, now.plus_days(-reset::REMEMBERED_DAYS))
        })
        .await;
    if let Err(error) = removed {
        tracing::warn!(%error, "old links of users could not be removed");
    }
}

/// Forgets requests of programs that nobody sends again.
async fn tidy_requests(state: &State) {
    let removed = state
        .write(|conn| api_requests::remove_old(conn, Timestamp::now()))
        .await;
    if let Err(error) = removed {
        tracing::warn!(%error, "old requests of programs could not be removed");
    }
}

/// Forgets what webhooks told long ago.
async fn tidy_webhooks(state: &State) {
    let before = webhooks::kept_since(Timestamp::now());
    let removed = state
        .write(move |conn| webhook_deliveries::remove_old(conn, before))
        .await;
    if let Err(error) = removed {
        tracing::warn!(%error, "what webhooks told could not be removed");
    }
}

/// Forgets who signed up and never confirmed it.
async fn tidy_signups(state: &State) {
    let removed = state
        .write(|conn| signups::remove_expired(conn, Timestamp::now()))
        .await;
    let outbox = state.outbox.clone();
    let tidied = match removed {
        Ok(files) => web::block(move || outbox.remove(&files)).await.is_ok(),
        Err(_) => false,
    };
    if !tidied {
        tracing::warn!("unconfirmed sign-ups could not be removed");
    }
}

/// Takes old mails out of the outbox, and files that a crash left behind.
async fn tidy_outbox(state: &State) {
    let before = Timestamp::now().plus_days(-outbox::KEPT_DAYS);
    let removed = state
        .write(move |conn| crate::db::models::outbox::remove_older(conn, before))
        .await;
    let (db, outbox) = (state.db.clone(), state.outbox.clone());
    let swept = web::block(move || {
        outbox.remove(&removed?);
        outbox.sweep(&db)?;
        Ok::<_, crate::web::error::WebError>(())
    })
    .await;
    if !matches!(swept, Ok(Ok(()))) {
        tracing::warn!("the outbox could not be tidied");
    }
}

pub(crate) fn prepare_directory(dir: &Path) -> Result<(), StartError> {
    let problem = |source| StartError::DataDir {
        path: dir.to_owned(),
        source,
    };
    std::fs::create_dir_all(dir).map_err(problem)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Addresses of people lie here: nobody else on the machine may read them.
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(problem)?;
    }
    Ok(())
}

pub(crate) fn lock_directory(dir: &Path) -> Result<File, StartError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(|source| StartError::DataDir { path, source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Where browsers reach a server that listens there, if nothing else is set.
pub(crate) fn default_public_url(address: SocketAddr) -> Result<Url, StartError> {
    let host = if address.ip().is_unspecified() {
        "localhost".to_owned()
    } else {
        address.ip().to_string()
    };
    let host = if address.is_ipv6() && host != "localhost" {
        format!("[{host}]")
    } else {
        host
    };
    crate::config::parse_public_url(&format!("http://{host}:{}", address.port()))
        .map_err(StartError::from)
}

fn random_key() -> Result<String, StartError> {
    use base64::Engine;
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// Which database an installation uses, for messages.
pub const fn database_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SQLite",
        Backend::Postgres => "PostgreSQL",
    }
}
