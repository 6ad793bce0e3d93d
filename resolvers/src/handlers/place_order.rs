//! `placeOrder`: an order is stored exactly as it came, before anybody decides what it means.

use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{current, now};
use crate::appsync::ResolverEvent;
use crate::aws::Aws;
use crate::caller::Caller;
use crate::environment::{Environment, EnvironmentError};
use crate::error::Error;
use crate::order::{Id, Json, Order, ReceivedOrder, document};
use crate::tables::{Changes, Orders, Placed};

/// A customer's id is the key of an index, of which DynamoDB takes 2,048 bytes.
const LONGEST_CUSTOMER_ID: usize = 2_048;

/// The Lambda `place-order`.
#[derive(Clone)]
pub struct PlaceOrder {
    aws: Aws,
    orders: Orders,
    changes: Changes,
}

/// The arguments of `Mutation.placeOrder`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct PlaceOrderArguments {
    /// What is to be placed.
    pub input: PlaceOrderInput,
}

/// `PlaceOrderInput`, with `order` and `document` as the text in which they came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct PlaceOrderInput {
    /// The typed door.
    pub order: Option<TypedOrder>,
    /// The raw door.
    pub document: Option<Json>,
    /// Same caller and same key is same order.
    pub idempotency_key: Option<Id>,
    /// On whose behalf a backend places it.
    pub customer_id: Option<Id>,
}

/// An `OrderInput`, as the text in which it came.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct TypedOrder(pub Json);

impl PlaceOrder {
    /// Sets the Lambda up.
    ///
    /// # Errors
    /// If the environment lacks something.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let aws = Aws::new(environment)?;
        let client = aws.dynamodb();
        let (orders, changes) = (Orders::new(client.clone(), environment)?, Changes::new(client, environment)?);
        Ok(Self { aws, orders, changes })
    }

    /// Opens the connection that it will need.
    pub async fn connect(&self) {
        self.aws.connect(None).await;
    }

    /// Stores the order, or finds the one that an earlier call with the same key stored.
    ///
    /// # Errors
    /// `InvalidOrder`, `IdempotencyConflict`, `InvalidArgument`, `Unauthorized`, `Unavailable`.
    pub async fn handle(&self, event: LambdaEvent<ResolverEvent>) -> Result<Order, Error> {
        let caller = Caller::new(event.payload.identity.as_ref())?;
        let PlaceOrderArguments { input } = event.payload.arguments()?;
        let order = receive(&caller, input)?;
        match self.orders.place(&order).await? {
            Placed::New => {
                tracing::info!(order_id = %order.id, placed_by = ?order.placed_by, "placed");
                Ok(current(&order, &[]))
            }
            Placed::Before(before) => {
                if before.customer_id != order.customer_id || !document::same(&before.document, &order.document) {
                    return Err(Error::IdempotencyConflict);
                }
                tracing::info!(order_id = %before.id, "placed before");
                let changes = self.changes.of(&before.id).await?;
                Ok(current(&before, &changes))
            }
            Placed::Erased => Err(Error::Erased),
        }
    }
}

/// The order that is to be stored.
fn receive(caller: &Caller, input: PlaceOrderInput) -> Result<ReceivedOrder, Error> {
    let document = match (input.order, input.document) {
        (Some(order), None) => order.0.0.get().to_owned(),
        (None, Some(document)) => object_text(&document.0)?,
        (Some(_), Some(_)) => return Err(invalid("Give either `order` or `document`, not both.")),
        (None, None) => return Err(invalid("Give the order as `order`, or as JSON in `document`.")),
    };
    let customer_id = match (caller, input.customer_id) {
        (Caller::Backend { .. }, Some(customer)) if !(1..=LONGEST_CUSTOMER_ID).contains(&customer.as_str().len()) => {
            let message = format!("`customerId` must have 1 to {LONGEST_CUSTOMER_ID} bytes.");
            return Err(Error::InvalidArgument(message));
        }
        (Caller::Backend { .. }, customer_id) => customer_id,
        (_, Some(_)) => return Err(Error::Unauthorized("Only backends may name a customerId.".to_owned())),
        (Caller::Customer { sub, .. }, None) => Some(sub.clone()),
        (Caller::Guest, None) => None,
    };
    let id = match &input.idempotency_key {
        Some(key) => derived_id(caller, key)?,
        None => Uuid::new_v4(),
    };
    Ok(ReceivedOrder {
        id: Id(id.to_string()),
        received_at: now(),
        placed_by: caller.placed_by(),
        customer_id,
        idempotency_key: input.idempotency_key,
        document,
    })
}

/// The text of the JSON object that `document` holds, byte for byte. AppSync has decoded one layer; a sender that
/// encoded twice hands over a string that holds the object.
fn object_text(document: &RawValue) -> Result<String, Error> {
    let text = if document.get().starts_with('"') {
        serde_json::from_str(document.get())
            .map_err(|_| invalid("`document` holds a string with an unpaired surrogate, which is no text."))?
    } else {
        document.get().to_owned()
    };
    let json: &RawValue =
        serde_json::from_str(&text).map_err(|_| invalid("`document` must be a JSON object, but is a string."))?;
    match json.get().as_bytes().first() {
        Some(b'{') => Ok(text),
        Some(b'[') => Err(invalid("`document` must be a JSON object, but is an array.")),
        Some(b'"') => Err(invalid("`document` must be a JSON object, but is a string.")),
        _ => Err(invalid("`document` must be a JSON object, but is a number, a boolean or null.")),
    }
}

fn invalid(message: &str) -> Error {
    Error::InvalidOrder(message.to_owned())
}

/// The id that belongs to this caller and key. Each kind of caller has a name space of its own.
fn derived_id(caller: &Caller, key: &Id) -> Result<Uuid, Error> {
    let scope = match caller {
        Caller::Guest => {
            // All guests share one scope, so that a key must be as hard to guess as an id.
            if key.as_str().len() != 36 || Uuid::parse_str(key.as_str()).is_err() {
                let message = "A guest's idempotencyKey must be a UUID, such as 8c7f3f0a-94d5-4f0e-9f53-0c8e6f2c9f5e.";
                return Err(Error::InvalidArgument(message.to_owned()));
            }
            ["guest", ""]
        }
        Caller::Customer { sub, .. } => ["customer", sub.as_str()],
        Caller::Backend { principal } => ["backend", principal],
    };
    let mut hasher = Sha256::new();
    for part in [scope[0], scope[1], key.as_str()] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize()[..16]);
    Ok(Uuid::new_v8(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::PlacedBy;

    fn customer(sub: &str) -> Caller {
        Caller::Customer { sub: Id::from(sub), staff: false }
    }

    fn backend() -> Caller {
        Caller::Backend { principal: "arn:aws:iam::1:user/shop".to_owned() }
    }

    fn place(caller: &Caller, input: &str) -> Result<ReceivedOrder, Error> {
        receive(caller, serde_json::from_str(input).unwrap())
    }

    #[test]
    fn the_document_is_kept_byte_for_byte() {
        for text in [
            r#"{"z":1.10,"a":12345678901234567890.123,"e":"","ü":"☃\u0000"}"#,
            r#"{ "b" : [ ] , "a" : 1e400 }"#,
            r#"{"lone":"\ud800"}"#,
        ] {
            let raw = place(&Caller::Guest, &format!(r#"{{"document":{text}}}"#)).unwrap();
            assert_eq!(raw.document, text);
            let twice = place(&Caller::Guest, &format!(r#"{{"document":{}}}"#, serde_json::to_string(text).unwrap()));
            assert_eq!(twice.unwrap().document, text);
            assert_eq!(place(&Caller::Guest, &format!(r#"{{"order":{text}}}"#)).unwrap().document, text);
        }
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(place(&Caller::Guest, &format!(r#"{{"document":{deep}}}"#)).unwrap().document, deep);
    }

    #[test]
    fn what_is_no_order_is_refused_with_what_to_do() {
        for (input, message) in [
            ("{}", "Give the order as `order`, or as JSON in `document`."),
            (r#"{"order":null,"document":null}"#, "Give the order as `order`, or as JSON in `document`."),
            (r#"{"order":{},"document":{}}"#, "Give either `order` or `document`, not both."),
            (r#"{"document":[{}]}"#, "`document` must be a JSON object, but is an array."),
            (r#"{"document":7}"#, "`document` must be a JSON object, but is a number, a boolean or null."),
            (r#"{"document":"hello"}"#, "`document` must be a JSON object, but is a string."),
            (r#"{"document":"\"{}\""}"#, "`document` must be a JSON object, but is a string."),
            (r#"{"document":"null"}"#, "`document` must be a JSON object, but is a number, a boolean or null."),
        ] {
            assert_eq!(place(&Caller::Guest, input), Err(invalid(message)), "{input}");
        }
    }

    #[test]
    fn the_owner_is_the_customer_or_whom_a_backend_names() {
        let owner = |caller: &Caller, input| place(caller, input).map(|order| (order.placed_by, order.customer_id));
        assert_eq!(owner(&Caller::Guest, r#"{"order":{}}"#), Ok((PlacedBy::Guest, None)));
        assert_eq!(owner(&customer("ada"), r#"{"order":{}}"#), Ok((PlacedBy::Customer, Some(Id::from("ada")))));
        assert_eq!(owner(&backend(), r#"{"order":{}}"#), Ok((PlacedBy::Backend, None)));
        let named = r#"{"order":{},"customerId":"ada"}"#;
        assert_eq!(owner(&backend(), named), Ok((PlacedBy::Backend, Some(Id::from("ada")))));
        let nobody = r#"{"order":{},"customerId":""}"#;
        assert!(matches!(owner(&backend(), nobody), Err(Error::InvalidArgument(_))));
        assert!(matches!(owner(&customer("ada"), named), Err(Error::Unauthorized(_))));
        assert!(matches!(owner(&Caller::Guest, named), Err(Error::Unauthorized(_))));
    }

    #[test]
    fn the_same_caller_and_key_make_the_same_id_and_no_others_do() {
        let key = "8c7f3f0a-94d5-4f0e-9f53-0c8e6f2c9f5e";
        let id = |caller: &Caller, key: &str| {
            place(caller, &format!(r#"{{"order":{{}},"idempotencyKey":"{key}"}}"#)).unwrap().id
        };
        let ids = [
            id(&Caller::Guest, key),
            id(&customer("ada"), key),
            id(&customer("eve"), key),
            id(&backend(), key),
            id(&customer("ada"), "another"),
            id(&customer("adaan"), "other"),
        ];
        for (at, one) in ids.iter().enumerate() {
            assert!(ids.iter().skip(at + 1).all(|other| other != one));
            assert!(Uuid::parse_str(one.as_str()).is_ok());
        }
        assert_eq!(ids[1], id(&customer("ada"), key));
        let anew = || place(&Caller::Guest, r#"{"order":{}}"#).unwrap().id;
        assert_ne!(anew(), anew());
    }

    #[test]
    fn a_guests_key_must_be_a_uuid() {
        for key in ["", "1", "8c7f3f0a94d54f0e9f530c8e6f2c9f5e", "8c7f3f0a-94d5-4f0e-9f53-0c8e6f2c9f5g"] {
            let placed = place(&Caller::Guest, &format!(r#"{{"order":{{}},"idempotencyKey":"{key}"}}"#));
            assert!(matches!(placed, Err(Error::InvalidArgument(_))), "{key}");
        }
    }
}
