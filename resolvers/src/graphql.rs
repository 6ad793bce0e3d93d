//! The schema as Rust sees it: the types that the handlers take and give derive async-graphql's, so that a test can
//! prove that they and `schema.graphql` agree. No Lambda is built with this.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{EmptyMutation, EmptySubscription, InputType, InputValueError, InputValueResult, Object};
use async_graphql::{Scalar, ScalarType, Schema, SimpleObject, Value};

use crate::handlers::order::{NeedingAttentionArguments, OrderArguments, OrdersArguments, PublishArguments};
use crate::handlers::place_order::{PlaceOrderArguments, TypedOrder};
use crate::handlers::record_fulfilment::RecordFulfilmentArguments;
use crate::order::formats::storefront::input::{AwsEmail, OrderInput};
use crate::order::view::OrderConnection;
use crate::order::{Id, Json, Order, Timestamp};

/// Each root field, the Rust type that holds its arguments, and its type.
pub const ROOT_FIELDS: &[(&str, &str, &str, &str)] = &[
    ("Query", "order", "OrderArguments", "Order"),
    ("Query", "orders", "OrdersArguments", "OrderConnection!"),
    ("Query", "ordersNeedingAttention", "NeedingAttentionArguments", "OrderConnection!"),
    ("Mutation", "placeOrder", "PlaceOrderArguments", "Order"),
    ("Mutation", "recordFulfilment", "RecordFulfilmentArguments", "Order"),
    ("Mutation", "publishOrderFulfilled", "PublishArguments", "Order"),
    ("Mutation", "publishOrderChanged", "PublishArguments", "Order"),
];

/// The Rust types in the schema language. The fields of the root types stand for themselves in [`ROOT_FIELDS`].
#[must_use]
pub fn sdl() -> String {
    Schema::build(Types, EmptyMutation, EmptySubscription).finish().sdl()
}

struct Types;

#[derive(SimpleObject)]
struct Answers {
    order: Option<Order>,
    page: OrderConnection,
}

#[Object]
#[allow(clippy::unused_async, clippy::too_many_arguments, unused_variables, reason = "only its signature counts")]
impl Types {
    async fn fields(
        &self,
        order: OrderArguments,
        orders: OrdersArguments,
        needing_attention: NeedingAttentionArguments,
        place_order: PlaceOrderArguments,
        record_fulfilment: RecordFulfilmentArguments,
        publish: PublishArguments,
    ) -> Option<Answers> {
        None
    }
}

fn text(value: Value) -> Result<String, Value> {
    if let Value::String(text) = value { Ok(text) } else { Err(value) }
}

#[Scalar(name = "ID")]
impl ScalarType for Id {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self).map_err(InputValueError::expected_type)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[Scalar(name = "AWSDateTime")]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(text(value).map_err(InputValueError::expected_type)?.parse()?)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

#[Scalar(name = "AWSEmail")]
impl ScalarType for AwsEmail {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self).map_err(InputValueError::expected_type)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[Scalar(name = "AWSJSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self::from_text(text(value).map_err(InputValueError::expected_type)?)?)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.get().to_owned())
    }
}

/// The typed order is kept as the text in which it came, but its type in the schema is `OrderInput`.
impl InputType for TypedOrder {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        OrderInput::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        OrderInput::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let json = value.unwrap_or_default().into_json()?;
        Ok(Self(Json::from_text(json.to_string())?))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.0.get().to_owned())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}
