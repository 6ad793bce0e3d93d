//! A value that a client gave, after it was made to fit its type.

use std::collections::HashMap;

use apollo_compiler::response::JsonValue;
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The value of an argument or a variable, as a resolver gets it.
#[derive(Debug, Clone)]
pub(super) enum Input {
    Null,
    Boolean(bool),
    Int(i64),
    Float(f64),
    /// Every scalar that travels as a string, and every enum.
    Text(String),
    /// An `AWSJSON`, one layer decoded: what stood inside the string, byte for byte.
    Json(Box<RawValue>),
    List(Vec<Input>),
    /// Fields that were not given and have no default are not there.
    Object(Vec<(String, Input)>),
}

/// The variables of a request by name. A variable that was not given and has no default is not there.
pub(super) type Variables = HashMap<String, Input>;

impl Serialize for Input {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Json(value) => value.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

impl Input {
    /// The value as apollo-compiler needs it, which takes any value for a custom scalar: an `AWSJSON` is text again.
    pub(super) fn to_apollo(&self) -> JsonValue {
        match self {
            Self::Null => JsonValue::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::Json(value) => value.get().into(),
            Self::List(items) => JsonValue::Array(items.iter().map(Self::to_apollo).collect()),
            Self::Object(fields) => JsonValue::Object(
                fields.iter().map(|(name, value)| (name.as_str().into(), value.to_apollo())).collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awsjson_is_written_as_it_came() {
        let text = r#"{"b":1.10,"a":12345678901234567890.123,"b":1e400, "s":"\ud800"}"#;
        let input = Input::Object(vec![
            ("document".to_owned(), Input::Json(RawValue::from_string(text.to_owned()).unwrap())),
            ("list".to_owned(), Input::List(vec![Input::Int(-1), Input::Float(1.0), Input::Null])),
            ("text".to_owned(), Input::Text("\"".to_owned())),
            ("yes".to_owned(), Input::Boolean(true)),
        ]);
        assert_eq!(
            serde_json::to_string(&input).unwrap(),
            format!(r#"{{"document":{text},"list":[-1,1.0,null],"text":"\"","yes":true}}"#)
        );
    }
}
