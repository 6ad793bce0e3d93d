//! Runs one operation: from the text of a request to its response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apollo_compiler::ast::{self, OperationType};
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema, introspection};
use futures::StreamExt as _;
use futures::stream;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::Api;
use super::authorization::Authorization;
use super::caller::Caller;
use super::completion::{Completion, RESPONSE_LIMIT, Response, RootError, Roots};
use super::errors::{Failure, GraphqlError, Location, Refusal};
use super::input::Variables;
use super::introspection as about_schema;
use super::request::GraphqlRequest;
use super::resolver::{self, Empty, Event, Info, RequestContext};
use super::selection::{self, RootField, Selected};
use super::settings::{Resolver, Settings};
use super::{arguments, validation, variables};
use crate::lambda::Functions;

/// How long a request may take in all. Source: AppSync quotas, "Request execution time".
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How many functions a query has invoked at a time. AppSync tells no number; this bounds what their answers take.
const AT_A_TIME: usize = 10;

/// How deep a document may be nested. AppSync tells no limit for a document; its depth limit ends at 75 levels of
/// fields. Guards the stack: everything that walks a document does so recursively.
const NESTING: usize = 200;
/// Most tokens of a document, white space counted. graphql-java, which AppSync builds on, takes 15,000 without it
/// (`ParserOptions`, its default); a document of more would take more memory than its sender's share.
const TOKENS: usize = 30_000;

/// A valid document, and which of its operations is meant: what requests with the same text may share.
pub(super) struct Parsed {
    document: Valid<ExecutableDocument>,
    operation: Node<Operation>,
}

/// An operation that is valid and ready to run, whatever started it.
pub(super) struct Prepared {
    parsed: Arc<Parsed>,
    variables: Variables,
    given_variables: Box<RawValue>,
}

/// Why there is nothing to run.
pub(super) enum Unprepared {
    /// It is not even GraphQL.
    Refused(Refusal),
    /// It is GraphQL, and wrong.
    Invalid(Vec<GraphqlError>),
}

impl Parsed {
    /// Parses and validates the document, and chooses the operation.
    pub(super) fn new(
        schema: &Valid<Schema>,
        settings: &Settings,
        query: &str,
        operation_name: Option<&str>,
    ) -> Result<Self, Unprepared> {
        let document: ast::Document = Parser::new()
            .recursion_limit(NESTING)
            .token_limit(TOKENS)
            .parse_ast(query, "query")
            .map_err(|_| Unprepared::Refused(Refusal::Malformed))?;
        let document = validation::validate(schema, &document, settings.introspection).map_err(Unprepared::Invalid)?;
        let operation = choose(&document, operation_name)
            .map_err(|message| Unprepared::Invalid(vec![GraphqlError::about_query(message, None)]))?;
        // The types of a schema refer to each other: a short query could ask for an answer without end.
        introspection::check_max_depth(&document, &operation).map_err(|error| {
            let location = Location::of(error.location(), &document.sources);
            Unprepared::Invalid(vec![GraphqlError::about_query(error.message().to_string(), location)])
        })?;
        about_schema::check(schema, &document, &operation).map_err(|place| {
            let location = Location::of(place, &document.sources);
            Unprepared::Invalid(vec![GraphqlError::about_query(about_schema::TOO_LARGE, location)])
        })?;
        Ok(Self { document, operation })
    }

    pub(super) fn document(&self) -> &Valid<ExecutableDocument> {
        &self.document
    }

    pub(super) fn operation(&self) -> &Operation {
        &self.operation
    }

    pub(super) fn operation_type(&self) -> OperationType {
        self.operation.operation_type
    }
}

impl Prepared {
    /// Parses and validates the document unless it is known, chooses the operation and coerces its variables.
    pub(super) fn new(api: &Api, request: GraphqlRequest) -> Result<Self, Unprepared> {
        let GraphqlRequest { query, operation_name, variables } = request;
        let Api { schema, settings, documents, .. } = api;
        let parsed = documents.get(query, operation_name, |query, name| Parsed::new(schema, settings, query, name))?;
        Self::with_variables(schema, parsed, variables)
    }

    /// Coerces the variables that a request brings for an operation.
    pub(super) fn with_variables(
        schema: &Valid<Schema>,
        parsed: Arc<Parsed>,
        variables: Option<Box<RawValue>>,
    ) -> Result<Self, Unprepared> {
        let coerced = variables::coerce(schema, &parsed.operation, &parsed.document.sources, variables.as_deref())
            .map_err(|error| Unprepared::Invalid(vec![error]))?;
        let given_variables = variables.unwrap_or_else(empty_object);
        Ok(Self { parsed, variables: coerced, given_variables })
    }

    pub(super) fn parsed(&self) -> &Arc<Parsed> {
        &self.parsed
    }

    pub(super) fn variables(&self) -> &Variables {
        &self.variables
    }

    pub(super) fn operation_type(&self) -> OperationType {
        self.parsed.operation_type()
    }

    /// What the client calls the operation.
    pub(super) fn operation_name(&self) -> Option<&str> {
        self.parsed.operation.name.as_ref().map(Name::as_str)
    }

    /// Its selections, walked with its variables.
    pub(super) fn selected<'a>(&'a self, schema: &'a Schema) -> Selected<'a> {
        Selected { schema, document: &self.parsed.document, variables: &self.variables }
    }
}

fn empty_object() -> Box<RawValue> {
    serde_json::value::to_raw_value(&serde_json::Map::new()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn choose(document: &ExecutableDocument, name: Option<&str>) -> Result<Node<Operation>, String> {
    document.operations.get(name).cloned().map_err(|_| match name {
        Some(name) => format!("Unknown operation named '{name}'."),
        None => "Must provide operation name if query contains multiple operations.".to_owned(),
    })
}

/// What root fields are resolved with.
pub(super) struct Engine<'a> {
    schema: &'a Valid<Schema>,
    settings: &'a Settings,
    authorization: Authorization,
    functions: &'a Functions,
    caller: &'a Caller,
    identity: &'a Value,
    request: &'a RequestContext,
}

impl<'a> Engine<'a> {
    /// Resolves fields of this API for a caller, who is told to functions as `identity`.
    pub(super) fn new(api: &'a Api, caller: &'a Caller, identity: &'a Value, request: &'a RequestContext) -> Self {
        let Api { schema, settings, authorization, functions, .. } = api;
        Self { schema, settings, authorization: *authorization, functions, caller, identity, request }
    }

    /// Resolves the root fields, those of a mutation one after the other, and completes what they give.
    pub(super) async fn run(&self, prepared: &Prepared) -> Response {
        let operation = prepared.parsed.operation();
        let selected = prepared.selected(self.schema);
        let deadline = Instant::now() + TIME_LIMIT;
        let mut functions_left = self.settings.resolver_count_limit;
        let fields = selected.root_fields(operation);
        let answered = AtomicUsize::new(0);
        let resolutions = fields.iter().map(|field| {
            let answered = &answered;
            let resolver = self.resolver(operation, field).filter(|_| self.allows(operation, field));
            let within_limit = resolver.is_none() || functions_left > 0;
            functions_left = functions_left.saturating_sub(usize::from(resolver.is_some()));
            async move {
                if answered.load(Ordering::Relaxed) > RESPONSE_LIMIT {
                    let message = format!(
                        "The answers of functions are larger than {RESPONSE_LIMIT} bytes: ask for less at once."
                    );
                    Some(Err(RootError::Engine(message)))
                } else if within_limit {
                    let outcome = self.resolve(prepared, &selected, field, resolver, deadline).await;
                    let bytes = outcome.as_ref().and_then(|answer| answer.as_ref().ok()).map_or(0, |it| it.get().len());
                    answered.fetch_add(bytes, Ordering::Relaxed);
                    outcome
                } else {
                    let message = "The limit on how many resolvers one request may execute is reached.";
                    Some(Err(RootError::Field(Failure::new("ResolverExecutionLimitReached", message))))
                }
            }
        });
        let resolved = if operation.operation_type == OperationType::Mutation {
            let mut resolved = Vec::new();
            for resolution in resolutions {
                resolved.push(resolution.await);
            }
            resolved
        } else {
            stream::iter(resolutions.collect::<Vec<_>>()).buffered(AT_A_TIME).collect().await
        };
        let keys = fields.iter().map(|field| field.key.to_owned());
        let roots = keys.zip(resolved).filter_map(|(key, resolved)| Some((key, resolved?))).collect();
        self.complete(prepared, &roots)
    }

    /// Asks whether a subscription may start: its field's resolver is invoked once, and what it answers is not delivered.
    pub(super) async fn subscribe(&self, prepared: &Prepared, field: &RootField<'_>) -> Result<(), RootError> {
        let selected = prepared.selected(self.schema);
        let resolver = self.resolver(prepared.parsed.operation(), field);
        let outcome = self.resolve(prepared, &selected, field, resolver, Instant::now() + TIME_LIMIT).await;
        outcome.map_or(Ok(()), |outcome| outcome.map(drop))
    }

    /// The response once every root field has its value.
    fn complete(&self, prepared: &Prepared, roots: &Roots) -> Response {
        let completion = Completion {
            schema: self.schema,
            document: &prepared.parsed.document,
            operation: &prepared.parsed.operation,
            variables: &prepared.variables,
            authorization: self.authorization,
            caller: self.caller,
            depth_limit: self.settings.query_depth_limit,
        };
        completion.complete(roots)
    }

    fn resolver(&self, operation: &Operation, field: &RootField<'_>) -> Option<&Resolver> {
        let parent = operation.object_type().as_str();
        let key = (parent.to_owned(), field.field().name.to_string());
        self.settings.resolvers.get(&key)
    }

    fn allows(&self, operation: &Operation, field: &RootField<'_>) -> bool {
        let (parent, field) = (operation.object_type().as_str(), field.field());
        // Selected through an interface, `definition` is the interface's; the directives of the root type's own count.
        let own = self.schema.type_field(parent, &field.name);
        let definition = own.map_or(&field.definition, |own| &own.node);
        self.authorization.allows(self.schema, parent, definition, self.caller) && self.may(parent, &field.name)
    }

    /// Whether the policies of a caller who has some let them at a root field.
    /// Source: AppSync developer guide, "Configuring authorization and authentication", `AWS_IAM`.
    fn may(&self, parent: &str, field: &str) -> bool {
        let Caller::Iam(identity) = self.caller else { return true };
        let resource = format!("{}/types/{parent}/fields/{field}", self.settings.arn);
        let allowed = identity.principal.may("appsync:GraphQL", &resource);
        allowed.inspect_err(|denied| tracing::warn!("{denied}")).is_ok()
    }

    /// Whether the caller's policies keep them from every root field that they ask for: the request is then refused
    /// outright.
    pub(super) fn may_do_nothing(&self, prepared: &Prepared) -> bool {
        let operation = prepared.parsed.operation();
        let parent = operation.object_type().as_str();
        let selected = prepared.selected(self.schema);
        let fields = selected.root_fields(operation);
        !fields.is_empty() && !fields.iter().any(|field| self.may(parent, &field.field().name))
    }

    /// What became of a root field; nothing if no function answers it.
    async fn resolve(
        &self,
        prepared: &Prepared,
        selected: &Selected<'_>,
        field: &RootField<'_>,
        resolver: Option<&Resolver>,
        deadline: Instant,
    ) -> Option<Result<Box<RawValue>, RootError>> {
        let parent = prepared.parsed.operation.object_type().as_str();
        let name = field.field().name.as_str();
        if !self.allows(&prepared.parsed.operation, field) {
            return Some(Err(RootError::Field(Failure::unauthorized(name, parent))));
        }
        let arguments = match arguments::of_field(self.schema, field.field(), &prepared.variables) {
            Ok(arguments) => arguments,
            Err(message) => return Some(Err(RootError::Engine(message))),
        };
        let event = Event {
            arguments: &arguments,
            identity: self.identity,
            source: (),
            request: self.request,
            prev: (),
            info: Info {
                field_name: name,
                parent_type_name: parent,
                variables: &prepared.given_variables,
                selection_set_list: selected.list(&field.selections),
                selection_set_graphql: selection::print(&field.selections),
            },
            stash: Empty {},
        };
        let Resolver { function, denied } = resolver?;
        if let Some(denied) = denied {
            tracing::warn!("{denied}");
            return Some(Err(RootError::Field(Failure::new("Lambda:AccessDeniedException", denied))));
        }
        let timed_out = || Failure::new("Lambda:ExecutionTimeoutException", "Execution timed out.");
        let answer = if Instant::now() < deadline {
            let answer = timeout_at(deadline, resolver::invoke(self.functions, function, &event)).await;
            answer.unwrap_or_else(|_| Err(timed_out()))
        } else {
            Err(timed_out())
        };
        Some(answer.map_err(RootError::Field))
    }
}
