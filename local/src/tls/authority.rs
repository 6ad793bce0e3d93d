//! An authority for this machine alone. What is trusted is kept, so that it has to be trusted only once; what is
//! presented is made anew at each start.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::{Error, Unusable};
use crate::files;

/// The file of the data directory that clients are to trust. Nothing in it is secret.
const CERTIFICATE: &str = "authority.pem";

/// The file that nobody may see: whoever has it can speak as this machine's loopback to whoever trusts the authority.
const KEY: &str = "authority.key";

const DAY: Duration = Duration::from_hours(24);

/// As long as a data directory may be expected to be used.
const AUTHORITY_LASTS: Duration = Duration::from_hours(24 * 3650);

/// As long as a server may be expected to run: it gets another one when it starts again.
const CERTIFICATE_LASTS: Duration = Duration::from_hours(24 * 90);

/// What the certificate is made out to, and all that the authority may vouch for.
const NAME: &str = "localhost";
const ADDRESSES: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The authority of a data directory.
pub(super) struct Authority {
    certificate_file: PathBuf,
    key_file: PathBuf,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The authority of a data directory, made now if there is none.
    pub(super) fn of(directory: &Path) -> Result<Self, Error> {
        let [certificate, key] = [CERTIFICATE, KEY].map(|name| directory.join(name));
        // Clients are told its path, and may run in another directory.
        let certificate = std::path::absolute(&certificate).unwrap_or(certificate);
        Self::read_or_make(&certificate, &key).map_err(|source| Error::Authority { certificate, key, source })
    }

    fn read_or_make(certificate_file: &Path, key_file: &Path) -> Result<Self, Unusable> {
        let key = read_or_keep(key_file, || Ok(KeyPair::generate()?.serialize_pem()))?;
        let key = KeyPair::from_pem(&key)?;
        let parameters = parameters(&key);
        let certificate = read_or_keep(certificate_file, || Ok(parameters.self_signed(&key)?.pem()))?;
        Ok(Self {
            certificate_file: certificate_file.to_owned(),
            key_file: key_file.to_owned(),
            certificate: CertificateDer::from_pem_slice(certificate.as_bytes())?,
            issuer: Issuer::new(parameters, key),
        })
    }

    /// What clients have to trust.
    pub(super) fn certificate_file(&self) -> &Path {
        &self.certificate_file
    }

    pub(super) fn unusable(&self, source: Unusable) -> Error {
        Error::Authority { certificate: self.certificate_file.clone(), key: self.key_file.clone(), source }
    }

    /// A new certificate for this machine and its key. Whoever trusts the authority's file accepts it: that is tried
    /// here, because the file may be damaged, old, or of another key.
    pub(super) fn certificate(&self) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), Unusable> {
        let key = KeyPair::generate()?;
        let mut parameters = lasting(CERTIFICATE_LASTS);
        parameters.distinguished_name.push(DnType::CommonName, NAME);
        parameters.subject_alt_names = vec![SanType::DnsName(NAME.try_into()?)];
        parameters.subject_alt_names.extend(ADDRESSES.map(SanType::IpAddress));
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = CertificateDer::from(parameters.signed_by(&key, &self.issuer)?);
        self.vouches_for(&certificate)?;
        Ok((certificate, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
    }

    fn vouches_for(&self, certificate: &CertificateDer<'_>) -> Result<(), Unusable> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = verifier.map_err(|error| tokio_rustls::rustls::Error::General(error.to_string()))?;
        let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
        verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now())?;
        Ok(())
    }
}

/// What the authority of this key is. The same key gives the same name, so that what is issued later names it rightly,
/// and another key another one, so that nothing takes one authority for the other.
fn parameters(key: &KeyPair) -> CertificateParams {
    let mut parameters = lasting(AUTHORITY_LASTS);
    let of_key = parameters.key_identifier(key);
    let of_key: Vec<_> = of_key.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    parameters.distinguished_name.push(DnType::CommonName, format!("Orders on this machine {}", of_key.concat()));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let name = GeneralSubtree::DnsName(NAME.to_owned());
    let whole = |address: IpAddr| CidrSubnet::from_addr_prefix(address, if address.is_ipv4() { 32 } else { 128 });
    let addresses = ADDRESSES.map(|address| GeneralSubtree::IpAddress(whole(address)));
    let permitted_subtrees = [name].into_iter().chain(addresses).collect();
    parameters.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    parameters
}

/// What is good for so long, from a day ago on: a client's clock may be off.
fn lasting(duration: Duration) -> CertificateParams {
    let now = SystemTime::now();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.not_before = (now - DAY).into();
    parameters.not_after = (now + duration - DAY).into();
    parameters
}

/// What is in the file, made now if there is none. Whoever else makes it at the same time, one of them is kept.
fn read_or_keep(path: &Path, make: impl FnOnce() -> Result<String, Unusable>) -> Result<String, Unusable> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            files::keep(path, make()?.as_bytes())?;
            Ok(std::fs::read_to_string(path)?)
        }
        read => Ok(read?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(trusted: &Path, certificate: &CertificateDer<'_>, name: &str, in_days: u32) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
        let now = SystemTime::now() + DAY * in_days;
        let now = UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        let name = ServerName::try_from(name).unwrap();
        verifier.build().unwrap().verify_server_cert(certificate, &[], &name, &[], now).is_ok()
    }

    #[test]
    fn a_client_that_trusts_it_once_trusts_every_certificate_of_it_for_this_machine() {
        let directory = tempfile::tempdir().unwrap();
        let first = Authority::of(directory.path()).unwrap();
        let trusted = first.certificate_file().to_owned();
        assert!(trusted.is_absolute());
        let again = Authority::of(directory.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        let other = Authority::of(other.path()).unwrap();
        for (authority, good) in [(&first, true), (&again, true), (&other, false)] {
            let (certificate, _) = authority.certificate().unwrap();
            for name in ["localhost", "127.0.0.1", "::1"] {
                assert_eq!(verify(&trusted, &certificate, name, 0), good, "{name}");
            }
            assert!(!verify(&trusted, &certificate, "example.com", 0));
            assert_eq!(verify(&trusted, &certificate, "localhost", 88), good);
            assert!(!verify(&trusted, &certificate, "localhost", 90));
        }
        assert_ne!(first.certificate().unwrap().0, first.certificate().unwrap().0, "made anew each time");
    }

    #[test]
    fn it_cannot_vouch_for_any_other_machine() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::of(directory.path()).unwrap();
        let key = KeyPair::generate().unwrap();
        for name in ["example.com", "127.0.0.2", "localhost.example.com"] {
            let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
            parameters.not_before = SystemTime::UNIX_EPOCH.into();
            let certificate = parameters.signed_by(&key, &authority.issuer).unwrap().into();
            assert!(!verify(authority.certificate_file(), &certificate, name, 0), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_its_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        Authority::of(directory.path()).unwrap();
        let mode = std::fs::metadata(directory.path().join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_to_do() {
        let other = tempfile::tempdir().unwrap();
        Authority::of(other.path()).unwrap();
        for (file, content) in [
            (CERTIFICATE, Some("damaged".to_owned())),
            (KEY, Some("damaged".to_owned())),
            (KEY, None),
            (CERTIFICATE, Some(std::fs::read_to_string(other.path().join(CERTIFICATE)).unwrap())),
        ] {
            let directory = tempfile::tempdir().unwrap();
            Authority::of(directory.path()).unwrap();
            match &content {
                Some(content) => std::fs::write(directory.path().join(file), content).unwrap(),
                None => std::fs::remove_file(directory.path().join(file)).unwrap(),
            }
            let certificate = Authority::of(directory.path())
                .and_then(|authority| authority.certificate().map_err(|source| authority.unusable(source)));
            let error = certificate.unwrap_err().to_string();
            for told in ["authority.pem", "authority.key", "delete"] {
                assert!(error.contains(told), "{told} in: {error}");
            }
            if let Some(content) = content {
                let left = std::fs::read_to_string(directory.path().join(file)).unwrap();
                assert_eq!(left, content, "it is left alone");
            }
        }
    }

    #[test]
    fn a_start_that_broke_off_between_its_two_files_is_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        Authority::of(directory.path()).unwrap();
        std::fs::remove_file(directory.path().join(CERTIFICATE)).unwrap();
        Authority::of(directory.path()).unwrap().certificate().unwrap();
    }
}
