//! The warehouse: asked for what is open, it ships, accepts or refuses.
//!
//! Only a 422 whose body says `"refused": true` refuses. Everything else that is not understood is tried again, since a
//! wrong URL, an expired credential or a mismatched key must not refuse a single order.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::aws::Aws;
use crate::environment::{Environment, EnvironmentError};
use crate::http::{Answer, HttpClient};
use crate::order::view::{Address, FulfilledLine, Order};
use crate::order::{Change, Id, Timestamp};
use crate::secret::{Secret, SecretText, Unreadable};

const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read at all, in bytes.
const READ_LIMIT: usize = 1024 * 1024;

/// How much of an answer is kept with the change, in bytes.
const KEPT: usize = 64 * 1024;

/// How many characters of a reference or a reason are kept.
const KEPT_OF_A_TEXT: usize = 1_000;

/// The warehouse that `WAREHOUSE_URL` names; without one, everything ships at once.
///
/// If `WAREHOUSE_SECRET` names a secret as well, each question carries its text as the header `authorization`.
#[derive(Clone)]
pub struct Warehouse {
    http: HttpClient,
    url: Option<String>,
    secret: Option<Secret>,
}

/// The warehouse gave no answer that can be relied on: ask again later.
#[derive(Debug, thiserror::Error)]
#[error("the warehouse {0}")]
pub struct NoAnswer(String);

impl From<Unreadable> for NoAnswer {
    fn from(error: Unreadable) -> Self {
        Self(format!("cannot be asked: {error}"))
    }
}

/// What the warehouse is asked: to ship these lines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    order_id: &'a Id,
    reference: Option<&'a str>,
    shipping_address: Option<&'a Address>,
    lines: Vec<OpenLine<'a>>,
}

#[derive(Debug, Serialize)]
struct OpenLine<'a> {
    id: &'a Id,
    sku: Option<&'a str>,
    title: Option<&'a str>,
    quantity: i32,
}

impl Warehouse {
    /// The warehouse of this environment.
    ///
    /// # Errors
    /// If `WAREHOUSE_URL` is set, but is no URL of HTTP.
    pub fn new(aws: &Aws, environment: &Environment) -> Result<Self, EnvironmentError> {
        let url = environment.get("WAREHOUSE_URL").map(str::to_owned);
        let is_http =
            |url: &String| url.parse::<http::Uri>().is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")));
        if url.as_ref().is_some_and(|url| !is_http(url)) {
            return Err(EnvironmentError::Invalid("WAREHOUSE_URL"));
        }
        let secret = environment.get("WAREHOUSE_SECRET").filter(|_| url.is_some());
        let secret = secret.map(|id| Secret::new(aws.clone(), environment, id));
        Ok(Self { http: aws.http.clone(), url, secret })
    }

    /// Asks for everything that is open. `refusals` is the number of earlier refusals: together with the order's id it
    /// is the key by which the warehouse knows a question that it has answered before.
    ///
    /// # Errors
    /// If there was no answer, or none that can be relied on.
    pub async fn ask(&self, order: &Order, refusals: u32, now: impl Fn() -> Timestamp) -> Result<Change, NoAnswer> {
        let change = |kind: Verdict| {
            let id = Change::warehouse_id(refusals);
            match kind {
                Verdict::Accepted { reference } => Change::accepted(&order.id, id, now(), reference),
                Verdict::Fulfilled { reference, lines } => Change::fulfilled(&order.id, id, now(), reference, lines),
                Verdict::Refused { reason } => Change::refused(&order.id, id, now(), reason),
            }
        };
        let Some(url) = &self.url else {
            return Ok(change(Verdict::Fulfilled { reference: None, lines: everything(order) }));
        };
        let question = Question {
            order_id: &order.id,
            reference: order.reference.as_deref(),
            shipping_address: order.shipping_address.as_ref(),
            lines: order
                .open_lines()
                .map(|(line, quantity)| OpenLine {
                    id: &line.id,
                    sku: line.sku.as_deref(),
                    title: line.title.as_deref(),
                    quantity,
                })
                .collect(),
        };
        let body = serde_json::to_string(&question).map_err(|error| NoAnswer(format!("cannot be asked: {error}")))?;
        let request = http::Request::post(url)
            .header("content-type", "application/json")
            .header("idempotency-key", format!("{}/{refusals}", order.id))
            .body(body)
            .map_err(|error| NoAnswer(format!("cannot be asked: {error}")))?;
        let (answer, secret) = self.send(request).await?;
        // A warehouse may repeat what it was sent; what is kept is shown to whoever may see the order.
        let conceal = |said: &str| secret.as_ref().map_or_else(|| said.to_owned(), |secret| secret.conceal_in(said));
        let change = change(read(order, &answer, conceal)?);
        let kept = conceal(&String::from_utf8_lossy(&answer.body));
        Ok(Change { answer: Some(kept[..kept.floor_char_boundary(KEPT)].to_owned()), ..change })
    }

    /// Sends a question, and once more with a secret that was fetched anew if the warehouse does not take the one that
    /// was kept: it may have been changed since. Returns the answer, and the secret that it was given for.
    async fn send(&self, request: http::Request<String>) -> Result<(Answer, Option<SecretText>), NoAnswer> {
        let Some(secret) = &self.secret else { return Ok((self.attempt(&request).await?, None)) };
        let kept = secret.text().await?;
        let answer = self.attempt(&authorized(&request, &kept)?).await?;
        if !matches!(answer.status, 401 | 403) {
            return Ok((answer, Some(kept)));
        }
        secret.forget(&kept).await;
        let fresh = secret.text().await?;
        if fresh.expose() == kept.expose() {
            return Ok((answer, Some(fresh)));
        }
        Ok((self.attempt(&authorized(&request, &fresh)?).await?, Some(fresh)))
    }

    async fn attempt(&self, request: &http::Request<String>) -> Result<Answer, NoAnswer> {
        self.http.send(request, TIMEOUT, READ_LIMIT).await.map_err(|error| NoAnswer(format!("gave {error}")))
    }
}

/// The question with the secret in its header.
fn authorized(request: &http::Request<String>, secret: &SecretText) -> Result<http::Request<String>, NoAnswer> {
    let unusable = || NoAnswer("cannot be asked: the secret is no value of an HTTP header".to_owned());
    let value = Some(secret.expose()).filter(|value| !value.trim().is_empty()).ok_or_else(unusable)?;
    let mut value = http::HeaderValue::from_str(value).map_err(|_| unusable())?;
    value.set_sensitive(true);
    let mut request = request.clone();
    request.headers_mut().insert(http::header::AUTHORIZATION, value);
    Ok(request)
}

/// What the warehouse said.
#[derive(Debug, PartialEq)]
enum Verdict {
    Accepted { reference: Option<String> },
    Fulfilled { reference: Option<String>, lines: Vec<FulfilledLine> },
    Refused { reason: Option<String> },
}

fn everything(order: &Order) -> Vec<FulfilledLine> {
    order.open_lines().map(|(line, quantity)| FulfilledLine { line: line.id.clone(), quantity }).collect()
}

/// What the answer says. `conceal` takes out of a text what must not be kept.
fn read(order: &Order, answer: &Answer, conceal: impl Fn(&str) -> String) -> Result<Verdict, NoAnswer> {
    let unreadable = |what: &str| NoAnswer(format!("answered {} with {what}", answer.status));
    if answer.truncated {
        return Err(unreadable("more than 1 MB"));
    }
    let blank = answer.body.iter().all(u8::is_ascii_whitespace);
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let text = |name: &str| match body.as_ref()?.get(name)? {
        Value::String(text) => Some(conceal(text).chars().take(KEPT_OF_A_TEXT).collect()),
        Value::Number(number) => Some(conceal(&number.to_string())),
        _ => None,
    };
    match answer.status {
        422 if body.as_ref().is_some_and(|body| body.get("refused") == Some(&Value::Bool(true))) => {
            Ok(Verdict::Refused { reason: text("reason") })
        }
        200..=299 if blank => Ok(Verdict::Fulfilled { reference: None, lines: everything(order) }),
        200..=299 => {
            let Some(Value::Object(members)) = &body else { return Err(unreadable("no JSON object")) };
            if members.contains_key("refused") {
                return Err(unreadable("something about refusing, which is for 422"));
            }
            let reference = text("reference");
            match members.get("lines") {
                None | Some(Value::Null) => Ok(Verdict::Fulfilled { reference, lines: everything(order) }),
                Some(Value::Array(lines)) if lines.is_empty() => Ok(Verdict::Accepted { reference }),
                Some(lines) => match shipped(order, lines) {
                    Some(lines) => Ok(Verdict::Fulfilled { reference, lines }),
                    None => Err(unreadable("lines that do not fit what it was asked for")),
                },
            }
        }
        _ => Err(NoAnswer(format!("answered {}", answer.status))),
    }
}

/// The lines that the answer names, if each was open and none is more than that.
fn shipped(order: &Order, lines: &Value) -> Option<Vec<FulfilledLine>> {
    let mut open: BTreeMap<&Id, i64> = order.open_lines().map(|(line, open)| (&line.id, open.into())).collect();
    let mut shipped = Vec::new();
    for line in lines.as_array()? {
        let id = Id::from(line.get("id")?.as_str()?);
        let quantity = line.get("quantity")?.as_i64().filter(|quantity| *quantity >= 1)?;
        let left = open.get_mut(&id)?;
        *left = left.checked_sub(quantity).filter(|left| *left >= 0)?;
        shipped.push(FulfilledLine { line: id, quantity: i32::try_from(quantity).ok()? });
    }
    Some(FulfilledLine::summed(shipped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{PlacedBy, ReceivedOrder, interpret, merge};

    fn order() -> Order {
        let received = ReceivedOrder {
            id: Id::from("o"),
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            placed_by: PlacedBy::Guest,
            customer_id: None,
            idempotency_key: None,
            document: r#"{"lines":[{"sku":"A","quantity":2},{"sku":"B","quantity":1}]}"#.to_owned(),
        };
        merge(&received, &interpret(&received.document), &[], None).unwrap()
    }

    fn said(status: u16, body: &str) -> Result<Verdict, String> {
        let answer = Answer { status, body: body.as_bytes().to_vec(), truncated: false };
        read(&order(), &answer, str::to_owned).map_err(|error| error.to_string())
    }

    fn lines(lines: &[(&str, i32)]) -> Vec<FulfilledLine> {
        lines.iter().map(|&(line, quantity)| FulfilledLine { line: Id::from(line), quantity }).collect()
    }

    #[test]
    fn an_answer_without_lines_means_everything() {
        let all = lines(&[("/lines/0", 2), ("/lines/1", 1)]);
        for (status, body) in [(200, ""), (204, " \n"), (200, "{}"), (201, r#"{"lines":null}"#)] {
            assert_eq!(said(status, body), Ok(Verdict::Fulfilled { reference: None, lines: all.clone() }), "{body}");
        }
        let reference = Some("W-1".to_owned());
        assert_eq!(said(200, r#"{"reference":"W-1"}"#), Ok(Verdict::Fulfilled { reference, lines: all }));
    }

    #[test]
    fn named_lines_are_partial_and_none_is_accepted() {
        let reference = Some("7".to_owned());
        assert_eq!(said(200, r#"{"lines":[],"reference":7}"#), Ok(Verdict::Accepted { reference }));
        let some = lines(&[("/lines/0", 2)]);
        assert_eq!(
            said(200, r#"{"lines":[{"id":"/lines/0","quantity":1},{"id":"/lines/0","quantity":1}]}"#),
            Ok(Verdict::Fulfilled { reference: None, lines: some })
        );
    }

    #[test]
    fn only_an_explicit_refusal_refuses() {
        assert_eq!(
            said(422, r#"{"refused":true,"reason":"sold out"}"#),
            Ok(Verdict::Refused { reason: Some("sold out".to_owned()) })
        );
        assert_eq!(said(422, r#"{"refused":true}"#), Ok(Verdict::Refused { reason: None }));
        for (status, body, error) in [
            (422, "{}", "the warehouse answered 422"),
            (422, r#"{"refused":"true"}"#, "the warehouse answered 422"),
            (422, r#"{"error":"idempotency key reused"}"#, "the warehouse answered 422"),
            (400, r#"{"refused":true}"#, "the warehouse answered 400"),
            (404, "", "the warehouse answered 404"),
            (301, "", "the warehouse answered 301"),
            (503, r#"{"refused":true}"#, "the warehouse answered 503"),
            (200, "<html>", "the warehouse answered 200 with no JSON object"),
            (200, "[]", "the warehouse answered 200 with no JSON object"),
            (200, r#"{"refused":true}"#, "the warehouse answered 200 with something about refusing, which is for 422"),
        ] {
            assert_eq!(said(status, body), Err(error.to_owned()), "{status} {body}");
        }
    }

    #[test]
    fn lines_that_do_not_fit_are_asked_for_again() {
        for body in [
            r#"{"lines":{}}"#,
            r#"{"lines":[{"id":"/lines/9","quantity":1}]}"#,
            r#"{"lines":[{"id":"/lines/0","quantity":0}]}"#,
            r#"{"lines":[{"id":"/lines/0","quantity":3}]}"#,
            r#"{"lines":[{"id":"/lines/1","quantity":1},{"id":"/lines/1","quantity":1}]}"#,
            r#"{"lines":[{"id":"/lines/0","quantity":1.5}]}"#,
            r#"{"lines":[{"id":"/lines/0"}]}"#,
        ] {
            let error = "the warehouse answered 200 with lines that do not fit what it was asked for";
            assert_eq!(said(200, body), Err(error.to_owned()), "{body}");
        }
    }
}
