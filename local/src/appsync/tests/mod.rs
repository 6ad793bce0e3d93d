//! The settings and callers that unit tests share.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, json};

use super::{ApiKey, IamCredentials, Mode, Settings, TokenError, UserPoolIdentity, VerifyToken};
pub(super) const API_KEY: &str = "da2-abcdefghijklmnopqrstuvwxyz";

/// An API like the real one: the user pool is the default, keys and IAM are additional modes.
pub(super) fn settings() -> Settings {
    Settings {
        region: "eu-central-1".to_owned(),
        account_id: "123456789012".to_owned(),
        default_mode: Mode::UserPools,
        additional_modes: vec![Mode::ApiKey, Mode::Iam],
        api_keys: vec![ApiKey { key: API_KEY.to_owned(), expires: SystemTime::now() + Duration::from_hours(7 * 24) }],
        iam_credentials: vec![credentials(), temporary_credentials()],
        tokens: Some(Arc::new(FakePool)),
        resolvers: std::collections::BTreeMap::new(),
        introspection: true,
        query_depth_limit: 0,
        resolver_count_limit: 10_000,
    }
}

pub(super) fn credentials() -> IamCredentials {
    IamCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
        user_arn: "arn:aws:iam::123456789012:user/backend".to_owned(),
        username: "AIDAEXAMPLE".to_owned(),
    }
}

pub(super) fn temporary_credentials() -> IamCredentials {
    IamCredentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        session_token: Some("session-token".to_owned()),
        ..credentials()
    }
}

/// A user pool whose tokens are `token:<user>` or `token:<user>:<group>`.
struct FakePool;

impl VerifyToken for FakePool {
    fn verify(&self, token: &str, _: SystemTime) -> Result<UserPoolIdentity, TokenError> {
        let mut parts = token.strip_prefix("token:").ok_or(TokenError::Unreadable)?.split(':');
        let username = match parts.next().unwrap_or_default() {
            "expired" => return Err(TokenError::Expired),
            "forged" => return Err(TokenError::Untrusted),
            username => username.to_owned(),
        };
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(username));
        if let Some(group) = parts.next() {
            claims.insert("cognito:groups".to_owned(), json!([group]));
        }
        Ok(UserPoolIdentity { sub: username.clone(), issuer: "https://pool".to_owned(), username, claims })
    }
}

/// A request to sign, with the signer that AWS's own SDK uses.
pub(super) struct Signing<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) body: &'a [u8],
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) at: SystemTime,
    pub(super) credentials: IamCredentials,
}

impl Signing<'_> {
    pub(super) fn headers(&self) -> HeaderMap {
        let IamCredentials { access_key_id, secret_access_key, session_token, .. } = self.credentials.clone();
        let identity: Identity = Credentials::new(access_key_id, secret_access_key, session_token, None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let own = [("host", "localhost:4000"), ("content-type", "application/json;  charset=UTF-8")];
        let request =
            SignableRequest::new(self.method, self.url, own.into_iter(), SignableBody::Bytes(self.body)).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let all = own.into_iter().chain(instructions.headers());
        all.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }
}
