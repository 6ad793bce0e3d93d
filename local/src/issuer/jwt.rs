//! The form of a token: header, claims and signature, each in base64url, joined by dots.
//!
//! Source: RFC 7515, "JSON Web Signature", the compact serialization.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// The one algorithm that is used: RSASSA-PKCS1-v1_5 with SHA-256.
pub(super) const ALGORITHM: &str = "RS256";

/// The first part of a token. Until the signature is verified it is only what the sender claims.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    /// Extensions that must be understood. None is.
    pub(super) crit: Option<IgnoredAny>,
}

/// A token taken apart, none of which is trusted yet.
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    /// What the signature covers: the first two parts as they came.
    pub(super) signed: &'a str,
    pub(super) claims: Map<String, Value>,
    pub(super) signature: Vec<u8>,
}

/// Takes a token apart, if it is one.
pub(super) fn read(token: &str) -> Option<Parts<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    Some(Parts {
        header: serde_json::from_slice(&decode(header)?).ok()?,
        signed,
        claims: serde_json::from_slice(&decode(claims)?).ok()?,
        signature: decode(signature)?,
    })
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A dot is in no alphabet of base64, so that a fourth part makes this fail.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
