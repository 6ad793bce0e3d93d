//! The user pool on one machine: makes the tokens of customers and staff, and tells which ones are good.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `command` | `cargo run -- token alice`: prints a token |
//! | `user`, `claims` | who somebody is, and what their token says about them |
//! | `key` | the RSA key of the pool: made when it is first needed, kept in the data directory |
//! | `jwt` | the form of a token: signed JSON in three parts |
//! | `verification` | whether a token is good, for the GraphQL server |
//! | `http` | where clients find the public key |
//!
//! Anybody may have a token in any name: there are no passwords. What the server does with tokens is what AppSync does
//! with those of Amazon Cognito.

mod claims;
mod command;
mod http;
mod jwt;
mod key;
mod user;
mod verification;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use serde::{Deserialize, Serialize};

pub use claims::Use;
pub use command::{Error, token};
pub use key::Unusable;
pub use user::{Name, NotAName, User};

use crate::files;
use crate::machine::USER_POOL_CLIENT;
use key::Keys;

/// The file in a data directory that tells which pool the last server there was.
const POOL_FILE: &str = "user-pool.json";

/// What a client has to know of the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// The pool's URL: the claim `iss` of its tokens.
    pub issuer: String,
    /// The one client of the pool: `aud` of its ID tokens, `client_id` of its access tokens.
    pub user_pool_client_id: String,
}

/// The user pool of a data directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Issuer {
    pool: Arc<Pool>,
    keys: Arc<Keys>,
}

impl Pool {
    /// The pool behind this URL.
    #[must_use]
    pub fn at(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), user_pool_client_id: USER_POOL_CLIENT.to_owned() }
    }

    /// Leaves a note for [`token`], which is another process: under which URL its tokens are good.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, directory: &Path) -> std::io::Result<()> {
        files::replace(&directory.join(POOL_FILE), &serde_json::to_vec_pretty(self)?)
    }
}

impl Issuer {
    /// Does nothing yet: the key is made, or read from the data directory, when it is first needed.
    #[must_use]
    pub fn new(pool: Pool, directory: &Path) -> Self {
        Self { pool: Arc::new(pool), keys: Arc::new(Keys::of(directory)) }
    }

    /// A token that says who this user is, good for so many seconds from `now` on.
    ///
    /// # Errors
    /// If the key cannot be read or made.
    pub fn issue(&self, user: &User, used_as: Use, seconds: u64, now: SystemTime) -> Result<String, Unusable> {
        let claims = claims::claims(&self.pool, user, used_as, seconds, now);
        self.keys.sign(&claims)
    }

    /// Serves the public key and where it is, below the pool's URL.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }
}
