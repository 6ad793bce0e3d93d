//! Which events a subscription gets: those whose top-level fields equal its arguments of the same names.
//!
//! Source: AppSync developer guide, "Using subscriptions for real-time data applications": an argument that the
//! document does not write demands nothing; `null` demands that the field is null or was not selected by the
//! mutation; anything else never matches a field that was not selected.

use std::sync::Arc;

use apollo_compiler::executable::Field;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use super::super::input::Input;
use super::super::json::Layer;

/// What is compared: a value as text, whatever its type, or `None` for null and for what is not there. An `ID` may be
/// written as a number and answered as a string.
pub(super) type Comparable = Option<String>;

/// What a subscription's arguments demand of an event: of each name, this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    /// In alphabetical order.
    pub(super) names: Arc<[String]>,
    pub(super) values: Arc<[Comparable]>,
}

impl Filter {
    /// The filter of a subscription field, from its arguments as its resolver gets them.
    ///
    /// An argument that has its value from the schema's default was not written, and demands nothing.
    pub(super) fn new(field: &Field, arguments: &Input) -> Self {
        let Input::Object(arguments) = arguments else { return Self { names: Arc::new([]), values: Arc::new([]) } };
        let is_written = |name: &str| field.arguments.iter().any(|argument| argument.name == name);
        let mut demands: Vec<_> = arguments
            .iter()
            .filter(|(name, _)| is_written(name))
            .map(|(name, value)| (name.clone(), of_input(value)))
            .collect();
        demands.sort();
        let (names, values): (Vec<_>, Vec<_>) = demands.into_iter().unzip();
        Self { names: names.into(), values: values.into() }
    }
}

fn of_input(value: &Input) -> Comparable {
    match value {
        Input::Null => None,
        Input::Boolean(value) => Some(value.to_string()),
        Input::Int(value) => Some(value.to_string()),
        Input::Float(value) => Some(of_float(*value)),
        Input::Text(text) => Some(text.clone()),
        // The event holds the document as text.
        Input::Json(json) => Some(json.get().to_owned()),
        Input::List(_) | Input::Object(_) => serde_json::to_value(value).ok().map(|value| value.to_string()),
    }
}

fn of_float(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { value.to_string() }
}

/// What an event has in one of its fields.
pub(super) fn of_event(value: Option<&RawValue>) -> Comparable {
    let value = value?;
    match Layer::of(value) {
        Layer::Null => None,
        Layer::Boolean(value) => Some(value.to_string()),
        Layer::Number(number) => Some(match number.parse::<Number>() {
            Ok(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => integer.to_string(),
                (None, Some(float)) => of_float(float),
                (None, None) => number.to_string(),
            },
            Err(_) => number.to_owned(),
        }),
        Layer::Text(text) => Some(text),
        Layer::List(_) | Layer::Object(_) | Layer::NotText => {
            let value: Result<Value, _> = serde_json::from_str(value.get());
            Some(value.map_or_else(|_| String::new(), |value| value.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_text_whatever_their_type() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        for (input, event) in [
            (Input::Null, "null"),
            (Input::Text("7".to_owned()), "7"),
            (Input::Text("7".to_owned()), r#""7""#),
            (Input::Int(7), r#""7""#),
            (Input::Int(7), "7.0"),
            (Input::Float(7.0), "7"),
            (Input::Float(0.1), "1e-1"),
            (Input::Boolean(true), "true"),
            (Input::Text("ä".to_owned()), r#""\u00e4""#),
            (Input::Json(raw(r#"{"a": 1}"#)), r#""{\"a\": 1}""#),
            (Input::List(vec![Input::Int(1), Input::Int(2)]), "[1, 2]"),
        ] {
            assert_eq!(of_input(&input), of_event(Some(&raw(event))), "{input:?} {event}");
        }
        for (input, event) in [
            (Input::Text("null".to_owned()), "null"),
            (Input::Null, r#""null""#),
            (Input::Null, "0"),
            (Input::Text(String::new()), "null"),
            (Input::Int(7), "8"),
            (Input::Boolean(false), "null"),
        ] {
            assert_ne!(of_input(&input), of_event(Some(&raw(event))), "{input:?} {event}");
        }
        assert_eq!(of_event(None), None);
    }
}
