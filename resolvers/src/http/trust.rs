//! Whom a Lambda trusts: the authorities that browsers trust, compiled in.
//!
//! To read and parse those of the system costs 0.7 to 2.7 ms at each start. Amazon's five would do for AWS, but a
//! warehouse may have its certificate from anybody.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::environment::{Environment, EnvironmentError};

/// What AWS's SDKs and CLI call the file of authorities to trust in place of the usual ones.
/// Source: AWS SDKs and Tools reference guide, "General configuration".
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// TLS as a client, trusting the authorities in the PEM file that `AWS_CA_BUNDLE` names, or else the usual ones.
///
/// # Errors
/// If the file cannot be read, or holds no authority.
pub(super) fn tls(environment: &Environment) -> Result<ClientConfig, EnvironmentError> {
    let roots = match environment.get(CA_BUNDLE) {
        Some(file) => from_file(file).ok_or(EnvironmentError::Invalid(CA_BUNDLE))?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|error| unreachable!("ring knows TLS 1.2 and 1.3: {error}"))
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn from_file(file: &str) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).ok()? {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}
