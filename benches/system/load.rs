//! Requests: on so many connections, each of which sends the next one when it has the answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::figures;
use super::server::Server;

const PLACE: &str = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id status receivedAt } }";
const ORDER: &str = "query ($id: ID!) { order(id: $id) { id reference status receivedAt fulfilledAt document problems \
     customer { name email } shippingAddress { name lines city postalCode country } total { amount currency } \
     lines { id sku title quantity fulfilledQuantity unitPrice { amount currency } } \
     changes { id at kind reference lines { line quantity } } } }";

/// What is sent, and how often.
pub(crate) struct Load {
    bodies: Vec<String>,
    count: usize,
}

impl Load {
    /// Reads these orders in turn, whole.
    pub(crate) fn orders(ids: &[String], count: usize) -> Self {
        let body = |id: &String| json!({ "query": ORDER, "variables": { "id": id } }).to_string();
        Self { bodies: ids.iter().map(body).collect(), count }
    }

    /// Places that many orders.
    pub(crate) fn places(count: usize) -> Self {
        let order = json!({
            "reference": "A-1",
            "customer": { "name": "Ada Lovelace", "email": "ada@example.com" },
            "shippingAddress": { "name": "Ada Lovelace", "lines": ["12 St James's Square"], "city": "London",
                "postalCode": "SW1Y 4JH", "country": "GB" },
            "currency": "EUR",
            "lines": [
                { "sku": "TEA", "title": "Tea, 100 g", "quantity": 2, "unitPrice": "12.50" },
                { "sku": "POT", "title": "Teapot", "quantity": 1, "unitPrice": "49.00" },
            ],
        });
        let body = json!({ "query": PLACE, "variables": { "input": { "order": order } } }).to_string();
        Self { bodies: vec![body], count }
    }

    /// Sends it all, and gives the time to each answer, sorted.
    pub(crate) fn run(&self, server: &Server, connections: usize) -> Vec<Duration> {
        let next = AtomicUsize::new(0);
        let times = Mutex::new(Vec::with_capacity(self.count));
        std::thread::scope(|scope| {
            for _ in 0..connections.min(self.count) {
                let mut connection = Connection::to(server);
                let (next, times) = (&next, &times);
                scope.spawn(move || {
                    let mut own = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= self.count {
                            break;
                        }
                        let start = Instant::now();
                        let answer = connection.send(&self.bodies[index % self.bodies.len()]);
                        own.push(start.elapsed());
                        assert!(!answer.contains("\"errors\""), "{answer}");
                    }
                    times.lock().expect("the times").extend(own);
                });
            }
        });
        figures::sorted(times.into_inner().expect("the times"))
    }
}

/// Places orders one after the other, and gives their ids.
pub(crate) fn place(server: &Server, count: usize) -> Vec<String> {
    let mut connection = Connection::to(server);
    let body = Load::places(1).bodies.swap_remove(0);
    let place = |_| {
        let answer: Value = serde_json::from_str(&connection.send(&body)).expect("an answer in JSON");
        answer["data"]["placeOrder"]["id"].as_str().unwrap_or_else(|| panic!("no order: {answer}")).to_owned()
    };
    (0..count).map(place).collect()
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    head: String,
    /// Who is at the other end.
    server: &'static str,
}

impl Connection {
    pub(crate) fn to(server: &Server) -> Self {
        let stream = TcpStream::connect(&server.host).expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let (host, key) = (&server.host, &server.api_key);
        let head =
            format!("POST /graphql HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n");
        Self { stream, head, server: server.name }
    }

    /// Places an order.
    pub(crate) fn place(&mut self) {
        let answer = self.send(&Load::places(1).bodies[0]);
        assert!(!answer.contains("\"errors\""), "{answer}");
    }

    /// Sends a request and reads the answer's body.
    fn send(&mut self, body: &str) -> String {
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).expect("a request is sent");
        let mut answer = Vec::with_capacity(4096);
        loop {
            let mut piece = [0; 16_384];
            let length = self.stream.read(&mut piece).unwrap_or_else(|error| panic!("{error}, from {}", self.server));
            assert_ne!(length, 0, "{} closed the connection", self.server);
            answer.extend_from_slice(&piece[..length]);
            if let Some(body) = whole_body(&answer) {
                return body;
            }
        }
    }
}

fn whole_body(answer: &[u8]) -> Option<String> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).expect("a head in ASCII").to_ascii_lowercase();
    let length = head.split("content-length:").nth(1).expect("an answer that says its length");
    let length: usize = length.lines().next()?.trim().parse().expect("a length");
    let body = answer.get(end + 4..end + 4 + length)?;
    Some(String::from_utf8(body.to_vec()).expect("an answer in UTF-8"))
}

#[allow(clippy::cast_precision_loss, reason = "counts of requests are small")]
pub(crate) const fn as_f64(count: usize) -> f64 {
    count as f64
}
