//! Filter criteria: which records of a stream a function is invoked with.
//!
//! A pattern is a JSON object shaped like the record. Each of its fields must be there, with a value that one of the
//! rules listed for it accepts; a record passes if any one of the patterns accepts it.

use serde_json::{Map, Number, Value};

/// Lambda's limit on the patterns of one mapping. Source: AWS Lambda quotas (five, ten on request).
const MOST_PATTERNS: usize = 10;

/// Why a pattern is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidPattern {
    /// It is not JSON, or not an object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// An object or a list in it is empty.
    #[error("{0} is empty")]
    Empty(String),
    /// A value stands where a list of values must.
    #[error("{0} must be a list of the values to accept, or an object")]
    NotAList(String),
    /// A rule is none of the supported ones.
    #[error("{0} holds a rule that is not understood; there are exists, prefix, anything-but and numeric")]
    UnknownRule(String),
    /// There are too many patterns.
    #[error("there are more than {MOST_PATTERNS} patterns")]
    TooMany,
}

/// The patterns of a mapping. None at all accept everything.
#[derive(Debug)]
pub(super) struct Filters(Vec<Fields>);

impl Filters {
    pub(super) fn parse(patterns: &[String]) -> Result<Self, InvalidPattern> {
        if patterns.len() > MOST_PATTERNS {
            return Err(InvalidPattern::TooMany);
        }
        let parse = |pattern: &String| match serde_json::from_str(pattern) {
            Ok(Value::Object(object)) => Fields::parse("the pattern", &object),
            _ => Err(InvalidPattern::NotAnObject),
        };
        patterns.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether every record passes, so that none need be read for it.
    pub(super) const fn accept_everything(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn accept(&self, record: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|fields| fields.accept(Some(record)))
    }
}

/// An object in a pattern: all of its fields must accept.
#[derive(Debug)]
struct Fields(Vec<(String, Field)>);

#[derive(Debug)]
enum Field {
    Object(Fields),
    AnyOf(Vec<Rule>),
}

#[derive(Debug)]
enum Rule {
    Is(Literal),
    Prefix(String),
    NotPrefix(String),
    AnythingBut(Vec<Literal>),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
}

/// A value compared as a whole. Numbers are compared as they are written: `300` is not `300.0`.
#[derive(Debug, PartialEq, Eq)]
enum Literal {
    Null,
    Bool(bool),
    Number(String),
    String(String),
}

#[derive(Debug)]
enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Fields {
    fn parse(at: &str, object: &Map<String, Value>) -> Result<Self, InvalidPattern> {
        if object.is_empty() {
            return Err(InvalidPattern::Empty(at.to_owned()));
        }
        let parse = |(name, value): (&String, &Value)| {
            let field = match value {
                Value::Object(object) => Field::Object(Self::parse(name, object)?),
                Value::Array(rules) if rules.is_empty() => return Err(InvalidPattern::Empty(name.clone())),
                Value::Array(rules) => {
                    let rules = rules.iter().map(|rule| Rule::parse(name, rule));
                    Field::AnyOf(rules.collect::<Result<_, _>>()?)
                }
                _ => return Err(InvalidPattern::NotAList(name.clone())),
            };
            Ok((name.clone(), field))
        };
        object.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    fn accept(&self, value: Option<&Value>) -> bool {
        match value {
            Some(Value::Array(elements)) => elements.iter().any(|element| self.accept(Some(element))),
            value => self.0.iter().all(|(name, field)| {
                let inner = value.and_then(|value| value.get(name));
                match field {
                    Field::Object(fields) => fields.accept(inner),
                    Field::AnyOf(rules) => rules.iter().any(|rule| rule.accept(inner)),
                }
            }),
        }
    }
}

impl Rule {
    fn parse(at: &str, rule: &Value) -> Result<Self, InvalidPattern> {
        let unknown = || InvalidPattern::UnknownRule(at.to_owned());
        let Value::Object(object) = rule else {
            return Literal::of(rule).map(Self::Is).ok_or_else(unknown);
        };
        let mut entries = object.iter();
        let (Some((operator, operand)), None) = (entries.next(), entries.next()) else {
            return Err(unknown());
        };
        match (operator.as_str(), operand) {
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("prefix", Value::String(prefix)) => Ok(Self::Prefix(prefix.clone())),
            ("anything-but", Value::Object(but)) => match (but.len(), but.get("prefix")) {
                (1, Some(Value::String(prefix))) => Ok(Self::NotPrefix(prefix.clone())),
                _ => Err(unknown()),
            },
            ("anything-but", Value::Array(values)) if values.is_empty() => Err(InvalidPattern::Empty(at.to_owned())),
            ("anything-but", Value::Array(values)) => {
                values.iter().map(Literal::of).collect::<Option<_>>().map(Self::AnythingBut).ok_or_else(unknown)
            }
            ("anything-but", value) => {
                Literal::of(value).map(|literal| Self::AnythingBut(vec![literal])).ok_or_else(unknown)
            }
            ("numeric", Value::Array(parts)) => Comparison::parse_all(parts).map(Self::Numeric).ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    fn accept(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            // Only values count as being there, not the objects on the way to them.
            (Self::Exists(exists), value) => *exists == value.is_some_and(|value| !value.is_object()),
            (_, None | Some(Value::Object(_))) => false,
            (rule, Some(Value::Array(elements))) => elements.iter().any(|element| rule.accept(Some(element))),
            (Self::Is(literal), Some(value)) => Literal::of(value).as_ref() == Some(literal),
            (Self::Prefix(prefix), Some(value)) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            (Self::NotPrefix(prefix), Some(value)) => value.as_str().is_some_and(|text| !text.starts_with(prefix)),
            (Self::AnythingBut(literals), Some(value)) => {
                Literal::of(value).is_some_and(|value| !literals.contains(&value))
            }
            // A number in a DynamoDB image is a string, so this matches metadata only.
            (Self::Numeric(comparisons), Some(value)) => value
                .as_f64()
                .is_some_and(|number| comparisons.iter().all(|(comparison, bound)| comparison.holds(number, *bound))),
        }
    }
}

impl Literal {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(number) => Some(Self::Number(number.to_string())),
            Value::String(text) => Some(Self::String(text.clone())),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl Comparison {
    /// Reads `["=", 5]` or `[">", 1, "<=", 5]`.
    fn parse_all(parts: &[Value]) -> Option<Vec<(Self, f64)>> {
        if !matches!(parts.len(), 2 | 4) {
            return None;
        }
        let (pairs, _) = parts.as_chunks();
        pairs
            .iter()
            .map(|[operator, bound]| {
                let comparison = match operator.as_str()? {
                    "=" => Self::Equal,
                    "<" => Self::Less,
                    "<=" => Self::AtMost,
                    ">" => Self::Greater,
                    ">=" => Self::AtLeast,
                    _ => return None,
                };
                Some((comparison, bound.as_number().and_then(Number::as_f64)?))
            })
            .collect()
    }

    fn holds(&self, number: f64, bound: f64) -> bool {
        match self {
            // The nearest doubles of two numbers written alike are the same bits.
            Self::Equal => number.total_cmp(&bound).is_eq(),
            Self::Less => number < bound,
            Self::AtMost => number <= bound,
            Self::Greater => number > bound,
            Self::AtLeast => number >= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn accepts(pattern: &Value, record: &Value) -> bool {
        Filters::parse(&[pattern.to_string()]).unwrap().accept(record)
    }

    #[test]
    fn every_named_field_must_be_there_and_match_one_of_its_values() {
        let open = json!({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"status": {"S": ["OPEN", "HELD"]}}}});
        let record = |event: &str, status: &str| json!({"eventName": event, "dynamodb": {"NewImage": {"status": {"S": status}}}});
        assert!(accepts(&open, &record("INSERT", "OPEN")));
        assert!(accepts(&open, &record("INSERT", "HELD")));
        assert!(!accepts(&open, &record("MODIFY", "OPEN")));
        assert!(!accepts(&open, &record("INSERT", "DONE")));
        assert!(!accepts(&open, &json!({"eventName": "INSERT", "dynamodb": {}})));
    }

    #[test]
    fn any_one_of_several_patterns_will_do_and_none_accept_everything() {
        let filters = Filters::parse(&[r#"{"a": ["x"]}"#.to_owned(), r#"{"b": ["y"]}"#.to_owned()]).unwrap();
        assert!(filters.accept(&json!({"a": "x"})));
        assert!(filters.accept(&json!({"b": "y"})));
        assert!(!filters.accept(&json!({"a": "y"})));
        assert!(Filters::parse(&[]).unwrap().accept(&json!({})));
    }

    #[test]
    fn null_the_empty_string_and_numbers_are_exact() {
        assert!(accepts(&json!({"a": [null]}), &json!({"a": null})));
        assert!(!accepts(&json!({"a": [null]}), &json!({})));
        assert!(!accepts(&json!({"a": [null]}), &json!({"a": ""})));
        assert!(accepts(&json!({"a": [""]}), &json!({"a": ""})));
        assert!(!accepts(&json!({"a": [""]}), &json!({"a": " "})));
        assert!(accepts(&json!({"a": [300]}), &json!({"a": 300})));
        assert!(!accepts(&json!({"a": [300]}), &json!({"a": 300.0})));
        assert!(!accepts(&json!({"a": [300]}), &json!({"a": "300"})));
    }

    #[test]
    fn operators() {
        let a = |rule: Value| json!({"a": [rule]});
        assert!(accepts(&a(json!({"prefix": "or"})), &json!({"a": "order"})));
        assert!(!accepts(&a(json!({"prefix": "or"})), &json!({"a": "reorder"})));
        assert!(accepts(&a(json!({"anything-but": ["x", "y"]})), &json!({"a": "z"})));
        assert!(!accepts(&a(json!({"anything-but": ["x", "y"]})), &json!({"a": "y"})));
        assert!(!accepts(&a(json!({"anything-but": "x"})), &json!({})));
        assert!(!accepts(&a(json!({"anything-but": {"prefix": "x"}})), &json!({"a": "xy"})));
        assert!(accepts(&a(json!({"anything-but": {"prefix": "x"}})), &json!({"a": "yx"})));
        assert!(accepts(&a(json!({"numeric": [">", 1, "<=", 5]})), &json!({"a": 5})));
        assert!(!accepts(&a(json!({"numeric": [">", 1, "<=", 5]})), &json!({"a": 1})));
        assert!(!accepts(&a(json!({"numeric": ["=", 5]})), &json!({"a": "5"})));
        assert!(accepts(&a(json!({"exists": true})), &json!({"a": null})));
        assert!(!accepts(&a(json!({"exists": true})), &json!({"a": {"b": 1}})));
        assert!(accepts(&a(json!({"exists": false})), &json!({})));
        assert!(!accepts(&a(json!({"exists": false})), &json!({"a": 1})));
        assert!(accepts(&json!({"a": {"b": [{"exists": false}]}}), &json!({})));
        assert!(accepts(&json!({"a": {"SS": ["y"]}}), &json!({"a": {"SS": ["x", "y"]}})));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let refused = |pattern: &str| Filters::parse(&[pattern.to_owned()]).unwrap_err();
        assert_eq!(refused("{"), InvalidPattern::NotAnObject);
        assert_eq!(refused("[]"), InvalidPattern::NotAnObject);
        assert_eq!(refused("{}"), InvalidPattern::Empty("the pattern".to_owned()));
        assert_eq!(refused(r#"{"a": []}"#), InvalidPattern::Empty("a".to_owned()));
        assert_eq!(refused(r#"{"a": "x"}"#), InvalidPattern::NotAList("a".to_owned()));
        for rule in [
            r#"{"suffix": "x"}"#,
            r#"{"prefix": 1}"#,
            r#"{"numeric": ["="]}"#,
            r#"{"numeric": ["~", 1]}"#,
            r#"{"exists": true, "prefix": "x"}"#,
            r#"["x"]"#,
        ] {
            assert_eq!(
                refused(&format!(r#"{{"a": [{rule}]}}"#)),
                InvalidPattern::UnknownRule("a".to_owned()),
                "{rule}"
            );
        }
        assert_eq!(Filters::parse(&vec![r#"{"a": [1]}"#.to_owned(); 11]).unwrap_err(), InvalidPattern::TooMany);
    }
}
