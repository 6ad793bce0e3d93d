//! AWS AppSync on one machine: a GraphQL API whose root fields are answered by Direct Lambda resolvers, over
//! HTTP and, for subscriptions, over a WebSocket.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `http` | the endpoint: statuses, headers, what is refused before GraphQL begins |
//! | `authentication` | who calls: API keys, Signature Version 4, tokens |
//! | `documents` | texts that were parsed and validated before |
//! | `request`, `validation`, `variables`, `arguments` | from a request's text to a valid operation and its inputs |
//! | `authorization` | who may see which field |
//! | `execution`, `selection`, `resolver` | running the operation: one function for each root field |
//! | `completion` | from the functions' answers to the response |
//! | `realtime` | subscriptions, and the events that mutations send to them |
//! | `schema`, `scalars`, `settings` | what the API consists of |
//! | `introspection` | how much may be asked about the schema |
//! | `input`, `json`, `errors`, `caller` | what the others pass to each other |

mod arguments;
mod authentication;
mod authorization;
mod caller;
mod completion;
mod documents;
mod errors;
mod execution;
mod http;
mod input;
mod introspection;
mod json;
mod realtime;
mod request;
mod resolver;
mod scalars;
mod schema;
mod selection;
mod settings;
#[cfg(test)]
pub(crate) mod tests;
mod validation;
mod variables;

use std::sync::Arc;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use axum::Router;

pub use authentication::{TokenError, VerifyToken};
pub use caller::{Caller, IamIdentity, UserPoolIdentity};
pub use schema::SchemaError;
pub use settings::{ApiKey, Mode, Resolver, Settings};

use crate::lambda::Functions;
use authorization::Authorization;
use documents::Documents;
use realtime::Realtime;

/// A GraphQL API: a schema, its settings, and the functions that answer its root fields. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: Arc<Valid<Schema>>,
    settings: Arc<Settings>,
    authorization: Authorization,
    functions: Functions,
    documents: Arc<Documents>,
    realtime: Arc<Realtime>,
}

impl Api {
    /// An API of this schema: the text that is uploaded to AppSync, without AppSync's own directives and scalars.
    ///
    /// # Errors
    /// What AppSync would refuse in the schema, or a resolver in the settings that has no field to answer.
    pub fn load(schema_text: &str, settings: Settings, functions: Functions) -> Result<Self, SchemaError> {
        let schema = Arc::new(schema::load(schema_text, &settings)?);
        let authorization = Authorization::new(&settings);
        let realtime = Arc::new(Realtime::new(&schema, &settings, authorization));
        Ok(Self { schema, settings: Arc::new(settings), authorization, functions, documents: Arc::default(), realtime })
    }

    /// The root fields that no resolver answers, as `Type.field`: AppSync says `null` for them.
    #[must_use]
    pub fn without_resolver(&self) -> Vec<String> {
        schema::without_resolver(&self.schema, &self.settings)
    }

    /// Serves `/graphql`, and a WebSocket there and on `/graphql/realtime`. Resolvers learn the client's address if the server is made with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }
}
