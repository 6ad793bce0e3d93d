//! `shopify`: the order that Shopify's webhook `orders/create` sends, in the shape of its REST Admin API. All versions
//! of it are read; members that came later are used where they are.
//!
//! * **Known by** a list `line_items` beside the order's global id (`gid://shopify/Order/…`), or beside
//!   `financial_status` and `order_number`, which versions without global ids and trimmed webhooks have. Checkouts, draft
//!   orders, fulfilments and refunds have `line_items` as well, and neither of these.
//! * **Reference** is `name` (`#1001`), which the merchant and the customer know; without it `order_number`, then `id`.
//!   The member `reference` is a remark for marketing.
//! * **Quantity** is what is left to be shipped: the least of `quantity`, of `current_quantity` (without what was removed
//!   or refunded) and of `fulfillable_quantity` (without what is fulfilled already, over a counter for instance). At the
//!   creation of an order all three are the same. Old versions tell removed pieces only in `refunds`; these are read if
//!   neither of the two members is there. Of a line with `requires_shipping: false` (a download, a tip, a gift card that
//!   is sent by mail) nothing is to be shipped.
//! * **Title** is `name`, the product with its variant; without it `title`.
//! * **Money** is shop money: `price`, `total_price` and `currency` are what every version has and what adds up with all
//!   other amounts of the document. What the customer saw (`presentment_money`) is left aside. `total_price` is the order
//!   as placed, with discounts, shipping, taxes and tips; `current_total_price` follows later edits. The price of a line
//!   is that of one piece before discounts.
//! * **Address** is `shipping_address` and nothing else: `billing_address` says who pays. A company stands before the
//!   street. Codes are preferred to names (`US`, `KY`).
//! * **Never shipped**, and therefore not understood, are a test order (`test`), a cancelled one (`cancelled_at`), and one
//!   whose payment was taken back (`financial_status` `voided`, `refunded` or `expired`). Such a document says so when it
//!   arrives; what happens later is not in it. A payment that is still `pending` ships: it is so until the parcel has
//!   arrived where one pays on delivery.

use std::collections::HashMap;

use super::fields::{amount, currency, flag, joined, list, object, quantity, text, text_of};
use super::{Format, Line, Problems, Reading};
use crate::order::Id;
use crate::order::json::{Kind, Object, Value};
use crate::order::view::{Address, Customer};

pub(super) const FORMAT: Format = Format {
    name: "shopify",
    source: "https://shopify.dev/docs/api/admin-rest/latest/resources/order",
    telltales: &["line_items"],
    fits,
    read,
};

fn fits(document: &Object<'_>) -> bool {
    let list = document.get("line_items").is_some_and(|lines| lines.kind() == Kind::Array);
    let global_id = || document.get("admin_graphql_api_id").and_then(|id| id.string());
    let order = || global_id().is_some_and(|id| id.starts_with("gid://shopify/Order/"));
    // WooCommerce, whose `line_items` these could be as well, is known by its `order_key`.
    list && !document.has("order_key") && (order() || document.has("financial_status") && document.has("order_number"))
}

fn read(document: &Object<'_>, problems: &mut Problems) -> Reading {
    whether_to_ship(document, problems);
    let currency = currency(document, "currency", problems);
    let refunded = Refunded::read(document, problems);
    let items = list(document, "line_items", problems);
    let lines = items.iter().filter_map(|item| line(item, currency.as_deref(), &refunded, problems)).collect();
    Reading {
        reference: ["name", "order_number", "id"].iter().find_map(|name| text(document, name, problems)),
        customer: customer(document, problems),
        shipping_address: object(document, "shipping_address", problems)
            .map(|address| read_address(&address, problems)),
        total: amount(document, "total_price", currency.as_deref(), problems),
        lines,
    }
}

fn whether_to_ship(document: &Object<'_>, problems: &mut Problems) {
    if flag(document, "test", problems) == Some(true) {
        problems.fatal("/test", "is true: a test order is never shipped");
    }
    let blank = |value: &Value<'_>| value.string().is_some_and(|text| text.trim().is_empty());
    if document.get("cancelled_at").is_some_and(|when| !blank(&when)) {
        problems.fatal("/cancelled_at", "is there: a cancelled order is not shipped");
    }
    let status = text(document, "financial_status", problems);
    if let Some(status @ ("voided" | "refunded" | "expired")) = status.as_deref() {
        problems.fatal("/financial_status", &format!("is {status}: an order without a payment is not shipped"));
    }
}

fn line(item: &Value<'_>, currency: Option<&str>, refunded: &Refunded, problems: &mut Problems) -> Option<Line> {
    let Some(fields) = item.object() else {
        problems.left_out(&item.pointer, &format!("is {} instead of a line", item.kind()));
        return None;
    };
    let quantity = to_ship(&fields, refunded, problems)?;
    let sku = text(&fields, "sku", problems);
    let title = text(&fields, "name", problems).or_else(|| text(&fields, "title", problems));
    if sku.is_none() && title.is_none() && quantity > 0 {
        problems.fatal(&item.pointer, "has neither sku nor name: nobody knows what to ship");
    }
    let unit_price = amount(&fields, "price", currency, problems);
    Some(Line { id: Id::from(item.pointer.as_str()), sku, title, quantity, unit_price })
}

/// How many pieces of a line are to be shipped.
fn to_ship(line: &Object<'_>, refunded: &Refunded, problems: &mut Problems) -> Option<i32> {
    let Some(ordered) = line.get("quantity") else {
        problems.left_out(&line.pointer, "has no quantity");
        return None;
    };
    let ordered = quantity(&ordered, problems)?;
    let later: Vec<_> = ["current_quantity", "fulfillable_quantity"].iter().filter_map(|name| line.get(name)).collect();
    let mut left = ordered;
    for value in &later {
        let pieces = quantity(value, problems)?;
        if pieces > ordered {
            problems.fatal(&value.pointer, &format!("is {pieces}, but only {ordered} are ordered"));
        }
        left = left.min(pieces);
    }
    if later.is_empty() {
        left = left.saturating_sub(refunded.pieces(line)).max(0);
        if text(line, "fulfillment_status", problems).as_deref() == Some("fulfilled") {
            left = 0;
        }
    }
    Some(if flag(line, "requires_shipping", problems) == Some(false) { 0 } else { left })
}

/// How many pieces were refunded of each line, by the line's id.
struct Refunded(HashMap<String, i32>);

impl Refunded {
    fn read(document: &Object<'_>, problems: &mut Problems) -> Self {
        let mut pieces = HashMap::new();
        for refund in list(document, "refunds", problems) {
            let items = refund.object().map(|refund| list(&refund, "refund_line_items", problems)).unwrap_or_default();
            for item in &items {
                let fields = item.object();
                let field = |name| fields.as_ref().and_then(|fields| fields.get(name));
                let line = field("line_item_id").and_then(|line| text_of(&line, problems));
                let Some((line, refunded)) = line.zip(field("quantity")) else {
                    problems.fatal(&item.pointer, "does not say how much of which line was refunded");
                    continue;
                };
                let sum: &mut i32 = pieces.entry(line).or_default();
                *sum = sum.saturating_add(quantity(&refunded, problems).unwrap_or_default());
            }
        }
        Self(pieces)
    }

    fn pieces(&self, line: &Object<'_>) -> i32 {
        let id = line.get("id").and_then(|id| id.number().map(str::to_owned).or_else(|| id.string()));
        id.and_then(|id| self.0.get(&id).copied()).unwrap_or_default()
    }
}

/// Who ordered. The order's own e-mail address comes before that of the customer's account.
fn customer(document: &Object<'_>, problems: &mut Problems) -> Option<Customer> {
    let account = object(document, "customer", problems);
    let of_account = |name: &str, problems: &mut Problems| text(account.as_ref()?, name, problems);
    let name = joined([of_account("first_name", problems), of_account("last_name", problems)]);
    let email = ["email", "contact_email"].iter().find_map(|name| text(document, name, problems));
    let email = email.or_else(|| of_account("email", problems));
    (name.is_some() || email.is_some()).then_some(Customer { name, email })
}

fn read_address(address: &Object<'_>, problems: &mut Problems) -> Address {
    let mut first = |names: &[&str]| names.iter().find_map(|name| text(address, name, problems));
    let lines = ["company", "address1", "address2"].iter().filter_map(|name| first(&[name])).collect();
    let name = first(&["name"]);
    Address {
        name: name.or_else(|| joined([first(&["first_name"]), first(&["last_name"])])),
        lines,
        city: first(&["city"]),
        region: first(&["province_code", "province"]),
        postal_code: first(&["zip"]),
        country: first(&["country_code", "country"]),
        phone: first(&["phone"]),
    }
}

#[cfg(test)]
mod tests {
    use crate::order::formats::{Interpretation, interpret};

    /// An order with these members beside those by which it is known.
    fn order(members: &str) -> Interpretation {
        interpret(&format!(r#"{{"financial_status": "paid", "order_number": 1001, "currency": "EUR", {members}}}"#))
    }

    fn line(members: &str) -> Interpretation {
        order(&format!(r#""line_items": [{{"sku": "A", "quantity": 3, {members}}}, {{"sku": "B", "quantity": 1}}]"#))
    }

    #[test]
    fn what_is_left_of_a_line_is_shipped() {
        for (members, quantity) in [
            (r#""price": "1.00""#, 3),
            (r#""current_quantity": 2"#, 2),
            (r#""current_quantity": 2, "fulfillable_quantity": 1"#, 1),
            (r#""current_quantity": null, "fulfillable_quantity": "0""#, 0),
            (r#""fulfillment_status": "fulfilled""#, 0),
            (r#""fulfillment_status": "partial", "fulfillable_quantity": 2"#, 2),
            (r#""requires_shipping": false, "current_quantity": 3"#, 0),
            (r#""requires_shipping": true, "gift_card": true"#, 3),
        ] {
            let interpretation = line(members);
            let empty = Vec::<String>::new();
            assert_eq!((interpretation.format, &interpretation.problems), (Some("shopify"), &empty), "{members}");
            let quantities: Vec<_> = interpretation.reading.lines.iter().map(|line| line.quantity).collect();
            assert_eq!(quantities, [quantity, 1], "{members}");
        }
    }

    #[test]
    fn refunds_count_where_nothing_else_tells_what_is_left() {
        let refunds = r#""refunds": [{"refund_line_items": [
            {"line_item_id": 9007199254740993, "quantity": 1}, {"line_item_id": 9007199254740993, "quantity": 1},
            {"line_item_id": 9007199254740992, "quantity": 1}]}, {"refund_line_items": []}]"#;
        let quantities = |members: &str| {
            let first = format!(r#"{{"id": 9007199254740993, "sku": "A", "quantity": 3{members}}}"#);
            let second = r#"{"id": 9007199254740992, "sku": "B", "quantity": 2}"#;
            let interpretation = order(&format!(r#""line_items": [{first}, {second}], {refunds}"#));
            assert_eq!(interpretation.problems, Vec::<String>::new());
            interpretation.reading.lines.iter().map(|line| line.quantity).collect::<Vec<_>>()
        };
        assert_eq!(quantities(""), [1, 1]);
        assert_eq!(quantities(r#", "current_quantity": 2"#), [2, 1]);
    }

    #[test]
    fn what_decides_what_is_shipped_must_be_clear() {
        for (members, problem) in [
            (
                r#""test": true, "line_items": [{"sku":"A","quantity":1}]"#,
                "/test is true: a test order is never shipped",
            ),
            (r#""test": "no", "line_items": [{"sku":"A","quantity":1}]"#, "/test is a string instead of true or false"),
            (
                r#""cancelled_at": "2026-01-01T00:00:00Z", "line_items": [{"sku":"A","quantity":1}]"#,
                "/cancelled_at is there: a cancelled order is not shipped",
            ),
            (
                r#""financial_status": "voided", "line_items": [{"sku":"A","quantity":1}]"#,
                "/financial_status is voided: an order without a payment is not shipped",
            ),
            (
                r#""line_items": [{"quantity":1,"variant_id":7}]"#,
                "/line_items/0 has neither sku nor name: nobody knows what to ship",
            ),
            (r#""line_items": [{"sku":"A"}]"#, "/line_items/0 has no quantity"),
            (r#""line_items": [7]"#, "/line_items/0 is a number instead of a line"),
            (
                r#""line_items": [{"sku":"A","quantity":1,"current_quantity":2}]"#,
                "/line_items/0/current_quantity is 2, but only 1 are ordered",
            ),
            (
                r#""line_items": [{"sku":"A","quantity":1,"fulfillable_quantity":-1}]"#,
                "/line_items/0/fulfillable_quantity is not a quantity: a whole number from 0 to 2147483647",
            ),
            (
                r#""line_items": [{"sku":"A","quantity":1,"requires_shipping":"TRUE"}]"#,
                "/line_items/0/requires_shipping is a string instead of true or false",
            ),
            (
                r#""line_items": [{"sku":"A","quantity":1}], "refunds": [{"refund_line_items": [{"quantity": 1}]}]"#,
                "/refunds/0/refund_line_items/0 does not say how much of which line was refunded",
            ),
            (
                r#""line_items": [{"title":"E-book","quantity":1,"requires_shipping":false}]"#,
                "the document reads as shopify, but has no line with anything to ship",
            ),
        ] {
            let interpretation = order(members);
            assert_eq!((interpretation.format, interpretation.problems), (None, vec![problem.to_owned()]), "{members}");
        }
    }

    #[test]
    fn anything_else_is_a_remark() {
        let interpretation = order(
            r#""name": null, "email": "", "contact_email": "a@example.com", "customer": {"last_name": "Doe", "email": 7},
               "shipping_address": "here", "billing_address": {"name": "Payer"}, "total_price": "12,50",
               "total_price_set": {"presentment_money": {"amount": "9.00", "currency_code": "USD"}},
               "line_items": [{"title": "Tea", "name": " ", "sku": "", "quantity": 1, "price": 1.10, "product_id": null}]"#,
        );
        let reading = interpretation.reading;
        assert_eq!(interpretation.format, Some("shopify"));
        assert_eq!(
            interpretation.problems,
            [
                "/shipping_address is a string instead of an object",
                "/total_price is not a decimal number such as 12.50",
            ]
        );
        assert_eq!((reading.reference.as_deref(), &reading.shipping_address), (Some("1001"), &None));
        let customer = reading.customer.unwrap();
        assert_eq!((customer.name.as_deref(), customer.email.as_deref()), (Some("Doe"), Some("a@example.com")));
        assert_eq!((reading.lines[0].sku.as_deref(), reading.lines[0].title.as_deref()), (None, Some("Tea")));
        assert_eq!(reading.lines[0].unit_price.as_ref().unwrap().amount, "1.10");
    }

    #[test]
    fn a_trimmed_order_is_known_by_its_global_id() {
        let lines = r#""line_items": [{"sku": "A", "quantity": 1}]"#;
        let known = format!(r#"{{"admin_graphql_api_id": "gid://shopify/Order/1", {lines}}}"#);
        assert_eq!(interpret(&known).format, Some("shopify"));
        for other in [
            r#""admin_graphql_api_id": "gid://shopify/DraftOrder/1", "name": "Draft 1", "status": "open""#,
            r#""admin_graphql_api_id": "gid://shopify/Fulfillment/1", "order_id": 1, "status": "success""#,
            r#""abandoned_checkout_url": "https://example.com", "token": "t", "total_price": "1.00""#,
            r#""financial_status": "paid", "order_number": 1, "order_key": "wc_order_1""#,
            r#""financial_status": "paid", "order_number": 1, "data": []"#,
            r#""financial_status": "paid""#,
        ] {
            let problems = interpret(&format!("{{{other}, {lines}}}")).problems;
            assert!(problems[0].contains("has a shape that no format knows"), "{other}: {problems:?}");
        }
        let wrapped = format!(r#"{{"order": {{"admin_graphql_api_id": "gid://shopify/Order/1", {lines}}}}}"#);
        assert!(!interpret(&wrapped).understood());
    }
}
