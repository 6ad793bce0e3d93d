//! Documents as texts: whether two are the same, whatever their white space and key order.

use sha2::{Digest as _, Sha256};

/// Whether two JSON texts say the same, but for white space and the order of an object's keys.
///
/// Numbers and strings are compared by their text: `1.0` and `1.00` differ, because the sender wrote them differently.
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
                open.push(Open::default());
                continue;
            }
            "," | ":" => continue,
            "}" | "]" if open.len() > 1 => open.pop().unwrap_or_default().close(token),
            scalar => Sha256::digest(scalar).into(),
        };
        if let Some(around) = open.last_mut() {
            around.parts.push(value);
        }
    }
    open.swap_remove(0).close("]")
}

/// The parts so far of an array, or of an object: a key, its value, the next key, and so on.
#[derive(Default)]
struct Open {
    parts: Vec<Digest>,
}

impl Open {
    fn close(mut self, bracket: &str) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(bracket);
        if bracket == "}" {
            let (members, _) = self.parts.as_chunks_mut::<2>();
            members.sort_unstable();
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
