//! Documents as texts: whether two are the same, whatever their white space and key order.

use sha2::{Digest as _, Sha256};

use super::json::Value;

/// Whether two JSON texts say the same, but for white space and the order of an object's keys.
///
/// Numbers and strings are compared by their text: `1.0` and `1.00` differ, because the sender wrote them differently.
/// Members of one name keep their order, because the last of them counts.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a == b || digest(a) == digest(b)
}

type Digest = [u8; 32];

/// A digest of what the text says. Every value is digested from the digests of its parts, which keeps the cost linear,
/// and on a stack of its own, because a document may be nested as deeply as it is long.
fn digest(text: &str) -> Digest {
    let mut open = vec![Open::default()];
    for token in tokens(text) {
        let value = match token {
            "{" | "[" => {
                open.push(Open { is_object: token == "{", parts: Vec::new() });
                continue;
            }
            "," | ":" => continue,
            "}" | "]" if open.len() > 1 => open.pop().unwrap_or_default().close(token),
            scalar => {
                if let Some(around) = open.last_mut().filter(|around| around.expects_name()) {
                    around.parts.push(name(scalar));
                }
                Sha256::digest(scalar).into()
            }
        };
        if let Some(around) = open.last_mut() {
            around.parts.push(value);
        }
    }
    open.swap_remove(0).close("]")
}

/// A digest of a member's name, however it is escaped.
fn name(text: &str) -> Digest {
    let name = Value::root(text).ok().and_then(|name| name.string());
    Sha256::digest(name.as_deref().unwrap_or(text)).into()
}

/// The parts so far of an array, or of an object: the name of a member, its text, its value, the next name, and so on.
#[derive(Default)]
struct Open {
    is_object: bool,
    parts: Vec<Digest>,
}

impl Open {
    fn expects_name(&self) -> bool {
        self.is_object && self.parts.len().is_multiple_of(3)
    }

    fn close(mut self, bracket: &str) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(bracket);
        if bracket == "}" {
            let (members, _) = self.parts.as_chunks_mut::<3>();
            members.sort_by_key(|[name, ..]| *name);
        }
        for part in &self.parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

/// The tokens of a valid JSON text: punctuation, and whole strings, numbers and words.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let length = match rest.as_bytes().first()? {
            b'"' => string_length(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest.find(['{', '}', '[', ']', ',', ':', ' ', '\t', '\n', '\r']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_key_order_do_not_matter() {
        assert!(same(r#"{"a": [1, 2], "b": {"x": "y z", "w": ""}}"#, r#"{"b":{"w":"","x":"y z"},"a":[1,2]}"#));
        assert!(same("[ ]", "[]") && same("{ }", "{}") && same(" 1 ", "1"));
        assert!(same(r#"{"a\"}":1,"b":[]}"#, r#"{ "b" : [ ], "a\"}" : 1 }"#));
        assert!(same(r#"{"a":1,"a":2,"b":{"c":[{"d":"e"}]}}"#, r#"{"b":{"c":[{"d":"e"}]},"a":1,"a":2}"#));
    }

    #[test]
    fn everything_else_does() {
        for (a, b) in [
            ("[1,2]", "[2,1]"),
            ("[1,2]", "[12]"),
            ("[[1],2]", "[[1,2]]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
            (r#"{"a":"x y"}"#, r#"{"a":"xy"}"#),
            ("1.0", "1.00"),
            (r#"{"a":{}}"#, r#"{"a":[]}"#),
            (r#"{"a":"1"}"#, r#"{"a":1}"#),
            ("1", "1.0"),
            ("1", "1e0"),
            ("-0", "0"),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
            (r#"{"a":1,"\u0061":2}"#, r#"{"\u0061":2,"a":1}"#),
            (r#"{"a":1,"a":1}"#, r#"{"a":1}"#),
            (r#"{"a":"b"}"#, r#"{"b":"a"}"#),
            (r#"{"é":1}"#, r#"{"\u00e9":1}"#),
        ] {
            assert!(!same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn depth_does_not_overflow_the_stack() {
        let deep = |space: &str| format!("{}{space}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(same(&deep(""), &deep(" ")));
        assert!(!same(&deep(""), &deep("1")));
    }
}
