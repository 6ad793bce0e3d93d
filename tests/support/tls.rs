//! TLS for whoever calls a stage over `https://` or `wss://`.

use std::sync::Arc;

use reqwest::redirect::Policy;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::PATIENCE;
use super::stage::Addresses;

/// Whom to trust.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A client of what is on this machine and speaks plain HTTP.
pub(crate) fn http_client() -> reqwest::Client {
    Tls::none().http_client()
}

impl Tls {
    /// Trusts the authority that the stage file names, or else those of this machine.
    pub(crate) fn new(addresses: &Addresses) -> Self {
        let mut roots = RootCertStore::empty();
        if let Some(file) = &addresses.ca_file {
            let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            for certificate in certificates.unwrap_or_else(|error| panic!("caFile, {}: {error}", file.display())) {
                roots.add(certificate).unwrap_or_else(|error| panic!("caFile, {}: {error}", file.display()));
            }
            assert!(!roots.is_empty(), "caFile, {}: no certificate in it", file.display());
        } else if addresses.graphql_url.starts_with("https:") {
            // Reading them takes milliseconds, which a server without TLS is spared.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            assert!(!roots.is_empty(), "this machine trusts no authority: install ca-certificates");
        }
        Self::with(roots)
    }

    /// Trusts nobody.
    fn none() -> Self {
        Self::with(RootCertStore::empty())
    }

    fn with(roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Self(Arc::new(config.expect("protocols that ring has").with_root_certificates(roots).with_no_client_auth()))
    }

    pub(crate) fn http_client(&self) -> reqwest::Client {
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(Policy::none()).no_proxy();
        client.tls_backend_preconfigured(ClientConfig::clone(&self.0)).build().expect("an HTTP client")
    }

    /// The connection to this host, encrypted.
    pub(crate) async fn encrypt(&self, host: &str, stream: TcpStream) -> Box<dyn Stream> {
        let name = ServerName::try_from(host.to_owned()).expect("a host's name");
        let connected = TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await;
        Box::new(connected.unwrap_or_else(|error| panic!("no TLS with {host}: {error}")))
    }
}
