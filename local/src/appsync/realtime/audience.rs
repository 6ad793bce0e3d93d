//! Subscriptions that see the same in every event: one document, one kind of caller. Their event is made once.

use std::sync::Arc;

use apollo_compiler::Schema;
use apollo_compiler::executable::Field;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::authorization::Authorization;
use super::super::caller::Caller;
use super::super::completion::{Completion, Roots};
use super::super::errors::{GraphqlError, Path, Segment};
use super::super::execution::{Parsed, Prepared};
use super::super::input::{Input, Variables};
use super::super::settings::Mode;

/// What distinguishes one audience from another.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Where the document is in memory: equal ones are shared, and live for as long as their audience.
    document: usize,
    /// Those that may change what is selected, as JSON.
    variables: String,
    mode: Mode,
    groups: Vec<String>,
}

/// Subscriptions of one document by one kind of caller.
pub(super) struct Audience {
    parsed: Arc<Parsed>,
    variables: Variables,
    /// One of them. What a caller may see depends on the mode and the groups alone, and those they all share.
    caller: Caller,
    field: String,
    response_key: String,
}

impl Audience {
    pub(super) fn new(prepared: &Prepared, field: &Field, caller: Caller) -> (Key, Self) {
        let variables = prepared.variables().iter().filter(|(name, value)| {
            let is_argument = field.arguments.iter().any(|argument| {
                argument.value.as_variable().is_some_and(|variable| variable.as_str() == name.as_str())
            });
            // An argument says which events arrive, and only `@skip` and `@include` what is in them.
            !is_argument || matches!(value, Input::Boolean(_))
        });
        let mut variables: Vec<_> = variables.collect();
        variables.sort_by_key(|(name, _)| name.as_str());
        let mut groups: Vec<String> = match &caller {
            Caller::UserPools(user) => user.groups().map(str::to_owned).collect(),
            Caller::ApiKey | Caller::Iam(_) => Vec::new(),
        };
        groups.sort_unstable();
        let key = Key {
            document: Arc::as_ptr(prepared.parsed()).addr(),
            variables: serde_json::to_string(&variables).unwrap_or_default(),
            mode: caller.mode(),
            groups,
        };
        let audience = Self {
            parsed: Arc::clone(prepared.parsed()),
            variables: prepared.variables().clone(),
            caller,
            field: field.name.to_string(),
            response_key: field.response_key().to_string(),
        };
        (key, audience)
    }

    /// The name of the subscription field.
    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// The `payload` of an event: what these subscriptions selected of what the mutation selected.
    pub(super) fn payload(
        &self,
        schema: &Valid<Schema>,
        authorization: Authorization,
        depth_limit: usize,
        event: &RawValue,
    ) -> serde_json::Result<String> {
        let completion = Completion {
            schema,
            document: self.parsed.document(),
            operation: self.parsed.operation(),
            variables: &self.variables,
            authorization,
            caller: &self.caller,
            depth_limit,
        };
        let roots = Roots::from([(self.response_key.clone(), Ok(event.to_owned()))]);
        let response = completion.complete(&roots);
        let errors = response.errors.iter().map(EventError::of).collect();
        serde_json::to_string(&Payload { data: response.data, errors })
    }
}

#[derive(Serialize)]
struct Payload<'a> {
    data: Option<JsonMap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<EventError<'a>>,
}

/// An error in an event has fewer members than one in a response: recorded events have `message` and `path` alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventError<'a> {
    message: &'a str,
    path: Option<&'a [Segment]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'a str>,
}

impl<'a> EventError<'a> {
    fn of(error: &'a GraphqlError) -> Self {
        Self {
            message: &error.message,
            path: error.path.as_ref().map(Path::segments),
            error_type: error.error_type.as_deref(),
        }
    }
}
