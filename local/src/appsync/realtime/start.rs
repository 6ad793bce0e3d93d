//! From a `start` to a subscription: authorise, validate, ask the resolver, register, acknowledge.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

use apollo_compiler::ast::OperationType;
use apollo_compiler::executable::Field;

use futures::FutureExt as _;

use super::super::arguments;
use super::super::caller::Caller;
use super::super::completion::RootError;
use super::super::errors::{GraphqlError, Refusal};
use super::super::execution::{Engine, Parsed, Prepared, Unprepared};
use super::super::request::GraphqlRequest;
use super::super::resolver::RequestContext;
use super::audience::Audience;
use super::credentials::{self, header_map};
use super::filter::Filter;
use super::message::{self, ErrorEntry, Id, Start};
use super::session::Session;

/// Starts a subscription, or tells the client why not. The answer comes when it comes: meanwhile the connection goes
/// on, and a `stop` ends this task.
pub(super) fn start(session: &Arc<Session>, id: &Id, payload: Start) {
    let refused = session.reserve(id, |attempt| {
        let (session, id) = (Arc::clone(session), Arc::clone(id));
        let task = tokio::spawn(async move {
            let accepted = AssertUnwindSafe(accept(&session, &payload)).catch_unwind().await;
            match accepted.unwrap_or_else(|_| Err(vec![of_refusal(&Refusal::Internal)])) {
                Ok((audience, filter)) => session.started(&id, attempt, || {
                    let topics = &session.api.realtime.topics;
                    topics.add(Arc::clone(&session), Arc::clone(&id), audience, filter)
                }),
                Err(errors) => {
                    tracing::debug!(errors = errors.len(), "a subscription is refused");
                    session.refused(&id, attempt, &errors);
                }
            }
        });
        task.abort_handle()
    });
    if let Err(error) = refused {
        session.send(message::error(Some(id), &[error]));
    }
}

/// What is to be registered, if the subscription may start.
async fn accept(session: &Session, payload: &Start) -> Result<(Arc<Audience>, Filter), Vec<ErrorEntry>> {
    let api = &session.api;
    let only = |error| vec![error];
    let data = payload.data.as_deref().and_then(|data| serde_json::from_str::<String>(data.get()).ok());
    let data = data.ok_or_else(|| only(ErrorEntry::unsupported("unknown")))?;
    let authorization = payload.authorization().ok_or_else(|| only(ErrorEntry::unauthorized()))?;
    let headers = header_map(authorization.get().as_bytes()).map_err(|_| {
        only(ErrorEntry::bad_request("extensions.authorization must be a JSON object whose values are strings."))
    })?;
    let caller = credentials::subscriber(&api.settings, &headers, &data, SystemTime::now()).map_err(|refusal| {
        tracing::debug!("credentials of a subscription are refused: {refusal}");
        only(ErrorEntry::unauthorized())
    })?;
    let request = GraphqlRequest::from_body(data.as_bytes()).map_err(|_| only(ErrorEntry::unsupported("unknown")))?;
    let prepared = prepare(session, request).map_err(told)?;
    match prepared.operation_type() {
        OperationType::Subscription => {}
        OperationType::Query => return Err(only(ErrorEntry::unsupported("query"))),
        OperationType::Mutation => return Err(only(ErrorEntry::unsupported("mutation"))),
    }
    let identity = caller.identity(&session.source_ips);
    let request = RequestContext::new(&headers);
    let engine = Engine::new(api, &caller, &identity, &request);
    let selected = prepared.selected(&api.schema);
    let fields = selected.root_fields(prepared.parsed().operation());
    let [field] = fields.as_slice() else {
        let message = "Validation error of type InvalidSyntax: a subscription must have exactly one root field";
        return Err(only(ErrorEntry { error_type: None, message: message.to_owned() }));
    };
    engine.subscribe(&prepared, field).await.map_err(|error| only(of_root_error(error)))?;
    let arguments = arguments::of_field(&api.schema, field.field(), prepared.variables());
    let arguments = arguments.map_err(|message| only(ErrorEntry { error_type: None, message }))?;
    let filter = Filter::new(field.field(), &arguments);
    Ok((audience(session, &prepared, field.field(), caller), filter))
}

/// Subscriptions of one text share what is made of it.
fn prepare(session: &Session, request: GraphqlRequest) -> Result<Prepared, Unprepared> {
    let api = &session.api;
    let GraphqlRequest { query, operation_name, variables } = request;
    let key = (query, operation_name);
    let parsed = if let Some(parsed) = api.realtime.documents.get(&key) {
        parsed
    } else {
        let parsed = Parsed::new(&api.schema, &api.settings, &key.0, key.1.as_deref())?;
        api.realtime.documents.share(key, parsed)
    };
    Prepared::with_variables(&api.schema, parsed, variables)
}

fn audience(session: &Session, prepared: &Prepared, field: &Field, caller: Caller) -> Arc<Audience> {
    let (key, audience) = Audience::new(prepared, field, caller);
    session.api.realtime.audiences.share(key, audience)
}

/// An invalid operation is told with `message` alone, as recorded clients saw it.
fn told(unprepared: Unprepared) -> Vec<ErrorEntry> {
    match unprepared {
        Unprepared::Refused(refusal) => vec![of_refusal(&refusal)],
        Unprepared::Invalid(errors) => errors.into_iter().map(of_graphql_error).collect(),
    }
}

fn of_refusal(refusal: &Refusal) -> ErrorEntry {
    ErrorEntry::new(refusal.error_type(), refusal.to_string())
}

fn of_graphql_error(error: GraphqlError) -> ErrorEntry {
    ErrorEntry { error_type: error.error_type, message: error.message }
}

fn of_root_error(error: RootError) -> ErrorEntry {
    match error {
        RootError::Field(failure) => ErrorEntry { error_type: Some(failure.error_type), message: failure.message },
        RootError::Engine(message) => ErrorEntry { error_type: None, message },
    }
}
