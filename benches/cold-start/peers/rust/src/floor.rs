//! The least that the work takes: one thread that blocks, the standard library's sockets, rustls on ring, and no framework
//! between. Nothing here retries, times out or logs, so that nobody should run it.

use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// DynamoDB, as one connection.
struct Dynamodb {
    connection: StreamOwned<ClientConnection, TcpStream>,
    host: String,
    region: String,
    credentials: Credentials,
}

fn main() -> Result<()> {
    let table = env::var("ORDERS_TABLE")?;
    let mut dynamodb = Dynamodb::connect()?;
    dynamodb.connection.write_all(format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", dynamodb.host).as_bytes())?;
    answer(&mut dynamodb.connection)?;

    let api = env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut runtime = TcpStream::connect(&api)?;
    runtime.set_nodelay(true)?;
    let path = "/2018-06-01/runtime/invocation";
    loop {
        runtime.write_all(format!("GET {path}/next HTTP/1.1\r\nhost: {api}\r\n\r\n").as_bytes())?;
        let (head, event) = answer(&mut runtime)?;
        let id = header(&head, "lambda-runtime-aws-request-id").ok_or("no request id")?;
        let placed = dynamodb.place(&table, &serde_json::from_slice(&event)?)?.to_string();
        let length = placed.len();
        let head = format!("POST {path}/{id}/response HTTP/1.1\r\nhost: {api}\r\ncontent-length: {length}\r\n\r\n");
        runtime.write_all([head, placed].concat().as_bytes())?;
        answer(&mut runtime)?;
    }
}

impl Dynamodb {
    fn connect() -> Result<Self> {
        let endpoint = env::var("AWS_ENDPOINT_URL_DYNAMODB")?;
        let host = endpoint.strip_prefix("https://").ok_or("no TLS")?.to_owned();
        let name = host.split(':').next().unwrap_or(&host).to_owned();
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(env::var("AWS_CA_BUNDLE")?)? {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(&host)?;
        tcp.set_nodelay(true)?;
        let connection = StreamOwned::new(ClientConnection::new(Arc::new(config), ServerName::try_from(name)?)?, tcp);
        let secret =
            (env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_SECRET_ACCESS_KEY")?, env::var("AWS_SESSION_TOKEN")?);
        let credentials = Credentials::new(secret.0, secret.1, Some(secret.2), None, "environment");
        Ok(Self { connection, host, region: env::var("AWS_REGION")?, credentials })
    }

    fn place(&mut self, table: &str, event: &Value) -> Result<Value> {
        let id = uuid::Uuid::new_v4().to_string();
        let received_at = DateTime::from(SystemTime::now()).fmt(DateTimeFormat::DateTime)?;
        let item = json!({
            "id": { "S": id },
            "receivedAt": { "S": received_at },
            "placedBy": { "S": "guest" },
            "document": { "S": event["arguments"]["input"]["order"].to_string() },
        });
        let put = json!({ "TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)" });
        self.call("DynamoDB_20120810.PutItem", &put.to_string())?;
        Ok(json!({ "id": id, "receivedAt": received_at, "status": "RECEIVED", "problems": [] }))
    }

    fn call(&mut self, target: &str, body: &str) -> Result<Vec<u8>> {
        let headers =
            [("host", self.host.as_str()), ("x-amz-target", target), ("content-type", "application/x-amz-json-1.0")];
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("dynamodb")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = format!("https://{}/", self.host);
        let signable = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.extend(["\r\n", body]);
        self.connection.write_all(request.as_bytes())?;
        Ok(answer(&mut self.connection)?.1)
    }
}

/// The head and the body of an answer whose head says how long that is.
fn answer(connection: &mut impl Read) -> Result<(String, Vec<u8>)> {
    let mut read = Vec::with_capacity(8192);
    let mut chunk = [0; 8192];
    loop {
        let end = read.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = std::str::from_utf8(&read[..end])?.to_owned();
            let status = head.split(' ').nth(1).unwrap_or_default();
            if !status.starts_with('2') {
                return Err(format!("answered with {status}").into());
            }
            let length = header(&head, "content-length").ok_or("no length")?.parse::<usize>()?;
            let mut body = read.split_off(end + 4);
            let there = body.len();
            body.resize(length, 0);
            connection.read_exact(&mut body[there..])?;
            return Ok((head, body));
        }
        match connection.read(&mut chunk)? {
            0 => return Err("closed".into()),
            more => read.extend_from_slice(&chunk[..more]),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
