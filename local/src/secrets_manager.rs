//! AWS Secrets Manager on one machine: hands out the current text of a secret, to whoever signs as one of its readers. What
//! their policies say of secrets is not asked: which secret there is, the command line says and not the template.
//!
//! Source: AWS Secrets Manager API reference, `GetSecretValue` and "Common Error Types", in AWS's JSON 1.1 protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::iam::Credentials;
use crate::iam::signature::{self, Scope};
use crate::machine::{self, REGION};

/// The name of the secret that holds the warehouse's `authorization`.
pub const WAREHOUSE: &str = "orders-local/warehouse";

const SERVICE: &str = "secretsmanager";
const GET_SECRET_VALUE: &str = "secretsmanager.GetSecretValue";

/// Secrets, and who may read them. Cheap to clone. Has no `Debug`, so that no secret ends in a log.
#[derive(Clone)]
pub struct SecretsManager(Arc<Inner>);

struct Inner {
    readers: Vec<Credentials>,
    by_name: BTreeMap<String, String>,
    version: Uuid,
}

/// Why there is no secret: the type of the error and its message. The status is 400 for each.
struct Refused(&'static str, String);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
}

impl SecretsManager {
    /// The text of each secret by its name.
    #[must_use]
    pub fn new(readers: Vec<Credentials>, by_name: BTreeMap<String, String>) -> Self {
        Self(Arc::new(Inner { readers, by_name, version: Uuid::new_v4() }))
    }

    /// Serves `POST /`, where AWS serves it.
    pub fn router(&self) -> Router {
        Router::new().route("/", post(serve)).with_state(self.clone())
    }

    fn answer(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refused> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        if target != Some(GET_SECRET_VALUE) {
            return Err(Refused("UnknownOperationException", "Only GetSecretValue is there.".to_owned()));
        }
        let request = signature::Request { method: "POST", path: "/", query: "", headers, body };
        signature::verify(&request, &self.0.readers, Scope { region: REGION, service: SERVICE }, SystemTime::now())
            .map_err(|refusal| Refused(refusal.error_type(), refusal.to_string()))?;
        let GetSecretValue { secret_id } = serde_json::from_slice(body)
            .map_err(|_| Refused("SerializationException", "The body is no GetSecretValue.".to_owned()))?;
        let found = self.0.by_name.iter().find(|(name, _)| **name == secret_id || arn(name) == secret_id);
        let (name, text) = found.ok_or_else(|| {
            let message = "Secrets Manager can't find the specified secret.";
            Refused("ResourceNotFoundException", message.to_owned())
        })?;
        Ok(json!({
            "ARN": arn(name), "Name": name, "SecretString": text, "VersionId": self.0.version.to_string(),
            "VersionStages": ["AWSCURRENT"],
        }))
    }
}

/// The ARN of the secret of that name. To the name, AWS adds six characters of its own.
#[must_use]
pub fn arn(name: &str) -> String {
    machine::arn("secretsmanager", &format!("secret:{name}-LocalS"))
}

async fn serve(State(secrets): State<SecretsManager>, headers: HeaderMap, body: Bytes) -> Response {
    let (status, answer) = match secrets.answer(&headers, &body) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refused(kind, message)) => {
            tracing::debug!(kind, "no secret is handed out: {message}");
            (StatusCode::BAD_REQUEST, json!({ "__type": kind, "Message": message }))
        }
    };
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;
    use crate::credentials::{access_key_id, secret};
    use crate::iam::Principal;
    use resolvers::aws::Aws;
    use resolvers::environment::Environment;

    fn reader() -> Credentials {
        Credentials {
            access_key_id: access_key_id("ASIA"),
            secret_access_key: secret(),
            session_token: Some(secret()),
            principal: Principal {
                arn: "arn:aws:sts::000000000000:assumed-role/reader/reader".to_owned(),
                policy: None,
            },
            username: "AROA:reader".to_owned(),
            identity_pool: None,
        }
    }

    /// What a function of that role is answered if it signs for that service.
    async fn asked(role: &Credentials, service: &str, target: &str, body: Value) -> (u16, Value) {
        let variables = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", &role.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &role.secret_access_key),
            ("AWS_SESSION_TOKEN", role.session_token.as_deref().unwrap()),
        ];
        let aws = Aws::new(&variables.into_iter().collect::<Environment>()).unwrap();
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let request = aws.signed_post(service, "http://127.0.0.1:4000/", &headers, body.to_string()).unwrap();
        let (mut parts, body) = request.into_parts();
        parts.headers.insert("host", HeaderValue::from_static("127.0.0.1:4000"));
        let known = Credentials { access_key_id: "ASIAKNOWN".to_owned(), ..reader() };
        let readers = if role.access_key_id == "ASIASTRANGER" { vec![known] } else { vec![known, role.clone()] };
        let by_name = BTreeMap::from([(WAREHOUSE.to_owned(), "Bearer abc".to_owned())]);
        let router = SecretsManager::new(readers, by_name).router();
        let response = router.oneshot(Request::from_parts(parts, Body::from(body))).await.unwrap();
        let status = response.status().as_u16();
        assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_secret_is_handed_out_by_its_name_and_by_its_arn() {
        for id in [WAREHOUSE, &arn(WAREHOUSE)] {
            let (status, answer) = asked(&reader(), SERVICE, GET_SECRET_VALUE, json!({ "SecretId": id })).await;
            assert_eq!(
                (status, &answer["SecretString"], &answer["Name"]),
                (200, &json!("Bearer abc"), &json!(WAREHOUSE))
            );
            assert_eq!(answer["ARN"], arn(WAREHOUSE));
        }
    }

    #[tokio::test]
    async fn everything_else_is_refused_as_aws_refuses_it() {
        let stranger = Credentials { access_key_id: "ASIASTRANGER".to_owned(), ..reader() };
        let warehouse = json!({ "SecretId": WAREHOUSE });
        for (role, service, target, body, kind) in [
            (reader(), SERVICE, "secretsmanager.ListSecrets", warehouse.clone(), "UnknownOperationException"),
            (reader(), SERVICE, GET_SECRET_VALUE, json!({ "SecretId": "other" }), "ResourceNotFoundException"),
            (reader(), SERVICE, GET_SECRET_VALUE, json!({}), "SerializationException"),
            (reader(), "appsync", GET_SECRET_VALUE, warehouse.clone(), "InvalidSignatureException"),
            (stranger, SERVICE, GET_SECRET_VALUE, warehouse, "UnrecognizedClientException"),
        ] {
            let (status, answer) = asked(&role, service, target, body).await;
            assert_eq!((status, &answer["__type"]), (400, &json!(kind)), "{answer}");
            assert!(!answer.to_string().contains("abc"), "{answer}");
        }
    }
}
