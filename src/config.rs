//! Everything that can be set, one struct per concern. The command line and the environment are
//! read in `main`; here is what they mean.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use url::Url;

use crate::db::{self, Target};
use crate::sending::Timing;
use crate::webhooks::client::Reach;

/// Where it listens unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Where data lies unless told otherwise.
pub const DEFAULT_DATA_DIR: &str = "data";

/// How long copies of the database are kept unless told otherwise, in days.
pub const DEFAULT_BACKUP_DAYS: i64 = 30;

/// How the program runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// `--listen`, `WIDERSPRUCH_LISTEN`: address and port; port 0 takes a free one.
    /// Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// Where files and the secret lie.
    pub data: DataConfig,
    /// `--public-url`, `WIDERSPRUCH_PUBLIC_URL`: under which address browsers and mails reach it.
    /// Default: `http://` and the address it listens on.
    pub public_url: Option<Url>,
    /// `--trusted-proxy`, `WIDERSPRUCH_TRUSTED_PROXY`: addresses or networks of the proxies in
    /// front, several with commas. Only their `X-Forwarded-For` is believed, and only for limits
    /// kept in memory (signing in, public forms); no other header of a proxy is read. Default:
    /// none, every connection is its own client.
    pub trusted_proxies: Vec<IpNet>,
    /// `--metrics-listen`, `WIDERSPRUCH_METRICS_LISTEN`: address and port of `/healthz` and
    /// `/metrics`, which nobody has to sign in for; port 0 takes a free one. Default: off.
    pub metrics_listen: Option<SocketAddr>,
    /// How much a password's hash costs.
    pub password_cost: PasswordCost,
    /// How many recipients *Mit Beispieldaten starten* makes.
    pub demo_recipients: usize,
    /// How long sending waits for what.
    pub sending: Timing,
    /// `--webhooks-anywhere`, `WIDERSPRUCH_WEBHOOKS_ANYWHERE`: whether webhooks may lead to this
    /// machine and into private networks, and be told by http. Default: no.
    pub webhooks: Reach,
}

/// Where data lies.
#[derive(Debug, Clone)]
pub struct DataConfig {
    /// `--data-dir`, `WIDERSPRUCH_DATA`: the data directory. Default `data`.
    pub dir: PathBuf,
    /// `DATABASE_URL`: `postgres://…`, or `sqlite:PATH`. Default: a SQLite file in the data
    /// directory.
    pub database: Target,
    /// `WIDERSPRUCH_SECRET_FILE`: the installation's secret. Default `secret.key` in the data
    /// directory.
    pub secret_file: PathBuf,
    /// `--journal-dir`, `WIDERSPRUCH_JOURNAL`: where the journal lies of what a restored copy has to
    /// be told again. Default `journal` in the data directory.
    pub journal_dir: PathBuf,
    /// `--backup-days`, `WIDERSPRUCH_BACKUP_DAYS`: for how many days copies of the database are kept
    /// that nobody entered, and so the journal at least. Default 30.
    pub backup_days: i64,
}

/// How much work a password's hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCost {
    /// What OWASP recommends for argon2id: 19 MiB, two passes.
    Full,
    /// As little as possible, for tests that are not about passwords.
    Minimal,
}

/// A setting that can't be used, with the reason.
#[derive(Debug, thiserror::Error)]
pub enum ConfigProblem {
    /// `DATABASE_URL`.
    #[error("DATABASE_URL: {0}")]
    Database(#[from] db::TargetProblem),
    /// The public address.
    #[error("--public-url (WIDERSPRUCH_PUBLIC_URL): {0}")]
    PublicUrl(String),
    /// The address to listen on.
    #[error(
        "--listen (WIDERSPRUCH_LISTEN): \"{0}\" is not an address with a port, like 127.0.0.1:8080"
    )]
    Listen(String),
    /// The address to listen on for metrics.
    #[error(
        "--metrics-listen (WIDERSPRUCH_METRICS_LISTEN): \"{0}\" is not an address with a port, like 127.0.0.1:9090"
    )]
    MetricsListen(String),
    /// A proxy.
    #[error(
        "--trusted-proxy (WIDERSPRUCH_TRUSTED_PROXY): \"{0}\" is neither an address nor a network, like 10.0.0.0/8"
    )]
    Proxy(String),
}

impl DataConfig {
    /// From the data directory, the value of `DATABASE_URL` and that of `WIDERSPRUCH_SECRET_FILE`.
    ///
    /// # Errors
    /// Refuses an unknown scheme of `DATABASE_URL`.
    pub fn new(
        dir: &Path,
        database_url: Option<&str>,
        secret_file: Option<&Path>,
    ) -> Result<Self, ConfigProblem> {
        let database = match database_url {
            Some(url) => Target::parse(url)?,
            None => Target::Sqlite(db::sqlite_file(dir)),
        };
        Ok(Self {
            database,
            secret_file: secret_file.map_or_else(|| dir.join("secret.key"), Path::to_owned),
            dir: dir.to_owned(),
            journal_dir: dir.join("journal"),
            backup_days: DEFAULT_BACKUP_DAYS,
        })
    }
}

/// Reads the address to listen on.
///
/// # Errors
/// Refuses what is not an address with a port.
pub fn parse_listen(text: &str) -> Result<SocketAddr, ConfigProblem> {
    text.parse()
        .map_err(|_| ConfigProblem::Listen(text.to_owned()))
}

/// Reads the address to listen on for metrics.
///
/// # Errors
/// Refuses what is not an address with a port.
pub fn parse_metrics_listen(text: &str) -> Result<SocketAddr, ConfigProblem> {
    text.parse()
        .map_err(|_| ConfigProblem::MetricsListen(text.to_owned()))
}

/// Reads the proxies: addresses, or networks with the length of their prefix.
///
/// # Errors
/// Refuses everything else, names of hosts too: who answers to a name can change.
pub fn parse_proxies(texts: &[String]) -> Result<Vec<IpNet>, ConfigProblem> {
    let named = texts.iter().map(|text| text.trim());
    named
        .filter(|text| !text.is_empty())
        .map(|text| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address
                .or_else(|_| text.parse::<IpNet>())
                .map_err(|_| ConfigProblem::Proxy(text.to_owned()))
        })
        .collect()
}

/// Reads the public address: http or https, a host, no path.
///
/// # Errors
/// Refuses everything else, since mails already sent would point nowhere.
pub fn parse_public_url(text: &str) -> Result<Url, ConfigProblem> {
    let problem = |why: &str| ConfigProblem::PublicUrl(format!("\"{text}\" {why}"));
    let url = Url::parse(text).map_err(|e| problem(&format!("is not an address ({e})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(problem(
            "must begin with http:// or https:// and name a host",
        ));
    }
    if url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
    {
        return Err(problem(
            "must be only scheme, host and port, without a path",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_scheme_host_and_port() {
        assert!(parse_public_url("https://mail.example.org").is_ok());
        assert!(parse_public_url("http://localhost:8080/").is_ok());
        for wrong in [
            "mail.example.org",
            "ftp://example.org",
            "https://example.org/news",
            "https://a@example.org",
            "",
        ] {
            assert!(parse_public_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        let parse = |text: &str| parse_proxies(&[text.to_owned()]);
        assert_eq!(parse("127.0.0.1").unwrap()[0].to_string(), "127.0.0.1/32");
        assert_eq!(parse(" 10.0.0.0/8 ").unwrap()[0].to_string(), "10.0.0.0/8");
        assert_eq!(parse("2001:db8::/32").unwrap().len(), 1);
        assert_eq!(parse("").unwrap(), []);
        for wrong in ["proxy.example", "10.0.0.0/99", "*", "10.0.0.1:80"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn databases_are_chosen_by_scheme() {
        let of = |url| DataConfig::new(Path::new("d"), url, None).map(|c| c.database);
        assert_eq!(
            of(None).unwrap(),
            Target::Sqlite(PathBuf::from("d/widerspruch.sqlite"))
        );
        assert_eq!(
            of(Some("sqlite:/x/y.db")).unwrap(),
            Target::Sqlite(PathBuf::from("/x/y.db"))
        );
        let refused = of(Some("mysql://u:geheim@h/d")).unwrap_err().to_string();
        assert!(
            refused.contains("mysql") && !refused.contains("geheim"),
            "{refused}"
        );
    }
}
