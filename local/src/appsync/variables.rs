//! Makes the variables of a request fit the types that its operation declares.
//!
//! As in graphql-java the first misfit ends it, and messages name the innermost input field, not the variable.

use std::collections::HashMap;

use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::SourceMap;
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use serde_json::value::RawValue;

use super::arguments;
use super::errors::{GraphqlError, Location};
use super::input::{Input, Variables};
use super::json::{Layer, java_class, java_text};
use super::scalars::Scalar;

/// The operation's variables; what was given beyond them is left out.
pub(super) fn coerce(
    schema: &Schema,
    operation: &Operation,
    sources: &SourceMap,
    given: Option<&RawValue>,
) -> Result<Variables, GraphqlError> {
    let given: HashMap<String, &RawValue> = match given.map(Layer::of) {
        Some(Layer::Object(members)) => members.into_iter().collect(),
        _ => HashMap::new(),
    };
    let mut variables = Variables::new();
    for definition in &operation.variables {
        let name = definition.name.as_str();
        let value = match (given.get(name), &definition.default_value) {
            (Some(value), _) => value_of_type(schema, name, &definition.ty, value).map(Some),
            (None, Some(default)) => arguments::literal(schema, name, &definition.ty, default, &Variables::new()),
            (None, None) if definition.ty.is_non_null() => Err(null_for_non_null(name, &definition.ty)),
            (None, None) => Ok(None),
        };
        let value = value
            .map_err(|message| GraphqlError::about_query(message, Location::of(definition.location(), sources)))?;
        if let Some(value) = value {
            variables.insert(name.to_owned(), value);
        }
    }
    Ok(variables)
}

pub(super) fn null_for_non_null(name: &str, ty: &Type) -> String {
    format!("Variable '{name}' has coerced Null value for NonNull type '{ty}'")
}

fn value_of_type(schema: &Schema, name: &str, ty: &Type, raw: &RawValue) -> Result<Input, String> {
    let layer = Layer::of(raw);
    if matches!(layer, Layer::Null) {
        return if ty.is_non_null() { Err(null_for_non_null(name, ty)) } else { Ok(Input::Null) };
    }
    if ty.is_list() {
        let items = match layer {
            Layer::List(items) => items,
            // One value stands for a list of one.
            _ => vec![raw],
        };
        let items = items.into_iter().map(|item| value_of_type(schema, name, ty.item_type(), item));
        return items.collect::<Result<_, _>>().map(Input::List);
    }
    let type_name = ty.inner_named_type();
    let invalid = |message: String| format!("Variable '{name}' has an invalid value. {message}");
    match schema.types.get(type_name) {
        Some(ExtendedType::Enum(definition)) => match layer {
            Layer::Text(text) if definition.values.contains_key(text.as_str()) => Ok(Input::Text(text)),
            _ => Err(invalid(format!(
                "Invalid input for Enum '{type_name}'. No value found for name '{}'",
                java_text(raw)
            ))),
        },
        Some(ExtendedType::InputObject(definition)) => match layer {
            Layer::Object(members) => input_object(schema, definition, members),
            _ => Err(invalid(format!(
                "Expected type 'Map' but was '{}'. Variables for input objects must be an instance of type 'Map'.",
                java_class(raw)
            ))),
        },
        _ => match Scalar::named(type_name) {
            Some(scalar) => scalar.parse(raw).map_err(invalid),
            None => Err(invalid(format!("'{type_name}' is not an input type."))),
        },
    }
}

fn input_object(
    schema: &Schema,
    definition: &InputObjectType,
    members: Vec<(String, &RawValue)>,
) -> Result<Input, String> {
    let unknown = members.iter().find(|(name, _)| !definition.fields.contains_key(name.as_str()));
    if let Some((unknown, _)) = unknown {
        return Err(format!(
            "The variables input contains a field name '{unknown}' that is not defined for input object type '{}' ",
            definition.name
        ));
    }
    let given: HashMap<String, &RawValue> = members.into_iter().collect();
    let mut fields = Vec::new();
    for (name, field) in &definition.fields {
        let value = match (given.get(name.as_str()), &field.default_value) {
            (Some(value), _) => Some(value_of_type(schema, name, &field.ty, value)?),
            (None, Some(default)) => arguments::literal(schema, name, &field.ty, default, &Variables::new())?,
            (None, None) if field.ty.is_non_null() => return Err(null_for_non_null(name, &field.ty)),
            (None, None) => None,
        };
        fields.extend(value.map(|value| (name.to_string(), value)));
    }
    Ok(Input::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apollo_compiler::ExecutableDocument;
    use serde_json::{Value, json};

    use super::super::{schema, tests};

    const SCHEMA: &str = "
        type Query { f(in: In, ids: [ID!], n: Int, k: Kind, d: AWSJSON, list: [[Int]], f: Float, b: Boolean): Int }
        input In { name: String!  phone: AWSPhone  inner: In  kind: Kind = A  lines: [Line!] }
        input Line { sku: String!  quantity: Int! }
        enum Kind { A B }
    ";

    /// The variables as JSON, or the message and where it points to.
    fn coerced(declared: &str, used: &str, given: &str) -> Result<Value, String> {
        let schema = schema::load(SCHEMA, &tests::settings()).unwrap();
        let query = format!("query({declared}) {{ f({used}) }}");
        let document = ExecutableDocument::parse_and_validate(&schema, query, "query").unwrap();
        let operation = document.operations.get(None).unwrap();
        let given = RawValue::from_string(given.to_owned()).unwrap();
        match coerce(&schema, operation, &document.sources, Some(&given)) {
            Ok(variables) => Ok(serde_json::to_value(variables).unwrap()),
            Err(error) => {
                let error = serde_json::to_value(error).unwrap();
                assert_eq!(error["path"], Value::Null);
                assert_eq!(error["locations"], json!([{"line": 1, "column": 7, "sourceName": null}]));
                assert!(error.get("errorType").is_none());
                Err(error["message"].as_str().unwrap().to_owned())
            }
        }
    }

    #[test]
    fn values_take_their_types_shape() {
        for (declared, used, given, expected) in [
            ("$n: Int", "n: $n", r#"{"n": 5, "extra": 1}"#, json!({"n": 5})),
            ("$n: Int", "n: $n", "{}", json!({})),
            ("$n: Int", "n: $n", r#"{"n": null}"#, json!({"n": null})),
            ("$n: Int = 3", "n: $n", "{}", json!({"n": 3})),
            ("$n: Int = 3", "n: $n", r#"{"n": null}"#, json!({"n": null})),
            ("$ids: [ID!]", "ids: $ids", r#"{"ids": 7}"#, json!({"ids": ["7"]})),
            ("$l: [[Int]]", "list: $l", r#"{"l": [1, [2, null]]}"#, json!({"l": [[1], [2, null]]})),
            ("$k: Kind", "k: $k", r#"{"k": "B"}"#, json!({"k": "B"})),
            ("$d: AWSJSON", "d: $d", r#"{"d": "{\"a\":1}"}"#, json!({"d": {"a": 1}})),
            (
                "$in: In = {name: \"n\", lines: {sku: \"s\", quantity: 1}}",
                "in: $in",
                "{}",
                json!({"in": {"name": "n", "kind": "A", "lines": [{"sku": "s", "quantity": 1}]}}),
            ),
            (
                "$in: In",
                "in: $in",
                r#"{"in": {"name": "n", "phone": null}}"#,
                json!({"in": {"name": "n", "phone": null, "kind": "A"}}),
            ),
        ] {
            assert_eq!(coerced(declared, used, given), Ok(expected), "{declared} {given}");
        }
    }

    #[test]
    fn the_first_misfit_is_told_by_its_innermost_field() {
        for (declared, used, given, message) in [
            ("$n: Int!", "n: $n", "{}", "Variable 'n' has coerced Null value for NonNull type 'Int!'"),
            ("$n: Int!", "n: $n", r#"{"n": null}"#, "Variable 'n' has coerced Null value for NonNull type 'Int!'"),
            (
                "$in: In",
                "in: $in",
                r#"{"in": {"name": "n", "inner": {"phone": 1}}}"#,
                "Variable 'name' has coerced Null value for NonNull type 'String!'",
            ),
            (
                "$in: In",
                "in: $in",
                r#"{"in": {"name": "n", "phone": "1110004444"}}"#,
                "Variable 'phone' has an invalid value. Unable to parse `1110004444` as a valid phone number.",
            ),
            (
                "$in: In",
                "in: $in",
                r#"{"in": {"name": "n", "x": 1}}"#,
                "The variables input contains a field name 'x' that is not defined for input object type 'In' ",
            ),
            (
                "$in: In",
                "in: $in",
                r#"{"in": "text"}"#,
                "Variable 'in' has an invalid value. Expected type 'Map' but was 'String'. \
                 Variables for input objects must be an instance of type 'Map'.",
            ),
            (
                "$in: In",
                "in: $in",
                r#"{"in": {"name": "n", "lines": [{"sku": "s", "quantity": "two"}]}}"#,
                "Variable 'quantity' has an invalid value. Expected type 'Int' but was 'String'.",
            ),
            (
                "$k: Kind",
                "k: $k",
                r#"{"k": "X"}"#,
                "Variable 'k' has an invalid value. Invalid input for Enum 'Kind'. No value found for name 'X'",
            ),
            (
                "$d: AWSJSON",
                "d: $d",
                r#"{"d": {"key1": "hi", "key2": 3}}"#,
                "Variable 'd' has an invalid value. Unable to parse {key1=hi, key2=3} as valid JSON.",
            ),
            (
                "$ids: [ID!]",
                "ids: $ids",
                r#"{"ids": [null]}"#,
                "Variable 'ids' has coerced Null value for NonNull type 'ID!'",
            ),
        ] {
            assert_eq!(coerced(declared, used, given), Err(message.to_owned()), "{declared} {given}");
        }
    }
}
