//! The scalars of GraphQL and of AppSync: what they accept from clients, and what they make of a resolver's values.
//!
//! Sources: the AppSync developer guide, "Scalar types in GraphQL", and the scalars' descriptions in AppSync's own
//! introspection. Messages are those of AppSync where one was ever seen, and formed alike elsewhere.

mod formats;

use apollo_compiler::response::JsonValue;
use serde_json::value::RawValue;

use super::input::Input;
use super::json::{Layer, java_class, java_text};

/// The seconds that Java's `Instant` can hold, which bound an `AWSTimestamp`.
const TIMESTAMPS: std::ops::RangeInclusive<i64> = -31_557_014_167_219_200..=31_556_889_864_403_199;

/// A scalar type; a schema can have no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Int,
    Float,
    String,
    Boolean,
    Id,
    Date,
    Time,
    DateTime,
    Timestamp,
    Email,
    Json,
    Url,
    Phone,
    IpAddress,
}

impl Scalar {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Int" => Self::Int,
            "Float" => Self::Float,
            "String" => Self::String,
            "Boolean" => Self::Boolean,
            "ID" => Self::Id,
            "AWSDate" => Self::Date,
            "AWSTime" => Self::Time,
            "AWSDateTime" => Self::DateTime,
            "AWSTimestamp" => Self::Timestamp,
            "AWSEmail" => Self::Email,
            "AWSJSON" => Self::Json,
            "AWSURL" => Self::Url,
            "AWSPhone" => Self::Phone,
            "AWSIPAddress" => Self::IpAddress,
            _ => return None,
        })
    }

    /// What a client gave, or why it is not a value of this type.
    ///
    /// The built-in scalars are as strict as the GraphQL specification has them: a string is never taken for a number.
    pub(super) fn parse(self, raw: &RawValue) -> Result<Input, String> {
        match (self, Layer::of(raw)) {
            (Self::Int, Layer::Number(number)) => int(number).map(|int| Input::Int(int.into())),
            (Self::Float, Layer::Number(number)) => float(number).map(Input::Float),
            (Self::Boolean, Layer::Boolean(value)) => Some(Input::Boolean(value)),
            (Self::String | Self::Id, Layer::Text(text)) => Some(Input::Text(text)),
            (Self::Id, Layer::Number(number)) if is_integer(number) => Some(Input::Text(number.to_owned())),
            (Self::Json, Layer::Text(text)) => RawValue::from_string(text).ok().map(Input::Json),
            (Self::Timestamp, Layer::Number(number)) => timestamp(number).map(Input::Int),
            (_, Layer::Text(text)) if self.is_text_in_format(&text) => Some(Input::Text(text)),
            _ => None,
        }
        .ok_or_else(|| match self.description() {
            Description::Builtin(name) => format!("Expected type '{name}' but was '{}'.", java_class(raw)),
            Description::Json => format!("Unable to parse {} as valid JSON.", java_text(raw)),
            Description::Format(what) => format!("Unable to parse `{}` as a valid {what}.", java_text(raw)),
        })
    }

    /// A resolver's value as the client gets it, or why it is not a value of this type.
    ///
    /// More is let through than of a client, as graphql-java does it: numbers and booleans may come as strings, and
    /// anything can become a `String`. An `AWSJSON` is the value's own text as a string: a string gains quotes.
    pub(super) fn serialize(self, raw: &RawValue) -> Result<JsonValue, String> {
        match (self, Layer::of(raw)) {
            (Self::Int, Layer::Number(number)) => int(number).map(JsonValue::from),
            (Self::Int, Layer::Text(text)) => int(&text).map(JsonValue::from),
            (Self::Float, Layer::Number(number)) => float(number).map(JsonValue::from),
            (Self::Float, Layer::Text(text)) => float(&text).map(JsonValue::from),
            (Self::Boolean, Layer::Boolean(value)) => Some(value.into()),
            (Self::Boolean, Layer::Text(text)) => Some(text.eq_ignore_ascii_case("true").into()),
            (Self::Boolean, Layer::Number(number)) => float(number).map(|number| (number != 0.0).into()),
            (Self::String | Self::Id, Layer::Text(text)) => Some(text.into()),
            (Self::String | Self::Id, Layer::NotText) => None,
            (Self::String | Self::Id, _) => Some(java_text(raw).into()),
            (Self::Json, _) => Some(raw.get().into()),
            (Self::Timestamp, Layer::Number(number)) => timestamp(number).map(JsonValue::from),
            (_, Layer::Text(text)) if self.is_text_in_format(&text) => Some(text.into()),
            _ => None,
        }
        .ok_or_else(|| match self.description() {
            Description::Builtin(name) => format!("Expected type '{name}' but was '{}'.", java_class(raw)),
            Description::Json => format!("Unable to serialize {} as valid JSON.", java_text(raw)),
            Description::Format(what) => format!("Unable to serialize `{}` as a valid {what}.", java_text(raw)),
        })
    }

    fn is_text_in_format(self, text: &str) -> bool {
        match self {
            Self::Date => formats::is_date(text),
            Self::Time => formats::is_time(text),
            Self::DateTime => formats::is_date_time(text),
            Self::Email => formats::is_email(text),
            Self::Url => formats::is_url(text),
            Self::Phone => formats::is_phone(text),
            Self::IpAddress => formats::is_ip_address(text),
            Self::Int | Self::Float | Self::String | Self::Boolean | Self::Id | Self::Timestamp | Self::Json => false,
        }
    }

    fn description(self) -> Description {
        match self {
            Self::Int => Description::Builtin("Int"),
            Self::Float => Description::Builtin("Float"),
            Self::String => Description::Builtin("String"),
            Self::Boolean => Description::Builtin("Boolean"),
            Self::Id => Description::Builtin("ID"),
            Self::Json => Description::Json,
            Self::Date => Description::Format("date"),
            Self::Time => Description::Format("time"),
            Self::DateTime => Description::Format("DateTime Object"),
            Self::Timestamp => Description::Format("timestamp"),
            Self::Email => Description::Format("email address"),
            Self::Url => Description::Format("URL"),
            Self::Phone => Description::Format("phone number"),
            Self::IpAddress => Description::Format("IP address"),
        }
    }
}

/// What a scalar's messages call it.
enum Description {
    Builtin(&'static str),
    Json,
    Format(&'static str),
}

fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// 32 bits; `1.0` and `1e2` are whole numbers too.
#[allow(clippy::cast_possible_truncation, clippy::float_cmp)] // only what is within bounds and whole is cast
fn int(number: &str) -> Option<i32> {
    if let Ok(int) = number.parse() {
        return Some(int);
    }
    let value = float(number)?;
    let bounds = f64::from(i32::MIN)..=f64::from(i32::MAX);
    (!is_integer(number) && bounds.contains(&value) && value.trunc() == value).then_some(value as i32)
}

/// Rust also reads `inf` and `nan`, which are no JSON numbers.
fn float(number: &str) -> Option<f64> {
    number.parse::<f64>().ok().filter(|value| value.is_finite())
}

fn timestamp(number: &str) -> Option<i64> {
    number.parse().ok().filter(|seconds| TIMESTAMPS.contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn parse(scalar: Scalar, text: &str) -> Result<String, String> {
        scalar.parse(&raw(text)).map(|input| serde_json::to_string(&input).unwrap())
    }

    fn serialize(scalar: Scalar, text: &str) -> Result<String, String> {
        scalar.serialize(&raw(text)).map(|value| serde_json::to_string(&value).unwrap())
    }

    #[test]
    fn clients_give_built_in_scalars_in_their_own_json_types() {
        for (scalar, given, taken) in [
            (Scalar::Int, "7", "7"),
            (Scalar::Int, "-2147483648", "-2147483648"),
            (Scalar::Int, "1.0", "1"),
            (Scalar::Float, "7", "7.0"),
            (Scalar::Float, "1.5", "1.5"),
            (Scalar::Boolean, "true", "true"),
            (Scalar::String, "\"a\"", "\"a\""),
            (Scalar::Id, "\"a\"", "\"a\""),
            (Scalar::Id, "12345678901234567890", "\"12345678901234567890\""),
            (Scalar::Timestamp, "0", "0"),
            (Scalar::Timestamp, "-31557014167219200", "-31557014167219200"),
        ] {
            assert_eq!(parse(scalar, given), Ok(taken.to_owned()), "{scalar:?} {given}");
        }
        for (scalar, given, message) in [
            (Scalar::Int, "\"7\"", "Expected type 'Int' but was 'String'."),
            (Scalar::Int, "2147483648", "Expected type 'Int' but was 'Long'."),
            (Scalar::Int, "1.5", "Expected type 'Int' but was 'Double'."),
            (Scalar::Float, "\"7\"", "Expected type 'Float' but was 'String'."),
            (Scalar::Float, "1e400", "Expected type 'Float' but was 'Double'."),
            (Scalar::Boolean, "1", "Expected type 'Boolean' but was 'Integer'."),
            (Scalar::String, "7", "Expected type 'String' but was 'Integer'."),
            (Scalar::String, "{}", "Expected type 'String' but was 'LinkedHashMap'."),
            (Scalar::Id, "1.5", "Expected type 'ID' but was 'Double'."),
            (Scalar::Id, "true", "Expected type 'ID' but was 'Boolean'."),
            (Scalar::Timestamp, "31556889864403200", "Unable to parse `31556889864403200` as a valid timestamp."),
            (Scalar::Timestamp, "\"1\"", "Unable to parse `1` as a valid timestamp."),
            (Scalar::Date, "7", "Unable to parse `7` as a valid date."),
            (Scalar::Date, "\"today\"", "Unable to parse `today` as a valid date."),
            (Scalar::Time, "\"noon\"", "Unable to parse `noon` as a valid time."),
            (Scalar::DateTime, "\"now\"", "Unable to parse `now` as a valid DateTime Object."),
            (Scalar::Email, "\"me\"", "Unable to parse `me` as a valid email address."),
            (Scalar::Url, "\"me\"", "Unable to parse `me` as a valid URL."),
            (Scalar::Phone, "\"1110004444\"", "Unable to parse `1110004444` as a valid phone number."),
            (Scalar::IpAddress, "\"me\"", "Unable to parse `me` as a valid IP address."),
        ] {
            assert_eq!(parse(scalar, given), Err(message.to_owned()), "{scalar:?} {given}");
        }
    }

    #[test]
    fn awsjson_is_a_string_that_holds_json_and_loses_exactly_one_layer() {
        for (given, taken) in [
            (r#""{\"b\":1.10,\"a\":[12345678901234567890.123]}""#, r#"{"b":1.10,"a":[12345678901234567890.123]}"#),
            (r#""\"Hello\"""#, r#""Hello""#),
            (r#""\"{\\\"a\\\":1}\"""#, r#""{\"a\":1}""#),
            (r#""1""#, "1"),
            (r#""true""#, "true"),
            (r#"" null ""#, "null"),
        ] {
            assert_eq!(parse(Scalar::Json, given), Ok(taken.to_owned()), "{given}");
        }
        for (given, message) in [
            ("[]", "Unable to parse [] as valid JSON."),
            (r#"{"key1":"hi","key2":3}"#, "Unable to parse {key1=hi, key2=3} as valid JSON."),
            (r#""Hello""#, "Unable to parse Hello as valid JSON."),
            (r#""""#, "Unable to parse  as valid JSON."),
            (r#""{} {}""#, "Unable to parse {} {} as valid JSON."),
        ] {
            assert_eq!(parse(Scalar::Json, given), Err(message.to_owned()), "{given}");
        }
    }

    #[test]
    fn a_resolvers_values_are_bent_to_fit() {
        for (scalar, given, sent) in [
            (Scalar::Int, "\"100\"", "100"),
            (Scalar::Int, "2.0", "2"),
            (Scalar::Float, "1", "1.0"),
            (Scalar::Float, "\"1.5\"", "1.5"),
            (Scalar::Boolean, "\"true\"", "true"),
            (Scalar::Boolean, "0", "false"),
            (Scalar::String, r#"{"statusCode":400,"body":"x"}"#, "\"{statusCode=400, body=x}\""),
            (Scalar::String, "1.10", "\"1.10\""),
            (Scalar::String, "[\"a\",\"b\"]", "\"[a, b]\""),
            (Scalar::Id, "7", "\"7\""),
            (Scalar::Json, r#"{"b": 1.10,"a":1}"#, r#""{\"b\": 1.10,\"a\":1}""#),
            (Scalar::Json, "\"x\"", r#""\"x\"""#),
            (Scalar::Timestamp, "1700000000000", "1700000000000"),
            (Scalar::DateTime, "\"2024-01-01T00:00Z\"", "\"2024-01-01T00:00Z\""),
        ] {
            assert_eq!(serialize(scalar, given), Ok(sent.to_owned()), "{scalar:?} {given}");
        }
        for (scalar, given, message) in [
            (Scalar::Int, "\"ten\"", "Expected type 'Int' but was 'String'."),
            (Scalar::Int, "3000000000", "Expected type 'Int' but was 'Long'."),
            (Scalar::Float, "\"inf\"", "Expected type 'Float' but was 'String'."),
            (Scalar::Boolean, "{}", "Expected type 'Boolean' but was 'LinkedHashMap'."),
            (Scalar::DateTime, "\"v\"", "Unable to serialize `v` as a valid DateTime Object."),
            (Scalar::Date, "{}", "Unable to serialize `{}` as a valid date."),
        ] {
            assert_eq!(serialize(scalar, given), Err(message.to_owned()), "{scalar:?} {given}");
        }
    }
}
