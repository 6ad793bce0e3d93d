//! JSON text taken apart one layer at a time, so that what is not looked at stays as it was written.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep a value is printed Java-style; deeper ones appear as JSON. Guards the stack.
const PRINTED_DEPTH: usize = 64;

/// One JSON value with its parts still as text.
#[derive(Debug)]
pub(super) enum Layer<'a> {
    Null,
    Boolean(bool),
    /// As it was written: `1.10` stays `1.10`.
    Number(&'a str),
    Text(String),
    List(Vec<&'a RawValue>),
    /// In the order of the text, duplicates included.
    Object(Vec<(String, &'a RawValue)>),
    /// Valid JSON that cannot be a string: an unpaired surrogate.
    NotText,
}

impl<'a> Layer<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Self {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'n') | None => Self::Null,
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'"') => serde_json::from_str(text).map_or(Self::NotText, Self::Text),
            Some(b'[') => serde_json::from_str(text).map_or(Self::NotText, Self::List),
            Some(b'{') => {
                serde_json::Deserializer::from_str(text).deserialize_map(Members).map_or(Self::NotText, Self::Object)
            }
            Some(_) => Self::Number(text),
        }
    }
}

impl Layer<'_> {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0));
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// A value as Java's `toString` prints it, which is what AppSync makes of an object where a `String` is promised:
/// `{statusCode=400, body=x}`.
pub(super) fn java_text(raw: &RawValue) -> String {
    let mut text = String::new();
    write_java_text(raw, 0, &mut text);
    text
}

fn write_java_text(raw: &RawValue, depth: usize, out: &mut String) {
    if depth == PRINTED_DEPTH {
        return out.push_str(raw.get());
    }
    let separate = |out: &mut String, index: usize| {
        if index > 0 {
            out.push_str(", ");
        }
    };
    match Layer::of(raw) {
        Layer::Text(text) => out.push_str(&text),
        Layer::List(items) => {
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                separate(out, index);
                write_java_text(item, depth + 1, out);
            }
            out.push(']');
        }
        Layer::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                separate(out, index);
                out.push_str(&name);
                out.push('=');
                write_java_text(value, depth + 1, out);
            }
            out.push('}');
        }
        Layer::Null | Layer::Boolean(_) | Layer::Number(_) | Layer::NotText => out.push_str(raw.get()),
    }
}

/// The Java class that a JSON value is read into, as it appears in AppSync's messages.
pub(super) fn java_class(raw: &RawValue) -> &'static str {
    match Layer::of(raw) {
        Layer::Null => "null",
        Layer::Boolean(_) => "Boolean",
        Layer::Number(number) if number.contains(['.', 'e', 'E']) => "Double",
        Layer::Number(number) if number.parse::<i32>().is_ok() => "Integer",
        Layer::Number(number) if number.parse::<i64>().is_ok() => "Long",
        Layer::Number(_) => "BigInteger",
        Layer::Text(_) | Layer::NotText => "String",
        Layer::List(_) => "ArrayList",
        Layer::Object(_) => "LinkedHashMap",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn java_prints_objects_with_equals_signs_in_their_order() {
        for (json, java) in [
            (r#"{"statusCode":400,"body":"x"}"#, "{statusCode=400, body=x}"),
            (r#"[1.10, "a", null, true]"#, "[1.10, a, null, true]"),
            (r#"{"key1":"hi","key2":3}"#, "{key1=hi, key2=3}"),
            ("[]", "[]"),
            (r#""\ud800""#, r#""\ud800""#),
        ] {
            assert_eq!(java_text(&raw(json)), java);
        }
    }

    #[test]
    fn ten_thousand_levels_are_printed_without_running_out_of_stack() {
        let deep = raw(&("[".repeat(10_000) + &"]".repeat(10_000)));
        assert_eq!(java_text(&deep).len(), 20_000);
    }

    #[test]
    fn values_have_java_classes() {
        for (json, class) in [
            ("1", "Integer"),
            ("3000000000", "Long"),
            ("99999999999999999999", "BigInteger"),
            ("1.0", "Double"),
            ("\"1\"", "String"),
            ("{}", "LinkedHashMap"),
            ("[]", "ArrayList"),
            ("false", "Boolean"),
        ] {
            assert_eq!(java_class(&raw(json)), class, "{json}");
        }
    }
}
