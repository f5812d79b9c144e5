//! Where the session middleware (actix-session) finds and keeps sessions, and how it is set up.
//!
//! A key leads to a row of `sessions` (signed in) or of `sign_ins` (between password and code); the
//! tables know only its SHA-256. A row is inserted by the handler, in the transaction that signs
//! somebody in or uses a second factor up; the middleware then calls [`DatabaseStore::save`], which
//! only binds a key to that row. Nothing here ever inserts a row, so a session that was revoked
//! while a request ran is not revived by its answer.

use std::collections::HashMap;

use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_session::{SessionExt, SessionMiddleware, SessionStatus};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::cookie;
use super::current::{Stage, stage_of, state_with};
use crate::db::models::{sessions, sign_ins};
use crate::db::{Conn, Db, DbResult};
use crate::domain::random_key::{KeyHash, hash_of, new_key};
use crate::domain::time::Timestamp;
use crate::web::error::WebError;
use crate::web::state::State;

/// The middleware around every route that asks who is signed in, or signs somebody in.
pub type SessionLayer = SessionMiddleware<DatabaseStore>;

/// The middleware as this installation needs it.
pub fn layer(state: &State) -> SessionLayer {
    let https = state.is_https();
    let lifetime = PersistentSession::default().session_ttl(Duration::days(super::DAYS));
    SessionMiddleware::builder(
        DatabaseStore::new(state.db.clone()),
        state.session_key.clone(),
    )
    .cookie_name(cookie::session_name(https).to_owned())
    .cookie_secure(https)
    .cookie_http_only(true)
    .cookie_same_site(SameSite::Lax)
    .cookie_path("/".to_owned())
    // The key in it is random and says nothing: there is nothing to hide from its owner.
    .cookie_content_security(CookieContentSecurity::Signed)
    .session_lifecycle(lifetime)
    .build()
}

/// The key that signs the cookie, from the installation's secret.
pub fn signing_key(secret: &crate::domain::secret::Key) -> Key {
    let halves = [secret.mac(b"signing"), secret.mac(b"encryption")];
    Key::from(halves.as_flattened())
}

/// The layer around the session middleware, which passes on what its store fails with as an error
/// without words. Answers instead with what a person can do about it: [`WebError::Away`] where
/// nothing was changed, [`WebError::Unconfirmed`] where the handler had done its work and only the
/// session's new key was not stored.
///
/// # Errors
/// None: every failure is a response.
pub async fn explain_failure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let session = request.get_session();
    let head = request.request().clone();
    // A handler's failure is a response already, so what arrives as an error is the store's.
    let error = match next.call(request).await {
        Ok(response) => return Ok(response.map_into_boxed_body()),
        Err(error) => format!("the session store: {error:?}"),
    };
    let explained = match session.status() {
        SessionStatus::Renewed => {
            tracing::error!(error, "a session has no key");
            WebError::Unconfirmed
        }
        _ => WebError::Away(error),
    };
    Ok(ServiceResponse::from_err(explained, head))
}

/// Sessions in the tables `sessions` and `sign_ins`.
#[derive(Clone)]
pub struct DatabaseStore {
    db: Db,
}

impl DatabaseStore {
    /// The store of that database.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Runs queries off the async threads.
    async fn write(
        &self,
        queries: impl FnOnce(&mut Conn) -> DbResult<()> + Send + 'static,
    ) -> Result<(), anyhow::Error> {
        let db = self.db.clone();
        Ok(web::block(move || db.write(queries)).await??)
    }
}

impl SessionStore for DatabaseStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let (db, key_hash) = (self.db.clone(), hash_of(key.as_ref()));
        let found = web::block(move || db.read(|conn| find(conn, &key_hash))).await;
        let stage = found
            .map_err(|error| LoadError::Other(error.into()))?
            .map_err(|error| LoadError::Other(error.into()))?;
        Ok(stage.map(state_with))
    }

    async fn save(
        &self,
        state: HashMap<String, String>,
        _lifetime: &Duration,
    ) -> Result<SessionKey, SaveError> {
        let (key, key_hash) = new_key().map_err(|error| SaveError::Other(error.into()))?;
        if let Some(stage) = stage_of(&state) {
            let bound = self.write(move |conn| bind(conn, stage, &key_hash)).await;
            bound.map_err(SaveError::Other)?;
        }
        SessionKey::try_from(key).map_err(|error| SaveError::Other(error.into()))
    }

    /// A row never changes what it stands for, and its end is set when it begins: there is nothing
    /// to update. Above all nothing is inserted.
    async fn update(
        &self,
        key: SessionKey,
        _state: HashMap<String, String>,
        _lifetime: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        Ok(key)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let key_hash = hash_of(key.as_ref());
        self.write(move |conn| {
            sessions::end_by_key(conn, &key_hash)?;
            sign_ins::end_by_key(conn, &key_hash)
        })
        .await
    }
}

fn find(conn: &mut Conn, key_hash: &KeyHash) -> DbResult<Option<Stage>> {
    let now = Timestamp::now();
    if let Some(id) = sessions::find_by_key(conn, key_hash, now)? {
        return Ok(Some(Stage::SignedIn(id)));
    }
    let sign_in = sign_ins::find_by_key(conn, key_hash, now)?;
    Ok(sign_in.map(Stage::AwaitingCode))
}

fn bind(conn: &mut Conn, stage: Stage, key_hash: &KeyHash) -> DbResult<()> {
    match stage {
        Stage::SignedIn(id) => sessions::bind_key(conn, id, key_hash),
        Stage::AwaitingCode(id) => sign_ins::bind_key(conn, id, key_hash),
    }
}
