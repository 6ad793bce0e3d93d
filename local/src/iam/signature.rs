//! Verifies a request's AWS Signature Version 4 by signing it again.
//!
//! Source: the IAM user guide, "AWS Signature Version 4 for API requests". `aws-sigv4` signs requests of its own
//! making and keeps the canonical request to itself, so that is put together here, from what the client signed.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use axum::http::HeaderMap;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Credentials;

/// What a signed request's `authorization` begins with.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far the client's clock may be off, either way.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// Everything but the characters that RFC 3986 leaves unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. \
     Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// The parts of a request that a signature covers.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// Without the query, as it was sent.
    pub(crate) path: &'a str,
    /// What follows the `?`, as it was sent.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Request<'_> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The id of the key that the request says it is signed with.
    pub(crate) fn access_key_id(&self) -> Option<&str> {
        Authorization::parse(self.header("authorization")?).ok().map(|authorization| authorization.access_key_id)
    }
}

/// What a signature must have been made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a str,
    /// Such as `appsync`.
    pub(crate) service: &'a str,
}

/// Why a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSignature {
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("{0}")]
    Incomplete(String),
    #[error("{0}")]
    Invalid(String),
}

impl BadSignature {
    /// What AWS calls it.
    pub(crate) fn error_type(&self) -> &'static str {
        match self {
            Self::UnknownKey => "UnrecognizedClientException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Invalid(_) => "InvalidSignatureException",
        }
    }
}

/// The credentials that signed the request, if they are among the known ones and the signature holds for `scope`.
pub(crate) fn verify<'a>(
    request: &Request<'_>,
    known: &'a [Credentials],
    scope: Scope<'_>,
    now: SystemTime,
) -> Result<&'a Credentials, BadSignature> {
    let Scope { region, service } = scope;
    let header = request.header("authorization").unwrap_or_default();
    let authorization = Authorization::parse(header)?;
    let credentials = known
        .iter()
        .find(|credentials| credentials.access_key_id == authorization.access_key_id)
        .ok_or(BadSignature::UnknownKey)?;
    let token = request.header("x-amz-security-token");
    if !same(token.unwrap_or_default(), credentials.session_token.as_deref().unwrap_or_default()) {
        return Err(BadSignature::UnknownKey);
    }
    for header in ["host", "x-amz-date"] {
        if !authorization.signed_headers.contains(&header) || !request.headers.contains_key(header) {
            return Err(invalid(format!("'{header}' must be a 'SignedHeader' in the AWS Authorization.")));
        }
    }
    let date = request.header("x-amz-date").unwrap_or_default();
    let signed_at = check_date(date, authorization.date, now)?;
    if authorization.region != region {
        return Err(invalid(format!("Credential should be scoped to a valid region, not '{}'.", authorization.region)));
    }
    if authorization.service != service {
        return Err(invalid(format!("Credential should be scoped to correct service: '{service}'.")));
    }
    let body_hash = hex(&Sha256::digest(request.body));
    if request.header("x-amz-content-sha256").is_some_and(|claimed| claimed != body_hash) {
        return Err(invalid("The provided 'x-amz-content-sha256' header does not match what was computed."));
    }
    let canonical = canonical_request(request, &authorization.signed_headers, &body_hash);
    let scope = format!("{}/{region}/{service}/aws4_request", authorization.date);
    let string_to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = generate_signing_key(&credentials.secret_access_key, signed_at, region, service);
    if same(&calculate_signature(key, string_to_sign.as_bytes()), authorization.signature) {
        Ok(credentials)
    } else {
        Err(invalid(MISMATCH))
    }
}

/// An `authorization` header of a signed request.
struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Self, BadSignature> {
        let parameters = header.strip_prefix(ALGORITHM).unwrap_or_default();
        let parameter = |name: &str| {
            parameters
                .split(',')
                .find_map(|parameter| parameter.trim().strip_prefix(name)?.strip_prefix('='))
                .filter(|value| !value.is_empty())
                .ok_or_else(|| BadSignature::Incomplete(format!("Authorization header requires '{name}' parameter.")))
        };
        let credential = parameter("Credential")?;
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key_id, date, region, service, "aws4_request"] = scope[..] else {
            return Err(BadSignature::Incomplete(
                "Credential must have exactly 5 slash-delimited elements, \
                 e.g. keyid/date/region/service/aws4_request."
                    .to_owned(),
            ));
        };
        Ok(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers: parameter("SignedHeaders")?.split(';').collect(),
            signature: parameter("Signature")?,
        })
    }
}

/// When the request was signed, if that is about now and the day that the credential's scope names.
fn check_date(date: &str, scope: &str, now: SystemTime) -> Result<SystemTime, BadSignature> {
    let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map_err(|_| BadSignature::Incomplete("Date must be in ISO-8601 'basic format'.".to_owned()))?;
    let signed_at = SystemTime::from(signed_at.timestamp());
    if !date.starts_with(scope) || scope.len() != 8 {
        return Err(invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
        ));
    }
    if signed_at + CLOCK_SKEW < now {
        return Err(invalid(format!("Signature expired: {date} is more than 5 minutes ago.")));
    }
    if now + CLOCK_SKEW < signed_at {
        return Err(invalid(format!("Signature not yet current: {date} is more than 5 minutes ahead.")));
    }
    Ok(signed_at)
}

fn canonical_request(request: &Request<'_>, signed_headers: &[&str], body_hash: &str) -> String {
    let mut canonical =
        format!("{}\n{}\n{}\n", request.method, canonical_path(request.path), canonical_query(request.query));
    for name in signed_headers {
        let _ = writeln!(canonical, "{name}:{}", canonical_values(request.headers, name));
    }
    let _ = write!(canonical, "\n{}\n{body_hash}", signed_headers.join(";"));
    canonical
}

/// The path is encoded once more, as for every service but S3.
fn canonical_path(path: &str) -> String {
    path.split('/').map(|segment| utf8_percent_encode(segment, ENCODED).to_string()).collect::<Vec<_>>().join("/")
}

fn canonical_query(query: &str) -> String {
    let encode = |text: &str| {
        let decoded: Cow<'_, [u8]> = percent_decode_str(text).into();
        percent_encoding::percent_encode(&decoded, ENCODED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn canonical_values(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(|value| {
        let value = String::from_utf8_lossy(value.as_bytes());
        value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether two secrets are the same, in a time that tells nothing but their lengths.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn invalid(message: impl Into<String>) -> BadSignature {
    BadSignature::Invalid(message.into())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use axum::http::{HeaderName, HeaderValue};

    use super::*;
    use crate::appsync::tests::{Signing, credentials, temporary_credentials};

    const SERVICE: &str = "appsync";
    const REGION: &str = "eu-central-1";
    const URL: &str = "http://localhost:4000/graphql";
    const BODY: &[u8] = b"{\"query\":\"{ a }\"}";

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn signing() -> Signing<'static> {
        Signing {
            method: "POST",
            url: URL,
            body: BODY,
            region: REGION,
            service: "appsync",
            at: now(),
            credentials: credentials(),
        }
    }

    struct Sent {
        method: &'static str,
        path: &'static str,
        query: &'static str,
        headers: HeaderMap,
        body: &'static [u8],
    }

    fn sent(signing: &Signing<'_>) -> Sent {
        Sent { method: "POST", path: "/graphql", query: "", headers: signing.headers(), body: BODY }
    }

    fn outcome(sent: &Sent, at: SystemTime) -> Result<String, BadSignature> {
        let request = Request {
            method: sent.method,
            path: sent.path,
            query: sent.query,
            headers: &sent.headers,
            body: sent.body,
        };
        let known = [credentials(), temporary_credentials()];
        verify(&request, &known, Scope { region: REGION, service: SERVICE }, at)
            .map(|credentials| credentials.access_key_id.clone())
    }

    fn set(sent: &mut Sent, name: &'static str, value: &str) {
        sent.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }

    #[test]
    fn what_aws_sigv4_signs_is_verified() {
        assert_eq!(outcome(&sent(&signing()), now()), Ok("AKIDEXAMPLE".to_owned()));
        let temporary = Signing { credentials: temporary_credentials(), ..signing() };
        assert_eq!(outcome(&sent(&temporary), now()), Ok("ASIAEXAMPLE".to_owned()));
    }

    #[test]
    fn a_query_is_signed_in_its_canonical_form() {
        let url = "http://localhost:4000/graphql?variables=%7B%7D&query=%7B%20a%20%7D&x";
        let mut sent = sent(&Signing { method: "GET", url, body: b"", ..signing() });
        (sent.method, sent.body) = ("GET", b"");
        sent.query = "variables=%7B%7D&query=%7B%20a%20%7D&x";
        assert!(outcome(&sent, now()).is_ok());
        sent.query = "variables=%7B%7D&query=%7B%20b%20%7D&x";
        assert_eq!(outcome(&sent, now()), Err(invalid(MISMATCH)));
    }

    /// The worked example of "Signature Version 4 signing process" for IAM's `ListUsers`, with its published hash.
    #[test]
    fn the_canonical_request_is_that_of_the_documentation() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let request = Request {
            method: "GET",
            path: "/",
            query: "Version=2010-05-08&Action=ListUsers",
            headers: &headers,
            body: b"",
        };
        let body_hash = hex(&Sha256::digest(b""));
        let canonical = canonical_request(&request, &["content-type", "host", "x-amz-date"], &body_hash);
        assert_eq!(hex(&Sha256::digest(canonical)), "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    }

    #[test]
    fn anything_that_was_signed_and_changed_breaks_the_signature() {
        let mut other = sent(&signing());
        other.body = b"{\"query\":\"{ b }\"}";
        assert!(matches!(outcome(&other, now()), Err(BadSignature::Invalid(_))));
        let mut other = sent(&signing());
        other.path = "/graphql/connect";
        assert_eq!(outcome(&other, now()), Err(invalid(MISMATCH)));
        let mut other = sent(&signing());
        other.method = "GET";
        assert_eq!(outcome(&other, now()), Err(invalid(MISMATCH)));
        let mut other = sent(&signing());
        set(&mut other, "host", "example.com");
        assert_eq!(outcome(&other, now()), Err(invalid(MISMATCH)));
        let wrong_secret = Credentials { secret_access_key: "another".to_owned(), ..credentials() };
        let other = sent(&Signing { credentials: wrong_secret, ..signing() });
        assert_eq!(outcome(&other, now()), Err(invalid(MISMATCH)));
    }

    #[test]
    fn a_claimed_body_hash_must_be_the_bodys() {
        let mut other = sent(&signing());
        set(&mut other, "x-amz-content-sha256", &hex(&Sha256::digest(BODY)));
        assert!(outcome(&other, now()).is_ok());
        set(&mut other, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        assert!(matches!(outcome(&other, now()), Err(BadSignature::Invalid(_))));
    }

    #[test]
    fn clocks_may_differ_by_five_minutes() {
        let sent = sent(&signing());
        for (seconds, good) in [(300, true), (301, false)] {
            let skew = Duration::from_secs(seconds);
            assert_eq!(outcome(&sent, now() + skew).is_ok(), good, "{seconds} seconds late");
            assert_eq!(outcome(&sent, now() - skew).is_ok(), good, "{seconds} seconds early");
        }
    }

    #[test]
    fn unknown_keys_and_tokens_are_refused() {
        let unknown = Credentials { access_key_id: "AKIDUNKNOWN".to_owned(), ..credentials() };
        assert_eq!(
            outcome(&sent(&Signing { credentials: unknown, ..signing() }), now()),
            Err(BadSignature::UnknownKey)
        );
        let mut without = sent(&Signing { credentials: temporary_credentials(), ..signing() });
        without.headers.remove("x-amz-security-token");
        assert_eq!(outcome(&without, now()), Err(BadSignature::UnknownKey));
        let mut with = sent(&signing());
        set(&mut with, "x-amz-security-token", "token");
        assert_eq!(outcome(&with, now()), Err(BadSignature::UnknownKey));
    }

    #[test]
    fn the_scope_must_be_this_api() {
        let region = sent(&Signing { region: "us-east-1", ..signing() });
        assert_eq!(
            outcome(&region, now()),
            Err(invalid("Credential should be scoped to a valid region, not 'us-east-1'."))
        );
        let service = sent(&Signing { service: "execute-api", ..signing() });
        assert_eq!(
            outcome(&service, now()),
            Err(invalid("Credential should be scoped to correct service: 'appsync'."))
        );
    }

    #[test]
    fn a_header_that_says_too_little_is_refused() {
        for (header, refusal) in [
            ("AWS4-HMAC-SHA256", "Authorization header requires 'Credential' parameter."),
            (
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-central-1/appsync/aws4_request",
                "Authorization header requires 'SignedHeaders' parameter.",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-central-1/appsync/aws4_request, SignedHeaders=host",
                "Authorization header requires 'Signature' parameter.",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114, SignedHeaders=host, Signature=00",
                "Credential must have exactly 5 slash-delimited elements, \
                 e.g. keyid/date/region/service/aws4_request.",
            ),
        ] {
            let mut sent = sent(&signing());
            set(&mut sent, "authorization", header);
            assert_eq!(outcome(&sent, now()), Err(BadSignature::Incomplete(refusal.to_owned())), "{header}");
        }
        let credential = "Credential=AKIDEXAMPLE/20231114/eu-central-1/appsync/aws4_request";
        for (signed, missing) in [("x-amz-date", "host"), ("host", "x-amz-date")] {
            let mut sent = sent(&signing());
            let header = format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders={signed}, Signature=00");
            set(&mut sent, "authorization", &header);
            assert_eq!(
                outcome(&sent, now()),
                Err(invalid(format!("'{missing}' must be a 'SignedHeader' in the AWS Authorization.")))
            );
        }
        let mut sent = sent(&signing());
        set(&mut sent, "x-amz-date", "yesterday");
        assert!(matches!(outcome(&sent, now()), Err(BadSignature::Incomplete(_))));
    }
}
