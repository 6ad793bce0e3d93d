//! What a template means here, and what is said of the rest of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Template, Wiring};
use crate::appsync::Mode;
use crate::dynamodb::{AttributeType, Projection, StreamViewType};
use crate::event_source::StartingPosition;
use crate::machine::Machine;

const STAGES: [(&str, &str); 3] = [
    ("dev", include_str!("../../../infra/templates/dev.json")),
    ("preprod", include_str!("../../../infra/templates/preprod.json")),
    ("prod", include_str!("../../../infra/templates/prod.json")),
];

/// A moment at which no key of the templates has ended.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn wiring(template: &Value) -> Result<Wiring, String> {
    let machine = Machine {
        graphql_url: "http://127.0.0.1:4000/graphql".to_owned(),
        realtime_url: "ws://127.0.0.1:4000/graphql/realtime".to_owned(),
        api_key: "da2-key".to_owned(),
        given_up: "given-up".into(),
        minute: Duration::from_millis(50),
    };
    let template = Template::parse(&template.to_string()).map_err(|error| error.to_string())?;
    template.wiring(&machine, now()).map_err(|error| error.to_string())
}

/// The template of the stage dev, changed.
fn dev(change: impl FnOnce(&mut Value)) -> Value {
    let mut template = serde_json::from_str(STAGES[0].1).unwrap();
    change(&mut template);
    template
}

fn changed(change: impl FnOnce(&mut Value)) -> Result<Wiring, String> {
    wiring(&dev(change))
}

/// What is warned of after a change.
fn warnings(change: impl FnOnce(&mut Value)) -> Vec<String> {
    changed(change).unwrap().warnings.iter().map(ToString::to_string).collect()
}

fn name_of(wiring: &Wiring, handler: &str) -> String {
    wiring.functions.iter().find(|function| function.handler == handler).unwrap().name.clone()
}

/// The resolver of a field.
fn resolver<'t>(template: &'t mut Value, field: &str) -> (String, &'t mut Value) {
    let resources = template["Resources"].as_object_mut().unwrap();
    let found = resources.iter_mut().find(|(_, resource)| {
        resource["Type"] == "AWS::AppSync::Resolver" && resource["Properties"]["FieldName"] == field
    });
    let (id, resource) = found.unwrap();
    (id.clone(), &mut resource["Properties"])
}

#[test]
fn the_committed_templates_hold_nothing_that_is_warned_of() {
    for (stage, template) in STAGES {
        let wiring = wiring(&serde_json::from_str(template).unwrap()).unwrap();
        assert_eq!(wiring.warnings, [], "{stage}");
    }
}

#[test]
fn tables_have_the_keys_indexes_and_streams_of_the_template() {
    let wiring = changed(|_| {}).unwrap();
    let table = |name: &str| wiring.tables.iter().find(|table| table.name == name).unwrap();
    let orders = table("orders-local-OrdersTable");
    assert_eq!((orders.key.partition.as_str(), orders.key.sort.as_deref()), ("id", None));
    assert_eq!(orders.stream_view_type, Some(StreamViewType::NewImage));
    let [index] = &orders.global_secondary_indexes[..] else { panic!("{orders:?}") };
    assert_eq!(index.key.attributes().collect::<Vec<_>>(), ["customerId", "receivedAt"]);
    assert_eq!((index.name.as_str(), &index.projection), ("byCustomer", &Projection::KeysOnly));
    let changes = table("orders-local-ChangesTable");
    assert_eq!(changes.key.attributes().collect::<Vec<_>>(), ["orderId", "changeId"]);
    assert_eq!(changes.stream_view_type, None);

    let renamed = changed(|template| {
        let properties = &mut template["Resources"]["ChangesTable"]["Properties"];
        properties["TableName"] = json!("facts");
        properties["AttributeDefinitions"][1]["AttributeType"] = json!("N");
    });
    let table = renamed.unwrap().tables.into_iter().find(|table| table.name == "facts").unwrap();
    assert_eq!(table.attribute_types["changeId"], AttributeType::Number);
}

#[test]
fn functions_have_the_environment_and_the_limits_of_the_template() {
    let wiring = changed(|template| {
        let properties = &mut template["Resources"]["FulfilOrders"]["Properties"];
        properties["Timeout"] = json!(17);
        properties["MemorySize"] = json!("512");
        template["Resources"]["Order"]["Properties"].as_object_mut().unwrap().remove("Timeout");
    });
    let wiring = wiring.unwrap();
    let function = |handler: &str| wiring.functions.iter().find(|function| function.handler == handler).unwrap();
    let fulfil = function("fulfil-orders");
    assert_eq!((fulfil.timeout, fulfil.memory_mb), (Duration::from_secs(17), 512));
    assert_eq!(fulfil.environment["ATTENTION_TABLE"], "orders-local-AttentionTable");
    assert_eq!(fulfil.environment["APPSYNC_URL"], "http://127.0.0.1:4000/graphql");
    assert_eq!(fulfil.environment["METRICS_NAMESPACE"], "Orders/dev");
    assert_eq!(function("order").timeout, Duration::from_secs(3));
    let role = &wiring.roles[&fulfil.role];
    let orders = "arn:aws:dynamodb:us-east-1:000000000000:table/orders-local-OrdersTable";
    assert_eq!(role.may("me", "dynamodb:GetItem", orders), Ok(()));
    assert!(role.may("me", "dynamodb:Scan", orders).unwrap_err().to_string().contains("assumed-role/"));
    assert!(role.arn.ends_with(&fulfil.role));
}

#[test]
fn the_stream_feeds_what_the_template_says() {
    let wiring = changed(|template| {
        let properties = &mut template["Resources"]["OrdersStream"]["Properties"];
        properties["BatchSize"] = json!(7);
        properties["MaximumBatchingWindowInSeconds"] = json!(2);
        properties["MaximumRetryAttempts"] = json!(-1);
        properties["MaximumRecordAgeInSeconds"] = json!(90);
    });
    let wiring = wiring.unwrap();
    let [mapping] = &wiring.mappings[..] else { panic!("{:?}", wiring.mappings) };
    assert_eq!(mapping.function_name, name_of(&wiring, "fulfil-orders"));
    assert_eq!(mapping.table_name, "orders-local-OrdersTable");
    assert_eq!((mapping.batch_size, mapping.parallelization_factor), (7, 2));
    assert_eq!(mapping.maximum_batching_window, Duration::from_secs(2));
    assert_eq!((mapping.maximum_retry_attempts, mapping.maximum_record_age), (None, Some(Duration::from_secs(90))));
    assert_eq!(mapping.starting_position, StartingPosition::TrimHorizon);
    assert!(mapping.enabled && mapping.bisect_batch_on_function_error && mapping.report_batch_item_failures);
    assert_eq!(mapping.filter_patterns, [r#"{"eventName":["INSERT"]}"#]);
    assert_eq!(mapping.on_failure.as_deref(), Some("given-up".as_ref()));

    let wiring = changed(|template| {
        let properties = template["Resources"]["OrdersStream"]["Properties"].as_object_mut().unwrap();
        for name in [
            "BatchSize",
            "BisectBatchOnFunctionError",
            "DestinationConfig",
            "FilterCriteria",
            "FunctionResponseTypes",
            "MaximumRetryAttempts",
            "ParallelizationFactor",
        ] {
            properties.remove(name).unwrap();
        }
        properties.insert("Enabled".to_owned(), json!(false));
    });
    let mapping = wiring.unwrap().mappings.remove(0);
    assert_eq!((mapping.batch_size, mapping.parallelization_factor), (100, 1));
    assert_eq!((mapping.maximum_retry_attempts, mapping.on_failure), (None, None));
    assert!(!mapping.enabled && !mapping.bisect_batch_on_function_error && !mapping.report_batch_item_failures);
    assert!(mapping.filter_patterns.is_empty());
}

#[test]
fn schedules_come_at_their_rate_if_they_are_enabled() {
    let rules = |property: &str, value: Value| {
        changed(|template| template["Resources"]["RetrySchedule"]["Properties"][property] = value).unwrap()
    };
    let wiring = rules("ScheduleExpression", json!("rate(5 minutes)"));
    let [rule] = &wiring.rules[..] else { panic!("{:?}", wiring.rules) };
    assert_eq!((rule.period, &rule.function_name), (Duration::from_millis(250), &name_of(&wiring, "fulfil-orders")));
    let disabled = rules("State", json!("DISABLED"));
    assert!(disabled.rules.is_empty() && disabled.warnings.is_empty());
    let cron = rules("ScheduleExpression", json!("cron(0 12 * * ? *)"));
    assert!(cron.rules.is_empty());
    assert_eq!(cron.warnings[0].path, "Resources.RetrySchedule.Properties.ScheduleExpression");
}

#[test]
fn the_api_is_as_open_and_as_limited_as_the_template_says() {
    let api = changed(|_| {}).unwrap().api;
    assert_eq!((api.default_mode, &api.additional_modes[..]), (Mode::UserPools, &[Mode::ApiKey, Mode::Iam][..]));
    assert!(api.introspection && api.schema.is_some());
    let api = changed(|template| {
        template["Resources"]["Api"]["Properties"] = json!({
            "Name": "orders", "AuthenticationType": "AWS_IAM", "IntrospectionConfig": "DISABLED",
            "QueryDepthLimit": 3, "ResolverCountLimit": 2,
        });
    });
    let api = api.unwrap().api;
    assert_eq!((api.default_mode, &api.additional_modes[..]), (Mode::Iam, &[][..]));
    assert_eq!((api.introspection, api.query_depth_limit, api.resolver_count_limit), (false, 3, 2));
}

#[test]
fn the_api_key_ends_when_the_template_says() {
    let with = |expires: Value| {
        changed(|template| {
            let resources = template["Resources"].as_object_mut().unwrap();
            let key = resources.values_mut().find(|resource| resource["Type"] == "AWS::AppSync::ApiKey").unwrap();
            key["Properties"]["Expires"] = expires;
        })
        .unwrap()
    };
    let seconds = now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 100;
    assert_eq!(with(json!(seconds)).api.api_key_expires, Some(now() + Duration::from_secs(100)));
    let ended = with(json!(1_700_000_000));
    assert_eq!(ended.api.api_key_expires, Some(now() + Duration::from_hours(7 * 24)));
    assert!(ended.warnings[0].to_string().contains("Expires: this time has passed"), "{:?}", ended.warnings);
}

#[test]
fn a_resolver_that_is_not_direct_is_named_and_its_field_left_without_one() {
    for (property, value, reason) in [
        ("Code", json!("export …"), "it runs code of its own"),
        ("RequestMappingTemplate", json!("{}"), "it has mapping templates"),
        ("Kind", json!("PIPELINE"), "it is a pipeline"),
        ("MaxBatchSize", json!(5), "it collects requests to batches"),
    ] {
        let mut path = String::new();
        let wiring = changed(|template| {
            let (id, properties) = resolver(template, "orders");
            properties[property] = value;
            path = format!("Resources.{id}.Properties");
        });
        let wiring = wiring.unwrap();
        let [warning] = &wiring.warnings[..] else { panic!("{:?}", wiring.warnings) };
        assert_eq!(warning.path, path);
        assert!(warning.what.contains("Query.orders") && warning.what.contains(reason), "{warning}");
        assert!(!wiring.resolvers.contains_key(&("Query".to_owned(), "orders".to_owned())));
        assert_eq!(wiring.resolvers.len(), 10);
    }
    let warned = warnings(|template| {
        let resources = template["Resources"].as_object_mut().unwrap();
        let source = resources.values_mut().find(|resource| resource["Properties"]["Name"] == "PlaceOrder").unwrap();
        source["Properties"]["Type"] = json!("NONE");
    });
    assert!(warned[0].contains("a data source of the type NONE is not served here"), "{warned:?}");
    assert!(warned[1].contains("Mutation.placeOrder is always null here"), "{warned:?}");
}

#[test]
fn what_has_no_effect_here_is_named_once_with_its_place() {
    for (path, expected) in [
        (&["Resources", "Queue"][..], "Resources.Queue: resources of the type AWS::SQS::Queue have no effect here"),
        (&["Transform"][..], "Transform: it has no effect here"),
        (
            &["Resources", "OrdersTable", "Properties", "LocalSecondaryIndexes"],
            "Resources.OrdersTable.Properties.LocalSecondaryIndexes: it has no effect here",
        ),
        (
            &["Resources", "OrdersStream", "Properties", "TumblingWindowInSeconds"],
            "Resources.OrdersStream.Properties.TumblingWindowInSeconds: it has no effect here",
        ),
        (
            &["Resources", "Order", "Properties", "VpcConfig"],
            "Resources.Order.Properties.VpcConfig: it has no effect here",
        ),
    ] {
        let value = if path[path.len() - 1] == "Queue" { json!({ "Type": "AWS::SQS::Queue" }) } else { json!(1) };
        let warned = warnings(|template| path.iter().fold(template, |at, name| &mut at[*name]).clone_from(&value));
        assert_eq!(warned, [expected]);
    }
    let imported = warnings(|template| {
        let variables = &mut template["Resources"]["Order"]["Properties"]["Environment"]["Variables"];
        variables["OTHER"] = json!({ "Fn::ImportValue": "x" });
    });
    let path = "Resources.Order.Properties.Environment.Variables.OTHER";
    assert_eq!(imported, [format!("{path}: Fn::ImportValue is not known here, and taken as AWS::NoValue")]);
}

#[test]
fn what_could_not_be_deployed_is_refused_with_its_place() {
    let refused = |change: &dyn Fn(&mut Value)| changed(change).unwrap_err();
    let without = |table: &'static str, property: &'static str| {
        move |template: &mut Value| {
            template["Resources"][table]["Properties"].as_object_mut().unwrap().remove(property).unwrap();
        }
    };
    assert_eq!(
        refused(&without("OrdersTable", "StreamSpecification")),
        "Resources.OrdersStream.Properties.EventSourceArn: the table `OrdersTable` has no stream: \
         it needs a StreamSpecification"
    );
    assert_eq!(refused(&without("Order", "Handler")), "Resources.Order.Properties: missing field `Handler`");
    assert_eq!(
        refused(&|template| template["Resources"]["ChangesTable"]["Properties"]["KeySchema"][0] = json!({})),
        "Resources.ChangesTable.Properties.KeySchema[0]: missing field `AttributeName`"
    );
    assert_eq!(
        refused(&|template| template["Resources"]["ChangesTable"]["Properties"]["KeySchema"][1]["AttributeName"] =
            json!("x")),
        "Resources.ChangesTable.Properties.KeySchema: the attribute `x` is not among the AttributeDefinitions"
    );
    assert_eq!(
        refused(&|template| template["Resources"]["OrdersStream"]["Properties"]["BatchSize"] = json!(-1)),
        "Resources.OrdersStream.Properties.BatchSize: it must be a whole number that is not negative"
    );
    assert_eq!(
        refused(&|template| template["Resources"]["OrdersTable"]["DependsOn"] = json!("Nobody")),
        "Resources.OrdersTable.DependsOn: there is no parameter or resource `Nobody` in the template"
    );
    assert_eq!(
        refused(&|template| template["Resources"]["OrdersTable"]["DependsOn"] = json!(["PlaceOrder"])),
        "Resources: these need each other in a circle: FunctionsPlaceOrderRoleDefaultPolicy5D943982, OrdersTable, PlaceOrder"
    );
    assert_eq!(
        refused(&|template| {
            let (_, first) = resolver(template, "orders");
            let second = json!({ "Type": "AWS::AppSync::Resolver", "Properties": first });
            template["Resources"]["Second"] = second;
        }),
        "Resources.Second.Properties: `ApiQueryordersABD33A4E` is the resolver of Query.orders already"
    );
    let no_api = json!({ "Resources": {} });
    assert_eq!(wiring(&no_api).unwrap_err(), "Resources: there is no AWS::AppSync::GraphQLApi in the template");
    for (text, message) in [("{", "it: it is not JSON"), ("[]", "it: "), ("{}", "it: missing field `Resources`")] {
        let error = Template::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

/// The role of a function, and the first statement of its policy.
fn role_and_statement<'t>(template: &'t mut Value, function: &str) -> (String, &'t mut Value) {
    let role = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0].as_str().unwrap().to_owned();
    let resources = template["Resources"].as_object_mut().unwrap();
    let policy = resources.values_mut().find(|resource| {
        resource["Type"] == "AWS::IAM::Policy" && resource["Properties"]["Roles"][0]["Ref"] == role.as_str()
    });
    (role, &mut policy.unwrap()["Properties"]["PolicyDocument"]["Statement"][0])
}

#[test]
fn a_role_that_lambda_may_not_take_on_is_refused() {
    let refused = changed(|template| {
        let (role, _) = role_and_statement(template, "PlaceOrder");
        let trust = &mut template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
        trust["Principal"]["Service"] = json!("ec2.amazonaws.com");
    });
    let refused = refused.unwrap_err();
    let said = "Resources.PlaceOrder.Properties.Role: The role defined for the function cannot be assumed by Lambda.";
    assert_eq!(refused, said);
}

#[test]
fn a_mapping_whose_function_may_not_read_the_stream_or_write_to_the_bucket_is_refused() {
    for (action, place) in [
        ("dynamodb:GetRecords", "Resources.OrdersStream.Properties.EventSourceArn"),
        ("s3:PutObject", "Resources.OrdersStream.Properties.DestinationConfig.OnFailure.Destination"),
    ] {
        let refused = changed(|template| {
            let (_, statement) = role_and_statement(template, "FulfilOrders");
            *statement = json!({ "Effect": "Deny", "Action": action, "Resource": "*" });
        });
        let refused = refused.unwrap_err();
        assert!(refused.starts_with(place), "{refused}");
        assert!(refused.contains(&format!("is not authorized to perform: {action} on resource: ")), "{refused}");
    }
}

#[test]
fn what_lets_nobody_do_anything_is_told() {
    let place = |template: &mut Value| role_and_statement(template, "PlaceOrder").0;
    let told = warnings(|template| {
        let role = place(template);
        template["Resources"][role]["Properties"]["ManagedPolicyArns"] = json!(["arn:aws:iam::aws:policy/ReadOnly"]);
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("ReadOnly is not in this template: nothing that it allows is allowed here"), "{told:?}");

    let told = warnings(|template| {
        let role = place(template);
        template["Resources"][role]["Properties"]["ManagedPolicyArns"] = json!([{ "Ref": "Extra" }]);
        let statement = json!({ "Effect": "Allow", "Action": "a:b", "Resource": "*" });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        template["Resources"]["Extra"] =
            json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": { "PolicyDocument": document } });
    });
    assert_eq!(told, [""; 0], "one of the template itself counts");

    let told = warnings(|template| {
        let (_, statement) = role_and_statement(template, "PlaceOrder");
        statement["Condition"] = json!({ "Bool": { "aws:SecureTransport": "true" } });
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("statement 0 is not evaluated: it has a Condition"), "{told:?}");

    let told = warnings(|template| {
        let role = place(template);
        let trust = &mut template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        let also = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": "*" } });
        trust.as_array_mut().unwrap().push(also);
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("statement 1 is not evaluated"), "{told:?}");
}

#[test]
fn a_schedule_that_may_not_invoke_its_function_never_comes_about() {
    let changed = changed(|template| {
        template["Resources"].as_object_mut().unwrap().retain(|_, other| other["Type"] != "AWS::Lambda::Permission");
    });
    let wiring = changed.unwrap();
    assert_eq!(wiring.rules.len(), 0);
    let told: Vec<_> = wiring.warnings.iter().map(ToString::to_string).collect();
    let said = "Resources.RetrySchedule.Properties.Targets[0].Arn: no AWS::Lambda::Permission lets EventBridge invoke \
                this function, and it does not here";
    assert_eq!(told, [said]);
}

#[test]
fn a_data_source_without_permission_resolves_nothing() {
    let wiring = changed(|template| {
        let resources = template["Resources"].as_object_mut().unwrap();
        let policy = resources.iter_mut().find(|(id, _)| id.starts_with("ApiOrderSourceRoleDefaultPolicy")).unwrap().1;
        policy["Properties"]["PolicyDocument"]["Statement"][0]["Action"] = json!("lambda:GetFunction");
    });
    let wiring = wiring.unwrap();
    let resolver = |parent: &str, field: &str| &wiring.resolvers[&(parent.to_owned(), field.to_owned())];
    let denied = resolver("Query", "order").denied.as_deref().unwrap();
    assert!(denied.contains("is not authorized to perform: lambda:InvokeFunction on resource: "), "{denied}");
    assert_eq!(resolver("Mutation", "placeOrder").denied, None);
}
