//! The credentials that a client brings to the handshake, in one of three carriers, and to each `start`.
//!
//! Source: AppSync developer guide, "Building a real-time WebSocket client"; how they are encoded differs from client
//! to client.

use std::time::SystemTime;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::super::authentication::{self, authenticate};
use super::super::caller::Caller;
use super::super::errors::Refusal;
use super::super::settings::Settings;

/// The sub-protocol that a client must offer, and that is always the one chosen.
pub(super) const PROTOCOL: &str = "graphql-ws";

/// What the second sub-protocol begins with when it carries credentials: browsers cannot set headers.
const HEADER_PROTOCOL: &str = "header-";

/// Padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The credentials cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What a handshake is authorised by.
#[derive(Debug)]
pub(super) struct ConnectCredentials {
    headers: HeaderMap,
    /// What was signed: `{}`, unless the client says otherwise.
    payload: Vec<u8>,
}

impl ConnectCredentials {
    /// The credentials of a handshake: from the query if it has a `header`, else from the sub-protocols if one is
    /// `header-…`, else from the headers themselves.
    pub(super) fn of(query: &str, headers: &HeaderMap) -> Result<Self, Malformed> {
        let parameter = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let carried = parameter("header")
            .map(std::borrow::Cow::into_owned)
            .or_else(|| protocols(headers).find_map(|name| Some(name.strip_prefix(HEADER_PROTOCOL)?.to_owned())));
        let payload = parameter("payload").filter(|payload| !payload.is_empty());
        let payload = match payload {
            Some(payload) => decode(&payload)?,
            None => b"{}".to_vec(),
        };
        let headers = match carried {
            Some(carried) => header_map(&decode(&carried)?)?,
            None => headers.clone(),
        };
        Ok(Self { headers, payload })
    }

    /// Who connects: a signature is one of a POST to `/graphql/connect`.
    pub(super) fn caller(&self, settings: &Settings, now: SystemTime) -> Result<Caller, Refusal> {
        let request = authentication::Request {
            method: "POST",
            path: "/graphql/connect",
            query: "",
            headers: &self.headers,
            body: &self.payload,
        };
        authenticate(settings, &request, now)
    }
}

/// Who subscribes: a signature is one of a POST of the GraphQL request to `/graphql`.
pub(super) fn subscriber(
    settings: &Settings,
    headers: &HeaderMap,
    data: &str,
    now: SystemTime,
) -> Result<Caller, Refusal> {
    let request =
        authentication::Request { method: "POST", path: "/graphql", query: "", headers, body: data.as_bytes() };
    authenticate(settings, &request, now)
}

/// The sub-protocols that a client offers.
pub(super) fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).map(str::trim)
}

/// Either alphabet, and `+` that has become a space on its way through a URL.
fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    let standard = text.trim_end_matches('=').replace(['-', ' '], "+").replace('_', "/");
    BASE64.decode(standard).map_err(|_| Malformed)
}

/// How many headers a client may send as JSON; clients send about ten.
const MOST_HEADERS: usize = 100;

/// Headers from a JSON object of strings; their names in any case.
pub(super) fn header_map(json: &[u8]) -> Result<HeaderMap, Malformed> {
    let object: Map<String, Value> = serde_json::from_slice(json).map_err(|_| Malformed)?;
    if object.len() > MOST_HEADERS {
        return Err(Malformed);
    }
    let mut headers = HeaderMap::with_capacity(object.len());
    for (name, value) in &object {
        let name: HeaderName = name.parse().map_err(|_| Malformed)?;
        let value = value.as_str().ok_or(Malformed)?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| Malformed)?);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(query: &str, headers: &[(&'static str, &str)]) -> Result<String, Malformed> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let credentials = ConnectCredentials::of(query, &headers)?;
        assert_eq!(credentials.payload, b"{}");
        Ok(credentials.headers.get("x-api-key").map_or("", |key| key.to_str().unwrap()).to_owned())
    }

    /// `>>>???` is `Pj4+Pz8/` in base64, or `Pj4-Pz8_`.
    const JSON: &str = r#"{"X-Api-KEY":">>>???","host":"hh"}"#;

    #[test]
    fn a_query_carries_them_in_every_spelling_of_base64() {
        let padded = base64::engine::general_purpose::STANDARD.encode(JSON);
        assert!(padded.ends_with('=') && padded.contains('+') && padded.contains('/'), "{padded}");
        let escaped: String = form_urlencoded::byte_serialize(padded.as_bytes()).collect();
        let safe = padded.replace('+', "-").replace('/', "_");
        for header in [&padded, &escaped, &safe, padded.trim_end_matches('='), safe.trim_end_matches('=')] {
            assert_eq!(key(&format!("header={header}&payload=e30="), &[]), Ok(">>>???".to_owned()), "{header}");
            assert_eq!(key(&format!("x=1&payload=e30&header={header}"), &[]), Ok(">>>???".to_owned()), "{header}");
            assert_eq!(key(&format!("header={header}"), &[]), Ok(">>>???".to_owned()), "{header}");
        }
    }

    #[test]
    fn so_does_a_sub_protocol_and_so_do_plain_headers() {
        let safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(JSON);
        let protocol = format!("graphql-ws, header-{safe}");
        assert_eq!(key("", &[("sec-websocket-protocol", &protocol)]), Ok(">>>???".to_owned()));
        let apart = [("sec-websocket-protocol", "graphql-ws"), ("x-api-key", "plain")];
        assert_eq!(key("", &apart), Ok("plain".to_owned()));
        assert_eq!(key("", &[]), Ok(String::new()));
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        for header in ["", "%%%", "a", "e30=e30=", &encode("[]"), &encode("{\"a\":1}"), &encode("{\"a b\":\"\"}")] {
            assert_eq!(key(&format!("header={header}"), &[]), Err(Malformed), "{header}");
        }
        assert_eq!(key(&format!("header={}", encode("{\"a\":\"\\n\"}")), &[]), Err(Malformed));
        assert_eq!(key("header=e30=&payload=!", &[]), Err(Malformed));
        assert_eq!(key("", &[("sec-websocket-protocol", "graphql-ws, header-!")]), Err(Malformed));
    }
}
