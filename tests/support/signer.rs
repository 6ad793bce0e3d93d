//! Whoever signs requests with AWS Signature Version 4, as the SDKs do.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignatureLocation, SigningSettings};
use reqwest::header::HeaderMap;

use super::sigv4::Signing;

/// Whose signature it is, and what for.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) credentials: Credentials,
    pub(crate) region: String,
    pub(crate) service: &'static str,
    /// How many seconds its clock is fast, or slow if that is negative.
    pub(crate) fast: i64,
    /// The path and the body that it signs whatever it sends.
    pub(crate) instead: Option<(&'static str, &'static str)>,
}

impl Signer {
    pub(crate) fn new(service: &'static str, credentials: Credentials, region: &str) -> Self {
        Self { credentials, region: region.to_owned(), service, fast: 0, instead: None }
    }

    /// The headers with which a POST of this body is signed, those that are given included.
    pub(crate) fn headers(&self, url: &str, given: &[(&'static str, &str)], body: &[u8]) -> HeaderMap {
        match self.instead {
            Some((path, body)) => {
                let url = reqwest::Url::parse(url).and_then(|url| url.join(path)).expect("an address");
                self.signing(url.as_str(), given, body.as_bytes()).headers()
            }
            None => self.signing(url, given, body).headers(),
        }
    }

    /// The address to which this body may be sent with the signature in its query, for as long as that is said to hold.
    pub(crate) fn presigned(&self, url: &str, body: &[u8], holds: Duration) -> reqwest::Url {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(holds);
        let instructions = self.signing(url, &[], body).instructions(settings);
        let mut address: reqwest::Url = url.parse().expect("an address");
        for (name, value) in instructions.params() {
            address.query_pairs_mut().append_pair(name, value);
        }
        address
    }

    fn signing<'a>(&'a self, url: &'a str, given: &'a [(&'static str, &str)], body: &'a [u8]) -> Signing<'a> {
        let difference = Duration::from_secs(self.fast.unsigned_abs());
        let now = SystemTime::now();
        let at = if self.fast < 0 { now - difference } else { now + difference };
        let Self { credentials, region, service, .. } = self;
        Signing { method: "POST", url, given, body, region, service, at, credentials: credentials.clone() }
    }
}
