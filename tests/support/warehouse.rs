//! A warehouse that answers as a story wants it to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::gate::{Gate, Gated};

/// A warehouse.
pub(crate) struct Warehouse {
    /// Where it answers.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

type Answers = Box<dyn FnMut(&Question) -> Reply + Send>;

struct Shared {
    gate: Gate,
    asked: Mutex<Vec<Question>>,
    answers: Mutex<Answers>,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// How often this order had been asked for before.
    pub(crate) before: usize,
}

impl Question {
    pub(crate) fn order_id(&self) -> &str {
        self.body["orderId"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn key(&self) -> &str {
        self.header("idempotency-key")
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status, `location` and body.
    With(u16, Option<String>, String),
    /// Status, and a body that need not be text.
    Bytes(u16, Vec<u8>),
    /// It takes the question and says nothing, ever.
    Silence,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::With(status, None, body.to_string())
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::With(status, None, body.into())
    }

    /// Everything that was asked for is shipped.
    pub(crate) fn everything() -> Self {
        Self::text(204, "")
    }
}

impl Warehouse {
    /// A warehouse that answers each question in this way.
    pub(crate) async fn that(answers: impl FnMut(&Question) -> Reply + Send + 'static) -> Self {
        let gate = Gate::default();
        let (listener, address) = Gated::bind(gate.clone()).await;
        let shared = Arc::new(Shared { gate, asked: Mutex::default(), answers: Mutex::new(Box::new(answers)) });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}/orders"), shared }
    }

    /// A warehouse that answers every question with the same.
    pub(crate) async fn that_says(reply: Reply) -> Self {
        Self::that(move |_| reply.clone()).await
    }

    /// A warehouse that ships all it is asked for.
    pub(crate) async fn that_ships() -> Self {
        Self::that_says(Reply::everything()).await
    }

    /// From now on it answers in this way.
    pub(crate) fn changes_its_mind(&self, answers: impl FnMut(&Question) -> Reply + Send + 'static) {
        *self.shared.answers.lock().expect("no panic") = Box::new(answers);
    }

    /// Nobody reaches it any more.
    pub(crate) fn goes_down(&self) {
        self.shared.gate.close();
    }

    /// It can be reached again.
    pub(crate) fn comes_up(&self) {
        self.shared.gate.open();
    }

    /// What it was asked about an order.
    pub(crate) fn asked_about(&self, id: &str) -> Vec<Question> {
        let asked = self.shared.asked.lock().expect("no panic");
        asked.iter().filter(|question| question.order_id() == id).cloned().collect()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if shared.gate.is_closed() {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::CONNECTION, "close")]).into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let mut question = Question { method: parts.method, headers: parts.headers, body, before: 0 };
    {
        let mut asked = shared.asked.lock().expect("no panic");
        question.before = asked.iter().filter(|before| before.order_id() == question.order_id()).count();
        asked.push(question.clone());
    }
    let reply = (shared.answers.lock().expect("no panic"))(&question);
    match reply {
        Reply::With(status, location, body) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let location = location.map(|location| [(header::LOCATION, location)]);
            (status, location, body).into_response()
        }
        Reply::Bytes(status, body) => (StatusCode::from_u16(status).expect("a status"), body).into_response(),
        Reply::Silence => std::future::pending().await,
    }
}
