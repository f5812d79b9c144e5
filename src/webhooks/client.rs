//! The connection to the other side. Its address is typed by users, so it must not lead into the
//! networks around this server (server-side request forgery): the name is looked up, every address
//! is checked, and the connection goes to what was checked and nowhere else. No redirect is
//! followed, no proxy of the environment used, and of the answer only the status is read.

use std::net::SocketAddr;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};
use url::{Host, Url};

use crate::domain::public_address::is_public;

/// How long one telling may take in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest address, in characters.
pub const MAX_URL_CHARS: usize = 500;

/// Where webhooks may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Only into the public internet, and encrypted.
    Public,
    /// Anywhere: also to this machine, to private networks, and by http.
    Anywhere,
}

/// What came of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was taken.
    Taken(u16),
    /// It was not, with the reason in German.
    Not(String),
}

/// Why an address can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlProblem {
    /// Not an address on the web, or with a password in it.
    Unusable,
    /// Not https.
    NotEncrypted,
    /// Leads to a network that is not public.
    NotPublic,
}

/// Reads an address that somebody typed.
///
/// # Errors
/// See [`UrlProblem`].
pub fn read_url(typed: &str, reach: Reach) -> Result<Url, UrlProblem> {
    if typed.chars().count() > MAX_URL_CHARS {
        return Err(UrlProblem::Unusable);
    }
    let url = Url::parse(typed).map_err(|_| UrlProblem::Unusable)?;
    let has_password = !url.username().is_empty() || url.password().is_some();
    let is_web = matches!(url.scheme(), "http" | "https");
    if !is_web || has_password || url.fragment().is_some() {
        return Err(UrlProblem::Unusable);
    }
    let is_private = match url.host().ok_or(UrlProblem::Unusable)? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost") || !name.contains('.')
        }
        Host::Ipv4(address) => !is_public(address.into()),
        Host::Ipv6(address) => !is_public(address.into()),
    };
    match reach {
        Reach::Public if url.scheme() != "https" => Err(UrlProblem::NotEncrypted),
        Reach::Public if is_private => Err(UrlProblem::NotPublic),
        Reach::Public | Reach::Anywhere => Ok(url),
    }
}

/// Looks names up, and keeps to what may be reached.
#[derive(Debug)]
struct Guarded {
    reach: Reach,
    names: DefaultResolver,
}

/// The name leads to a network that is not public.
#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
struct Refused;

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let is_safe = |address: &SocketAddr| is_public(address.ip());
        // One address that is not public is reason enough: a name that has both is up to something.
        if self.reach == Reach::Public && !found.iter().all(is_safe) {
            return Err(Error::Other(Box::new(Refused)));
        }
        Ok(found)
    }
}

/// Tells other programs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    reach: Reach,
}

impl Client {
    /// A client that reaches so far.
    pub fn new(reach: Reach) -> Self {
        let roots = crate::tls::root_certificates()
            .iter()
            .map(|root| Certificate::from_der(root));
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(crate::tls::provider())
            .root_certs(RootCerts::from(roots))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(reach == Reach::Public)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .max_response_header_size(16 * 1024)
            .max_idle_connections(0)
            .timeout_global(Some(PATIENCE))
            .user_agent("Widerspruch")
            .accept_encoding("identity")
            .build();
        let names = Guarded {
            reach,
            names: DefaultResolver::default(),
        };
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), names),
            reach,
        }
    }

    /// How far it reaches.
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Sends a body to that address, with its signature.
    pub fn tell(&self, url: &str, body: &str, signature: &str) -> Told {
        let sent = self
            .agent
            .post(url)
            .header("content-type", "application/json")
            .header(super::signature::HEADER, signature)
            .send(body);
        match sent {
            // What else the answer holds stays unread.
            Ok(answer) => match answer.status().as_u16() {
                status @ 200..=299 => Told::Taken(status),
                status @ 300..=399 => Told::Not(format!(
                    "Antwort {status}: Weiterleitungen wird nicht gefolgt"
                )),
                status => Told::Not(format!("Antwort {status}")),
            },
            Err(error) => Told::Not(reason(&error)),
        }
    }
}

/// What went wrong, in German and without what others sent.
fn reason(error: &Error) -> String {
    let words = match error {
        Error::Other(inner) if inner.is::<Refused>() => {
            "Die Adresse führt in ein Netz, das nicht öffentlich ist"
        }
        Error::HostNotFound => "Der Name ist nicht bekannt",
        Error::Timeout(_) => "Keine Antwort nach 10 Sekunden",
        Error::ConnectionFailed => "Keine Verbindung",
        Error::Rustls(_) | Error::Tls(_) => "Die Verschlüsselung kam nicht zustande",
        Error::Io(error) if crate::tls::error_in(error).is_some() => {
            "Die Verschlüsselung kam nicht zustande"
        }
        Error::RequireHttpsOnly(_) => "Nur https ist erlaubt",
        Error::LargeResponseHeader(..) => "Die Antwort ist zu groß",
        Error::Io(_) => "Die Verbindung kam nicht zustande oder brach ab",
        _ => "Die Antwort ist nicht zu verstehen",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let of = |typed: &str| read_url(typed, Reach::Public).map(|url| url.to_string());
        assert!(of("https://hooks.example.org/in?x=1").is_ok());
        for (typed, problem) in [
            ("", UrlProblem::Unusable),
            ("hooks.example.org", UrlProblem::Unusable),
            ("ftp://example.org", UrlProblem::Unusable),
            ("file:///etc/passwd", UrlProblem::Unusable),
            ("https://a:b@example.org/", UrlProblem::Unusable),
            ("https://example.org/#x", UrlProblem::Unusable),
            ("http://example.org/", UrlProblem::NotEncrypted),
            ("https://localhost/", UrlProblem::NotPublic),
            ("https://localhost./", UrlProblem::NotPublic),
            ("https://a.localhost/", UrlProblem::NotPublic),
            ("https://intern/", UrlProblem::NotPublic),
            ("https://127.0.0.1/", UrlProblem::NotPublic),
            ("https://2130706433/", UrlProblem::NotPublic),
            ("https://0x7f.1/", UrlProblem::NotPublic),
            ("https://169.254.169.254/latest", UrlProblem::NotPublic),
            ("https://[::1]/", UrlProblem::NotPublic),
            ("https://[::ffff:10.0.0.1]/", UrlProblem::NotPublic),
        ] {
            assert_eq!(of(typed), Err(problem), "{typed}");
        }
        let long = format!("https://example.org/{}", "x".repeat(MAX_URL_CHARS));
        assert_eq!(of(&long), Err(UrlProblem::Unusable));
        assert!(read_url("http://127.0.0.1:8080/", Reach::Anywhere).is_ok());
        assert!(read_url("file:///etc/passwd", Reach::Anywhere).is_err());
    }

    #[test]
    fn no_connection_is_made_into_a_private_network() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let port = server.local_addr().unwrap().port();
        let client = Client::new(Reach::Public);
        // By a name as well as by a number: it is looked up first.
        for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
            let told = client.tell(&format!("https://{host}:{port}/"), "{}", "x");
            let why = "Die Adresse führt in ein Netz, das nicht öffentlich ist";
            assert_eq!(told, Told::Not(why.to_owned()), "{host}");
        }
        let plain = client.tell(&format!("http://127.0.0.1:{port}/"), "{}", "x");
        assert!(matches!(plain, Told::Not(_)));
        assert!(server.accept().is_err(), "nobody came");
    }
}
