//! AWS AppSync on one machine: a GraphQL API over HTTP whose root fields are answered by Direct Lambda resolvers.

mod input;
mod json;
mod scalars;
