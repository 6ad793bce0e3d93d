//! What the orders in the senders' own documentation read as (`samples/`).

use resolvers::order::formats::{Interpretation, interpret};

/// Lines as id, sku, title, quantity and price.
type Lines<'a> = &'a [(&'a str, Option<&'a str>, Option<&'a str>, i32, Option<&'a str>)];

const SHOPIFY_ORDER: &str = include_str!("samples/shopify-order.json");

fn lines_are(interpretation: &Interpretation, expected: Lines<'_>) {
    let lines: Vec<_> = interpretation
        .reading
        .lines
        .iter()
        .map(|line| {
            let price = line.unit_price.as_ref().map(|price| price.amount.as_str());
            (line.id.as_str(), line.sku.as_deref(), line.title.as_deref(), line.quantity, price)
        })
        .collect();
    assert_eq!(lines, expected);
}

/// The total; empty if there is none.
fn total(interpretation: &Interpretation) -> String {
    let total = interpretation.reading.total.as_ref();
    total.map(|total| format!("{} {}", total.amount, total.currency)).unwrap_or_default()
}

/// Reference, name and e-mail address, and the address on one line; empty where there is none.
fn who_and_where(interpretation: &Interpretation) -> [String; 4] {
    let reading = &interpretation.reading;
    let customer = reading.customer.clone().unwrap_or_default();
    let address = reading.shipping_address.clone().map(|address| {
        let parts = [address.city, address.region, address.postal_code, address.country, address.phone];
        let lines = address.name.into_iter().chain(address.lines);
        lines.chain(parts.into_iter().flatten()).collect::<Vec<_>>().join(", ")
    });
    [reading.reference.clone(), customer.name, customer.email, address].map(Option::unwrap_or_default)
}

/// Two of its three lines were refunded before it was sent.
const SHOPIFY_LINES: Lines<'static> = &[
    ("/line_items/0", Some("IPOD2008GREEN"), Some("IPod Nano - 8gb - green"), 0, Some("199.00")),
    ("/line_items/1", Some("IPOD2008RED"), Some("IPod Nano - 8gb - red"), 1, Some("199.00")),
    ("/line_items/2", Some("IPOD2008BLACK"), Some("IPod Nano - 8gb - black"), 0, Some("199.00")),
];

#[test]
fn shopifys_order() {
    let interpretation = interpret(SHOPIFY_ORDER);
    assert_eq!((interpretation.format, &interpretation.problems), (Some("shopify"), &vec![]));
    lines_are(&interpretation, SHOPIFY_LINES);
    assert_eq!(total(&interpretation), "598.94 USD");
    let address = "Bob Norman, Chestnut Street 92, Louisville, KY, 40202, US, +1(502)-459-2181";
    let expected = ["#1001", "Bob Norman", "bob.norman@mail.example.com", address];
    assert_eq!(who_and_where(&interpretation), expected);
}

#[test]
fn shopifys_order_of_a_version_that_tells_refunds_only() {
    let mut old: serde_json::Value = serde_json::from_str(SHOPIFY_ORDER).unwrap();
    let order = old.as_object_mut().unwrap();
    order.remove("admin_graphql_api_id");
    for line in order["line_items"].as_array_mut().unwrap() {
        let line = line.as_object_mut().unwrap();
        assert!(line.remove("current_quantity").is_some() && line.remove("fulfillable_quantity").is_some());
    }
    let interpretation = interpret(&old.to_string());
    assert_eq!((interpretation.format, &interpretation.problems), (Some("shopify"), &vec![]));
    lines_are(&interpretation, SHOPIFY_LINES);
}

#[test]
fn shopifys_trial_of_a_webhook_is_read_but_never_shipped() {
    let interpretation = interpret(include_str!("samples/shopify-webhook.json"));
    assert_eq!(
        (interpretation.format, interpretation.problems.iter().map(String::as_str).collect::<Vec<_>>()),
        (
            None,
            vec![
                "/test is true: a test order is never shipped",
                "/cancelled_at is there: a cancelled order is not shipped",
                "/financial_status is voided: an order without a payment is not shipped",
            ]
        )
    );
    let ipod = |id| (id, Some("IPOD2008PINK"), Some("IPod Nano - 8GB"), 1, Some("199.00"));
    lines_are(&interpretation, &[ipod("/line_items/0"), ipod("/line_items/1")]);
    assert_eq!(total(&interpretation), "388.00 USD");
    let address = "Steve Shipper, Shipping Company, 123 Shipping Street, Shippington, KY, 40003, US, 555-555-SHIP";
    let expected = ["#9999", "John Smith", "jon@example.com", address];
    assert_eq!(who_and_where(&interpretation), expected);
}

#[test]
fn woocommerces_order() {
    let interpretation = interpret(include_str!("samples/woocommerce-order.json"));
    assert_eq!((interpretation.format, &interpretation.problems), (Some("woocommerce"), &vec![]));
    let shirt = "Ship Your Idea &ndash; Color: Black, Size: M Test";
    lines_are(
        &interpretation,
        &[
            ("/line_items/0", None, Some("Woo Single #1"), 2, Some("3")),
            ("/line_items/1", Some("Bar3"), Some(shirt), 1, Some("12")),
        ],
    );
    assert_eq!(total(&interpretation), "29.35 USD");
    let address = "John Doe, 969 Market, San Francisco, CA, 94103, US";
    let expected = ["727", "John Doe", "john.doe@example.com", address];
    assert_eq!(who_and_where(&interpretation), expected);
}

#[test]
fn gmails_order() {
    let interpretation = interpret(include_str!("samples/schema.org-gmail.json"));
    assert_eq!((interpretation.format, &interpretation.problems), (Some("schema.org"), &vec![]));
    lines_are(&interpretation, &[("/acceptedOffer", None, Some("Google Chromecast"), 1, Some("29.99"))]);
    assert_eq!(total(&interpretation), "29.99 USD");
    assert_eq!(who_and_where(&interpretation), ["123-4567890-1234567", "", "", ""]);
}

#[test]
fn schema_orgs_order_of_which_one_item_was_delivered_before() {
    let interpretation = interpret(include_str!("samples/schema.org-items.json"));
    assert_eq!((interpretation.format, &interpretation.problems), (Some("schema.org"), &vec![]));
    lines_are(
        &interpretation,
        &[("/orderedItem/0", None, Some("Kettle"), 0, None), ("/orderedItem/1", None, Some("Filters"), 3, None)],
    );
    assert_eq!(total(&interpretation), "");
    assert_eq!(who_and_where(&interpretation), ["", "Sophie Germain", "", ""]);
}
