//! Direct Lambda resolvers: a field's function gets AppSync's context as its event, and its answer is the field's value.
//!
//! Source: the AppSync developer guide, "Resolver mapping template reference for Lambda" and "… context reference".

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::errors::Failure;
use super::input::Input;
use crate::lambda::Functions;

/// What AppSync passes on of the HTTP request.
#[derive(Debug, Default, Serialize)]
pub(super) struct RequestContext {
    headers: BTreeMap<String, Header>,
    /// The API's custom domain: there is none here.
    #[serde(rename = "domainName")]
    domain_name: (),
}

/// A header that was sent more than once is a list.
#[derive(Debug, PartialEq, Eq)]
enum Header {
    Once(String),
    Repeated(Vec<String>),
}

impl Serialize for Header {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Once(value) => serializer.serialize_str(value),
            Self::Repeated(values) => serializer.collect_seq(values),
        }
    }
}

impl RequestContext {
    /// Everything but `cookie`, which AppSync keeps from resolvers.
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let headers = headers.keys().filter(|name| *name != "cookie").map(|name| {
            let values = headers.get_all(name).iter();
            let mut values: Vec<_> =
                values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
            let header = match (values.len(), values.pop()) {
                (1, Some(value)) => Header::Once(value),
                (_, last) => {
                    values.extend(last);
                    Header::Repeated(values)
                }
            };
            (name.as_str().to_owned(), header)
        });
        Self { headers: headers.collect(), domain_name: () }
    }
}

/// The `info` of an event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info<'a> {
    pub(super) field_name: &'a str,
    pub(super) parent_type_name: &'a str,
    /// As the client sent them. Whether AppSync shows them coerced is not documented.
    pub(super) variables: &'a RawValue,
    pub(super) selection_set_list: Vec<String>,
    #[serde(rename = "selectionSetGraphQL")]
    pub(super) selection_set_graphql: String,
}

/// The event of a root field's resolver.
#[derive(Debug, Serialize)]
pub(super) struct Event<'a> {
    pub(super) arguments: &'a Input,
    pub(super) identity: &'a Value,
    pub(super) source: (),
    pub(super) request: &'a RequestContext,
    pub(super) prev: (),
    pub(super) info: Info<'a>,
    pub(super) stash: Empty,
}

/// `{}`: a stash is shared by the functions of a pipeline, and there are none here.
#[derive(Debug, Serialize)]
pub(super) struct Empty {}

/// The function's answer as it was written, or why there is none.
pub(super) async fn invoke(functions: &Functions, function: &str, event: &Event<'_>) -> Result<Box<RawValue>, Failure> {
    let event = serde_json::to_vec(event).map_err(|error| Failure::new("MappingTemplate", error.to_string()))?;
    let answer = functions.invoke(function, event).await.map_err(failure)?;
    let answer = if answer.is_empty() { b"null".to_vec() } else { answer };
    String::from_utf8(answer)
        .ok()
        .and_then(|answer| RawValue::from_string(answer).ok())
        .ok_or_else(|| Failure::new("MappingTemplate", "The function's response is not valid JSON."))
}

/// A Direct Lambda resolver hands type and message of a function error on; one type hides its message.
fn failure(error: Diagnostic) -> Failure {
    match error.error_type.as_str() {
        "" => Failure::new("Lambda:Unhandled", error.error_message),
        "UnauthorizedException" => Failure::new("UnauthorizedException", "You are not authorized to make this call."),
        _ => Failure::new(error.error_type, error.error_message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde_json::json;

    #[test]
    fn headers_are_lower_case_repeated_ones_are_lists_and_cookies_stay_out() {
        let mut headers = HeaderMap::new();
        headers.insert("X-Once", HeaderValue::from_static("1"));
        headers.append("x-twice", HeaderValue::from_static("a"));
        headers.append("x-twice", HeaderValue::from_static("b"));
        headers.insert("cookie", HeaderValue::from_static("secret"));
        assert_eq!(
            serde_json::to_value(RequestContext::new(&headers)).unwrap(),
            json!({"headers": {"x-once": "1", "x-twice": ["a", "b"]}, "domainName": null})
        );
    }

    #[test]
    fn function_errors_keep_their_type_and_message() {
        let error = |kind: &str| failure(Diagnostic { error_type: kind.to_owned(), error_message: "why".to_owned() });
        assert_eq!(error("InvalidOrder"), Failure::new("InvalidOrder", "why"));
        assert_eq!(error(""), Failure::new("Lambda:Unhandled", "why"));
        assert_eq!(
            error("UnauthorizedException"),
            Failure::new("UnauthorizedException", "You are not authorized to make this call.")
        );
    }
}
