//! A program that uses the interface.

use serde_json::Value;
use widerspruch::db::models::api_keys::{self, NewApiKey};
use widerspruch::domain::scope::{Scope, Scopes};
use widerspruch::domain::time::Timestamp;
use widerspruch::web::api::caller;

use super::World;

/// A key as a test made it.
pub struct MadeKey {
    pub id: i64,
    pub key: String,
}

/// What a program was answered.
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

/// A program with a key; without one when it is empty.
pub struct Program {
    base: String,
    key: String,
    agent: ureq::Agent,
}

impl World {
    /// A key that allows this.
    pub fn make_key(&self, scopes: Scopes) -> MadeKey {
        self.make_key_until(scopes, None)
    }

    /// A key that allows this until then.
    pub fn make_key_until(&self, scopes: Scopes, expires_at: Option<Timestamp>) -> MadeKey {
        self.make_key_of(self.account_id, scopes, expires_at)
    }

    /// A program of another account, which may do everything there.
    pub fn stranger(&self) -> Program {
        let account = self.make_account("Fremde AG", "fremd@example.com");
        let all: Scopes = Scope::ALL.into_iter().collect();
        self.program_with(&self.make_key_of(account, all, None).key)
    }

    fn make_key_of(&self, account: i64, scopes: Scopes, expires_at: Option<Timestamp>) -> MadeKey {
        let made = caller::new_key().expect("random bits");
        let new = NewApiKey {
            name: "Webshop",
            beginning: &made.beginning,
            hash: &made.hash,
            scopes,
            created_by: "Eva Admin",
            expires_at,
        };
        let id = self.write(|conn| api_keys::add(conn, account, &new, Timestamp::now()));
        MadeKey { id, key: made.key }
    }

    /// A program that may do everything.
    pub fn program(&self) -> Program {
        let all: Scopes = Scope::ALL.into_iter().collect();
        self.program_with(&self.make_key(all).key)
    }

    /// A program with that key.
    pub fn program_with(&self, key: &str) -> Program {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .build();
        Program {
            base: self.url.clone(),
            key: key.to_owned(),
            agent: config.into(),
        }
    }
}

impl Program {
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, &[])
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, Some(body.to_string()), &[])
    }

    pub fn put(&self, path: &str, body: &Value) -> Reply {
        self.send("PUT", path, Some(body.to_string()), &[])
    }

    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, None, &[])
    }

    /// Any request. A body is JSON unless a header says something else.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        let says_kind = headers.iter().any(|(name, _)| *name == "content-type");
        if body.is_some() && !says_kind {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = match body {
            Some(body) => self.agent.run(request.body(body).expect("a request")),
            None => self.agent.run(request.body(()).expect("a request")),
        }
        .expect("an answer");
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.body_mut().read_to_string().expect("text"),
        }
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What it says, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The same, of a request that is expected to end so.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Expects a problem of that kind.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(
            problem["type"],
            format!("/api/v1/problems/{kind}"),
            "{problem}"
        );
        assert_eq!(problem["status"], status);
        problem
    }
}
