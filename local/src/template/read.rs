//! From JSON to the types of this module: what is wrong is told with its place, and what no type has a field for is
//! told too, so that nothing is passed over in silence.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Unexpected, Visitor};
use serde_json::Value;

use super::error::{Error, Problem};

/// Reads a value that stands at a place. `surplus` is told of each field that the type does not have: its place, and
/// its way from here without the indexes of lists (`Targets.RetryPolicy`).
pub(super) fn read<T: DeserializeOwned>(
    value: &Value,
    at: &str,
    mut surplus: impl FnMut(String, &str),
) -> Result<T, Error> {
    let mut told = |path: serde_ignored::Path<'_>| {
        let (mut full, mut names) = (at.to_owned(), String::new());
        follow(&path, &mut full, &mut names);
        surplus(full, &names);
    };
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    T::deserialize(serde_ignored::Deserializer::new(tracked, &mut told)).map_err(|error| {
        let way = track.path().to_string();
        let path = match way.as_str() {
            "." => at.to_owned(),
            way if at.is_empty() => way.to_owned(),
            way => format!("{at}.{way}"),
        };
        Problem::Shape(error.to_string()).at(path)
    })
}

fn follow(path: &serde_ignored::Path<'_>, full: &mut String, names: &mut String) {
    match path {
        serde_ignored::Path::Root => {}
        serde_ignored::Path::Map { parent, key } => {
            follow(parent, full, names);
            for text in [full, names] {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
        serde_ignored::Path::Seq { parent, index } => {
            follow(parent, full, names);
            full.push('[');
            full.push_str(&index.to_string());
            full.push(']');
        }
        serde_ignored::Path::Some { parent }
        | serde_ignored::Path::NewtypeStruct { parent }
        | serde_ignored::Path::NewtypeVariant { parent } => follow(parent, full, names),
    }
}

/// A whole number. CloudFormation takes its digits in quotes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole(pub(super) i64);

/// True or false. CloudFormation takes the words in quotes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

/// A text. CloudFormation takes numbers and truth values for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Whole;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Whole, E> {
                i64::try_from(number).map(Whole).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Whole, E> {
                text.parse().map(Whole).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Flag;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true or false")
            }

            fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Flag, E> {
                text.parse().map(Flag).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Word)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        plain(&value).map(Self).ok_or_else(|| D::Error::custom("it must be a text"))
    }
}

/// A text, or a number or truth value as one.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Outer {
        inner: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inner {
        size: Whole,
        open: Option<Flag>,
        name: Option<Text>,
    }

    fn outer(value: &Value) -> (Result<Outer, String>, Vec<(String, String)>) {
        let mut surplus = Vec::new();
        let outer = read(value, "Resources.A.Properties", |path, names| surplus.push((path, names.to_owned())));
        (outer.map_err(|error| error.to_string()), surplus)
    }

    #[test]
    fn what_no_type_has_a_field_for_is_told_with_its_place() {
        let (read, surplus) = outer(&json!({ "Inner": [{ "Size": 1, "Colour": { "Deep": 1 } }], "More": [] }));
        assert!(read.is_ok());
        let told = |path: &str, names: &str| (path.to_owned(), names.to_owned());
        assert_eq!(
            surplus,
            [
                told("Resources.A.Properties.Inner[0].Colour", "Inner.Colour"),
                told("Resources.A.Properties.More", "More")
            ]
        );
    }

    #[test]
    fn numbers_and_truth_values_may_stand_in_quotes() {
        let (read, _) = outer(&json!({ "Inner": [{ "Size": "17", "Open": "true", "Name": 4 }] }));
        let inner = &read.unwrap().inner.unwrap()[0];
        assert_eq!((inner.size, inner.open), (Whole(17), Some(Flag(true))));
        assert_eq!(inner.name, Some(Text("4".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (value, message) in [
            (json!({ "Inner": [{}] }), "Resources.A.Properties.Inner[0]: missing field `Size`"),
            (
                json!({ "Inner": [{ "Size": 1 }, { "Size": "x" }] }),
                "Resources.A.Properties.Inner[1].Size: invalid value: string \"x\", expected a whole number",
            ),
            (
                json!({ "Inner": [{ "Size": 1, "Open": 1 }] }),
                "Resources.A.Properties.Inner[0].Open: invalid type: integer `1`, expected true or false",
            ),
            (
                json!({ "Inner": [{ "Size": 1, "Name": [] }] }),
                "Resources.A.Properties.Inner[0].Name: it must be a text",
            ),
            (json!([]), "Resources.A.Properties: invalid length 0, expected struct Outer with 1 element"),
        ] {
            assert_eq!(outer(&value).0.unwrap_err(), message);
        }
    }
}
