//! The keys of this machine: an API key for guests, an IAM user for backends, a role for each function.
//!
//! The first two are made once and kept in the data directory, so that what a frontend is configured with stays true.
//!
//! And credentials of a visitor of an identity pool, made anew at each start: a frontend can see with them that they are
//! refused here as they are on AWS.

use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files;
use crate::iam::{self, PoolIdentity, Principal};
use crate::machine::{self, REGION};

/// What callers of this machine's API are given.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// For guests, in the form that AppSync gives its keys: `da2-` and 26 characters.
    pub api_key: String,
    /// For backends: the public half of an IAM user's key.
    pub access_key_id: String,
    /// For backends: the secret half.
    pub secret_access_key: String,
}

/// Temporary credentials, as they are told in the ready file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Temporary {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// What a request has to carry beside its signature.
    pub session_token: String,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
#[error("the credentials in {path} cannot be used ({source}): delete the file, and new ones are made")]
pub struct Unusable {
    path: String,
    source: std::io::Error,
}

impl Credentials {
    /// The credentials of a data directory, made now if there are none.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn of(directory: &Path) -> Result<Self, Unusable> {
        let path = directory.join("credentials.json");
        read_or_make(&path).map_err(|source| Unusable { path: path.display().to_string(), source })
    }
}

/// Credentials that an Amazon Cognito identity pool hands out to whoever visits a page: the role's policies let them at
/// everything, so that it is the API that refuses them.
pub(crate) fn of_identity_pool() -> (Temporary, iam::Credentials) {
    // Source: AppSync developer guide, "Resolver mapping template context reference"; Cognito names each session so.
    const SESSION: &str = "CognitoIdentityCredentials";
    let temporary =
        Temporary { access_key_id: access_key_id("ASIA"), secret_access_key: secret(), session_token: secret() };
    let id = || format!("{REGION}:{}", Uuid::new_v4());
    let credentials = iam::Credentials {
        access_key_id: temporary.access_key_id.clone(),
        secret_access_key: temporary.secret_access_key.clone(),
        session_token: Some(temporary.session_token.clone()),
        principal: Principal { arn: machine::session_arn("visitors", SESSION), policy: None },
        username: format!("{}:{SESSION}", access_key_id("AROA")),
        identity_pool: Some(PoolIdentity { identity_id: id(), pool_id: id() }),
    };
    (temporary, credentials)
}

fn read_or_make(path: &Path) -> std::io::Result<Credentials> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let credentials = Credentials {
                api_key: format!("da2-{}", random(26, b"abcdefghijklmnopqrstuvwxyz234567")),
                access_key_id: access_key_id("AKIA"),
                secret_access_key: secret(),
            };
            files::keep(path, &serde_json::to_vec_pretty(&credentials)?)?;
            Ok(serde_json::from_slice(&std::fs::read(path)?)?)
        }
        read => Ok(serde_json::from_slice(&read?)?),
    }
}

/// The public half of a key, in the form that IAM gives it: `AKIA` for a user, `ASIA` for a role.
pub(crate) fn access_key_id(prefix: &str) -> String {
    format!("{prefix}{}", random(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
}

/// The secret half of a key.
pub(crate) fn secret() -> String {
    random(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}

/// Characters drawn from an alphabet of 32 or 64 with the randomness of UUIDs (version 4, from the operating system).
fn random(length: usize, alphabet: &[u8]) -> String {
    let bytes = std::iter::repeat_with(|| {
        let bytes = Uuid::new_v4().into_bytes();
        // Bytes 6 and 8 hold the version and the variant.
        (0..16).filter(|at| *at != 6 && *at != 8).map(move |at| bytes[at]).collect::<Vec<_>>()
    });
    bytes.flatten().take(length).map(|byte| char::from(alphabet[usize::from(byte) % alphabet.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_look_like_those_of_aws_and_stay_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let first = Credentials::of(directory.path()).unwrap();
        assert!(first.api_key.starts_with("da2-") && first.api_key.len() == 30);
        assert!(first.access_key_id.starts_with("AKIA") && first.access_key_id.len() == 20);
        assert_eq!(first.secret_access_key.len(), 40);
        let again = Credentials::of(directory.path()).unwrap();
        assert_eq!((&first.api_key, &first.secret_access_key), (&again.api_key, &again.secret_access_key));
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Credentials::of(other.path()).unwrap().api_key, first.api_key);
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("credentials.json"), "{").unwrap();
        let error = Credentials::of(directory.path()).unwrap_err().to_string();
        assert!(error.contains("credentials.json") && error.contains("delete the file"), "{error}");
    }
}
