//! What the intrinsic functions give, and what is said of those that make no sense.

use std::time::Duration;

use serde_json::{Value, json};

use super::Evaluator;
use crate::machine::Machine;
use crate::template::document::Document;
use crate::template::path::Path;

fn machine() -> Machine {
    Machine {
        graphql_url: "http://127.0.0.1:4000/graphql".to_owned(),
        realtime_url: "ws://127.0.0.1:4000/graphql/realtime".to_owned(),
        api_key: "da2-key".to_owned(),
        given_up: "given-up".into(),
        minute: Duration::from_mins(1),
    }
}

/// The value in a template with a table, an API, a parameter and so on.
fn value(value: &Value) -> Result<Value, String> {
    let template = json!({
        "Parameters": {
            "Stage": { "Type": "String", "Default": "dev" },
            "Count": { "Type": "Number", "Default": 3 },
            "Zones": { "Type": "CommaDelimitedList", "Default": "a, b" },
            "Unset": { "Type": "String" },
        },
        "Mappings": { "Sizes": { "dev": { "memory": 128 } } },
        "Conditions": {
            "IsDev": { "Fn::Equals": [{ "Ref": "Stage" }, "dev"] },
            "IsProd": { "Fn::Not": [{ "Condition": "IsDev" }] },
            "Three": { "Fn::Equals": [{ "Ref": "Count" }, 3] },
            "Both": { "Fn::And": [{ "Condition": "IsDev" }, { "Condition": "Three" }] },
            "Neither": { "Fn::Or": [{ "Condition": "IsProd" }, { "Fn::Equals": ["a", "b"] }] },
            "Here": { "Condition": "There" },
            "There": { "Fn::Not": [{ "Condition": "Here" }] },
            "Odd": { "Fn::And": [{ "Condition": "IsDev" }] },
            "Nonsense": "yes",
        },
        "Resources": {
            "Orders": { "Type": "AWS::DynamoDB::Table", "Properties": { "StreamSpecification": {} } },
            "Named": { "Type": "AWS::DynamoDB::Table", "Properties": { "TableName": { "Fn::Sub": "orders-${Stage}" } } },
            "Api": { "Type": "AWS::AppSync::GraphQLApi" },
            "Key": { "Type": "AWS::AppSync::ApiKey" },
            "Role": { "Type": "AWS::IAM::Role" },
            "Bucket": { "Type": "AWS::S3::Bucket" },
            "Never": { "Type": "AWS::S3::Bucket", "Condition": "IsProd" },
            "Self": { "Type": "AWS::S3::Bucket", "Properties": { "BucketName": { "Fn::Sub": "${Self}-x" } } },
            "Queue": { "Type": "AWS::SQS::Queue" },
        },
    });
    let (document, _) = Document::parse(&template.to_string()).unwrap();
    let machine = machine();
    let evaluator = Evaluator::new(&document, &machine);
    let resources = Path::Root.key("Resources");
    let at = resources.key("Mine");
    evaluator.value(value, &at.key("P")).map(Option::unwrap_or_default).map_err(|error| error.to_string())
}

#[test]
fn references() {
    for (reference, expected) in [
        (json!({ "Ref": "AWS::Region" }), json!("us-east-1")),
        (json!({ "Ref": "AWS::StackName" }), json!("orders-local")),
        (json!({ "Ref": "AWS::NoValue" }), Value::Null),
        (json!({ "Ref": "Stage" }), json!("dev")),
        (json!({ "Ref": "Count" }), json!("3")),
        (json!({ "Ref": "Zones" }), json!(["a", "b"])),
        (json!({ "Ref": "Orders" }), json!("orders-local-Orders")),
        (json!({ "Ref": "Named" }), json!("orders-dev")),
        (json!({ "Ref": "Bucket" }), json!("orders-local-bucket")),
        (json!({ "Fn::GetAtt": ["Api", "GraphQLUrl"] }), json!("http://127.0.0.1:4000/graphql")),
        (json!({ "Fn::GetAtt": "Api.RealtimeDns" }), json!("127.0.0.1:4000")),
        (json!({ "Fn::GetAtt": ["Key", "ApiKey"] }), json!("da2-key")),
        (json!({ "Fn::GetAtt": ["Role", "Arn"] }), json!("arn:aws:iam::000000000000:role/orders-local-Role")),
        (
            json!({ "Fn::GetAtt": ["Orders", { "Ref": "AWS::NoValue" }] }),
            json!("Resources.Mine.P.Fn::GetAtt[1]: it must be a text"),
        ),
        (
            json!({ "Fn::GetAtt": "Orders.StreamArn" }),
            json!("arn:aws:dynamodb:us-east-1:000000000000:table/orders-local-Orders/stream/local"),
        ),
        (json!({ "Fn::GetAtt": ["Queue", "Arn"] }), json!("orders-local-Queue.Arn")),
        (json!({ "Fn::FindInMap": ["Sizes", { "Ref": "Stage" }, "memory"] }), json!(128)),
    ] {
        assert_eq!(value(&reference).unwrap_or_else(Value::String), expected, "{reference}");
    }
}

#[test]
fn texts() {
    for (function, expected) in [
        (json!({ "Fn::Join": ["-", ["a", 1, true, { "Ref": "Stage" }]] }), json!("a-1-true-dev")),
        (json!({ "Fn::Join": ["", { "Fn::Split": ["/", "a/b"] }] }), json!("ab")),
        (json!({ "Fn::Select": ["1", { "Ref": "Zones" }] }), json!("b")),
        (json!({ "Fn::Select": [0, ["x"]] }), json!("x")),
        (
            json!({ "Fn::Sub": "${AWS::Region}/${Orders}/${Api.ApiId}/${!Literal}$" }),
            json!("us-east-1/orders-local-Orders/local/${Literal}$"),
        ),
        (json!({ "Fn::Sub": ["${Own}-${Stage}", { "Own": { "Ref": "Count" } }] }), json!("3-dev")),
        (json!({ "Fn::Base64": "hi" }), json!("aGk=")),
        (json!(["a", { "Ref": "AWS::NoValue" }, "b"]), json!(["a", "b"])),
        (
            json!({ "A": { "Ref": "AWS::NoValue" }, "Ref": "kept", "Condition": { "Bool": {} } }),
            json!({ "Ref": "kept", "Condition": { "Bool": {} } }),
        ),
    ] {
        assert_eq!(value(&function).unwrap(), expected, "{function}");
    }
}

#[test]
fn conditions() {
    for (condition, holds) in [("IsDev", true), ("IsProd", false), ("Three", true), ("Both", true), ("Neither", false)]
    {
        assert_eq!(value(&json!({ "Fn::If": [condition, "yes", "no"] })).unwrap() == "yes", holds, "{condition}");
    }
    // What is not chosen is not looked at.
    assert_eq!(value(&json!({ "Fn::If": ["IsProd", { "Ref": "Never" }, { "Ref": "AWS::NoValue" }] })), Ok(Value::Null));
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    for (function, message) in [
        (json!({ "Ref": "Nobody" }), "Resources.Mine.P: there is no parameter or resource `Nobody` in the template"),
        (
            json!([1, { "A": { "Fn::GetAtt": ["Nobody", "Arn"] } }]),
            "Resources.Mine.P[1].A: there is no parameter or resource `Nobody` in the template",
        ),
        (json!({ "Ref": ["Orders"] }), "Resources.Mine.P: Ref takes the name of a parameter or resource"),
        (
            json!({ "Ref": "Unset" }),
            "Resources.Mine.P: the parameter `Unset` needs a Default, since nobody sets parameters here",
        ),
        (
            json!({ "Ref": "Never" }),
            "Resources.Mine.P: the resource `Never` is not made, because its condition `IsProd` does not hold",
        ),
        (
            json!({ "Fn::GetAtt": ["Named", "StreamArn"] }),
            "Resources.Mine.P: the table `Named` has no stream: it needs a StreamSpecification",
        ),
        (
            json!({ "Fn::GetAtt": ["Orders", "Colour"] }),
            "Resources.Mine.P: `Orders` is an AWS::DynamoDB::Table, which has no attribute `Colour`",
        ),
        (
            json!({ "Fn::Select": [2, { "Ref": "Zones" }] }),
            "Resources.Mine.P: Fn::Select takes the index of an element, from 0, and a list that has it",
        ),
        (json!({ "Fn::Join": ["-", "a"] }), "Resources.Mine.P.Fn::Join[1]: it must be a list"),
        (json!({ "Fn::Join": ["-", [{}]] }), "Resources.Mine.P.Fn::Join[1][0]: it must be a text"),
        (json!({ "Fn::Sub": "${Open" }), "Resources.Mine.P: Fn::Sub takes a text, or a list of a text and an object"),
        (
            json!({ "Fn::FindInMap": ["Sizes", "prod", "memory"] }),
            "Resources.Mine.P: there is no entry Sizes.prod.memory in the template's Mappings",
        ),
        (json!({ "Fn::If": ["Unheard", 1, 2] }), "Resources.Mine.P: there is no condition `Unheard` in the template"),
        (json!({ "Fn::If": ["Odd", 1, 2] }), "Conditions.Odd: Fn::And takes two to ten conditions"),
        (json!({ "Fn::If": ["Nonsense", 1, 2] }), "Conditions.Nonsense: it must be a condition"),
        (
            json!({ "Fn::If": ["Here", 1, 2] }),
            "Conditions.There.Fn::Not[0]: these need each other in a circle: Conditions.Here, Conditions.There",
        ),
        (
            json!({ "Ref": "Self" }),
            "Resources.Mine.P: these need each other in a circle: Resources.Self.Properties.BucketName",
        ),
        (json!({ "Fn::Join": ["", []], "More": 1 }), "Resources.Mine.P: Fn::Join must be the only field of its object"),
    ] {
        assert_eq!(value(&function).unwrap_err(), message, "{function}");
    }
}
