//! Proves who calls. Knows nothing of HTTP servers: a WebSocket's handshake and each of its subscriptions carry the
//! same credentials, and are judged here too.

use std::time::SystemTime;

use subtle::ConstantTimeEq as _;

use super::caller::{Caller, IamIdentity, UserPoolIdentity};
use super::errors::Refusal;
use super::settings::{Mode, Settings};
use crate::iam::signature::{self, Scope};

/// What credentials are judged by: the parts of a request that a signature covers.
pub(super) use crate::iam::signature::Request;

/// What a signature must have been made for.
const SERVICE: &str = "appsync";

/// Tells whether a token was issued by the user pool and still holds.
pub trait VerifyToken: Send + Sync {
    /// Who the token was issued to.
    ///
    /// # Errors
    /// Why the token is not good at `now`.
    fn verify(&self, token: &str, now: SystemTime) -> Result<UserPoolIdentity, TokenError>;
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// It is not a token that the user pool could have issued.
    Unreadable,
    /// It was good once.
    Expired,
    /// It is somebody else's, or tampered with.
    Untrusted,
}

/// Who sent the request.
///
/// One mode is looked at: an API key's if there is one, then a signature's, then a token's. AppSync's own order is
/// not documented.
pub(super) fn authenticate(settings: &Settings, request: &Request<'_>, now: SystemTime) -> Result<Caller, Refusal> {
    if let Some(key) = request.header("x-api-key") {
        return api_key(settings, key, now);
    }
    let authorization = request.header("authorization").ok_or(Refusal::NoCredentials)?;
    if authorization.starts_with(signature::ALGORITHM) && settings.has_mode(Mode::Iam) {
        let scope = Scope { region: &settings.region, service: SERVICE };
        let credentials =
            signature::verify(request, &settings.iam_credentials, scope, now).map_err(Refusal::Signature)?;
        return Ok(Caller::Iam(IamIdentity {
            account_id: settings.account_id.clone(),
            username: credentials.username.clone(),
            principal: credentials.principal.clone(),
            identity_pool: credentials.identity_pool.clone(),
        }));
    }
    if settings.has_mode(Mode::UserPools) {
        return token(settings, authorization, now);
    }
    Err(Refusal::NoCredentials)
}

fn api_key(settings: &Settings, key: &str, now: SystemTime) -> Result<Caller, Refusal> {
    // In constant time, as everything that is secret.
    let known = settings.api_keys.iter().find(|known| known.key.as_bytes().ct_eq(key.as_bytes()).into());
    match known {
        Some(known) if settings.has_mode(Mode::ApiKey) && now < known.expires => Ok(Caller::ApiKey),
        _ => Err(Refusal::NotAuthorized),
    }
}

/// Clients send the token alone or after `Bearer`.
fn token(settings: &Settings, authorization: &str, now: SystemTime) -> Result<Caller, Refusal> {
    let token = authorization.strip_prefix("Bearer ").unwrap_or(authorization).trim();
    let tokens = settings.tokens.as_ref().ok_or(Refusal::UnreadableToken)?;
    tokens.verify(token, now).map(Caller::UserPools).map_err(|error| match error {
        TokenError::Unreadable => Refusal::UnreadableToken,
        TokenError::Expired => Refusal::ExpiredToken,
        TokenError::Untrusted => Refusal::NotAuthorized,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{HeaderName, HeaderValue};

    use crate::iam::signature::BadSignature;

    use super::super::tests::{API_KEY, settings};
    use super::*;

    fn caller(settings: &Settings, headers: &[(&'static str, &str)], now: SystemTime) -> Result<Caller, Refusal> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let request = Request { method: "POST", path: "/graphql", query: "", headers: &headers, body: b"{}" };
        authenticate(settings, &request, now)
    }

    #[test]
    fn a_key_is_good_until_it_expires() {
        let settings = settings();
        let expires = settings.api_keys[0].expires;
        let key = [("x-api-key", API_KEY)];
        assert_eq!(caller(&settings, &key, expires - Duration::from_secs(1)), Ok(Caller::ApiKey));
        assert_eq!(caller(&settings, &key, expires), Err(Refusal::NotAuthorized));
        let now = SystemTime::now();
        assert_eq!(caller(&settings, &[("x-api-key", "da2-other")], now), Err(Refusal::NotAuthorized));
        assert_eq!(caller(&settings, &[], now), Err(Refusal::NoCredentials));
        let without_keys = Settings { additional_modes: vec![Mode::Iam], ..settings };
        assert_eq!(caller(&without_keys, &key, now), Err(Refusal::NotAuthorized));
    }

    #[test]
    fn a_key_goes_before_a_signature_and_a_signature_before_a_token() {
        let settings = settings();
        let now = SystemTime::now();
        let both = [("x-api-key", API_KEY), ("authorization", "token:ada")];
        assert_eq!(caller(&settings, &both, now), Ok(Caller::ApiKey));
        let signature = [("authorization", "AWS4-HMAC-SHA256 nonsense")];
        assert!(matches!(caller(&settings, &signature, now), Err(Refusal::Signature(BadSignature::Incomplete(_)))));
        let only_tokens = Settings { additional_modes: Vec::new(), ..settings };
        assert_eq!(caller(&only_tokens, &signature, now), Err(Refusal::UnreadableToken));
    }

    #[test]
    fn tokens_are_judged_by_the_user_pool() {
        let settings = settings();
        let now = SystemTime::now();
        for token in ["token:ada", "Bearer token:ada"] {
            let ada = caller(&settings, &[("authorization", token)], now);
            assert!(matches!(ada, Ok(Caller::UserPools(user)) if user.username == "ada"));
        }
        for (token, refusal) in [
            ("Bearer x", Refusal::UnreadableToken),
            ("Bearer token:expired", Refusal::ExpiredToken),
            ("Bearer token:forged", Refusal::NotAuthorized),
        ] {
            assert_eq!(caller(&settings, &[("authorization", token)], now), Err(refusal));
        }
        let without_pool = Settings { tokens: None, ..settings.clone() };
        assert_eq!(caller(&without_pool, &[("authorization", "Bearer token:ada")], now), Err(Refusal::UnreadableToken));
        let only_keys = Settings { default_mode: Mode::ApiKey, additional_modes: Vec::new(), ..settings };
        assert_eq!(caller(&only_keys, &[("authorization", "Bearer token:ada")], now), Err(Refusal::NoCredentials));
    }
}
