//! The arguments of a field as its resolver gets them.

use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, Value};
use apollo_compiler::executable::Field;
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node};
use serde_json::value::RawValue;

use super::input::{Input, Variables};
use super::scalars::Scalar;
use super::variables::null_for_non_null;

/// The arguments by name, or what is wrong with them.
///
/// An argument that is written with a variable nobody supplied is there as `null`: graphql-java keeps every argument
/// that the document writes. One that is not written and has no default is not there.
pub(super) fn of_field(schema: &Schema, field: &Field, variables: &Variables) -> Result<Input, String> {
    let mut arguments = Vec::new();
    for definition in &field.definition.arguments {
        let written = field.arguments.iter().find(|argument| argument.name == definition.name);
        let given = match written {
            Some(argument) => literal(schema, &definition.name, &definition.ty, &argument.value, variables)?,
            None => None,
        };
        let value = match (given, &definition.default_value) {
            (Some(value), _) => Some(value),
            (None, Some(default)) => literal(schema, &definition.name, &definition.ty, default, variables)?,
            (None, None) => written.map(|_| Input::Null),
        };
        if definition.ty.is_non_null() && !matches!(&value, Some(value) if !matches!(value, Input::Null)) {
            return Err(null_for_non_null(&definition.name, &definition.ty));
        }
        arguments.extend(value.map(|value| (definition.name.to_string(), value)));
    }
    Ok(Input::Object(arguments))
}

/// A value written in the document; nothing if it is a variable that nobody supplied.
pub(super) fn literal(
    schema: &Schema,
    name: &str,
    ty: &Type,
    value: &Value,
    variables: &Variables,
) -> Result<Option<Input>, String> {
    match value {
        Value::Variable(variable) => return Ok(variables.get(variable.as_str()).cloned()),
        Value::Null => return Ok(Some(Input::Null)),
        _ => {}
    }
    if ty.is_list() {
        let item = |value: &Value| {
            // There is no leaving out an item of a list.
            let item = literal(schema, name, ty.item_type(), value, variables)?.unwrap_or(Input::Null);
            let fits = !(ty.item_type().is_non_null() && matches!(item, Input::Null));
            fits.then_some(item).ok_or_else(|| null_for_non_null(name, ty.item_type()))
        };
        let items = match value {
            Value::List(items) => items.iter().map(|value| item(value)).collect(),
            // One value stands for a list of one.
            single => item(single).map(|item| vec![item]),
        };
        return items.map(|items| Some(Input::List(items)));
    }
    let type_name = ty.inner_named_type();
    let input = match (schema.types.get(type_name), value) {
        (Some(ExtendedType::Enum(_)), Value::Enum(value)) => Input::Text(value.to_string()),
        (Some(ExtendedType::InputObject(definition)), Value::Object(fields)) => {
            input_object(schema, definition, fields, variables)?
        }
        (Some(ExtendedType::Scalar(_)), value) => scalar(type_name, value)?,
        _ => return Err(format!("Variable '{name}' has an invalid value. It is not a '{type_name}'.")),
    };
    Ok(Some(input))
}

/// A written value of a scalar type, or why it is none.
pub(super) fn scalar(type_name: &str, value: &Value) -> Result<Input, String> {
    let scalar = Scalar::named(type_name);
    let json = match value {
        Value::Int(int) => RawValue::from_string(int.as_str().to_owned()).ok(),
        // Written with a point it is no integer, whatever its value.
        Value::Float(float) if scalar != Some(Scalar::Int) => RawValue::from_string(float.as_str().to_owned()).ok(),
        Value::String(text) => serde_json::value::to_raw_value(text).ok(),
        Value::Boolean(boolean) => serde_json::value::to_raw_value(boolean).ok(),
        _ => None,
    };
    let (Some(scalar), Some(json)) = (scalar, json) else {
        return Err(format!("Not a value of type '{type_name}'."));
    };
    scalar.parse(&json)
}

fn input_object(
    schema: &Schema,
    definition: &InputObjectType,
    written: &[(Name, Node<Value>)],
    variables: &Variables,
) -> Result<Input, String> {
    let mut fields = Vec::new();
    for (name, field) in &definition.fields {
        let given = match written.iter().find(|(written, _)| written == name) {
            Some((_, value)) => literal(schema, name, &field.ty, value, variables)?,
            None => None,
        };
        let value = match (given, &field.default_value) {
            (Some(value), _) => Some(value),
            (None, Some(default)) => literal(schema, name, &field.ty, default, variables)?,
            (None, None) => None,
        };
        if field.ty.is_non_null() && !matches!(&value, Some(value) if !matches!(value, Input::Null)) {
            return Err(null_for_non_null(name, &field.ty));
        }
        fields.extend(value.map(|value| (name.to_string(), value)));
    }
    Ok(Input::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::super::{schema, tests, variables};
    use super::*;
    use apollo_compiler::ExecutableDocument;

    fn arguments(query: &str, given: &str) -> Result<String, String> {
        let text = "
            type Query { f(a: Int, b: Int = 2, in: In, list: [Int], d: AWSJSON, id: ID, need: [Int!]): Int }
            input In { x: Int  y: Int = 9  d: AWSJSON  need: Int! = 1 }
        ";
        let schema = schema::load(text, &tests::settings()).unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, query, "query").unwrap();
        let operation = document.operations.get(None).unwrap();
        let given = RawValue::from_string(given.to_owned()).unwrap();
        let variables = variables::coerce(&schema, operation, &document.sources, Some(&given)).unwrap();
        let field = operation.root_fields(&document).next().unwrap();
        of_field(&schema, field, &variables).map(|arguments| serde_json::to_string(&arguments).unwrap())
    }

    #[test]
    fn what_is_written_is_there_and_what_is_not_is_not() {
        for (query, given, expected) in [
            ("{ f }", "{}", r#"{"b":2}"#),
            ("{ f(a: null, b: null) }", "{}", r#"{"a":null,"b":null}"#),
            ("query($a: Int, $b: Int) { f(a: $a, b: $b) }", "{}", r#"{"a":null,"b":2}"#),
            ("query($a: Int = 5) { f(a: $a) }", "{}", r#"{"a":5,"b":2}"#),
            ("query($a: Int, $b: Int) { f(a: $a, b: $b) }", r#"{"a":1,"b":null}"#, r#"{"a":1,"b":null}"#),
            ("query($x: Int) { f(in: {x: $x}) }", "{}", r#"{"b":2,"in":{"y":9,"need":1}}"#),
            ("query($x: Int) { f(in: {x: $x, y: $x}) }", r#"{"x":3}"#, r#"{"b":2,"in":{"x":3,"y":3,"need":1}}"#),
            ("query($x: Int) { f(list: [1, $x]) }", "{}", r#"{"b":2,"list":[1,null]}"#),
            ("{ f(list: 7, id: 7) }", "{}", r#"{"b":2,"list":[7],"id":"7"}"#),
            (
                r#"{ f(d: "{\"z\": 1.10, \"a\": []}", in: {d: "[1e400]"}) }"#,
                "{}",
                r#"{"b":2,"in":{"y":9,"d":[1e400],"need":1},"d":{"z": 1.10, "a": []}}"#,
            ),
        ] {
            assert_eq!(arguments(query, given), Ok(expected.to_owned()), "{query}");
        }
    }

    #[test]
    fn null_never_reaches_a_place_that_must_not_be_null() {
        for given in ["{}", r#"{"x":null}"#] {
            let written = arguments("query($x: Int) { f(need: [$x]) }", given);
            assert_eq!(written, Err("Variable 'need' has coerced Null value for NonNull type 'Int!'".to_owned()));
        }
        assert_eq!(
            arguments("query($x: Int) { f(in: {need: $x}) }", r#"{"x":null}"#),
            Err("Variable 'need' has coerced Null value for NonNull type 'Int!'".to_owned())
        );
    }
}
