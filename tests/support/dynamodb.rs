//! The tables, as an operator sees them who points an AWS tool at them.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::client::Response;
use super::list;
use super::signer::Signer;
use super::stage::Addresses;

/// A client of the DynamoDB endpoint.
pub(crate) struct Dynamodb {
    http: reqwest::Client,
    url: String,
    signer: Signer,
    /// The table of orders, if its name is known.
    orders: Option<String>,
}

impl Dynamodb {
    pub(crate) fn new(http: reqwest::Client, addresses: &Addresses) -> Self {
        let url = format!("{}/", addresses.dynamodb_url().trim_end_matches('/'));
        let signer = Signer::new("dynamodb", addresses.credentials(), &addresses.region);
        Self { http, url, signer, orders: addresses.orders_table.clone() }
    }

    /// Runs an operation, such as `ListTables`.
    pub(crate) async fn run(&self, operation: &str, input: &Value) -> Value {
        let response = self.send(operation, input, HeaderMap::new()).await;
        assert_eq!(response.status, 200, "{operation}: {}", response.body);
        response.body
    }

    /// What an operation is answered if these headers come with it, which are not signed.
    pub(crate) async fn send(&self, operation: &str, input: &Value, unsigned: HeaderMap) -> Response {
        let body = input.to_string();
        let target = format!("DynamoDB_20120810.{operation}");
        let given = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        let headers = self.signer.headers(&self.url, &given, body.as_bytes());
        Response::of(self.http.post(&self.url).headers(headers).headers(unsigned).body(body)).await
    }

    /// The text under which an order's document is stored.
    pub(crate) async fn stored_document(&self, id: &str) -> String {
        let table = match &self.orders {
            Some(table) => table.clone(),
            None => self.table_of_orders().await,
        };
        let got = self.run("GetItem", &json!({ "TableName": table, "Key": { "id": { "S": id } } })).await;
        super::text(&got["Item"]["document"]["S"])
    }

    /// The table whose key is an order's id.
    pub(crate) async fn table_of_orders(&self) -> String {
        for name in list(&self.run("ListTables", &json!({})).await["TableNames"]) {
            let table = self.run("DescribeTable", &json!({ "TableName": name })).await;
            if table["Table"]["KeySchema"] == json!([{ "AttributeName": "id", "KeyType": "HASH" }]) {
                return super::text(name);
            }
        }
        panic!("no table has an order's id as its key");
    }
}
