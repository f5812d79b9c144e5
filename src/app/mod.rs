//! Start-up and shutdown in one place: [`build`] makes a running [`App`] of a [`Config`].
//!
//! * [`Data`]: what the server and the commands open.
//! * `maintenance`: what a running server does every hour.
//! * `search_rebuild`: what follows the upgrade from a version with another search.

mod data;
mod maintenance;
mod search_rebuild;

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{HttpServer, web};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use url::Url;

use crate::backup::journal::Journal;
use crate::backup::journaler;
use crate::bounces::background::Bounces;
use crate::bounces::origin::Keys;
use crate::bounces::spool::Spool;
use crate::config::Config;
use crate::db::Db;
use crate::db::models::{accounts, job_queue};
use crate::demo::Background;
use crate::domain::secret::{Key, Purpose, Secret};
use crate::domain::time::Clock;
use crate::erasure::cleanup::Cleaner;
use crate::erasure::jobs::Deletions;
use crate::erasure::past;
use crate::error::StartError;
use crate::import::background::Imports;
use crate::import::uploads::Uploads;
use crate::jobs::worker::Worker;
use crate::routes;
use crate::sending::Sender;
use crate::sending::outbox::Outbox;
use crate::sending::sender::{Keys as SendingKeys, Tools};
use crate::signup::stamp::Stamps;
use crate::signup::{self, Mailer};
use crate::tracking::links::LinkCache;
use crate::tracking::recorder::Recorder;
use crate::tracking::token::TokenKeys;
use crate::web::head;
use crate::web::measures::Requests;
use crate::web::protection::protect;
use crate::web::public::signup::limits::FormLimits;
use crate::web::session::store;
use crate::web::session::throttle::Throttle;
use crate::web::state::{Inner, State};
use crate::webhooks;
use crate::webhooks::worker::Teller;

pub use data::Data;
pub(crate) use data::{lock_directory, prepare_directory};

/// So many mails with links to new passwords are on their way to mail servers at the same time.
const RESETS_AT_ONCE: usize = 32;

/// A server that listens.
pub struct App {
    server: Server,
    /// What a monitoring system asks, apart from everything else.
    metrics: Option<Server>,
    state: State,
    address: SocketAddr,
    setup_link: Option<String>,
    workers: Workers,
    _lock: Option<File>,
}

/// The threads that no request asks for anything.
struct Workers {
    journaler: Worker,
    search_rebuild: Worker,
    maintenance: Worker,
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
    if !db.is_server() {
        // This is the only program on the database: what an earlier one had claimed is free.
        db.write(job_queue::release_all)?;
    }
    let cleaner = Cleaner::start(db.clone(), config.data.dir.clone())?;
    let remembering = secret.key(Purpose::RememberedAddress);
    let journaler = start_journaler(config, &db, journal, &remembering)?;
    let search_rebuild = search_rebuild::start(db.clone())?;
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
        past: past::start_work(db.clone())?,
        imports: Imports::start(
            db.clone(),
            Uploads::open(&config.data.dir)?,
            remembering.clone(),
            cleaner.node().into(),
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
        session_key: store::signing_key(&secret.key(Purpose::SessionCookie)),
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
        workers: Mutex::default(),
        db,
    });
    let workers = Workers {
        maintenance: maintenance::start(state.clone())?,
        journaler,
        search_rebuild,
    };
    *state.workers.lock() = all_workers(&state, &workers);
    Ok(App {
        server: serve(listener, &state)?,
        metrics: for_metrics
            .map(|at| serve_metrics(at, &state))
            .transpose()?,
        address,
        setup_link,
        workers,
        state,
        _lock: lock,
    })
}

/// Every supervised thread.
fn all_workers(state: &State, workers: &Workers) -> Vec<Worker> {
    let [mailboxes, spool] = state.bounces.workers();
    let all = [
        state.cleaner.worker(),
        state.deletions.worker(),
        state.past.worker(),
        state.imports.worker(),
        mailboxes,
        spool,
        state.mailer.worker(),
        state.teller.worker(),
        &workers.maintenance,
        &workers.journaler,
        &workers.search_rebuild,
    ];
    all.into_iter().cloned().collect()
}

/// Answers everybody's requests.
fn serve(listener: TcpListener, state: &State) -> std::io::Result<Server> {
    let state = state.clone();
    let server = HttpServer::new(move || {
        let sessions = store::layer(&state);
        actix_web::App::new()
            .app_data(web::Data::new(state.clone()))
            .configure(routes::limits)
            .configure(|config| routes::configure(config, &sessions))
            .wrap(from_fn(head::as_get))
            .wrap(from_fn(protect))
    })
    .workers(workers())
    .shutdown_timeout(10)
    .listen(listener)?
    .run();
    Ok(server)
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
) -> std::io::Result<Worker> {
    journaler::start(journaler::Tools {
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
            .wrap(from_fn(head::as_get))
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
        let metrics = self.metrics.map(|server| {
            let handle = server.handle();
            actix_web::rt::spawn(server);
            handle
        });
        let outcome = self.server.await;
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        let (state, workers) = (self.state, self.workers);
        // Every hit that was taken is stored before the program ends, every mail in hand marked.
        let _ = web::block(move || {
            // All at once; the cleaner and the journal have work to come from the others.
            for worker in &*state.workers.lock() {
                if !["cleaner", "journal"].contains(&worker.name()) {
                    worker.tell_to_stop();
                }
            }
            workers.maintenance.stop();
            workers.search_rebuild.stop();
            state.sender.shut_down();
            state.mailer.shut_down();
            state.teller.shut_down();
            state.imports.shut_down();
            state.past.stop();
            state.bounces.shut_down();
            state.recorder.shut_down();
            // Before the cleaner, to which it hands what it deleted.
            state.deletions.shut_down();
            state.cleaner.shut_down();
            // The last one: it writes down what the others did.
            workers.journaler.stop();
        })
        .await;
        outcome.map_err(StartError::from)
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
