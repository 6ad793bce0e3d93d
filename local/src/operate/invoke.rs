//! Calls `fulfil-orders` by its name: a signed request to Lambda's Invoke API that is answered when the orders are done.

use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use resolvers::aws::Aws;
use resolvers::environment::Environment;
use resolvers::http::HttpClient;
use resolvers::order::Id;
use serde::Deserialize;
use serde_json::json;

use super::Error;

/// How long an answer may take: the function's two minutes, and what Lambda itself takes.
const TIMEOUT: Duration = Duration::from_secs(150);

/// Lambda answers no more than this many bytes.
const LARGEST: usize = 6 * 1024 * 1024;

/// The function, and who calls it.
pub(super) struct Invoker {
    pub(super) credentials: SharedCredentialsProvider,
    pub(super) region: String,
    /// Of Lambda, without a path.
    pub(super) endpoint: String,
    pub(super) function: String,
    pub(super) http: HttpClient,
}

/// What the function answers, or what Lambda says instead of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    #[serde(rename = "errorMessage")]
    error_message: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

impl Invoker {
    /// Sends these orders through. `Ok(Err(…))` says why the function did not do all of it.
    ///
    /// # Errors
    /// If there are no credentials to sign with.
    pub(super) async fn send(&self, ids: &[Id]) -> Result<Result<(), String>, Error> {
        // Asked for each time: those of a role that was assumed end within the hour.
        let credentials = self.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|error| Error::Credentials(super::output::told(&error)))?;
        let variables = [
            ("AWS_REGION", self.region.as_str()),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key()),
            ("AWS_SESSION_TOKEN", credentials.session_token().unwrap_or_default()),
        ];
        let aws = Aws::new(&variables.into_iter().collect::<Environment>());
        let aws = aws.map_err(|error| Error::Credentials(error.to_string()))?;
        let url = format!("{}/2015-03-31/functions/{}/invocations", self.endpoint, self.function);
        let body = json!({ "orderIds": ids }).to_string();
        let request = aws.signed_post("lambda", &url, &[("content-type", "application/json")], body);
        let request = match request {
            Ok(request) => request,
            Err(error) => return Ok(Err(error.to_string())),
        };
        // Should it arrive twice, no order is fulfilled twice.
        Ok(match self.http.send(&request, TIMEOUT, LARGEST).await {
            Ok(answer) => read(answer.status, &answer.body),
            Err(error) => Err(error.to_string()),
        })
    }
}

fn read(status: u16, body: &[u8]) -> Result<(), String> {
    let answer = serde_json::from_slice::<Answer>(body);
    if status != 200 {
        let answer = answer.unwrap_or_default();
        let message = answer.message.unwrap_or_else(|| "nothing that says why".to_owned());
        return Err(format!("Lambda answered {status}: {message}"));
    }
    let answer = answer.map_err(|_| "the answer is none of Lambda's".to_owned())?;
    match (answer.error_type, answer.error_message) {
        (None, None) => Ok(()),
        (kind, message) => {
            let kind = kind.unwrap_or_else(|| "an error".to_owned());
            Err(format!("the function answered {kind}: {}", message.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_error_and_lambdas_own_are_told() {
        assert_eq!(read(200, br#"{"batchItemFailures":[]}"#), Ok(()));
        let timed_out = br#"{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out"}"#;
        assert_eq!(read(200, timed_out), Err("the function answered Sandbox.Timedout: Task timed out".to_owned()));
        let unknown = br#"{"Type":"User","Message":"Function not found: f"}"#;
        assert_eq!(read(404, unknown), Err("Lambda answered 404: Function not found: f".to_owned()));
        assert_eq!(read(200, b"<html>"), Err("the answer is none of Lambda's".to_owned()));
        assert_eq!(read(502, b"<html>"), Err("Lambda answered 502: nothing that says why".to_owned()));
    }
}
