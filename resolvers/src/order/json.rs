//! A look into JSON text that never loses a digit: values stay text until a format asks for one of them.
//!
//! Only the levels that somebody asks for are parsed, so depth costs nothing and cannot overflow the stack. Numbers
//! are handed out as their text, strings with unpaired surrogates are repaired instead of refused.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// One value of a document and where it stands in it.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    /// JSON pointer (RFC 6901) from the root of the document, `""` at the root.
    pub pointer: String,
    text: &'a str,
}

/// What kind of JSON value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number
    Number,
    /// A string
    String,
    /// An array
    Array,
    /// An object
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

impl<'a> Value<'a> {
    /// The root of a document.
    ///
    /// # Errors
    /// If the text is not one JSON value.
    pub fn root(text: &'a str) -> Result<Self, serde_json::Error> {
        let raw: &RawValue = serde_json::from_str(text)?;
        Ok(Self { pointer: String::new(), text: raw.get() })
    }

    /// What kind of value this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.text.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// Whether this is `true` or `false`; `None` if it is neither.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        (self.kind() == Kind::Boolean).then(|| self.text.starts_with('t'))
    }

    /// How many bytes its text has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// The object that this is.
    #[must_use]
    pub fn object(&self) -> Option<Object<'a>> {
        let members: Members<'a> = serde_json::from_str(self.text).ok()?;
        Some(Object { pointer: self.pointer.clone(), members: members.0 })
    }

    /// The elements of the array that this is.
    #[must_use]
    pub fn array(&self) -> Option<Vec<Value<'a>>> {
        let items: Vec<&'a RawValue> = serde_json::from_str(self.text).ok()?;
        let child = |(index, raw): (usize, &'a RawValue)| Value {
            pointer: format!("{}/{index}", self.pointer),
            text: raw.get(),
        };
        Some(items.into_iter().enumerate().map(child).collect())
    }

    /// The string that this is; an unpaired surrogate becomes U+FFFD.
    #[must_use]
    pub fn string(&self) -> Option<String> {
        serde_json::from_str::<Lossy>(self.text).ok().map(|text| text.0)
    }

    /// The text of the number that this is, every digit as it came.
    #[must_use]
    pub fn number(&self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then_some(self.text)
    }
}

/// An object of a document and where it stands in it.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    /// JSON pointer (RFC 6901) from the root of the document.
    pub pointer: String,
    members: Vec<(Lossy, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// The member of that name, the last one if there are several; `None` if there is none or it is `null`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let (_, raw) = self.members.iter().rev().find(|(key, _)| key.0 == name)?;
        let value = Value { pointer: self.pointer_to(name), text: raw.get() };
        (value.kind() != Kind::Null).then_some(value)
    }

    /// Whether there is a member of that name, `null` or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(key, _)| key.0 == name)
    }

    /// The names of the members, in the order in which they came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(key, _)| key.0.as_str())
    }

    /// Where the member of that name stands.
    #[must_use]
    pub fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }
}

/// A string that survives unpaired surrogates: `serde_json` hands them out only as bytes.
#[derive(Clone, Debug)]
struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Lossy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Lossy, E> {
                Ok(Lossy(text.to_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Members<'a>(Vec<(Lossy, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text_and_know_where_they_stand() {
        let root = Value::root(r#" {"a/b~": [1.10, {"n": 12345678901234567890.123}], "z": null} "#).unwrap();
        let object = root.object().unwrap();
        let array = object.get("a/b~").unwrap();
        assert_eq!(array.pointer, "/a~1b~0");
        let items = array.array().unwrap();
        assert_eq!(items[0].number(), Some("1.10"));
        let n = items[1].object().unwrap().get("n").unwrap();
        assert_eq!((n.pointer.as_str(), n.number()), ("/a~1b~0/1/n", Some("12345678901234567890.123")));
        assert!(object.get("z").is_none() && object.has("z"));
        assert!(items[0].object().is_none() && items[0].string().is_none() && array.number().is_none());
        assert_eq!((array.boolean(), items[0].length()), (None, 4));
        let flags = Value::root("[true, false]").unwrap().array().unwrap();
        assert_eq!((flags[0].boolean(), flags[1].boolean()), (Some(true), Some(false)));
    }

    #[test]
    fn the_last_of_two_members_of_one_name_counts() {
        let root = Value::root(r#"{"a": 1, "a": 2}"#).unwrap();
        assert_eq!(root.object().unwrap().get("a").unwrap().number(), Some("2"));
    }

    #[test]
    fn unpaired_surrogates_are_repaired_in_names_and_values() {
        let root = Value::root(r#"{"\ud800": "\udfffx", "ok": "é\u0000"}"#).unwrap();
        let object = root.object().unwrap();
        assert_eq!(object.names().count(), 2);
        assert_eq!(object.get("ok").unwrap().string().unwrap(), "é\0");
        let odd = object.names().next().unwrap().to_owned();
        assert!(object.get(&odd).unwrap().string().unwrap().ends_with('x'));
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(100_000), "]".repeat(100_000));
        let object = Value::root(&deep).unwrap().object().unwrap();
        assert_eq!(object.get("b").unwrap().number(), Some("1"));
        assert_eq!(object.get("a").unwrap().array().unwrap().len(), 1);
    }
}
