//! `storefront`: what the typed door of `placeOrder` hands over, `OrderInput` of the schema.
//!
//! The total is the exact sum of quantity times unit price, and only if every line has a price.

use super::fields::{currency, object, price, quantity, text, texts};
use super::{Format, Line, Problems, Reading};
use crate::order::Id;
use crate::order::json::{Kind, Object, Value};
use crate::order::money::{money, total};
use crate::order::view::{Address, Customer, Money};

pub(super) const FORMAT: Format =
    Format { name: "storefront", source: "schema.graphql, input OrderInput", telltales: &["lines"], fits, read };

/// A list `lines` of objects.
fn fits(document: &Object<'_>) -> bool {
    let lines = document.get("lines").and_then(|lines| lines.array());
    lines.is_some_and(|lines| lines.iter().all(|line| line.kind() == Kind::Object))
}

fn read(document: &Object<'_>, problems: &mut Problems) -> Reading {
    let currency = currency(document, "currency", problems);
    let items = document.get("lines").and_then(|lines| lines.array()).unwrap_or_default();
    let (mut lines, mut sums) = (Vec::new(), Vec::new());
    for item in &items {
        let Some(fields) = item.object() else { continue };
        let Some(line) = line(item, &fields, problems) else { continue };
        let price = price(&fields, "unitPrice", problems);
        if price.is_some() && currency.is_none() {
            problems.remark(&fields.pointer_to("unitPrice"), "is a price, but the order has no currency");
        }
        sums.push(price.map(|price| (line.quantity, price)));
        let unit_price = price.zip(currency.as_deref()).map(|(price, currency)| money(price, currency));
        lines.push(Line { unit_price, ..line });
    }
    Reading {
        reference: text(document, "reference", problems),
        customer: object(document, "customer", problems).map(|customer| Customer {
            name: text(&customer, "name", problems),
            email: text(&customer, "email", problems),
        }),
        shipping_address: object(document, "shippingAddress", problems).map(|address| read_address(&address, problems)),
        total: sum(sums, currency.as_deref(), problems),
        lines,
    }
}

fn line(item: &Value<'_>, fields: &Object<'_>, problems: &mut Problems) -> Option<Line> {
    let sku = text(fields, "sku", problems);
    let title = text(fields, "title", problems);
    if sku.is_none() && title.is_none() {
        problems.fatal(&item.pointer, "has neither sku nor title: nobody knows what to ship");
    }
    let Some(value) = fields.get("quantity") else {
        problems.left_out(&item.pointer, "has no quantity");
        return None;
    };
    let quantity = quantity(&value, problems)?;
    Some(Line { id: Id::from(item.pointer.as_str()), sku, title, quantity, unit_price: None })
}

fn read_address(address: &Object<'_>, problems: &mut Problems) -> Address {
    Address {
        name: text(address, "name", problems),
        lines: texts(address, "lines", problems),
        city: text(address, "city", problems),
        region: text(address, "region", problems),
        postal_code: text(address, "postalCode", problems),
        country: text(address, "country", problems),
        phone: text(address, "phone", problems),
    }
}

/// The total of priced lines; `None` if there is none, or one of them has no price.
pub(super) fn sum(
    sums: Vec<Option<(i32, rust_decimal::Decimal)>>,
    currency: Option<&str>,
    problems: &mut Problems,
) -> Option<Money> {
    let priced: Vec<_> = sums.into_iter().collect::<Option<_>>()?;
    let currency = currency.filter(|_| !priced.is_empty())?;
    let sum = total(priced);
    if sum.is_none() {
        problems.remark("", "adds up to a total with more digits than can be kept exactly");
    }
    Some(money(sum?, currency))
}

/// The typed door's input, field by field as in the schema.
#[cfg(any(test, feature = "graphql"))]
pub mod input {
    use serde::{Deserialize, Serialize};

    /// `OrderInput`
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
    pub struct OrderInput {
        /// The sender's own order number.
        pub reference: Option<String>,
        /// Who orders.
        pub customer: Option<CustomerInput>,
        /// Where it goes.
        pub shipping_address: Option<AddressInput>,
        /// ISO 4217 code.
        pub currency: Option<String>,
        /// What is ordered.
        pub lines: Vec<OrderLineInput>,
        /// Anything else.
        pub note: Option<String>,
    }

    /// `CustomerInput`
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
    pub struct CustomerInput {
        /// Name.
        pub name: Option<String>,
        /// E-mail address.
        pub email: Option<AwsEmail>,
    }

    /// `AWSEmail`, which AppSync has checked.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct AwsEmail(pub String);

    /// `AddressInput`
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
    pub struct AddressInput {
        /// Recipient.
        pub name: Option<String>,
        /// Street and house number.
        pub lines: Option<Vec<String>>,
        /// City.
        pub city: Option<String>,
        /// State, province or county.
        pub region: Option<String>,
        /// Postal code.
        pub postal_code: Option<String>,
        /// Country.
        pub country: Option<String>,
        /// Telephone number.
        pub phone: Option<String>,
    }

    /// `OrderLineInput`
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
    pub struct OrderLineInput {
        /// Stock keeping unit.
        pub sku: String,
        /// What it is called.
        pub title: Option<String>,
        /// Pieces.
        pub quantity: i32,
        /// Decimal string.
        pub unit_price: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::input::{AddressInput, AwsEmail, CustomerInput, OrderInput, OrderLineInput};
    use crate::order::formats::{Interpretation, interpret};
    use crate::order::view::{Address, Customer};

    #[test]
    fn every_field_of_the_typed_door_is_read() {
        let some = |text: &str| Some(text.to_owned());
        let input = OrderInput {
            reference: some("S-1"),
            customer: Some(CustomerInput { name: some("Ada"), email: Some(AwsEmail("ada@example.com".to_owned())) }),
            shipping_address: Some(AddressInput {
                name: some("Ada L."),
                lines: Some(vec!["1 Main St".to_owned(), "Flat 2".to_owned()]),
                city: some("London"),
                region: some("LND"),
                postal_code: some("N1"),
                country: some("GB"),
                phone: some("+44 20 7946 0000"),
            }),
            currency: some("eur"),
            lines: vec![OrderLineInput {
                sku: "A".to_owned(),
                title: some("Apple"),
                quantity: 3,
                unit_price: some("1.10"),
            }],
            note: some("ring twice"),
        };
        let Interpretation { format, reading, problems, .. } = interpret(&serde_json::to_string(&input).unwrap());
        assert_eq!((format, problems), (Some("storefront"), vec![]));
        assert_eq!(reading.reference, some("S-1"));
        assert_eq!(reading.customer, Some(Customer { name: some("Ada"), email: some("ada@example.com") }));
        let address = Address {
            name: some("Ada L."),
            lines: vec!["1 Main St".to_owned(), "Flat 2".to_owned()],
            city: some("London"),
            region: some("LND"),
            postal_code: some("N1"),
            country: some("GB"),
            phone: some("+44 20 7946 0000"),
        };
        assert_eq!(reading.shipping_address, Some(address));
        let line = &reading.lines[0];
        assert_eq!(
            (line.id.as_str(), line.sku.as_deref(), line.title.as_deref()),
            ("/lines/0", Some("A"), Some("Apple"))
        );
        let price = line.unit_price.as_ref().unwrap();
        assert_eq!((line.quantity, price.amount.as_str(), price.currency.as_str()), (3, "1.10", "EUR"));
        assert_eq!(reading.total.unwrap().amount, "3.30");
    }

    #[test]
    fn what_decides_what_is_shipped_must_be_clear() {
        for (line, problem) in [
            (r#"{"sku":"A"}"#, "/lines/0 has no quantity"),
            (r#"{"quantity":1}"#, "/lines/0 has neither sku nor title: nobody knows what to ship"),
            (
                r#"{"sku":"A","quantity":1.5}"#,
                "/lines/0/quantity is not a quantity: a whole number from 0 to 2147483647",
            ),
            (
                r#"{"sku":"A","quantity":-1}"#,
                "/lines/0/quantity is not a quantity: a whole number from 0 to 2147483647",
            ),
            (
                r#"{"sku":"A","quantity":2147483648}"#,
                "/lines/0/quantity is not a quantity: a whole number from 0 to 2147483647",
            ),
            (r#"{"sku":"A","quantity":0}"#, "the document reads as storefront, but has no line with anything to ship"),
        ] {
            let interpretation = interpret(&format!(r#"{{"lines":[{line}]}}"#));
            assert_eq!((interpretation.format, interpretation.problems), (None, vec![problem.to_owned()]), "{line}");
        }
        assert!(!interpret(r#"{"lines":[]}"#).understood());
    }

    #[test]
    fn anything_else_is_a_remark() {
        let interpretation = interpret(
            r#"{"reference":{},"customer":7,"currency":"EURO","shippingAddress":{"lines":"x"},
               "lines":[{"sku":"A","quantity":"2","unitPrice":"cheap"},{"sku":"B","quantity":2.0,"unitPrice":1}]}"#,
        );
        assert_eq!(interpretation.format, Some("storefront"));
        assert_eq!(interpretation.reading.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(interpretation.reading.total, None);
        assert_eq!(
            interpretation.problems,
            [
                "/currency is not a currency code of three letters",
                "/lines/0/unitPrice is not a decimal number such as 12.50",
                "/lines/1/unitPrice is a price, but the order has no currency",
                "/reference is an object instead of a text",
                "/customer is a number instead of an object",
                "/shippingAddress/lines is a string instead of a list of texts",
            ]
        );
    }

    #[test]
    fn near_misses_are_not_claimed() {
        for document in [
            r#"{"lines":{}}"#,
            r#"{"lines":["A"]}"#,
            r#"{"Lines":[{"sku":"A","quantity":1}]}"#,
            r#"{"lines":[{"sku":"A","quantity":1}],"line_items":[]}"#,
            r#"{"@type":"Order","lines":[{"sku":"A","quantity":1}]}"#,
        ] {
            assert!(!interpret(document).understood(), "{document}");
        }
    }
}
