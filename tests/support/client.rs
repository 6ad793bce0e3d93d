//! Somebody who calls the API: with an API key, with IAM credentials, or with nothing.

use aws_credential_types::Credentials;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::privacy::PERSONAL;
use super::settling::Settling;
use super::signer::Signer;
use super::sigv4::header;
use super::{http_client, id, list};

/// Everything that an order has.
pub(crate) const ORDER: &str = "{ id customerId reference format status receivedAt fulfilledAt customer { name email } \
    shippingAddress { name lines city region postalCode country phone } \
    lines { id sku title quantity fulfilledQuantity unitPrice { amount currency } } total { amount currency } \
    changes { id at kind reference lines { line quantity } reason } problems document }";

/// Somebody who calls the API.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    settling: Settling,
    caller: Caller,
}

#[derive(Clone)]
enum Caller {
    Guest { api_key: String },
    Backend(Signer),
    Stranger { authorization: Option<String> },
}

/// What came back over HTTP.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
}

/// What GraphQL answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) data: Value,
    pub(crate) errors: Vec<Value>,
}

impl Answer {
    /// The value of a field, when nothing went wrong.
    pub(crate) fn value(self, field: &str) -> Value {
        assert!(self.errors.is_empty(), "{field} failed: {:?}", self.errors);
        self.data[field].clone()
    }

    /// The type and the message of the one error there is, because of which there is no such field.
    pub(crate) fn refusal(self, field: &str) -> (String, String) {
        assert!(self.data[field].is_null(), "{field} should have failed: {}", self.data);
        assert_eq!(self.errors.len(), 1, "one error: {:?}", self.errors);
        let text = |name: &str| self.errors[0][name].as_str().unwrap_or_default().to_owned();
        assert_eq!(self.errors[0]["path"], json!([field]), "{:?}", self.errors);
        (text("errorType"), text("message"))
    }

    /// The type of the one error there is, because of which there is no such field.
    pub(crate) fn error_type(self, field: &str) -> String {
        self.refusal(field).0
    }
}

impl Client {
    pub(crate) fn stranger(http: reqwest::Client, url: &str, settling: Settling) -> Self {
        Self { http, url: url.to_owned(), settling, caller: Caller::Stranger { authorization: None } }
    }

    /// The same caller, who takes the API to be at another address.
    pub(crate) fn at(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    /// Somebody with just this API key.
    pub(crate) fn with_api_key(self, api_key: &str) -> Self {
        Self { caller: Caller::Guest { api_key: api_key.to_owned() }, ..self }
    }

    /// Somebody with just this `authorization` header.
    pub(crate) fn with_authorization(self, authorization: &str) -> Self {
        Self { caller: Caller::Stranger { authorization: Some(authorization.to_owned()) }, ..self }
    }

    /// Somebody who signs with these credentials, and takes the stage to be in this region.
    pub(crate) fn with_credentials(self, credentials: Credentials, region: &str) -> Self {
        self.with_signer(Signer::new("appsync", credentials, region))
    }

    /// Somebody who signs in this way.
    pub(crate) fn with_signer(self, signer: Signer) -> Self {
        Self { caller: Caller::Backend(signer), ..self }
    }

    /// The same caller, on connections that nobody else uses.
    pub(crate) fn on_connections_of_its_own(&self) -> Self {
        Self { http: http_client(), ..self.clone() }
    }

    /// The same backend with another secret.
    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        let Signer { credentials, .. } = self.signer();
        let session_token = credentials.session_token().map(str::to_owned);
        let other = Credentials::new(credentials.access_key_id(), secret, session_token, None, "test");
        self.but_signs(|signer| signer.credentials = other)
    }

    /// The same backend with another access key id.
    pub(crate) fn with_key_id(&self, key_id: &str) -> Self {
        let other = Credentials::new(key_id, self.signer().credentials.secret_access_key(), None, None, "test");
        self.but_signs(|signer| signer.credentials = other)
    }

    /// The same backend, which takes the server to be in another region.
    pub(crate) fn with_region(&self, region: &str) -> Self {
        self.but_signs(|signer| region.clone_into(&mut signer.region))
    }

    /// The same backend with another session token, or with none.
    pub(crate) fn with_session_token(&self, token: Option<&str>) -> Self {
        let Signer { credentials, .. } = self.signer();
        let (key_id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
        let other = Credentials::new(key_id, secret, token.map(str::to_owned), None, "test");
        self.but_signs(|signer| signer.credentials = other)
    }

    /// The same backend, which signs in another way.
    pub(crate) fn but_signs(&self, change: impl FnOnce(&mut Signer)) -> Self {
        let mut signer = self.signer().clone();
        change(&mut signer);
        self.clone().with_signer(signer)
    }

    pub(crate) fn signer(&self) -> &Signer {
        let Caller::Backend(signer) = &self.caller else { panic!("only backends sign") };
        signer
    }

    /// Sends a body as it is, with this caller's credentials.
    pub(crate) async fn post(&self, body: impl Into<Vec<u8>>) -> Response {
        let body = body.into();
        self.send(self.headers(&self.url, &body), body).await
    }

    /// Sends a body with a signature made for another address.
    pub(crate) async fn post_signed_for(&self, body: &str, url: &str) -> Response {
        self.send(self.headers(url, body.as_bytes()), body.into()).await
    }

    /// Sends a body with a signature made for another one.
    pub(crate) async fn post_instead(&self, signed: &str, body: &str) -> Response {
        self.send(self.headers(&self.url, signed.as_bytes()), body.into()).await
    }

    /// Sends a body with headers that were made for it or for another request.
    pub(crate) async fn post_with(&self, headers: HeaderMap, body: &str) -> Response {
        self.send(headers, body.into()).await
    }

    /// The headers with which this caller sends a body.
    pub(crate) fn headers_for(&self, body: &str) -> HeaderMap {
        self.headers(&self.url, body.as_bytes())
    }

    /// Sends a query as the parameters of a URL.
    pub(crate) async fn get(&self, parameters: &[(&str, &str)]) -> Response {
        let url = reqwest::Url::parse_with_params(&self.url, parameters).expect("an address");
        Response::of(self.http.get(url).headers(self.headers(&self.url, b""))).await
    }

    async fn send(&self, headers: HeaderMap, body: Vec<u8>) -> Response {
        self.settling.ends().await;
        let request = self.http.post(&self.url).header("content-type", "application/json").headers(headers);
        let sent = String::from_utf8_lossy(&body).into_owned();
        let response = Response::of(request.body(body)).await;
        // What is wrong is told in the words of whoever asks, or in none of anybody's order.
        let errors = response.body["errors"].to_string();
        let told = PERSONAL.iter().find(|personal| errors.contains(*personal) && !sent.contains(*personal));
        assert_eq!(told, None, "an error tells of somebody's order: {errors}");
        response
    }

    /// The headers that tell who calls.
    fn headers(&self, url: &str, body: &[u8]) -> HeaderMap {
        match &self.caller {
            Caller::Stranger { authorization } => authorization.iter().map(|it| header("authorization", it)).collect(),
            Caller::Guest { api_key } => HeaderMap::from_iter([header("x-api-key", api_key)]),
            Caller::Backend(signer) => signer.headers(url, &[], body),
        }
    }

    /// What proves over a WebSocket who subscribes: the headers of a request to this path, as AppSync's clients sign it.
    pub(crate) fn proof(&self, path: &str, body: &str) -> HeaderMap {
        let address: reqwest::Url = self.url.parse().expect("an address");
        let url = address.join(path).expect("a path").to_string();
        let mut headers = match &self.caller {
            Caller::Backend(signer) => {
                let given = [
                    ("accept", "application/json, text/javascript"),
                    ("content-encoding", "amz-1.0"),
                    ("content-type", "application/json; charset=UTF-8"),
                ];
                signer.headers(&url, &given, body.as_bytes())
            }
            Caller::Guest { .. } | Caller::Stranger { .. } => self.headers(&url, body.as_bytes()),
        };
        headers.extend([header("host", address.authority())]);
        headers
    }

    /// Runs an operation.
    pub(crate) async fn run(&self, query: &str, variables: Value) -> Answer {
        let response = self.post(json!({ "query": query, "variables": variables }).to_string()).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let errors = response.body.get("errors").map(|errors| list(errors).to_vec()).unwrap_or_default();
        Answer { data: response.body["data"].clone(), errors }
    }

    /// Tries to place an order.
    pub(crate) async fn try_to_place(&self, input: Value) -> Answer {
        let query = format!("mutation Place($input: PlaceOrderInput!) {{ placeOrder(input: $input) {ORDER} }}");
        self.run(&query, json!({ "input": input })).await
    }

    /// Places an order.
    pub(crate) async fn place(&self, input: Value) -> Value {
        self.try_to_place(input).await.value("placeOrder")
    }

    /// Places an order; its id, if there was an answer at all.
    pub(crate) async fn place_if_answered(&self, input: Value) -> Option<String> {
        let query = "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";
        let body = json!({ "query": query, "variables": { "input": input } }).to_string();
        let request = self.http.post(&self.url).headers(self.headers(&self.url, body.as_bytes())).body(body);
        let answer: Value = serde_json::from_slice(&request.send().await.ok()?.bytes().await.ok()?).ok()?;
        answer["data"]["placeOrder"]["id"].as_str().map(str::to_owned)
    }

    /// Places an order and remembers its id.
    pub(crate) async fn place_for_id(&self, input: Value) -> String {
        id(&self.place(input).await)
    }

    /// Reads an order; null if there is none to see.
    pub(crate) async fn order(&self, id: &str) -> Value {
        let query = format!("query Order($id: ID!) {{ order(id: $id) {ORDER} }}");
        self.run(&query, json!({ "id": id })).await.value("order")
    }

    /// Tries to read an order as it stood at a moment.
    pub(crate) async fn try_to_read_as_of(&self, id: &str, moment: &str) -> Answer {
        let query = format!("query Order($id: ID!, $asOf: AWSDateTime) {{ order(id: $id, asOf: $asOf) {ORDER} }}");
        self.run(&query, json!({ "id": id, "asOf": moment })).await
    }

    /// Reads an order as it stood at a moment; null if there was none to see.
    pub(crate) async fn order_as_of(&self, id: &str, moment: &str) -> Value {
        self.try_to_read_as_of(id, moment).await.value("order")
    }

    /// Tries to read a page of what somebody must look at.
    pub(crate) async fn try_to_read_attention(&self, limit: Value, next_token: Value) -> Answer {
        let query = format!(
            "query Attention($limit: Int, $nextToken: String) {{ \
             ordersNeedingAttention(limit: $limit, nextToken: $nextToken) {{ items {ORDER} nextToken }} }}"
        );
        self.run(&query, json!({ "limit": limit, "nextToken": next_token })).await
    }

    /// All that somebody must look at, page by page.
    pub(crate) async fn attention(&self) -> Vec<Value> {
        let (mut orders, mut next) = (Vec::new(), Value::Null);
        loop {
            let page = self.try_to_read_attention(json!(100), next).await.value("ordersNeedingAttention");
            orders.extend_from_slice(list(&page["items"]));
            next = page["nextToken"].clone();
            if next.is_null() {
                return orders;
            }
        }
    }

    /// The order, if somebody must look at it.
    pub(crate) async fn attention_to(&self, wanted: &str) -> Option<Value> {
        self.attention().await.into_iter().find(|order| id(order) == wanted)
    }

    /// Tries to report what was shipped.
    pub(crate) async fn try_to_report(&self, order_id: &str, reference: &str, lines: Value) -> Answer {
        let query =
            format!("mutation Report($input: RecordFulfilmentInput!) {{ recordFulfilment(input: $input) {ORDER} }}");
        self.run(&query, json!({ "input": { "orderId": order_id, "reference": reference, "lines": lines } })).await
    }

    /// Reports what was shipped.
    pub(crate) async fn report(&self, order_id: &str, reference: &str, lines: Value) -> Value {
        self.try_to_report(order_id, reference, lines).await.value("recordFulfilment")
    }

    /// Tries to announce an order.
    pub(crate) async fn try_to_publish(&self, mutation: &str, order_id: &str) -> Answer {
        let query = format!("mutation Publish($id: ID!) {{ {mutation}(id: $id) {ORDER} }}");
        self.run(&query, json!({ "id": order_id })).await
    }
}

impl Response {
    /// Sends a request and reads what comes back, which is JSON or nothing at all.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_else(|error| panic!("half an answer: {error:?}"));
        let read = |_| panic!("HTTP {status} with no JSON: {}", String::from_utf8_lossy(&body));
        let text = String::from_utf8_lossy(&body).into_owned();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or_else(read) };
        Self { status, headers, body, text }
    }

    /// The type and the message of the one error there is.
    pub(crate) fn error(&self) -> (String, String) {
        let errors = list(&self.body["errors"]);
        assert_eq!(errors.len(), 1, "{}", self.body);
        let text = |name: &str| errors[0][name].as_str().unwrap_or_default().to_owned();
        (text("errorType"), text("message"))
    }
}
