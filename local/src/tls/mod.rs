//! HTTPS and WSS beside HTTP, for clients that speak nothing else: Amplify makes `wss://` of every address.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `authority` | an authority for this machine alone, and the certificate that it makes at each start |
//! | `listener` | from TCP connections to TLS connections |

mod authority;
mod listener;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use authority::Authority;
pub use listener::TlsListener;

/// Whether to serve HTTPS too, and how.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Serve HTTPS and WSS as well, with a certificate of an authority that is kept in the data directory
    #[arg(long)]
    pub tls: bool,

    /// Port for HTTPS and WSS [default: 4443, or a free one with --port 0]
    #[arg(long, value_name = "PORT", requires = "tls")]
    pub tls_port: Option<u16>,

    /// Present this certificate: a PEM file, with the certificates between it and its authority after it
    #[arg(long, value_name = "FILE", requires = "tls", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate: a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl Options {
    /// Port for HTTPS beside this port for HTTP, 0 for a free one.
    #[must_use]
    pub fn port(&self, http: u16) -> u16 {
        self.tls_port.unwrap_or(if http == 0 { 0 } else { 4443 })
    }
}

/// Where the same is served with TLS. The names are those of the addresses without it, so that the one may take the
/// place of the other.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// AppSync over HTTPS.
    pub graphql_url: String,
    /// AppSync's real-time endpoint over WSS.
    pub realtime_url: String,
    /// The authority's certificate, in PEM, if it is this machine's own: what a client has to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Why HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Error {
    #[error("the certificate {path} cannot be used: {source}")]
    Certificate { path: PathBuf, source: Unusable },
    #[error("the key {path} cannot be used: {source}")]
    Key { path: PathBuf, source: Unusable },
    #[error("the key {key} is not that of the certificate {certificate}")]
    NotItsKey { certificate: PathBuf, key: PathBuf },
    #[error(
        "the authority for HTTPS cannot be used ({source}): delete {} and {}, and a new one is made, which clients have \
         to trust anew",
        certificate.display(), key.display()
    )]
    Authority { certificate: PathBuf, key: PathBuf, source: Unusable },
}

/// What is wrong with a certificate or a key.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Unusable {
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
    #[error("it is not PEM, or does not hold what it should")]
    NotPem,
    #[error(transparent)]
    Refused(#[from] rustls::Error),
    #[error(transparent)]
    NotMade(#[from] rcgen::Error),
}

impl From<pem::Error> for Unusable {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::Io(error) => Self::Unreadable(error),
            _ => Self::NotPem,
        }
    }
}

/// A certificate to present, and its key.
pub struct Tls {
    config: Arc<ServerConfig>,
    ca_file: Option<PathBuf>,
}

impl Tls {
    /// What the options ask for: nothing, a certificate of one's own, or one that the authority of this data directory
    /// makes.
    ///
    /// # Errors
    /// If a certificate or a key cannot be read, made or used.
    pub fn of(options: &Options, directory: &Path) -> Result<Option<Self>, Error> {
        match options {
            Options { tls: false, .. } => Ok(None),
            Options { tls_cert: Some(certificate), tls_key: Some(key), .. } => {
                Self::given(certificate, key).map(|config| Some(Self { config, ca_file: None }))
            }
            _ => {
                let authority = Authority::of(directory)?;
                let config = authority.certificate().and_then(|(certificate, key)| Ok(config(vec![certificate], key)?));
                let config = config.map_err(|source| authority.unusable(source))?;
                Ok(Some(Self { config, ca_file: Some(authority.certificate_file().to_owned()) }))
            }
        }
    }

    fn given(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, Error> {
        let of_certificate = |source| Error::Certificate { path: certificate.to_owned(), source };
        let of_key = |source| Error::Key { path: key.to_owned(), source };
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(|error| of_certificate(error.into()))?;
        if chain.is_empty() {
            return Err(of_certificate(Unusable::NotPem));
        }
        let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| of_key(error.into()))?;
        ring::default_provider()
            .key_provider
            .load_private_key(private_key.clone_key())
            .map_err(|e| of_key(e.into()))?;
        config(chain, private_key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                Error::NotItsKey { certificate: certificate.to_owned(), key: key.to_owned() }
            }
            error => of_certificate(error.into()),
        })
    }

    /// Serves TLS on this listener.
    #[must_use]
    pub fn on(&self, listener: tokio::net::TcpListener) -> TlsListener {
        TlsListener::new(listener, Arc::clone(&self.config))
    }

    /// Where what is served on this port is found. A certificate of one's own is most likely made out to a name, which
    /// is `localhost` on this machine; the authority's is made out to the address as well.
    #[must_use]
    pub fn addresses(&self, port: u16) -> Addresses {
        let host = if self.ca_file.is_some() { "127.0.0.1" } else { "localhost" };
        Addresses {
            graphql_url: format!("https://{host}:{port}/graphql"),
            realtime_url: format!("wss://{host}:{port}/graphql/realtime"),
            ca_file: self.ca_file.clone(),
        }
    }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key)?;
    // A WebSocket begins as an HTTP/1.1 request.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
