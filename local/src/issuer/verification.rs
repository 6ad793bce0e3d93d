//! Whether a token is good: what AppSync asks of one before it believes a word.
//!
//! Source: Amazon Cognito developer guide, "Verifying JSON web tokens".

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::claims::seconds_of;
use super::jwt::{self, ALGORITHM, Parts};
use super::{Issuer, Pool};
use crate::appsync::{TokenError, UserPoolIdentity, VerifyToken};

/// How far ahead the clock of whoever made a token may be. An end is an end: `exp` has no such allowance.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

impl VerifyToken for Issuer {
    /// A token that is no token is told apart from one that is not believed, and one that is over from both; the last
    /// only if everything else is right.
    fn verify(&self, token: &str, now: SystemTime) -> Result<UserPoolIdentity, TokenError> {
        let parts = jwt::read(token).ok_or(TokenError::Unreadable)?;
        if !self.is_signed(&parts) {
            return Err(TokenError::Untrusted);
        }
        let (identity, ends) = identity(&self.pool, parts.claims, now).ok_or(TokenError::Untrusted)?;
        if seconds_of(now) < ends { Ok(identity) } else { Err(TokenError::Expired) }
    }
}

impl Issuer {
    /// The header may name an algorithm and a key, but not choose them: there is one of each.
    fn is_signed(&self, parts: &Parts<'_>) -> bool {
        let header = &parts.header;
        if header.alg != ALGORITHM || header.crit.is_some() {
            return false;
        }
        match self.keys.get() {
            Ok(Some(key)) => header.kid.as_ref() == Some(&key.id) && key.has_signed(parts.signed, &parts.signature),
            // Where no key has been made, no token has been either.
            Ok(None) => false,
            Err(unusable) => {
                tracing::error!("{unusable}");
                false
            }
        }
    }
}

/// Who the token is about and when it ends, if it is one that this pool gave its client, and has begun.
fn identity(pool: &Pool, claims: Map<String, Value>, now: SystemTime) -> Option<(UserPoolIdentity, u64)> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let (client, username) = match text("token_use")? {
        "access" => (text("client_id")?, text("username")?),
        "id" => (text("aud")?, text("cognito:username")?),
        _ => return None,
    };
    let (sub, issuer) = (text("sub")?, text("iss")?);
    if issuer != pool.issuer || client != pool.user_pool_client_id {
        return None;
    }
    let latest = seconds_of(now + CLOCK_SKEW);
    let has_begun = |since: &Value| since.as_u64().is_some_and(|since| since <= latest);
    if !has_begun(claims.get("iat")?) || !claims.get("nbf").is_none_or(has_begun) {
        return None;
    }
    let ends = claims.get("exp")?.as_u64()?;
    let (sub, issuer, username) = (sub.to_owned(), issuer.to_owned(), username.to_owned());
    Some((UserPoolIdentity { sub, issuer, username, claims }, ends))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use ring::hmac;
    use serde_json::json;
    use tempfile::TempDir;

    use super::super::key::{FILE, Keys};
    use super::super::{Use, User};
    use super::*;

    const ISSUER: &str = "http://127.0.0.1:4000/us-east-1_local";
    const HOUR: u64 = 3600;

    /// Two keys, made once for all tests.
    static KEYS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
        [(); 2].map(|()| {
            let directory = tempfile::tempdir().unwrap();
            Keys::of(directory.path()).get_or_make().unwrap();
            std::fs::read(directory.path().join(FILE)).unwrap()
        })
    });

    /// A pool, and the moment at which everything happens.
    struct Test {
        issuer: Issuer,
        now: SystemTime,
        directory: TempDir,
    }

    impl Test {
        fn without_key() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
            Self { issuer: Issuer::new(Pool::at(ISSUER), directory.path()), now, directory }
        }

        fn with_key(self, key: &[u8]) -> Self {
            std::fs::write(self.directory.path().join(FILE), key).unwrap();
            self
        }

        fn new() -> Self {
            Self::without_key().with_key(&KEYS[0])
        }

        /// A pool with another key.
        fn other() -> Self {
            Self::without_key().with_key(&KEYS[1])
        }

        fn token(&self, used_as: Use) -> String {
            let user = User { name: "alice".parse().unwrap(), groups: vec!["staff".parse().unwrap()] };
            self.issuer.issue(&user, used_as, HOUR, self.now).unwrap()
        }

        /// A token that the pool's key signed, with other claims than the pool would write; `null` takes one away.
        fn token_with(&self, used_as: Use, name: &str, value: &Value) -> String {
            let mut claims = jwt::read(&self.token(used_as)).unwrap().claims;
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.to_owned(), value.clone());
            }
            self.issuer.keys.sign(&Value::Object(claims)).unwrap()
        }

        fn verify(&self, token: &str) -> Result<UserPoolIdentity, TokenError> {
            self.issuer.verify(token, self.now)
        }

        fn assert_untrusted(&self, token: &str, why: &str) {
            assert_eq!(self.verify(token), Err(TokenError::Untrusted), "{why}");
        }
    }

    /// The token with another header, under the signature that it had.
    fn with_header(token: &str, header: &Value) -> String {
        let (_, rest) = token.split_once('.').unwrap();
        format!("{}.{rest}", jwt::encode(header.to_string()))
    }

    #[test]
    fn both_kinds_of_token_say_who_somebody_is() {
        let test = Test::new();
        for used_as in [Use::Access, Use::Id] {
            let alice = test.verify(&test.token(used_as)).unwrap();
            assert_eq!((alice.username.as_str(), alice.issuer.as_str()), ("alice", ISSUER));
            assert_eq!(alice.sub, alice.claims["sub"]);
            assert_eq!(alice.groups().collect::<Vec<_>>(), ["staff"]);
        }
    }

    #[test]
    fn a_token_is_good_until_it_ends() {
        let test = Test::new();
        let token = test.token(Use::Access);
        let after = |seconds| test.issuer.verify(&token, test.now + Duration::from_secs(seconds));
        assert!(after(HOUR - 1).is_ok());
        assert_eq!(after(HOUR), Err(TokenError::Expired));
        assert_eq!(after(100 * HOUR), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_is_not_good_before_it_begins() {
        let test = Test::new();
        let token = test.token(Use::Access);
        let before = |seconds| test.issuer.verify(&token, test.now - Duration::from_secs(seconds));
        assert!(before(5).is_ok(), "clocks differ a little");
        assert_eq!(before(6), Err(TokenError::Untrusted));
        let begins = |seconds: u64| test.token_with(Use::Id, "nbf", &json!(1_800_000_000 + seconds));
        assert!(test.verify(&begins(5)).is_ok());
        test.assert_untrusted(&begins(6), "it begins later");
    }

    #[test]
    fn whatever_is_changed_the_signature_tells() {
        let test = Test::new();
        let token = test.token(Use::Access);
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let mut other = jwt::read(&token).unwrap().claims;
        other.insert("sub".to_owned(), json!("somebody-else"));
        let other = jwt::encode(Value::Object(other).to_string());
        test.assert_untrusted(&format!("{header}.{other}.{signature}"), "other claims");
        let swapped = if signature.starts_with('A') { 'B' } else { 'A' };
        test.assert_untrusted(&format!("{header}.{claims}.{swapped}{}", &signature[1..]), "another signature");
        test.assert_untrusted(&format!("{header}.{claims}."), "no signature");
        test.assert_untrusted(&format!("{header}.{claims}.{}", &signature[4..]), "a shorter signature");
        let mut reordered: Value = json!({ "kid": jwt::read(&token).unwrap().header.kid, "alg": ALGORITHM });
        reordered["typ"] = json!("JWT");
        test.assert_untrusted(&with_header(&token, &reordered), "the header is signed too");
    }

    #[test]
    fn a_token_does_not_choose_how_it_is_verified() {
        let test = Test::new();
        let token = test.token(Use::Access);
        let key = test.issuer.keys.get_or_make().unwrap();
        for alg in ["none", "None", "HS256", "RS384", "PS256", "ES256", "rs256", ""] {
            let token = with_header(&token, &json!({ "alg": alg, "kid": key.id }));
            test.assert_untrusted(&token, alg);
            let (signed, _) = token.rsplit_once('.').unwrap();
            test.assert_untrusted(&format!("{signed}."), alg);
        }
        // Whoever takes the public key for the secret of HS256 accepts what anybody can sign.
        let jwk = key.jwk();
        for secret in [jwk["n"].as_str().unwrap().to_owned(), jwk.to_string()] {
            let unsigned = with_header(&token, &json!({ "alg": "HS256", "kid": key.id }));
            let (signed, _) = unsigned.rsplit_once('.').unwrap();
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
            test.assert_untrusted(&format!("{signed}.{}", jwt::encode(tag)), "signed with what is public");
        }
    }

    #[test]
    fn only_the_key_of_the_pool_counts() {
        let forged = Test::other().token(Use::Access);
        let test = Test::without_key();
        test.assert_untrusted(&forged, "there is no key yet");
        let test = test.with_key(&KEYS[0]);
        let key = test.issuer.keys.get_or_make().unwrap();
        test.assert_untrusted(&forged, "the key is unknown");
        test.assert_untrusted(&with_header(&forged, &json!({ "alg": ALGORITHM, "kid": key.id })), "not with that key");
        for header in [
            json!({ "alg": ALGORITHM }),
            json!({ "alg": ALGORITHM, "kid": null }),
            json!({ "alg": ALGORITHM, "kid": "" }),
            json!({ "alg": ALGORITHM, "kid": key.id, "crit": ["exp"] }),
        ] {
            test.assert_untrusted(&with_header(&test.token(Use::Access), &header), &header.to_string());
        }
    }

    #[test]
    fn a_token_of_another_pool_or_client_or_for_another_use_is_not_good() {
        let test = Test::new();
        for (name, value) in [
            ("iss", json!("http://127.0.0.1:4001/us-east-1_local")),
            ("iss", json!(format!("{ISSUER}/"))),
            ("iss", Value::Null),
            ("token_use", json!("refresh")),
            ("token_use", json!("")),
            ("token_use", Value::Null),
            ("sub", Value::Null),
            ("sub", json!(7)),
            ("iat", Value::Null),
            ("iat", json!("1800000000")),
            ("nbf", json!("soon")),
            ("exp", Value::Null),
            ("exp", json!("never")),
            ("exp", json!(-1)),
        ] {
            for used_as in [Use::Access, Use::Id] {
                test.assert_untrusted(&test.token_with(used_as, name, &value), &format!("{name}: {value}"));
            }
        }
        for (used_as, name) in [(Use::Access, "client_id"), (Use::Id, "aud")] {
            for value in [json!("another"), json!(["localclient000000000000000"]), Value::Null] {
                test.assert_untrusted(&test.token_with(used_as, name, &value), &format!("{name}: {value}"));
            }
        }
        // The client is where the use has it, and nowhere else.
        test.assert_untrusted(&test.token_with(Use::Id, "token_use", &json!("access")), "an ID token's client");
        test.assert_untrusted(&test.token_with(Use::Access, "token_use", &json!("id")), "an access token's client");
        test.assert_untrusted(&test.token_with(Use::Access, "username", &Value::Null), "no name");
    }

    #[test]
    fn that_a_token_is_over_is_told_to_nobody_whose_it_is_not() {
        let test = Test::new();
        let token = test.token_with(Use::Access, "iss", &json!("http://elsewhere"));
        let later = test.now + Duration::from_secs(2 * HOUR);
        assert_eq!(test.issuer.verify(&token, later), Err(TokenError::Untrusted));
    }

    #[test]
    fn garbage_is_no_token() {
        let test = Test::new();
        let token = test.token(Use::Access);
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let list = jwt::encode("[1]");
        for garbage in [
            "",
            ".",
            "..",
            "...",
            "a.b",
            "a.b.c",
            "ünïcode.ü.ü",
            &format!("{header}.{claims}"),
            &format!("{token}."),
            &format!("{token}.{signature}"),
            &format!("{token}="),
            &format!("{header}.{claims}.{signature}!"),
            &format!("{header}.{list}.{signature}"),
            &format!("{list}.{claims}.{signature}"),
            &format!("{}.{claims}.{signature}", jwt::encode("{}")),
            &format!(" {token}"),
        ] {
            assert_eq!(test.verify(garbage), Err(TokenError::Unreadable), "{garbage}");
        }
    }

    #[test]
    fn a_damaged_key_opens_nothing() {
        let token = Test::other().token(Use::Access);
        Test::without_key().with_key(b"damaged").assert_untrusted(&token, "there is no telling");
    }
}
