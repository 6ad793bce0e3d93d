//! What an API is configured with: the part of AppSync's settings that changes what a client sees.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::authentication::VerifyToken;
use crate::iam::Credentials;

/// How a caller proves who they are. A request has exactly one mode.
/// Source: AppSync developer guide, "Configuring authorization and authentication".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `API_KEY`: the `x-api-key` header.
    ApiKey,
    /// `AWS_IAM`: a request signed with Signature Version 4.
    Iam,
    /// `AMAZON_COGNITO_USER_POOLS`: a token of the user pool in the `authorization` header.
    UserPools,
    /// `OPENID_CONNECT`. Its directive is understood; no request is ever recognised as being in this mode.
    OpenIdConnect,
    /// `AWS_LAMBDA`. Its directive is understood; no request is ever recognised as being in this mode.
    Lambda,
}

impl Mode {
    /// The mode that an authorization directive lets in.
    pub(super) fn of_directive(name: &str) -> Option<Self> {
        Some(match name {
            "aws_api_key" => Self::ApiKey,
            "aws_iam" => Self::Iam,
            "aws_cognito_user_pools" => Self::UserPools,
            "aws_oidc" => Self::OpenIdConnect,
            "aws_lambda" => Self::Lambda,
            _ => return None,
        })
    }
}

/// An API key and when it ends.
#[derive(Clone)]
pub struct ApiKey {
    /// The key as clients send it, such as `da2-` and 26 characters.
    pub key: String,
    /// From this moment on it is refused.
    pub expires: SystemTime,
}

/// A Direct Lambda resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolver {
    /// The name of the function that it invokes.
    pub function: String,
    /// Why its data source may not invoke that, if it may not.
    pub denied: Option<String>,
}

impl Resolver {
    /// A resolver whose data source may invoke the function of this name.
    pub fn of(function: impl Into<String>) -> Self {
        Self { function: function.into(), denied: None }
    }
}

/// Everything about an API that is not its schema.
#[derive(Clone)]
pub struct Settings {
    /// Such as `eu-central-1`; a signature must be made for it.
    pub region: String,
    /// The twelve digits of the AWS account.
    pub account_id: String,
    /// What policies name the API by: `arn:aws:appsync:<region>:<account>:apis/<id>`.
    pub arn: String,
    /// The mode that fields and types without an authorization directive are open to.
    pub default_mode: Mode,
    /// Further modes, each open only where a directive says so.
    pub additional_modes: Vec<Mode>,
    /// The keys that [`Mode::ApiKey`] knows.
    pub api_keys: Vec<ApiKey>,
    /// The credentials that [`Mode::Iam`] knows.
    pub iam_credentials: Vec<Credentials>,
    /// What tells whether a token of [`Mode::UserPools`] is good. Without it every token is refused.
    pub tokens: Option<Arc<dyn VerifyToken>>,
    /// What answers a root field: (type, field) to its resolver. A root field without one is `null`, as with AppSync.
    pub resolvers: BTreeMap<(String, String), Resolver>,
    /// Whether `__schema` and `__type` may be asked for.
    pub introspection: bool,
    /// Deepest level a query may select, scalars included; 0 for no limit, as AppSync has it.
    pub query_depth_limit: usize,
    /// How many functions one request may invoke: AppSync's default and upper bound is 10,000.
    pub resolver_count_limit: usize,
}

impl Settings {
    pub(super) fn has_mode(&self, mode: Mode) -> bool {
        self.default_mode == mode || self.additional_modes.contains(&mode)
    }
}

/// Never shows a key or a secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("region", &self.region)
            .field("account_id", &self.account_id)
            .field("default_mode", &self.default_mode)
            .field("additional_modes", &self.additional_modes)
            .field("resolvers", &self.resolvers)
            .field("introspection", &self.introspection)
            .field("query_depth_limit", &self.query_depth_limit)
            .field("resolver_count_limit", &self.resolver_count_limit)
            .finish_non_exhaustive()
    }
}
