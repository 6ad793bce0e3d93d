//! How the parts are connected: which tables there are, which function answers which field, what the stream feeds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use resolvers::environment::{Environment, EnvironmentError};
use resolvers::handlers::fulfil_orders::FulfilOrders;
use resolvers::handlers::order::ReadOrders;
use resolvers::handlers::place_order::PlaceOrder;
use resolvers::handlers::record_fulfilment::RecordFulfilment;
use uuid::Uuid;

use crate::dynamodb::{GlobalSecondaryIndex, Key, Projection, StreamViewType, Table};
use crate::event_source::{Mapping, StartingPosition};
use crate::lambda::Function;
use crate::schedule::Rule;

/// The region of this machine.
pub const REGION: &str = "us-east-1";

/// The account of this machine.
pub const ACCOUNT: &str = "000000000000";

/// The user pool of this machine, in the form of its ids: the region and a name.
pub const USER_POOL: &str = "us-east-1_local";

/// The client of the user pool, in the form of its ids: 26 characters. The same everywhere, so that what a frontend is
/// configured with stays true.
pub const USER_POOL_CLIENT: &str = "localclient000000000000000";

const ORDERS: &str = "orders-local";
const CHANGES: &str = "changes-local";
const ATTENTION: &str = "attention-local";

/// The functions and the seconds that each may take. AppSync waits 30 seconds for a resolver.
pub const FUNCTIONS: [(&str, u64); 4] =
    [("place-order", 25), ("order", 25), ("record-fulfilment", 28), ("fulfil-orders", 120)];

/// The tables that names in a function's environment lead to.
#[must_use]
pub fn table_names() -> [(&'static str, &'static str); 3] {
    [("ORDERS_TABLE", ORDERS), ("CHANGES_TABLE", CHANGES), ("ATTENTION_TABLE", ATTENTION)]
}

/// The tables.
#[must_use]
pub fn tables() -> Vec<Table> {
    let key =
        |partition: &str, sort: Option<&str>| Key { partition: partition.to_owned(), sort: sort.map(str::to_owned) };
    let table = |name: &str, key| Table {
        name: name.to_owned(),
        key,
        global_secondary_indexes: Vec::new(),
        stream_view_type: None,
    };
    let by_customer = GlobalSecondaryIndex {
        name: "byCustomer".to_owned(),
        key: key("customerId", Some("receivedAt")),
        projection: Projection::KeysOnly,
    };
    vec![
        Table {
            global_secondary_indexes: vec![by_customer],
            stream_view_type: Some(StreamViewType::NewImage),
            ..table(ORDERS, key("id", None))
        },
        table(CHANGES, key("orderId", Some("changeId"))),
        table(ATTENTION, key("shard", Some("orderId"))),
    ]
}

/// The function that answers each root field: (type, field) to name.
#[must_use]
pub fn resolvers() -> BTreeMap<(String, String), String> {
    let order = [
        ("Query", "order"),
        ("Query", "orders"),
        ("Query", "ordersNeedingAttention"),
        ("Mutation", "publishOrderFulfilled"),
        ("Mutation", "publishOrderChanged"),
        ("Subscription", "orderFulfilled"),
        ("Subscription", "orderChanged"),
        ("Subscription", "ordersChanged"),
        ("Subscription", "anyOrderChanged"),
    ];
    let others = [(("Mutation", "placeOrder"), "place-order"), (("Mutation", "recordFulfilment"), "record-fulfilment")];
    let all = order.map(|field| (field, "order")).into_iter().chain(others);
    all.map(|((parent, field), function)| ((parent.to_owned(), field.to_owned()), function.to_owned())).collect()
}

/// Sets a function up in its own environment; the handlers are those that are deployed.
///
/// # Errors
/// If its environment lacks something.
pub fn function(name: &str, seconds: u64, environment: &Environment) -> Result<Function, EnvironmentError> {
    let timeout = Duration::from_secs(seconds);
    macro_rules! function {
        ($handler:ty) => {{
            let handler = Arc::new(<$handler>::new(environment)?);
            Function::new(name, timeout, move |event: LambdaEvent<_>| {
                let handler = Arc::clone(&handler);
                async move { handler.handle(event).await }
            })
        }};
    }
    Ok(match name {
        "place-order" => function!(PlaceOrder),
        "order" => function!(ReadOrders),
        "record-fulfilment" => function!(RecordFulfilment),
        "fulfil-orders" => function!(FulfilOrders),
        _ => unreachable!("only the functions that are listed are set up"),
    })
}

/// What the orders stream feeds.
#[must_use]
pub fn mapping(given_up: &Path) -> Mapping {
    Mapping {
        uuid: Uuid::from_u128(0x6f72_6465_7273_4000_8000_6675_6c66_696c),
        function_name: "fulfil-orders".to_owned(),
        table_name: ORDERS.to_owned(),
        event_source_arn: format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{ORDERS}/stream/local"),
        enabled: true,
        batch_size: 100,
        maximum_batching_window: Duration::ZERO,
        parallelization_factor: 2,
        starting_position: StartingPosition::TrimHorizon,
        maximum_retry_attempts: Some(10),
        maximum_record_age: None,
        bisect_batch_on_function_error: true,
        report_batch_item_failures: true,
        filter_patterns: vec![r#"{"eventName":["INSERT"]}"#.to_owned()],
        on_failure: Some(given_up.to_owned()),
    }
}

/// What the schedule feeds.
#[must_use]
pub fn rule(minute: Duration) -> Rule {
    Rule {
        arn: format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/retry-orders"),
        function_name: "fulfil-orders".to_owned(),
        period: minute,
    }
}
