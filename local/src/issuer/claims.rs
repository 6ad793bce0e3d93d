//! What a token says.
//!
//! Source: Amazon Cognito developer guide, "Understanding the access token" and "Understanding the identity (ID)
//! token".

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use uuid::Uuid;

use super::user::Name;
use super::{Pool, User};

/// What a token is for. AppSync takes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To call APIs with.
    Access,
    /// To tell a client who has signed in.
    Id,
}

/// Seconds since 1970, as tokens count time.
pub(super) fn seconds_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub(super) fn claims(pool: &Pool, user: &User, used_as: Use, seconds: u64, now: SystemTime) -> Value {
    let now = seconds_of(now);
    let name = user.name.to_string();
    let mut claims = json!({
        "sub": user.sub().to_string(),
        "iss": pool.issuer,
        "origin_jti": Uuid::new_v4().to_string(),
        "auth_time": now,
        "iat": now,
        "exp": now.saturating_add(seconds),
        "jti": Uuid::new_v4().to_string(),
    });
    let own = match used_as {
        Use::Access => json!({
            "token_use": "access",
            "client_id": pool.user_pool_client_id,
            "username": name,
            "scope": "aws.cognito.signin.user.admin",
            "version": 2,
        }),
        Use::Id => json!({
            "token_use": "id",
            "aud": pool.user_pool_client_id,
            "cognito:username": name,
            "email": user.email(),
            "email_verified": true,
        }),
    };
    if let (Value::Object(claims), Value::Object(own)) = (&mut claims, own) {
        claims.extend(own);
        // Whoever is in no group does not have the claim.
        if !user.groups.is_empty() {
            claims.insert("cognito:groups".to_owned(), user.groups.iter().map(Name::to_string).collect());
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn claims_of(groups: &[&str], used_as: Use) -> Value {
        let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
        let user = User { name: "alice".parse().unwrap(), groups };
        let now = UNIX_EPOCH + Duration::from_millis(1_800_000_000_999);
        claims(&Pool::at("http://pool"), &user, used_as, 60, now)
    }

    fn names(claims: &Value) -> Vec<&str> {
        let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn an_access_token_says_what_the_pools_does() {
        let claims = claims_of(&[], Use::Access);
        let expected = [
            "auth_time",
            "client_id",
            "exp",
            "iat",
            "iss",
            "jti",
            "origin_jti",
            "scope",
            "sub",
            "token_use",
            "username",
            "version",
        ];
        assert_eq!(names(&claims), expected);
        assert_eq!(claims["iss"], "http://pool");
        assert_eq!(claims["client_id"], Pool::at("").user_pool_client_id);
        assert_eq!((&claims["token_use"], &claims["username"]), (&json!("access"), &json!("alice")));
        assert_eq!(claims["scope"], "aws.cognito.signin.user.admin");
        assert_eq!(claims["iat"], 1_800_000_000);
        assert_eq!(claims["exp"], 1_800_000_060);
        assert_ne!(claims["jti"], claims_of(&[], Use::Access)["jti"]);
    }

    #[test]
    fn an_id_token_says_who_somebody_is() {
        let claims = claims_of(&["staff", "night"], Use::Id);
        let expected = [
            "aud",
            "auth_time",
            "cognito:groups",
            "cognito:username",
            "email",
            "email_verified",
            "exp",
            "iat",
            "iss",
            "jti",
            "origin_jti",
            "sub",
            "token_use",
        ];
        assert_eq!(names(&claims), expected);
        assert_eq!(claims["cognito:groups"], json!(["staff", "night"]));
        assert_eq!(claims["email"], "alice@example.com");
        assert_eq!(claims["sub"], claims_of(&[], Use::Access)["sub"]);
    }

    #[test]
    fn whoever_is_in_no_group_has_no_such_claim() {
        assert!(claims_of(&[], Use::Id).get("cognito:groups").is_none());
    }
}
