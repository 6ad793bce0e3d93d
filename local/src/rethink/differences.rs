//! In what two readings of an order differ, field by field.

use serde::Serialize;
use serde_json::Value;

/// One place at which they differ.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Difference {
    /// Where, as a JSON pointer (RFC 6901) into GraphQL's `Order`.
    pub(super) field: String,
    /// What the record has there; null if nothing.
    pub(super) before: Value,
    /// What this build has there; null if nothing.
    pub(super) after: Value,
}

/// Every place at which two values differ. A member that is null is as good as none: a build may have fields that
/// another one has not.
pub(super) fn between(before: Value, after: Value) -> Vec<Difference> {
    let mut found = Vec::new();
    collect(String::new(), before, after, &mut found);
    found
}

fn collect(field: String, before: Value, after: Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(mut before), Value::Object(after)) => {
            for (name, after) in after {
                let before = before.remove(&name).unwrap_or_default();
                collect(below(&field, &name), before, after, found);
            }
            for (name, before) in before {
                collect(below(&field, &name), before, Value::Null, found);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let length = before.len().max(after.len());
            let (mut before, mut after) = (before.into_iter(), after.into_iter());
            for index in 0..length {
                let (before, after) = (before.next().unwrap_or_default(), after.next().unwrap_or_default());
                collect(format!("{field}/{index}"), before, after, found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => found.push(Difference { field, before, after }),
    }
}

fn below(field: &str, name: &str) -> String {
    format!("{field}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_place() {
        let before = json!({"a": 1, "same": [1, {"x": null}], "b": [{"c": "old"}, 2], "gone": true, "n/~": null});
        let after = json!({"a": 1, "same": [1, {}], "b": [{"c": "new"}], "n/~": {"k": 1}});
        let found = between(before, after);
        let told: Vec<_> = found.iter().map(|it| (it.field.as_str(), &it.before, &it.after)).collect();
        assert_eq!(
            told,
            [
                ("/b/0/c", &json!("old"), &json!("new")),
                ("/b/1", &json!(2), &Value::Null),
                ("/n~1~0", &Value::Null, &json!({"k": 1})),
                ("/gone", &json!(true), &Value::Null),
            ]
        );
    }
}
