//! `AWS::AppSync::GraphQLApi`, with its schema and its keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::error::{Error, Problem};
use super::evaluate::identity::api_arn;
use super::read::Whole;
use super::resources::{Described, Resources};
use crate::appsync::Mode;
use crate::machine::USER_POOL_CLIENT;

/// AppSync's own bound on how many functions one request may invoke, which is also its default.
const MOST_RESOLVERS: i64 = 10_000;

/// How long a key is good that does not say it. Source: CloudFormation, `AWS::AppSync::ApiKey`.
const WEEK: Duration = Duration::from_hours(7 * 24);

/// What a template says of the API beside its resolvers.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// `arn:aws:appsync:…:apis/…`
    pub arn: String,
    /// The mode that is open where no directive says otherwise.
    pub default_mode: Mode,
    /// Further modes.
    pub additional_modes: Vec<Mode>,
    /// When the API key ends; `None`: there is none.
    pub api_key_expires: Option<SystemTime>,
    /// Whether `__schema` and `__type` may be asked for.
    pub introspection: bool,
    /// Deepest level a query may select; 0 for no limit.
    pub query_depth_limit: usize,
    /// How many functions one request may invoke.
    pub resolver_count_limit: usize,
    /// The schema that the template was written with, if it holds one.
    pub schema: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    authentication_type: AuthenticationType,
    user_pool_config: Option<UserPoolConfig>,
    #[serde(default)]
    additional_authentication_providers: Vec<Provider>,
    introspection_config: Option<Introspection>,
    query_depth_limit: Option<Whole>,
    resolver_count_limit: Option<Whole>,
    api_type: Option<ApiType>,
    visibility: Option<Visibility>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Provider {
    authentication_type: AuthenticationType,
    user_pool_config: Option<UserPoolConfig>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AuthenticationType {
    ApiKey,
    AwsIam,
    AmazonCognitoUserPools,
    OpenidConnect,
    AwsLambda,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UserPoolConfig {
    app_id_client_regex: Option<String>,
    default_action: Option<DefaultAction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum DefaultAction {
    Allow,
    Deny,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Introspection {
    Enabled,
    Disabled,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum ApiType {
    Graphql,
    Merged,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Visibility {
    Global,
    Private,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyProperties {
    #[serde(rename = "ApiId")]
    _api: String,
    expires: Option<Whole>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SchemaProperties {
    #[serde(rename = "ApiId")]
    _api: String,
    definition: Option<String>,
}

/// The one API of a template.
pub(super) fn api(resources: &mut Resources, now: SystemTime) -> Result<ApiSettings, Error> {
    const KIND: &str = "AWS::AppSync::GraphQLApi";
    let (described, properties) =
        only_one::<Properties>(resources, KIND)?.ok_or_else(|| Problem::None(KIND).at("Resources"))?;
    let schema = only_one::<SchemaProperties>(resources, "AWS::AppSync::GraphQLSchema")?;
    let api_key_expires = match only_one::<KeyProperties>(resources, "AWS::AppSync::ApiKey")? {
        None => None,
        Some((key, properties)) => Some(expiry(resources, &key, properties.expires, now)?),
    };
    user_pool(resources, &described.property("UserPoolConfig"), properties.user_pool_config.as_ref());
    let default_mode = mode(resources, &described.property("AuthenticationType"), properties.authentication_type);
    let mut additional_modes = Vec::new();
    for (at, provider) in properties.additional_authentication_providers.iter().enumerate() {
        let path = described.property(&format!("AdditionalAuthenticationProviders[{at}]"));
        user_pool(resources, &format!("{path}.UserPoolConfig"), provider.user_pool_config.as_ref());
        additional_modes.push(mode(resources, &format!("{path}.AuthenticationType"), provider.authentication_type));
    }
    if let Some(ApiType::Merged) = properties.api_type {
        resources.warn(described.property("ApiType"), "nothing is merged here");
    }
    if let Some(Visibility::Private) = properties.visibility {
        resources.warn(described.property("Visibility"), "the API is as visible here as any server of this machine");
    }
    let within = |name: &str, value: Option<Whole>, most: i64| {
        let value = value.map_or(0, |Whole(value)| value);
        usize::try_from(value).ok().filter(|_| value <= most).ok_or_else(|| {
            Problem::Shape(format!("it must be a whole number from 0 to {most}")).at(described.property(name))
        })
    };
    let resolver_count_limit = match within("ResolverCountLimit", properties.resolver_count_limit, MOST_RESOLVERS)? {
        0 => 10_000,
        limit => limit,
    };
    Ok(ApiSettings {
        arn: api_arn(),
        default_mode,
        additional_modes,
        api_key_expires,
        introspection: properties.introspection_config != Some(Introspection::Disabled),
        query_depth_limit: within("QueryDepthLimit", properties.query_depth_limit, 75)?,
        resolver_count_limit,
        schema: schema.and_then(|(_, properties)| properties.definition),
    })
}

fn only_one<T: serde::de::DeserializeOwned>(
    resources: &mut Resources,
    kind: &'static str,
) -> Result<Option<(Described, T)>, Error> {
    let mut found = resources.read::<T>(kind)?.into_iter();
    let first = found.next();
    match found.next() {
        Some((second, _)) => Err(Problem::Second(kind).at(format!("Resources.{}", second.id))),
        None => Ok(first),
    }
}

/// A key that has ended by now could not be deployed: CloudFormation takes a day to a year from now. So that an old
/// template still runs, its key is good for as long as one that does not say when it ends.
fn expiry(
    resources: &mut Resources,
    described: &Described,
    expires: Option<Whole>,
    now: SystemTime,
) -> Result<SystemTime, Error> {
    let Some(Whole(seconds)) = expires else { return Ok(now + WEEK) };
    let path = described.property("Expires");
    let since = u64::try_from(seconds).ok().map(Duration::from_secs).and_then(|since| UNIX_EPOCH.checked_add(since));
    let Some(end) = since else {
        return Err(Problem::Shape("it must be a time in seconds since 1970".to_owned()).at(path));
    };
    if end > now {
        return Ok(end);
    }
    resources.warn(path, "this time has passed, so it cannot be deployed any more; here the key is good for a week");
    Ok(now + WEEK)
}

fn mode(resources: &mut Resources, path: &str, kind: AuthenticationType) -> Mode {
    match kind {
        AuthenticationType::ApiKey => Mode::ApiKey,
        AuthenticationType::AwsIam => Mode::Iam,
        AuthenticationType::AmazonCognitoUserPools => Mode::UserPools,
        AuthenticationType::OpenidConnect => {
            resources.warn(path, "nobody can authenticate by OPENID_CONNECT here");
            Mode::OpenIdConnect
        }
        AuthenticationType::AwsLambda => {
            resources.warn(path, "nobody can authenticate by AWS_LAMBDA here");
            Mode::Lambda
        }
    }
}

fn user_pool(resources: &mut Resources, path: &str, config: Option<&UserPoolConfig>) {
    let Some(config) = config else { return };
    // Tokens of any other client are refused in any case.
    if config.app_id_client_regex.as_ref().is_some_and(|regex| regex != USER_POOL_CLIENT) {
        resources.warn(format!("{path}.AppIdClientRegex"), "there is just one client here, whose tokens are good");
    }
    if let Some(DefaultAction::Deny) = config.default_action {
        resources.warn(format!("{path}.DefaultAction"), "it is ALLOW here");
    }
}

/// That the template has one pool and one client, as this machine does.
pub(super) fn pool(resources: &mut Resources) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Pool {}

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Client {
        #[serde(rename = "UserPoolId")]
        _pool: String,
    }

    let pools = resources.read::<Pool>("AWS::Cognito::UserPool")?.into_iter().map(|(pool, _)| pool);
    let pools: Vec<_> = pools.collect();
    let clients = resources.read::<Client>("AWS::Cognito::UserPoolClient")?.into_iter().map(|(client, _)| client);
    let clients: Vec<_> = clients.collect();
    for second in pools.iter().skip(1).chain(clients.iter().skip(1)) {
        resources.warn(format!("Resources.{}", second.id), "it stands for the same as the first one here");
    }
    Ok(())
}
