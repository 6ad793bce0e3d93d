//! Somebody's client speaks TLS alone, as Amplify's does: what is served over HTTP is served over HTTPS as well.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{Client, Home, PATIENCE, Server, apples_and_a_pear};

/// What the ready file tells of TLS.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secure {
    graphql_url: String,
    realtime_url: String,
    ca_file: Option<PathBuf>,
}

impl Secure {
    fn of(server: &Server) -> Self {
        let ready = fs::read(server.home.path("ready.json")).expect("a ready file");
        let ready: Value = serde_json::from_slice(&ready).expect("JSON");
        serde_json::from_value(ready["tls"].clone()).unwrap_or_else(|error| panic!("{error}: {ready}"))
    }

    fn address(&self) -> reqwest::Url {
        self.graphql_url.parse().expect("an address")
    }

    async fn connect(&self) -> TcpStream {
        let peer = SocketAddr::from(([127, 0, 0, 1], self.address().port().expect("a port")));
        TcpStream::connect(peer).await.expect("a connection")
    }

    /// A connection of somebody who trusts the authority in this file alone.
    async fn connect_trusting(&self, trusted: &Path) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(trusted).expect("a certificate")).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("protocols");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = ["h2", "http/1.1"].map(|protocol| protocol.as_bytes().to_vec()).into();
        let name = ServerName::try_from(self.address().host_str().expect("a host").to_owned()).expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await
    }

    /// The status and the body of the answer to a query.
    async fn post(&self, trusted: &Path, proof: &HeaderMap, body: &str) -> std::io::Result<(u16, Value)> {
        let mut stream = self.connect_trusting(trusted).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let proof = proof.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("text")));
        let head: String = proof.collect();
        let length = body.len();
        let request =
            format!("POST /graphql HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n{body}");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Ok((status, serde_json::from_str(body).expect("JSON")))
    }

    /// A guest asks.
    async fn answers(&self, server: &Server, trusted: &Path) -> std::io::Result<(u16, Value)> {
        let proof = self.guest(server).proof("/graphql", QUERY);
        self.post(trusted, &proof, QUERY).await
    }

    fn guest(&self, server: &Server) -> Client {
        server.guest().at(&self.graphql_url)
    }
}

const QUERY: &str = r#"{"query":"{ __typename }"}"#;

fn answered() -> (u16, Value) {
    (200, json!({ "data": { "__typename": "Query" } }))
}

#[tokio::test]
async fn whoever_trusts_the_authority_is_served_and_nobody_else_connects() {
    let server = Server::with(&["--tls"]).await;
    let secure = Secure::of(&server);
    assert!(secure.graphql_url.starts_with("https://127.0.0.1:") && secure.graphql_url.ends_with("/graphql"));
    assert!(secure.realtime_url.starts_with("wss://127.0.0.1:") && secure.realtime_url.ends_with("/graphql/realtime"));
    let ca_file = secure.ca_file.clone().expect("an authority");
    for told in [secure.graphql_url.as_str(), ca_file.to_str().expect("a path that is text"), "NODE_EXTRA_CA_CERTS"] {
        assert!(server.home.banner().contains(told), "{told} in:\n{}", server.home.banner());
    }
    assert_eq!(secure.answers(&server, &ca_file).await.expect("an answer"), answered());

    let other = Server::with(&["--tls"]).await;
    let refused = secure.answers(&server, &Secure::of(&other).ca_file.expect("another authority")).await;
    assert_eq!(refused.expect_err("the certificate is another's").kind(), std::io::ErrorKind::InvalidData);
    let told = async || server.home.log().contains("does not trust the certificate").then_some(());
    server.until("the log tells of it", told).await;
}

#[tokio::test]
async fn signatures_are_good_for_the_address_that_they_were_made_for() {
    let server = Server::with(&["--tls"]).await;
    let secure = Secure::of(&server);
    let ca_file = secure.ca_file.clone().expect("an authority");
    let backend = |url: &str| server.backend().at(url);
    let proof = backend(&secure.graphql_url).proof("/graphql", QUERY);
    assert_eq!(secure.post(&ca_file, &proof, QUERY).await.expect("an answer"), answered());
    let mut elsewhere = backend(&server.addresses.graphql_url).proof("/graphql", QUERY);
    elsewhere.insert("host", proof["host"].clone());
    let (status, answer) = secure.post(&ca_file, &elsewhere, QUERY).await.expect("an answer");
    assert_eq!((status, &answer["errors"][0]["errorType"]), (403, &json!("InvalidSignatureException")));
}

#[tokio::test]
async fn subscribers_are_told_over_wss() {
    let server = Server::with(&["--tls"]).await;
    let secure = Secure::of(&server);
    let guest = server.guest();
    let id = server.place_and_settle(&guest, apples_and_a_pear()).await;

    let stream = secure.connect_trusting(secure.ca_file.as_deref().expect("an authority")).await.expect("TLS");
    let mut request = secure.realtime_url.as_str().into_client_request().expect("an address");
    request.headers_mut().extend(secure.guest(&server).proof("/graphql/connect", "{}"));
    request.headers_mut().insert("sec-websocket-protocol", "graphql-ws".parse().expect("a header"));
    let (mut socket, _) = client_async(request, stream).await.expect("a WebSocket");
    let data = json!({ "query": format!("subscription {{ orderChanged(id: \"{id}\") {{ id }} }}") }).to_string();
    let authorization = json!({ "host": "any", "x-api-key": server.addresses.api_key });
    let payload = json!({ "data": data, "extensions": { "authorization": authorization } });
    for message in [json!({ "type": "connection_init" }), json!({ "type": "start", "id": "1", "payload": payload })] {
        socket.send(Message::text(message.to_string())).await.expect("it is sent");
    }
    let mut heard = Vec::new();
    while heard.last().is_none_or(|message: &Value| message["type"] != "data") {
        let message = timeout(PATIENCE, socket.next()).await.expect("a message in time");
        let Some(Ok(Message::Text(text))) = message else { panic!("{message:?} after {heard:?}") };
        heard.push(serde_json::from_str(&text).expect("JSON"));
        if heard.last().is_some_and(|message| message["type"] == "start_ack") {
            server.announce(&id).await;
        }
    }
    assert_eq!(heard.last().map(|message| &message["payload"]["data"]["orderChanged"]["id"]), Some(&json!(id)));
}

#[tokio::test]
async fn what_a_client_has_come_to_trust_is_good_after_a_restart() {
    let home = Home::new();
    let server = Server::at(&home, &["--tls"]).await;
    let ca_file = Secure::of(&server).ca_file.expect("an authority");
    let trusted = home.path("trusted.pem");
    fs::copy(ca_file, &trusted).expect("a copy");
    server.kill();
    for _ in 0..2 {
        let server = Server::at(&home, &["--tls"]).await;
        assert_eq!(Secure::of(&server).answers(&server, &trusted).await.expect("an answer"), answered());
        server.kill();
    }
    let server = Server::at(&home, &[]).await;
    let ready: Value = serde_json::from_slice(&fs::read(home.path("ready.json")).expect("a ready file")).expect("JSON");
    assert!(ready.get("tls").is_none(), "{ready}");
    assert!(!server.home.log().contains(" ERROR "), "{}", server.home.log());
}

#[tokio::test]
async fn ones_own_certificate_is_presented() {
    let home = Home::new();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let [certificate, key] = ["own.pem", "own.key"].map(|name| home.path(name));
    fs::write(&certificate, own.cert.pem()).expect("a file");
    fs::write(&key, own.signing_key.serialize_pem()).expect("a file");
    let path = |path: &Path| path.to_str().expect("a path that is text").to_owned();
    let options = ["--tls", "--tls-cert", &path(&certificate), "--tls-key", &path(&key)];
    let server = Server::at(&home, &options).await;
    let secure = Secure::of(&server);
    assert!(secure.ca_file.is_none() && secure.graphql_url.starts_with("https://localhost:"), "{secure:?}");
    assert_eq!(secure.answers(&server, &certificate).await.expect("an answer"), answered());
    assert!(!Path::new(home.data_dir()).join("authority.key").exists(), "no authority is made");
}

#[tokio::test]
async fn whoever_says_nothing_or_nonsense_holds_up_nobody() {
    let server = Server::with(&["--tls"]).await;
    let secure = Secure::of(&server);
    let ca_file = secure.ca_file.clone().expect("an authority");
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(secure.connect().await);
    }
    for nonsense in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 4096], &[0x16, 3, 1, 0xff, 0xff, 1], b"\x16\x03\x01\x00\x05hello"]
    {
        let mut stream = secure.connect().await;
        stream.write_all(nonsense).await.expect("it is sent");
        silent.push(stream);
    }
    let answer = timeout(Duration::from_secs(5), secure.answers(&server, &ca_file)).await;
    assert_eq!(answer.expect("an answer in time").expect("an answer"), answered());
    // Whoever never says anything is hung up on.
    for mut stream in silent {
        let mut said = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the end in time");
        assert!(ended.is_err() || said.first().is_none_or(|kind| *kind == 0x15), "nothing but an alert: {said:?}");
    }
    assert_eq!(secure.answers(&server, &ca_file).await.expect("an answer"), answered());
}
