//! `woocommerce`: an order of WooCommerce's REST API v3 (`/wp-json/wc/v3/orders`), which its webhooks send as well.
//!
//! * **Known by** a list `line_items` beside the texts `order_key` and `status`. Refunds, subscriptions' line items and
//!   what other shops send have `line_items` without an `order_key`.
//! * **Reference** is `number`, which plugins let differ from `id`; without it `id`.
//! * **Quantity** is `quantity`. A refund is listed with its amount, and not with the lines that it took back: what is
//!   left to be shipped is then not to be known, and the order is not understood. Whether a line needs no shipping is not
//!   said either, so that all of them are shipped.
//! * **Goods** are `sku` and `name`; an empty sku is none. `product_id` and `variation_id` (0 if there is no variation)
//!   are the shop's own keys and mean nothing to a warehouse. Fees, coupons and ways of shipping are no goods.
//! * **Money**: the total is `total`, all that is to be paid, with discounts, fees, shipping and taxes. The price of a
//!   line is `price`, that of one piece after discounts and before taxes, which the shop divides out of the line's `total`
//!   and sends with as many digits as it gets.
//! * **Address** is `shipping` and nothing else: `billing` says who pays and, as the only one, who ordered. A part that
//!   the customer left out is an empty text. A company stands before the street.
//! * **Shipped is** what has the status `processing`: the documentation says of it alone that it awaits fulfilment.
//!   `pending`, `on-hold` and `checkout-draft` wait for a payment or a decision of the shop, which sends the order again
//!   as it moves on; `completed` is done; `cancelled`, `refunded`, `failed` and `trash` are off. In any other status, such
//!   as those of plugins, nobody knows.
//!
//! Source of the meaning of each status: <https://woocommerce.com/document/managing-orders/order-statuses/>.

use super::fields::{amount, currency, joined, list, object, quantity, text};
use super::{Format, Line, Problems, Reading};
use crate::order::Id;
use crate::order::json::{Kind, Object, Value};
use crate::order::view::{Address, Customer};

pub(super) const FORMAT: Format = Format {
    name: "woocommerce",
    source: "https://developer.woocommerce.com/docs/apis/rest-api/v3/orders/",
    telltales: &["line_items"],
    fits,
    read,
};

fn fits(document: &Object<'_>) -> bool {
    let kind = |name| document.get(name).map(|value| value.kind());
    kind("line_items") == Some(Kind::Array)
        && kind("order_key") == Some(Kind::String)
        && kind("status") == Some(Kind::String)
}

fn read(document: &Object<'_>, problems: &mut Problems) -> Reading {
    whether_to_ship(document, problems);
    let currency = currency(document, "currency", problems);
    let items = list(document, "line_items", problems);
    let lines = items.iter().filter_map(|item| line(item, currency.as_deref(), problems)).collect();
    Reading {
        reference: ["number", "id"].iter().find_map(|name| text(document, name, problems)),
        customer: object(document, "billing", problems).and_then(|billing| customer(&billing, problems)),
        shipping_address: object(document, "shipping", problems).and_then(|shipping| read_address(&shipping, problems)),
        total: amount(document, "total", currency.as_deref(), problems),
        lines,
    }
}

fn whether_to_ship(document: &Object<'_>, problems: &mut Problems) {
    let status = text(document, "status", problems).unwrap_or_default();
    let why_not = match status.strip_prefix("wc-").unwrap_or(&status) {
        "processing" => None,
        "pending" | "on-hold" | "checkout-draft" | "auto-draft" => Some("the shop has not released the order yet"),
        "completed" => Some("the order is fulfilled already"),
        "cancelled" | "refunded" | "failed" | "trash" => Some("the order is not to be shipped"),
        _ => Some("nobody knows whether an order is shipped in this status"),
    };
    if let Some(why_not) = why_not {
        let short: String = status.chars().take(32).collect();
        problems.fatal("/status", &format!("is {short:?}: {why_not}"));
    }
    if let Some(refund) = list(document, "refunds", problems).first() {
        problems
            .fatal(&refund.pointer, "is a refund, and does not say of which lines: nobody knows what is left to ship");
    }
}

fn line(item: &Value<'_>, currency: Option<&str>, problems: &mut Problems) -> Option<Line> {
    let Some(fields) = item.object() else {
        problems.left_out(&item.pointer, &format!("is {} instead of a line", item.kind()));
        return None;
    };
    let sku = text(&fields, "sku", problems);
    let title = text(&fields, "name", problems);
    if sku.is_none() && title.is_none() {
        problems.fatal(&item.pointer, "has neither sku nor name: nobody knows what to ship");
    }
    let Some(pieces) = fields.get("quantity") else {
        problems.left_out(&item.pointer, "has no quantity");
        return None;
    };
    let quantity = quantity(&pieces, problems)?;
    let unit_price = amount(&fields, "price", currency, problems);
    Some(Line { id: Id::from(item.pointer.as_str()), sku, title, quantity, unit_price })
}

fn customer(billing: &Object<'_>, problems: &mut Problems) -> Option<Customer> {
    let name = joined([text(billing, "first_name", problems), text(billing, "last_name", problems)]);
    let name = name.or_else(|| text(billing, "company", problems));
    let email = text(billing, "email", problems);
    (name.is_some() || email.is_some()).then_some(Customer { name, email })
}

/// The address; `None` if every part of it is empty.
fn read_address(shipping: &Object<'_>, problems: &mut Problems) -> Option<Address> {
    let mut part = |name| text(shipping, name, problems);
    let address = Address {
        name: joined([part("first_name"), part("last_name")]),
        lines: ["company", "address_1", "address_2"].into_iter().filter_map(&mut part).collect(),
        city: part("city"),
        region: part("state"),
        postal_code: part("postcode"),
        country: part("country"),
        phone: part("phone"),
    };
    (address != Address::default()).then_some(address)
}

#[cfg(test)]
mod tests {
    use crate::order::formats::{Interpretation, interpret};

    /// An order in this status with these members.
    fn order(status: &str, members: &str) -> Interpretation {
        interpret(&format!(r#"{{"order_key": "wc_order_1", "status": "{status}", "currency": "EUR", {members}}}"#))
    }

    const LINES: &str = r#""line_items": [{"sku": "A", "quantity": 1}]"#;

    #[test]
    fn only_what_awaits_fulfilment_is_shipped() {
        for status in ["processing", "wc-processing"] {
            let interpretation = order(status, LINES);
            assert_eq!((interpretation.format, interpretation.problems), (Some("woocommerce"), vec![]));
        }
        for (status, problem) in [
            ("pending", r#"/status is "pending": the shop has not released the order yet"#),
            ("on-hold", r#"/status is "on-hold": the shop has not released the order yet"#),
            ("checkout-draft", r#"/status is "checkout-draft": the shop has not released the order yet"#),
            ("completed", r#"/status is "completed": the order is fulfilled already"#),
            ("cancelled", r#"/status is "cancelled": the order is not to be shipped"#),
            ("failed", r#"/status is "failed": the order is not to be shipped"#),
            ("refunded", r#"/status is "refunded": the order is not to be shipped"#),
            ("packing", r#"/status is "packing": nobody knows whether an order is shipped in this status"#),
            (" ", r#"/status is "": nobody knows whether an order is shipped in this status"#),
        ] {
            let interpretation = order(status, LINES);
            assert_eq!((interpretation.format, interpretation.problems), (None, vec![problem.to_owned()]));
            assert_eq!(interpretation.reading.lines[0].quantity, 1);
        }
    }

    #[test]
    fn what_decides_what_is_shipped_must_be_clear() {
        for (members, problem) in [
            (
                r#""line_items": [{"sku":"A","quantity":2}], "refunds": [{"id":1,"reason":"","total":"-1.00"}]"#,
                "/refunds/0 is a refund, and does not say of which lines: nobody knows what is left to ship",
            ),
            (
                r#""line_items": [{"sku":"","name":"","quantity":1,"product_id":93,"variation_id":0}]"#,
                "/line_items/0 has neither sku nor name: nobody knows what to ship",
            ),
            (r#""line_items": [{"sku":"A"}]"#, "/line_items/0 has no quantity"),
            (r#""line_items": [null]"#, "/line_items/0 is null instead of a line"),
            (
                r#""line_items": [{"sku":"A","quantity":0.5}]"#,
                "/line_items/0/quantity is not a quantity: a whole number from 0 to 2147483647",
            ),
            (r#""line_items": []"#, "the document reads as woocommerce, but has no line with anything to ship"),
        ] {
            let interpretation = order("processing", members);
            assert_eq!((interpretation.format, interpretation.problems), (None, vec![problem.to_owned()]), "{members}");
        }
    }

    #[test]
    fn anything_else_is_a_remark() {
        let interpretation = order(
            "processing",
            r#""id": 9007199254740993, "number": "", "currency": "€", "total": "10.00", "billing": [],
               "shipping": {"first_name": "", "last_name": "", "address_1": "", "country": ""},
               "line_items": [{"sku": null, "name": "Tea", "quantity": "2", "price": 3.3333333333333335}]"#,
        );
        assert_eq!(interpretation.format, Some("woocommerce"));
        assert_eq!(
            interpretation.problems,
            [
                "/currency is not a currency code of three letters",
                "/line_items/0/price is a price, but the order has no currency",
                "/billing is an array instead of an object",
                "/total is a price, but the order has no currency",
            ]
        );
        let reading = interpretation.reading;
        assert_eq!(reading.reference.as_deref(), Some("9007199254740993"));
        assert_eq!((reading.customer, reading.shipping_address, reading.total), (None, None, None));
        assert_eq!((reading.lines[0].quantity, reading.lines[0].sku.as_deref()), (2, None));
    }

    #[test]
    fn near_misses_are_not_claimed() {
        for document in [
            r#"{"id": 726, "amount": "10.00", "reason": "", "line_items": [{"sku": "A", "quantity": -1}]}"#,
            r#"{"order_key": "wc_order_1", "line_items": [{"sku": "A", "quantity": 1}]}"#,
            r#"{"order_key": "wc_order_1", "status": "processing", "line_items": {"0": {"sku": "A", "quantity": 1}}}"#,
            r#"{"order_key": "wc_order_1", "status": "processing", "line_items": [], "lines": []}"#,
            r#"{"order": {"order_key": "wc_order_1", "status": "processing", "line_items": []}}"#,
            r#"{"id": 42}"#,
        ] {
            let problems = interpret(document).problems;
            assert!(problems[0].contains("has a shape that no format knows"), "{document}: {problems:?}");
        }
    }
}
