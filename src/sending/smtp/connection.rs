//! Connecting to a mail server and signing in.

use std::error::Error as _;
use std::io::ErrorKind;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};

use super::reply::Reply;
use super::{Server, Trouble};
use crate::domain::server::Encryption;

impl Server {
    /// A connection over which mails can be sent. With STARTTLS nothing but the wish for it is
    /// said in the clear: where it can't be had there is no connection.
    pub(super) fn open(&self) -> Result<SmtpConnection, Trouble> {
        let tls = match self.encryption {
            Encryption::None => None,
            Encryption::Tls | Encryption::StartTls => {
                Some(tls_parameters(&self.host).map_err(|_| Trouble::Tls)?)
            }
        };
        let at_once = tls.as_ref().filter(|_| self.encryption == Encryption::Tls);
        let mut conn = SmtpConnection::connect(
            (self.host.as_str(), self.port),
            Some(self.patience.connect),
            &self.hello,
            at_once,
            None,
        )
        .map_err(|error| not_connected(&error, at_once.is_some()))?;
        if self.encryption == Encryption::StartTls
            && let Some(tls) = &tls
        {
            if !conn.can_starttls() {
                conn.abort();
                return Err(Trouble::NoTls);
            }
            conn.starttls(tls, &self.hello)
                .map_err(|error| match Reply::of(&error) {
                    Some(_) => Trouble::NoTls,
                    None => not_connected(&error, true),
                })?;
        }
        if let Some(credentials) = &self.credentials {
            let signed_in = conn.auth(DEFAULT_MECHANISMS, credentials).map(drop);
            if let Err(error) = signed_in {
                conn.abort();
                return Err(not_signed_in(&error));
            }
        }
        conn.set_timeout(Some(self.patience.command))
            .map_err(|_| Trouble::Silent)?;
        Ok(conn)
    }
}

/// TLS with this host. lettre takes certificates, not a shared configuration.
fn tls_parameters(host: &str) -> Result<TlsParameters, Error> {
    let mut builder =
        TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for root in crate::tls::root_certificates() {
        builder = builder.add_root_certificate(Certificate::from_der(root.to_vec())?);
    }
    builder.build_rustls()
}

/// What a failed connection means. With `tls` the handshake is part of it: it begins with the
/// first byte that is read or written.
fn not_connected(error: &Error, tls: bool) -> Trouble {
    if let Some(reply) = Reply::of(error) {
        return if reply.is_final() {
            Trouble::Refused(reply.codes)
        } else {
            Trouble::Busy(reply.codes)
        };
    }
    if error.is_response() || error.is_client() {
        return Trouble::Silent;
    }
    let Some(source) = error.source() else {
        return Trouble::Unreachable;
    };
    let Some(io) = source.downcast_ref::<std::io::Error>() else {
        return if source.to_string().contains("resolve") {
            Trouble::Unreachable
        } else {
            Trouble::Tls
        };
    };
    match crate::tls::error_in(io) {
        Some(rustls::Error::InvalidCertificate(_)) => return Trouble::Certificate,
        Some(_) => return Trouble::Tls,
        None => {}
    }
    match io.kind() {
        // A server that waits for TLS says nothing in the clear, until the patience ends.
        ErrorKind::WouldBlock => Trouble::Silent,
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe if tls => {
            Trouble::Tls
        }
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            Trouble::Silent
        }
        _ => Trouble::Unreachable,
    }
}

fn not_signed_in(error: &Error) -> Trouble {
    match Reply::of(error) {
        Some(reply) if reply.is_final() => Trouble::SignIn(reply.codes),
        Some(reply) => Trouble::Busy(reply.codes),
        None if error.is_client() => Trouble::NoSignIn,
        None => Trouble::Silent,
    }
}
