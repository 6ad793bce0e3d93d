//! AWS AppSync on one machine: a GraphQL API over HTTP whose root fields are answered by Direct Lambda resolvers.

mod arguments;
mod authentication;
mod authorization;
mod caller;
mod errors;
mod input;
mod json;
mod request;
mod scalars;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod validation;
mod variables;

pub use authentication::{TokenError, VerifyToken};
pub use caller::{Caller, IamIdentity, UserPoolIdentity};
pub use schema::SchemaError;
pub use settings::{ApiKey, IamCredentials, Mode, Settings};
