//! The tables, as an operator sees them who points an AWS tool at them.

use aws_credential_types::Credentials;
use serde_json::{Value, json};

use super::client::{Response, signature};
use super::list;
use super::stage::Addresses;

/// A client of the DynamoDB endpoint.
pub(crate) struct Dynamodb {
    http: reqwest::Client,
    url: String,
    region: String,
    credentials: Credentials,
    /// The table of orders, if its name is known.
    orders: Option<String>,
}

impl Dynamodb {
    pub(crate) fn new(http: reqwest::Client, addresses: &Addresses) -> Self {
        let url = format!("{}/", addresses.dynamodb_url().trim_end_matches('/'));
        let (region, credentials) = (addresses.region.clone(), addresses.credentials());
        Self { http, url, region, credentials, orders: addresses.orders_table.clone() }
    }

    /// Runs an operation, such as `ListTables`.
    pub(crate) async fn run(&self, operation: &str, input: &Value) -> Value {
        let body = input.to_string();
        let target = format!("DynamoDB_20120810.{operation}");
        let given = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        let headers = signature("dynamodb", &self.credentials, &self.region, &self.url, &given, body.as_bytes());
        let response = Response::of(self.http.post(&self.url).headers(headers).body(body)).await;
        assert_eq!(response.status, 200, "{operation}: {}", response.body);
        response.body
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
