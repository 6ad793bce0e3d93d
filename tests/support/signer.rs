//! Whoever signs requests with AWS Signature Version 4, as the SDKs do.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

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
        let settings = SigningSettings::default();
        let output = match self.instead {
            Some((path, body)) => {
                let url = reqwest::Url::parse(url).and_then(|url| url.join(path)).expect("an address");
                self.sign(settings, url.as_str(), given, body.as_bytes())
            }
            None => self.sign(settings, url, given, body),
        };
        let (instructions, _) = output.into_parts();
        let mut headers = HeaderMap::new();
        headers.extend(given.iter().copied().chain(instructions.headers()).map(|(name, value)| header(name, value)));
        headers
    }

    /// The address to which this body may be sent with the signature in its query, for as long as that is said to hold.
    pub(crate) fn presigned(&self, url: &str, body: &[u8], holds: Duration) -> reqwest::Url {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(holds);
        let (instructions, _) = self.sign(settings, url, &[], body).into_parts();
        let mut address: reqwest::Url = url.parse().expect("an address");
        for (name, value) in instructions.params() {
            address.query_pairs_mut().append_pair(name, value);
        }
        address
    }

    fn sign(
        &self,
        settings: SigningSettings,
        url: &str,
        given: &[(&'static str, &str)],
        body: &[u8],
    ) -> aws_sigv4::SigningOutput<aws_sigv4::http_request::SigningInstructions> {
        let identity = self.credentials.clone().into();
        let difference = Duration::from_secs(self.fast.unsigned_abs());
        let now = SystemTime::now();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(if self.fast < 0 { now - difference } else { now + difference })
            .settings(settings)
            .build()
            .expect("all parameters of a signature")
            .into();
        let address: reqwest::Url = url.parse().expect("an address");
        let signed = given.iter().copied().chain([("host", address.authority())]);
        let request = SignableRequest::new("POST", url, signed, SignableBody::Bytes(body)).expect("a request to sign");
        sign(request, &parameters).expect("a signature")
    }
}

pub(super) fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
    (name, HeaderValue::from_str(value).expect("a header's value"))
}
