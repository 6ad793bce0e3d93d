//! A secret in AWS Secrets Manager: fetched when it is first needed, kept for a while, fetched anew when it is not good
//! any more.
//!
//! Nothing here implements `Debug`, and no error quotes what was answered: a secret must not end in a log.
//!
//! Source: AWS Secrets Manager API reference, `GetSecretValue`.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::environment::Environment;

const TIMEOUT: Duration = Duration::from_secs(5);

/// How much of an answer is read, in bytes: a secret has 64 KB at most, of which each may take six in JSON.
const READ_LIMIT: usize = 512 * 1024;

/// How long a secret is used before it is fetched again.
const KEPT: Duration = Duration::from_mins(5);

/// How long it is taken to be still unreadable after it was found so: everybody who waited is told the same.
const PAUSE: Duration = Duration::from_secs(5);

/// Where a text stood that must not be seen.
const CONCEALED: &str = "[concealed]";

/// A secret by its name or ARN. Cheap to clone; clones share what was fetched.
#[derive(Clone)]
pub struct Secret {
    aws: Aws,
    url: String,
    id: String,
    last: Arc<Mutex<Option<Fetched>>>,
}

/// A secret's text.
#[derive(Clone)]
pub struct SecretText(Arc<str>);

/// Why there is no text. Says nothing of what was answered but the type of an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret cannot be read: {0}")]
pub struct Unreadable(String);

struct Fetched {
    outcome: Result<SecretText, Unreadable>,
    good_until: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValueAnswer {
    secret_string: Option<String>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    #[serde(rename = "__type")]
    kind: String,
}

impl Secret {
    /// The secret of this name or ARN. `AWS_ENDPOINT_URL_SECRETS_MANAGER` leads elsewhere than to AWS, as it does for
    /// every SDK and the CLI.
    #[must_use]
    pub fn new(aws: Aws, environment: &Environment, id: &str) -> Self {
        let url = environment
            .get("AWS_ENDPOINT_URL_SECRETS_MANAGER")
            .map_or_else(|| format!("https://secretsmanager.{}.amazonaws.com/", aws.region), str::to_owned);
        Self { aws, url, id: id.to_owned(), last: Arc::default() }
    }

    /// The text that was fetched last, or fetched now. Whoever asks meanwhile waits for the same answer.
    ///
    /// # Errors
    /// If it cannot be fetched, or is no text.
    pub async fn text(&self) -> Result<SecretText, Unreadable> {
        let mut last = self.last.lock().await;
        if let Some(fetched) = last.as_ref().filter(|fetched| Instant::now() < fetched.good_until) {
            return fetched.outcome.clone();
        }
        let outcome = self.fetch().await;
        let good_for = if outcome.is_ok() { KEPT } else { PAUSE };
        *last = Some(Fetched { outcome: outcome.clone(), good_until: Instant::now() + good_for });
        outcome
    }

    /// A text that was not good any more: it is fetched again, unless somebody has done so since it was handed out.
    pub async fn forget(&self, text: &SecretText) {
        let mut last = self.last.lock().await;
        let is_last = |fetched: &Fetched| fetched.outcome.as_ref().is_ok_and(|last| Arc::ptr_eq(&last.0, &text.0));
        if last.as_ref().is_some_and(is_last) {
            *last = None;
        }
    }

    async fn fetch(&self) -> Result<SecretText, Unreadable> {
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "secretsmanager.GetSecretValue")];
        let body = json!({ "SecretId": self.id }).to_string();
        let request = self.aws.signed_post("secretsmanager", &self.url, &headers, body);
        let request = request.map_err(|error| Unreadable(error.to_string()))?;
        let answer = self.aws.http.send(&request, TIMEOUT, READ_LIMIT).await;
        let answer = answer.map_err(|error| Unreadable(format!("Secrets Manager gave {error}")))?;
        read(answer.status, &answer.body)
    }
}

impl SecretText {
    /// The text as it was stored, without the line end that comes with storing a file.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.trim_end_matches(['\r', '\n'])
    }

    /// What somebody has said who knows the secret, without it, however JSON spells it. What does not hold it stays as it
    /// is; JSON that does is written anew. Of a scheme and a credential, as in `Bearer abc`, the credential is the secret.
    #[must_use]
    pub fn conceal_in(&self, said: &str) -> String {
        let text = self.expose().trim();
        let secret = text.split_once(' ').map_or(text, |(_, credential)| credential.trim_start());
        if secret.is_empty() {
            return said.to_owned();
        }
        if let Ok(mut json) = serde_json::from_str::<Value>(said) {
            return if conceal(&mut json, secret) { json.to_string() } else { said.to_owned() };
        }
        let escaped = Value::from(secret).to_string();
        let escaped = &escaped[1..escaped.len() - 1];
        let spellings = [secret, escaped, &escaped.replace('/', "\\/")];
        spellings.iter().fold(said.to_owned(), |said, spelling| said.replace(spelling, CONCEALED))
    }
}

/// Takes the secret out of every text in there, names included. Whether it was in any.
fn conceal(json: &mut Value, secret: &str) -> bool {
    let in_text = |text: &mut String| {
        let found = text.contains(secret);
        if found {
            *text = text.replace(secret, CONCEALED);
        }
        found
    };
    match json {
        Value::String(text) => in_text(text),
        // Not `any`, which would stop at the first.
        Value::Array(elements) => elements.iter_mut().fold(false, |found, element| conceal(element, secret) | found),
        Value::Object(members) => {
            let mut found = false;
            *members = std::mem::take(members)
                .into_iter()
                .map(|(mut name, mut value)| {
                    found |= in_text(&mut name) | conceal(&mut value, secret);
                    (name, value)
                })
                .collect();
            found
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn read(status: u16, body: &[u8]) -> Result<SecretText, Unreadable> {
    if status != 200 {
        let kind = serde_json::from_slice(body).ok().and_then(|error: ErrorAnswer| {
            let kind = error.kind.rsplit('#').next()?.to_owned();
            (kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(kind)
        });
        let kind = kind.map(|kind| format!(", {kind}")).unwrap_or_default();
        return Err(Unreadable(format!("Secrets Manager answered {status}{kind}")));
    }
    let answer: GetSecretValueAnswer = serde_json::from_slice(body)
        .map_err(|_| Unreadable("Secrets Manager answered with something else than a secret".to_owned()))?;
    let text = answer.secret_string.ok_or_else(|| Unreadable("it holds no text".to_owned()))?;
    Ok(SecretText(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_text_is_good_for_its_time_or_until_it_is_forgotten() {
        // Nobody listens there: what is fetched anew is unreadable.
        let variables = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "ASIA"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9"),
        ];
        let environment: Environment = variables.into_iter().collect();
        let secret = Secret::new(Aws::new(&environment).unwrap(), &environment, "warehouse");
        let keep = async |text: &SecretText, good_for| {
            let fetched = Fetched { outcome: Ok(text.clone()), good_until: Instant::now() + good_for };
            *secret.last.lock().await = Some(fetched);
        };
        let text = async || secret.text().await.map(|text| text.expose().to_owned()).map_err(|_| ());
        let (first, second) = (SecretText("same".into()), SecretText("same".into()));
        keep(&first, KEPT).await;
        assert_eq!(text().await, Ok("same".to_owned()));
        secret.forget(&second).await;
        assert_eq!(text().await, Ok("same".to_owned()), "the second was handed out before the first was fetched");
        secret.forget(&first).await;
        assert_eq!(text().await, Err(()));
        keep(&first, Duration::ZERO).await;
        assert_eq!(text().await, Err(()));
    }

    fn told(status: u16, body: &str) -> Result<String, String> {
        read(status, body.as_bytes()).map(|text| text.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_is_its_string_without_the_line_end() {
        let text = |text: &str| told(200, &json!({ "Name": "n", "SecretString": text }).to_string());
        assert_eq!(text("Bearer abc\r\n\n"), Ok("Bearer abc".to_owned()));
        assert_eq!(text(" a b "), Ok(" a b ".to_owned()));
    }

    #[test]
    fn an_answer_without_a_secret_is_told_by_its_type_alone() {
        let told = |status, body| told(status, body).unwrap_err();
        for (status, body, error) in [
            (400, r#"{"__type":"a.b#AccessDeniedException","Message":"x"}"#, "answered 400, AccessDeniedException"),
            (400, r#"{"__type":"Is this <it>?"}"#, "answered 400"),
            (500, "Bearer abc", "answered 500"),
            (200, "Bearer abc", "answered with something else than a secret"),
            (200, r#"{"SecretString":["Bearer abc"]}"#, "answered with something else than a secret"),
        ] {
            assert_eq!(told(status, body), format!("the secret cannot be read: Secrets Manager {error}"), "{body}");
        }
        assert_eq!(told(200, r#"{"SecretBinary":"YWJj"}"#), "the secret cannot be read: it holds no text");
    }

    #[test]
    fn a_secret_is_concealed_however_it_is_spelled() {
        let conceal = |secret: &str, said: &str| SecretText(secret.into()).conceal_in(said);
        let hidden = |said: &str| said.replace('…', CONCEALED);
        assert_eq!(conceal("Bearer abc\n", "Bearer abc, abc and ab"), hidden("Bearer …, … and ab"));
        assert_eq!(conceal("a/\"b\"", r#"{"x":"a/\"b\"","y":"a\/\"b\""} a/"b""#), hidden(r#"{"x":"…","y":"…"} …"#));
        let repeated = r#"{"got":["a\u002Bb\/c",{"x a\u002bb/c":1}],"n":1.50}"#;
        assert_eq!(conceal("Basic a+b/c", repeated), hidden(r#"{"got":["…",{"x …":1}],"n":1.5}"#));
        assert_eq!(conceal("Basic other", repeated), repeated, "what does not hold it stays byte for byte");
        for nothing in ["", " \n", "x"] {
            assert_eq!(conceal(nothing, "Bearer abc"), "Bearer abc");
        }
        assert_eq!(conceal("Bearer ", "Bearer abc"), hidden("… abc"));
    }
}
