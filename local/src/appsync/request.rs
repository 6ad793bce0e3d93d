//! The request of a GraphQL client, as it stands in a body or in the parameters of a URL.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::errors::Refusal;

/// What a client asks for.
#[derive(Debug)]
pub(super) struct GraphqlRequest {
    pub(super) query: String,
    pub(super) operation_name: Option<String>,
    /// A JSON object, as it was written. Nested at most as deeply as `serde_json` reads, which is 128 levels.
    pub(super) variables: Option<Box<RawValue>>,
}

/// Members that are not named here, such as `extensions`, are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Box<RawValue>>,
}

impl GraphqlRequest {
    /// Reads the body of a POST.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Err(Refusal::EmptyBody);
        }
        // serde_json also reads a struct from a list: a batch of requests is none of ours.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Refusal::Malformed);
        }
        let Body { query, operation_name, variables } = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
        Self::new(query, operation_name, variables)
    }

    /// Reads the parameters of a GET.
    pub(super) fn from_url_query(url_query: &str) -> Result<Self, Refusal> {
        let parameter = |wanted: &str| {
            form_urlencoded::parse(url_query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
                .filter(|value| !value.is_empty())
        };
        let variables = parameter("variables").map(RawValue::from_string).transpose();
        let variables = variables.map_err(|_| Refusal::Malformed)?;
        Self::new(parameter("query").ok_or(Refusal::Malformed)?, parameter("operationName"), variables)
    }

    fn new(query: String, operation_name: Option<String>, variables: Option<Box<RawValue>>) -> Result<Self, Refusal> {
        let variables = variables.filter(|variables| variables.get() != "null");
        if let Some(variables) = &variables {
            // Reading it all keeps whatever looks at the variables later from running out of stack.
            serde_json::from_str::<Value>(variables.get()).ok().filter(Value::is_object).ok_or(Refusal::Malformed)?;
        }
        // graphql-java takes an empty name for none.
        Ok(Self { query, operation_name: operation_name.filter(|name| !name.is_empty()), variables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Result<(String, Option<String>, Option<String>), Refusal> {
        let request = GraphqlRequest::from_body(text.as_bytes())?;
        Ok((request.query, request.operation_name, request.variables.map(|raw| raw.get().to_owned())))
    }

    #[test]
    fn a_body_has_a_query_and_may_have_a_name_and_variables() {
        let bare = Ok(("{ a }".to_owned(), None, None));
        assert_eq!(body(r#"{"query":"{ a }"}"#), bare);
        assert_eq!(body(r#" {"query":"{ a }","variables":null,"operationName":null,"extensions":[1],"id":2}"#), bare);
        assert_eq!(body(r#"{"query":"{ a }","operationName":""}"#), bare);
        assert_eq!(
            body(r#"{"query":"{ a }","operationName":"A","variables":{"x": 1.10}}"#),
            Ok(("{ a }".to_owned(), Some("A".to_owned()), Some(r#"{"x": 1.10}"#.to_owned())))
        );
    }

    #[test]
    fn everything_else_is_malformed() {
        assert_eq!(body(""), Err(Refusal::EmptyBody));
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        for text in [
            " ",
            "meow",
            "null",
            "[]",
            r#"["{ a }"]"#,
            r#"[{"query":"{ a }"}]"#,
            "{}",
            r#"{"query":null}"#,
            r#"{"query":1}"#,
            r#"{"query":"{ a }","variables":[]}"#,
            r#"{"query":"{ a }","variables":"{}"}"#,
            r#"{"query":"{ a }","operationName":1}"#,
            r#"{"query":"\ud800"}"#,
            r#"{"query":"{ a }","variables":{"x":"\ud800"}}"#,
            r#"{"query":"{ a }"} x"#,
            &format!(r#"{{"query":"{{ a }}","variables":{{"x":{deep}}}}}"#),
        ] {
            assert_eq!(body(text), Err(Refusal::Malformed), "{text:.60}");
        }
        assert_eq!(GraphqlRequest::from_body(b"{\"query\":\"\xff\"}").unwrap_err(), Refusal::Malformed);
    }

    #[test]
    fn a_url_carries_the_same_three() {
        let request = GraphqlRequest::from_url_query(
            "query=query+A(%24x:Int)%7Ba(x:%24x)%7D&variables=%7B%22x%22:1%7D&operationName=A&other=1",
        )
        .unwrap();
        assert_eq!(request.query, "query A($x:Int){a(x:$x)}");
        assert_eq!(request.operation_name.as_deref(), Some("A"));
        assert_eq!(request.variables.unwrap().get(), r#"{"x":1}"#);
        for text in ["", "query=", "variables=%7B%7D", "query=%7Ba%7D&variables=x", "query=%7Ba%7D&variables=1"] {
            assert_eq!(GraphqlRequest::from_url_query(text).unwrap_err(), Refusal::Malformed, "{text}");
        }
    }
}
