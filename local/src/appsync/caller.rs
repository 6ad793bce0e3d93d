//! Who calls, once that is proven, and how a resolver sees it.

use serde_json::{Map, Value, json};

use super::settings::Mode;
use crate::iam::{PoolIdentity, Principal};

/// The caller of one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    /// Anybody who has an API key: nothing else is known about them.
    ApiKey,
    /// An IAM user or role.
    Iam(IamIdentity),
    /// A user of the Cognito user pool.
    UserPools(UserPoolIdentity),
}

/// What is known about a caller who signed the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamIdentity {
    /// The twelve digits of the caller's account.
    pub account_id: String,
    /// The unique id of the user or of the role's session.
    pub username: String,
    /// The caller's ARN, and what its policies allow.
    pub principal: Principal,
    /// Set if an identity pool handed out the credentials.
    pub identity_pool: Option<PoolIdentity>,
}

/// What is known about a caller whose token the user pool issued.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPoolIdentity {
    /// The user's unchanging id.
    pub sub: String,
    /// The pool's URL.
    pub issuer: String,
    /// The user's name in the pool.
    pub username: String,
    /// Every claim of the token.
    pub claims: Map<String, Value>,
}

impl UserPoolIdentity {
    /// The groups the user is in: the claim `cognito:groups`, which a user of no group does not have.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let groups = self.claims.get("cognito:groups").and_then(Value::as_array);
        groups.into_iter().flatten().filter_map(Value::as_str)
    }
}

impl Caller {
    pub(super) fn mode(&self) -> Mode {
        match self {
            Self::ApiKey => Mode::ApiKey,
            Self::Iam(_) => Mode::Iam,
            Self::UserPools(_) => Mode::UserPools,
        }
    }

    /// The `identity` of a resolver's event.
    /// Source: AppSync developer guide, "Resolver mapping template context reference".
    pub(super) fn identity(&self, source_ip: &[String]) -> Value {
        match self {
            Self::ApiKey => Value::Null,
            Self::Iam(iam) => json!({
                "accountId": iam.account_id,
                "cognitoIdentityPoolId": iam.identity_pool.as_ref().map(|identity| &identity.pool_id),
                "cognitoIdentityId": iam.identity_pool.as_ref().map(|identity| &identity.identity_id),
                "sourceIp": source_ip,
                "username": iam.username,
                "userArn": iam.principal.arn,
                // Whoever has not signed in anywhere is one too, and none of the others is known here.
                "cognitoIdentityAuthType": iam.identity_pool.as_ref().map(|_| "unauthenticated"),
                "cognitoIdentityAuthProvider": null,
            }),
            Self::UserPools(user) => json!({
                "sub": user.sub,
                "issuer": user.issuer,
                "username": user.username,
                "claims": user.claims,
                "sourceIp": source_ip,
                "defaultAuthStrategy": "ALLOW",
                "groups": user.claims.get("cognito:groups").cloned().unwrap_or(Value::Null),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(groups: &Value) -> UserPoolIdentity {
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!("s-1"));
        if !groups.is_null() {
            claims.insert("cognito:groups".to_owned(), groups.clone());
        }
        UserPoolIdentity {
            sub: "s-1".to_owned(),
            issuer: "https://pool".to_owned(),
            username: "ada".to_owned(),
            claims,
        }
    }

    #[test]
    fn each_mode_has_the_identity_that_resolvers_know() {
        let ips = ["127.0.0.1".to_owned()];
        assert_eq!(Caller::ApiKey.identity(&ips), Value::Null);
        let iam = Caller::Iam(IamIdentity {
            account_id: "123456789012".to_owned(),
            username: "AIDAEXAMPLE".to_owned(),
            principal: Principal { arn: "arn:aws:iam::123456789012:user/backend".to_owned(), policy: None },
            identity_pool: None,
        });
        assert_eq!(
            iam.identity(&ips),
            json!({
                "accountId": "123456789012", "cognitoIdentityPoolId": null, "cognitoIdentityId": null,
                "sourceIp": ["127.0.0.1"], "username": "AIDAEXAMPLE",
                "userArn": "arn:aws:iam::123456789012:user/backend",
                "cognitoIdentityAuthType": null, "cognitoIdentityAuthProvider": null,
            })
        );
        let arn = "arn:aws:sts::123456789012:assumed-role/visitors/CognitoIdentityCredentials";
        let of_pool = Caller::Iam(IamIdentity {
            account_id: "123456789012".to_owned(),
            username: "AROAEXAMPLE:CognitoIdentityCredentials".to_owned(),
            principal: Principal { arn: arn.to_owned(), policy: None },
            identity_pool: Some(PoolIdentity { identity_id: "eu:1".to_owned(), pool_id: "eu:2".to_owned() }),
        });
        assert_eq!(
            of_pool.identity(&ips),
            json!({
                "accountId": "123456789012", "cognitoIdentityPoolId": "eu:2", "cognitoIdentityId": "eu:1",
                "sourceIp": ["127.0.0.1"], "username": "AROAEXAMPLE:CognitoIdentityCredentials", "userArn": arn,
                "cognitoIdentityAuthType": "unauthenticated", "cognitoIdentityAuthProvider": null,
            })
        );
        let ada = Caller::UserPools(user(&json!(["staff"])));
        assert_eq!(
            ada.identity(&ips),
            json!({
                "sub": "s-1", "issuer": "https://pool", "username": "ada", "sourceIp": ["127.0.0.1"],
                "claims": {"sub": "s-1", "cognito:groups": ["staff"]},
                "defaultAuthStrategy": "ALLOW", "groups": ["staff"],
            })
        );
        assert_eq!(Caller::UserPools(user(&Value::Null)).identity(&ips)["groups"], Value::Null);
    }

    #[test]
    fn groups_are_those_of_the_token() {
        assert_eq!(user(&json!(["staff", "night"])).groups().collect::<Vec<_>>(), ["staff", "night"]);
        assert_eq!(user(&Value::Null).groups().count(), 0);
    }
}
