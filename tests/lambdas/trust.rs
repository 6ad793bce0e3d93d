//! Whom a Lambda trusts when it connects with TLS.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use local::tls::{Options, Tls};
use resolvers::environment::Environment;
use resolvers::handlers::place_order::PlaceOrder;
use resolvers::http::{HttpClient, HttpError};

use crate::cloud::Cloud;

async fn ask(url: &str, variables: &[(&str, &str)]) -> Result<u16, HttpError> {
    let environment: Environment = variables.iter().copied().collect();
    let client = HttpClient::new(&environment).unwrap();
    let request = http::Request::get(url).body(String::new()).unwrap();
    client.send(&request, Duration::from_secs(20), 1_000).await.map(|answer| answer.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_for_the_authorities_in_the_file_and_for_no_others() {
    let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = Options { tls: true, tls_port: None, tls_cert: None, tls_key: None };
    let tls = Tls::of(&options, directory.path()).unwrap().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://localhost:{port}/");
    let listener = tls.on(listener);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(async || "hello"))).await });

    let authority = tls.addresses(port).ca_file.unwrap();
    assert_eq!(ask(&url, &[("AWS_CA_BUNDLE", authority.to_str().unwrap())]).await.unwrap(), 200);
    let another = Tls::of(&options, other.path()).unwrap().unwrap().addresses(port).ca_file.unwrap();
    for variables in [&[][..], &[("AWS_CA_BUNDLE", another.to_str().unwrap())]] {
        let refused = ask(&url, variables).await.unwrap_err().to_string();
        assert!(refused.contains("certificate"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_authorities_that_cannot_be_used_stops_the_function_before_it_takes_an_order() {
    let cloud = Cloud::start(None).await;
    let empty = cloud.directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for file in [empty.to_str().unwrap(), "/nowhere/authorities.pem"] {
        let started = PlaceOrder::new(&cloud.environment_with(&[("AWS_CA_BUNDLE", file)]));
        assert!(started.err().unwrap().to_string().contains("AWS_CA_BUNDLE"), "{file}");
    }
}
