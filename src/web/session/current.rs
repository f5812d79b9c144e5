//! The session of the request at hand, with types instead of words for keys.

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_session::{Session, SessionExt};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::{FromRequest, HttpRequest};
use serde::{Deserialize, Serialize};

use crate::web::error::WebError;

const STAGE: &str = "stage";

/// How far the owner of a session key has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The password was right, the code is still to come: the number of a row of `sign_ins`.
    AwaitingCode(i64),
    /// Signed in: the number of a row of `sessions`.
    SignedIn(i64),
}

/// What the middleware carries through a request.
pub(super) fn state_with(stage: Stage) -> HashMap<String, String> {
    let text = serde_json::to_string(&stage);
    text.map_or_else(
        |_| HashMap::new(),
        |text| HashMap::from([(STAGE.into(), text)]),
    )
}

/// What it carried.
pub(super) fn stage_of(state: &HashMap<String, String>) -> Option<Stage> {
    serde_json::from_str(state.get(STAGE)?).ok()
}

/// The session of the request at hand; handlers of routes that sign somebody in or out take it as
/// an argument.
pub struct CurrentSession(Session);

impl CurrentSession {
    /// The session of a request.
    pub fn of(request: &ServiceRequest) -> Self {
        Self(request.get_session())
    }

    fn stage(&self) -> Option<Stage> {
        self.0.get(STAGE).ok().flatten()
    }

    /// The number of the row of `sessions`, if somebody is signed in.
    pub fn session_id(&self) -> Option<i64> {
        match self.stage()? {
            Stage::SignedIn(id) => Some(id),
            Stage::AwaitingCode(_) => None,
        }
    }

    /// The number of the row of `sign_ins`, if somebody is between password and code.
    pub fn sign_in_id(&self) -> Option<i64> {
        match self.stage()? {
            Stage::AwaitingCode(id) => Some(id),
            Stage::SignedIn(_) => None,
        }
    }

    /// Goes on to another stage with a new key; the one before opens nothing any more (session
    /// fixation, OWASP ASVS 3.2.1).
    ///
    /// # Errors
    /// Fails when the stage can't be written as JSON, which it always can.
    pub fn advance_to(&self, stage: Stage) -> Result<(), WebError> {
        self.0.renew();
        let inserted = self.0.insert(STAGE, stage);
        inserted.map_err(|error| WebError::Internal(error.to_string()))
    }

    /// Ends it: its row goes, and its cookie.
    pub fn end(&self) {
        self.0.purge();
    }
}

impl FromRequest for CurrentSession {
    type Error = WebError;
    type Future = Ready<Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.get_session())))
    }
}
