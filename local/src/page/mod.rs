//! What somebody sees who opens the server's address in a browser: a page at `/`, GraphiQL at `/graphiql`.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `files` | the files in `local/page/`, which are part of the program |
//! | `credentials` | what the page calls the API with |
//!
//! Both are frontends like any other: they use the GraphQL API and its real-time endpoint, and nothing else, with
//! credentials that only they can get. Whatever they need comes from this server.

mod credentials;
mod files;

use std::time::Duration;

use axum::Router;

use crate::issuer::Issuer;

/// What the page hands out.
#[derive(Clone, Debug)]
pub struct Page {
    /// For guests.
    pub api_key: String,
    /// The region that the API is in.
    pub region: String,
    /// Issues the tokens of customers and staff.
    pub issuer: Issuer,
    /// How long such a token is good.
    pub token_lifetime: Duration,
}

impl Page {
    /// Serves the pages, their files, and the credentials.
    pub fn router(self) -> Router {
        files::router().merge(credentials::router(self))
    }
}
