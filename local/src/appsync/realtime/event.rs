//! What a mutation tells its subscribers: the part of its response that it selected, by field names.
//!
//! Source: AppSync developer guide, "Using subscriptions for real-time data applications": subscribers get what the
//! mutation's selection set holds, and no resolver runs for them. By names and not by the mutation's own aliases,
//! because a subscriber knows nothing of those.

use apollo_compiler::Schema;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field, SelectionSet};
use apollo_compiler::response::{JsonMap, JsonValue};
use serde_json::value::RawValue;

use super::super::completion::Response;
use super::super::execution::Prepared;
use super::super::selection::Selected;

/// One mutation field that has completed without being null.
pub(super) struct Event {
    /// The mutation field's name.
    pub(super) mutation: String,
    /// An object, a list or a scalar: whatever the field's type is.
    pub(super) value: Box<RawValue>,
}

/// The events of a mutation, in the order of its root fields. A field that is null, for an error or not, tells nobody.
pub(super) fn of_mutation(
    schema: &Schema,
    prepared: &Prepared,
    response: &Response,
    is_announced: impl Fn(&str) -> bool,
) -> Vec<Event> {
    let Some(data) = &response.data else { return Vec::new() };
    let selected = prepared.selected(schema);
    let fields = selected.root_fields(prepared.parsed().operation());
    let announced = fields.iter().filter(|field| is_announced(&field.field().name));
    let events = announced.filter_map(|field| {
        let value = data.get(field.key).filter(|value| !value.is_null())?;
        let sets: Vec<_> = field.selections.iter().map(|field| &field.selection_set).collect();
        let value = by_names(&selected, &sets, value);
        match serde_json::value::to_raw_value(&value) {
            Ok(value) => Some(Event { mutation: field.field().name.to_string(), value }),
            Err(error) => {
                tracing::error!(field = %field.field().name, "an event could not be written as JSON: {error}");
                None
            }
        }
    });
    events.collect()
}

fn by_names(selected: &Selected<'_>, sets: &[&SelectionSet], value: &JsonValue) -> JsonValue {
    match value {
        JsonValue::Array(items) => items.iter().map(|item| by_names(selected, sets, item)).collect(),
        JsonValue::Object(object) => object_by_names(selected, sets, object),
        scalar => scalar.clone(),
    }
}

fn object_by_names(selected: &Selected<'_>, sets: &[&SelectionSet], object: &JsonMap) -> JsonValue {
    let Some(first) = sets.first() else { return JsonValue::Null };
    // Of an interface or a union, the object itself tells its type if that was selected.
    let ty = object.get("__typename").and_then(JsonValue::as_str).unwrap_or(first.ty.as_str());
    let mut by_key: IndexMap<&str, Vec<&Field>> = IndexMap::default();
    for field in selected.fields_of(ty, sets.iter().copied()) {
        by_key.entry(field.response_key().as_str()).or_default().push(field);
    }
    let mut named = JsonMap::new();
    for (key, fields) in by_key {
        let Some(value) = object.get(key) else { continue };
        let sets: Vec<_> = fields.iter().map(|field| &field.selection_set).collect();
        let value = by_names(selected, &sets, value);
        match named.get_mut(fields[0].name.as_str()) {
            Some(known) => merge(known, value),
            None => {
                named.insert(fields[0].name.as_str(), value);
            }
        }
    }
    JsonValue::Object(named)
}

/// One field under two aliases may have two selections: together they are what the mutation selected of it.
fn merge(known: &mut JsonValue, other: JsonValue) {
    match (known, other) {
        (JsonValue::Object(known), JsonValue::Object(other)) => {
            for (name, value) in other {
                match known.get_mut(name.as_str()) {
                    Some(known) => merge(known, value),
                    None => {
                        known.insert(name, value);
                    }
                }
            }
        }
        (JsonValue::Array(known), JsonValue::Array(other)) if known.len() == other.len() => {
            known.iter_mut().zip(other).for_each(|(known, other)| merge(known, other));
        }
        _ => {}
    }
}
