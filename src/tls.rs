//! TLS of the connections this program makes: to mail servers (SMTP, IMAP) and to webhooks.
//!
//! One implementation (rustls with ring), TLS 1.2 and 1.3, and the root certificates that the
//! system trusts. They are read once, at the first use: from `SSL_CERT_FILE` and `SSL_CERT_DIR`
//! where these are set, otherwise from where the distribution keeps them.

use std::io;
use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore};

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(ring::default_provider()));

static ROOTS: LazyLock<Roots> = LazyLock::new(Roots::load);

static CONFIG: LazyLock<Result<Arc<ClientConfig>, rustls::Error>> = LazyLock::new(|| {
    let config = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(ALL_VERSIONS)?
        .with_root_certificates(Arc::clone(&ROOTS.store))
        .with_no_client_auth();
    Ok(Arc::new(config))
});

/// The cryptography, for libraries that make their own [`ClientConfig`].
pub fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// The trusted root certificates, for libraries that make their own [`ClientConfig`]. Empty if
/// there are none, which has been logged; then no server is trusted.
pub fn root_certificates() -> &'static [CertificateDer<'static>] {
    &ROOTS.certificates
}

/// What a client connection is made with; shared, so that sessions can be resumed.
///
/// # Errors
/// Fails if the cryptography has no cipher suite for one of the TLS versions.
pub fn client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    CONFIG.clone()
}

/// The TLS error inside an I/O error, which is how rustls reports a failed handshake.
pub fn error_in(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    store: Arc<RootCertStore>,
}

impl Roots {
    fn load() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some root certificates cannot be read");
        }
        let mut store = RootCertStore::empty();
        let mut certificates = found.certs;
        // Stores hold certificates that rustls can't read, for good reasons: very old ones.
        certificates.retain(|certificate| store.add(certificate.clone()).is_ok());
        if certificates.is_empty() {
            tracing::error!(
                "no trusted root certificates: every TLS connection to a mail server or webhook \
                 will fail; install the package ca-certificates or set SSL_CERT_FILE"
            );
        }
        Self {
            certificates,
            store: Arc::new(store),
        }
    }
}
