//! Pages of other sites, in a browser on this machine: also those whose name somebody has pointed at it (DNS rebinding).

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::support::{Response, Server, apples_and_a_pear};

fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header's value"))
    };
    given.iter().map(header).collect()
}

fn may_be_read_by_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key("access-control-allow-origin")
}

#[tokio::test]
async fn no_page_gets_at_the_tables() {
    let server = Server::start().await;
    server.guest().place(apples_and_a_pear()).await;
    let dynamodb = server.dynamodb();
    let url = server.addresses.dynamodb_url();
    let port = url.rsplit(':').next().expect("a port").trim_end_matches('/').to_owned();
    let rebound = format!("evil.example:{port}");
    let rebound_origin = format!("http://{rebound}");
    for sent in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "null")],
        &[("origin", url.as_str())],
        &[("origin", &server.addresses.graphql_url)],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-origin")],
        &[("host", &rebound)],
        &[("host", &rebound), ("origin", &rebound_origin)],
        &[("host", &rebound), ("origin", &rebound_origin), ("sec-fetch-site", "same-origin")],
    ] {
        let refused = dynamodb.send("ListTables", &json!({}), headers(sent)).await;
        assert_eq!(refused.status, 403, "{sent:?}: {}", refused.body);
        assert!(refused.body.get("TableNames").is_none() && !may_be_read_by_a_page(&refused.headers), "{sent:?}");
        assert!(refused.text.contains("programs on this machine"), "{}", refused.text);
    }
    let asks_first = headers(&[
        ("origin", "http://evil.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,x-amz-target,x-amz-date,content-type"),
    ]);
    let answer = server.http().request(Method::OPTIONS, &url).headers(asks_first).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), may_be_read_by_a_page(answer.headers())), (403, false));
    let allowed = dynamodb.send("ListTables", &json!({}), HeaderMap::new()).await;
    assert_eq!((allowed.status, may_be_read_by_a_page(&allowed.headers)), (200, false), "{}", allowed.body);
}

#[tokio::test]
async fn a_page_of_another_site_gets_no_credentials_and_has_none() {
    let server = Server::start().await;
    let url = &server.addresses.graphql_url;
    let root = url.trim_end_matches("/graphql");
    let own = root.trim_start_matches("http://");
    let port = own.rsplit(':').next().expect("a port");
    let rebound = format!("evil.example:{port}");
    let rebound_origin = format!("http://{rebound}");
    let json_of = ("content-type", "application/json");
    let ask = async |sent: &[(&'static str, &str)], body: &'static str| {
        Response::of(server.http().post(format!("{root}/local/credentials")).headers(headers(sent)).body(body)).await
    };
    let wish = r#"{"as":"staff","name":"mallory"}"#;
    for sent in [
        &[json_of, ("host", own), ("origin", "http://evil.example")][..],
        &[json_of, ("host", &rebound), ("origin", &rebound_origin)],
        &[json_of, ("host", &rebound), ("origin", root)],
        &[json_of, ("host", own), ("origin", root), ("sec-fetch-site", "cross-site")],
        &[json_of, ("host", own)],
    ] {
        let refused = ask(sent, wish).await;
        assert_eq!((refused.status, may_be_read_by_a_page(&refused.headers)), (403, false), "{sent:?}");
        assert!(!refused.text.contains(&server.addresses.api_key), "{sent:?}");
    }
    assert_eq!(ask(&[json_of, ("host", own), ("origin", root)], wish).await.status, 200);

    // What a browser adds by itself opens nothing: there is no cookie, and nothing else that stands for somebody.
    for sent in [
        &[json_of, ("host", &rebound), ("origin", &rebound_origin), ("cookie", "session=1")][..],
        &[json_of, ("origin", root), ("sec-fetch-site", "same-origin"), ("cookie", "session=1")],
    ] {
        let request = server.http().post(url).headers(headers(sent)).body(r#"{"query":"{ __typename }"}"#);
        let answer = Response::of(request).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (401, "UnauthorizedException"), "{sent:?}");
    }
    for path in ["/", "/graphiql", "/page/api.js", "/page/caller.js", "/us-east-1_local/.well-known/jwks.json"] {
        let file = server.http().get(format!("{root}{path}")).send().await.expect("an answer");
        let text = String::from_utf8_lossy(&file.bytes().await.expect("a file")).into_owned();
        for secret in [&server.addresses.api_key, &server.addresses.secret_access_key] {
            assert!(!text.contains(secret.as_str()), "{path}");
        }
    }
}
