//! AWS Signature Version 4, made with the signer that AWS's own SDKs use. For every test that signs a request.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// A request to sign.
pub(crate) struct Signing<'a> {
    pub(crate) method: &'a str,
    /// The whole address. Its host is signed.
    pub(crate) url: &'a str,
    /// Headers that are signed as well.
    pub(crate) given: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) at: SystemTime,
    pub(crate) credentials: Credentials,
}

impl Signing<'_> {
    /// The headers that are given, and those of the signature.
    pub(crate) fn headers(&self) -> HeaderMap {
        let instructions = self.instructions(SigningSettings::default());
        self.given.iter().copied().chain(instructions.headers()).map(|(name, value)| header(name, value)).collect()
    }

    /// What is to be added to the request: headers, or parameters of its query if the settings say so.
    pub(crate) fn instructions(&self, settings: SigningSettings) -> SigningInstructions {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(settings)
            .build()
            .expect("all parameters of a signature")
            .into();
        let address: Url = self.url.parse().expect("an address");
        let signed = self.given.iter().copied().chain([("host", address.authority())]);
        let request = SignableRequest::new(self.method, self.url, signed, SignableBody::Bytes(self.body));
        let signature = sign(request.expect("a request to sign"), &parameters);
        signature.expect("a signature").into_parts().0
    }
}

/// A header of any name.
pub(crate) fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
    (name, HeaderValue::from_str(value).expect("a header's value"))
}
