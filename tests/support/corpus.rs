//! Orders of all formats and what happened to them, made up but as their senders write them, as full exports of the two
//! tables in the layout that AWS documents. The same number gives the same order, however many there are.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use uuid::Uuid;

/// A table's ARN, as manifests have it.
pub(crate) const ORDERS: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders-prod-Orders";
pub(crate) const CHANGES: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders-prod-Changes";

/// Writes the exports of the first `orders` orders and of their changes below a directory, each as several data files.
/// Gives the directories of the two.
pub(crate) fn write(directory: &Path, orders: u64, files: usize) -> [PathBuf; 2] {
    [
        export(directory, ORDERS, files, (0..orders).map(order)),
        export(directory, CHANGES, files, (0..orders).flat_map(changes)),
    ]
}

/// Writes a full export of these items below a directory, as `aws s3 sync` brings it, and gives the directory that has
/// the manifests.
pub(crate) fn export(directory: &Path, table: &str, files: usize, items: impl Iterator<Item = Value>) -> PathBuf {
    let name = table.rsplit('/').next().expect("a name");
    let id = format!("01693685827463-{:08x}", mixed(name.len() as u64) >> 32);
    let export = directory.join(name).join("AWSDynamoDB").join(&id);
    fs::create_dir_all(export.join("data")).expect("a directory");
    let keys: Vec<_> = (0..files).map(|file| format!("data/{:026x}.json.gz", mixed(file as u64))).collect();
    let new =
        |key| GzEncoder::new(BufWriter::new(File::create(export.join(key)).expect("a file")), Compression::default());
    let mut data: Vec<_> = keys.iter().map(|key| (new(key), 0)).collect();
    for (number, item) in items.enumerate() {
        let (file, count) = &mut data[number % files];
        writeln!(file, "{}", json!({ "Item": item })).expect("a line");
        *count += 1;
    }
    let (mut listed, mut all) = (Vec::new(), 0);
    for ((file, count), key) in data.into_iter().zip(&keys) {
        file.finish().expect("a file").into_inner().expect("a file");
        let md5 = Md5::digest(fs::read(export.join(key)).expect("a file"));
        let etag = format!("{:032x}-1", u128::from_be_bytes(md5.into()));
        let line = json!({
            "itemCount": count, "md5Checksum": STANDARD.encode(md5), "etag": etag,
            "dataFileS3Key": format!("AWSDynamoDB/{id}/{key}"),
        });
        writeln!(listed, "{line}").expect("a line");
        all += count;
    }
    manifest(&export, "manifest-files", &String::from_utf8(listed).expect("text"));
    let summary = json!({
        "version": "2023-08-01", "exportArn": format!("{table}/export/{id}"), "startTime": "2026-11-20T02:00:00.000Z",
        "endTime": "2026-11-20T02:04:31.000Z", "tableArn": table, "tableId": "12345a12-abcd-123a-ab12-1234abc12345",
        "exportTime": "2026-11-20T02:00:00.000Z", "s3Bucket": "orders-exports", "s3Prefix": null,
        "s3SseAlgorithm": "AES256", "s3SseKmsKeyId": null,
        "manifestFilesS3Key": format!("AWSDynamoDB/{id}/manifest-files.json"), "billedSizeBytes": 0, "itemCount": all,
        "outputFormat": "DYNAMODB_JSON", "outputView": "NEW_IMAGE", "exportType": "FULL_EXPORT",
    });
    manifest(&export, "manifest-summary", &summary.to_string());
    File::create(export.join("_started")).expect("a file");
    export
}

/// Writes a manifest and its checksum.
pub(crate) fn manifest(export: &Path, name: &str, text: &str) {
    fs::write(export.join(format!("{name}.json")), text).expect("a manifest");
    fs::write(export.join(format!("{name}.md5")), STANDARD.encode(Md5::digest(text))).expect("a checksum");
}

/// The id of an order.
pub(crate) fn id(number: u64) -> String {
    Uuid::from_u64_pair(mixed(number), mixed(!number)).to_string()
}

/// The item of an order. Of 1,009 orders one was erased, and of 101 one has a shape that nothing knows.
pub(crate) fn order(number: u64) -> Value {
    let at = moment(number, 0);
    if erased(number) {
        return json!({ "id": { "S": id(number) }, "receivedAt": { "S": at }, "erasedAt": { "S": moment(number, 60) } });
    }
    let mut item = json!({
        "id": { "S": id(number) }, "receivedAt": { "S": at },
        "placedBy": { "S": (["guest", "customer", "backend"][pick(number, 0, 3)]) },
        "document": { "S": document(number).to_string() },
    });
    if pick(number, 0, 3) == 1 {
        item["customerId"] = json!({ "S": id(pick(number, 1, 1000) as u64) });
        item["idempotencyKey"] = json!({ "S": id(number + 1) });
    }
    item
}

/// The items of its changes, several or none: of 13 orders nothing was done about one.
pub(crate) fn changes(number: u64) -> Vec<Value> {
    let change = |id_of_change: &str, seconds, kind: &str| {
        json!({
            "orderId": { "S": id(number) }, "changeId": { "S": id_of_change }, "at": { "S": moment(number, seconds) },
            "kind": { "S": kind },
        })
    };
    let with_lines = |mut change: Value| {
        let line = |(at, (_, _, quantity, _))| {
            let pointer = format!("{}/{at}", pointer_to_lines(number));
            json!({ "M": { "line": { "S": pointer }, "quantity": { "N": format!("{quantity}") } } })
        };
        change["lines"] = json!({ "L": lines(number).into_iter().enumerate().map(line).collect::<Vec<_>>() });
        change
    };
    if erased(number) || untouched(number) {
        return Vec::new();
    }
    if unknown(number) {
        let mut change = change("not-understood/005dfd1699151638", 1, "NOT_UNDERSTOOD");
        change["reason"] = json!({ "S": "the document has a shape that no format knows" });
        return vec![change];
    }
    match number % 17 {
        0 => {
            let mut refused = change("warehouse/0", 1, "REFUSED");
            refused["reason"] = json!({ "S": "not sold any more" });
            refused["answer"] = json!({ "S": r#"{"refused":true,"reason":"not sold any more"}"# });
            vec![refused]
        }
        1..5 => {
            let mut report = with_lines(change("report/7", 3_600, "FULFILLED"));
            report["reference"] = json!({ "S": "7" });
            vec![change("warehouse/0", 1, "ACCEPTED"), report]
        }
        _ => vec![with_lines(change("warehouse/0", 1, "FULFILLED"))],
    }
}

/// Whether an order was erased.
pub(crate) fn erased(number: u64) -> bool {
    number % 1_009 == 1_008
}

/// Whether nothing was done about it.
pub(crate) fn untouched(number: u64) -> bool {
    number % 13 == 12
}

/// Whether its shape is one that nothing knows.
pub(crate) fn unknown(number: u64) -> bool {
    number % 101 == 100
}

/// The format of an order whose shape is known.
pub(crate) fn format(number: u64) -> &'static str {
    ["storefront", "shopify", "woocommerce", "storefront", "schema.org", "shopify", "plain"]
        [usize::try_from(number % 7).expect("a digit")]
}

fn pointer_to_lines(number: u64) -> &'static str {
    match format(number) {
        "storefront" => "/lines",
        "shopify" | "woocommerce" => "/line_items",
        "schema.org" => "/orderedItem",
        _ => "/data",
    }
}

/// Sku, title, quantity, and price in cents.
fn lines(number: u64) -> Vec<(String, String, i32, u64)> {
    const GOODS: [&str; 8] = ["Assam tea", "Kettle", "Teapot", "Cup", "Strainer", "Sencha", "Tray", "Honey"];
    let line = |at: u64| {
        let goods = pick(number, 10 + at, GOODS.len());
        let sku = format!("{}-{:04}", GOODS[goods][..3].to_uppercase(), pick(number, 20 + at, 10_000));
        let title = format!("{}, {} g", GOODS[goods], 50 * (1 + pick(number, 30 + at, 20)));
        (sku, title, 1 + i32::try_from(pick(number, 40 + at, 5)).expect("a digit"), 95 + mixed(number + at) % 9_000)
    };
    (0..=pick(number, 2, 4) as u64).map(line).collect()
}

fn document(number: u64) -> Value {
    if unknown(number) {
        return json!({ "bestellung": number, "positionen": [{ "artikel": "T-1", "menge": 2 }], "bemerkung": note(number) });
    }
    let (first, last) = (NAMES[pick(number, 3, 8)], NAMES[pick(number, 4, 8)]);
    let email = format!("{}.{}.{number}@example.com", first.to_lowercase(), last.to_lowercase());
    let (street, city) =
        (format!("{} {}", STREETS[pick(number, 5, 4)], 1 + pick(number, 6, 200)), CITIES[pick(number, 7, 4)]);
    let postal_code = format!("{:05}", pick(number, 8, 100_000));
    let phone = format!("+49 30 {:07}", pick(number, 9, 10_000_000));
    let price = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    let total: u64 =
        lines(number).iter().map(|(_, _, quantity, cents)| u64::from(quantity.unsigned_abs()) * cents).sum();
    let each = |line: &dyn Fn(usize, String, String, i32, u64) -> Value| -> Vec<Value> {
        let numbered = lines(number).into_iter().enumerate();
        numbered.map(|(at, (sku, title, quantity, cents))| line(at, sku, title, quantity, cents)).collect()
    };
    match format(number) {
        "storefront" => json!({
            "reference": format!("S-{number}"), "customer": { "name": format!("{first} {last}"), "email": email },
            "shippingAddress": { "name": format!("{first} {last}"), "lines": [street], "city": city,
                "postalCode": postal_code, "country": "DE", "phone": phone },
            "currency": "EUR", "note": note(number),
            "lines": each(&|_, sku, title, quantity, cents|
                json!({ "sku": sku, "title": title, "quantity": quantity, "unitPrice": price(cents) })),
        }),
        "shopify" => json!({
            "id": 450_789_469 + number, "admin_graphql_api_id": format!("gid://shopify/Order/{}", 450_789_469 + number),
            "name": format!("#{number}"), "order_number": number, "email": email, "currency": "EUR",
            "financial_status": "paid", "fulfillment_status": null, "test": false, "cancelled_at": null,
            "total_price": price(total), "current_total_price": price(total), "note": note(number),
            "customer": { "id": number, "first_name": first, "last_name": last },
            "shipping_address": { "first_name": first, "last_name": last, "address1": street, "city": city,
                "zip": postal_code, "country_code": "DE", "phone": phone },
            "line_items": each(&|at, sku, title, quantity, cents| json!({
                "id": number * 10 + at as u64, "sku": sku, "name": title, "quantity": quantity,
                "current_quantity": quantity, "price": price(cents), "requires_shipping": true })),
        }),
        "woocommerce" => json!({
            "id": number, "number": format!("{number}"), "order_key": format!("wc_order_{:012x}", mixed(number) >> 16),
            "status": "processing", "currency": "EUR", "total": price(total), "customer_note": note(number),
            "billing": { "first_name": first, "last_name": last, "email": email, "phone": phone },
            "shipping": { "first_name": first, "last_name": last, "company": "", "address_1": street, "address_2": "",
                "city": city, "state": "", "postcode": postal_code, "country": "DE" },
            "line_items": each(&|at, sku, title, quantity, cents| json!({
                "id": at, "name": title, "product_id": 93, "variation_id": 0, "quantity": quantity, "sku": sku,
                "total": price(cents * u64::from(quantity.unsigned_abs())), "price": price(cents) })),
            "refunds": [],
        }),
        "schema.org" => json!({
            "@context": "https://schema.org", "@type": "Order", "orderNumber": format!("{number}"),
            "orderStatus": "https://schema.org/OrderProcessing", "priceCurrency": "EUR", "price": price(total),
            "description": note(number),
            "customer": { "@type": "Person", "name": format!("{first} {last}"), "email": email },
            "orderDelivery": { "@type": "ParcelDelivery", "deliveryAddress": { "@type": "PostalAddress",
                "name": format!("{first} {last}"), "streetAddress": street, "addressLocality": city,
                "postalCode": postal_code, "addressCountry": "DE" } },
            "orderedItem": each(&|_, sku, title, quantity, _| json!({
                "@type": "OrderItem", "orderQuantity": quantity,
                "orderedItem": { "@type": "Product", "sku": sku, "name": title } })),
        }),
        _ => json!({
            "id": number, "currency": "EUR", "note": note(number),
            "data": each(&|_, sku, title, quantity, cents|
                json!({ "sku": sku, "title": title, "quantity": quantity, "price": price(cents) })),
        }),
    }
}

const NAMES: [&str; 8] = ["Ada", "Grace", "Emmy", "Sofja", "Hedy", "Noether", "Lovelace", "Hopper"];
const STREETS: [&str; 4] = ["Invalidenstraße", "Main Street", "Rue de la Paix", "Königsallee"];
const CITIES: [&str; 4] = ["Berlin", "Köln", "Łódź", "Paris"];

/// What somebody wrote beside the order: it is what makes an item about 1 KB long.
fn note(number: u64) -> String {
    const WORDS: [&str; 12] = [
        "please",
        "ring",
        "twice",
        "leave",
        "with",
        "neighbour",
        "gift",
        "wrapped",
        "before",
        "noon",
        "fragile",
        "thanks",
    ];
    let word = |at: u64| WORDS[pick(number, 100 + at, WORDS.len())];
    (0..20 + pick(number, 99, 40) as u64).map(word).collect::<Vec<_>>().join(" ")
}

fn moment(number: u64, later: u64) -> String {
    let seconds = number * 7 % 20_000_000 + later;
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let (days, months) = (hours / 24, hours / 24 / 28);
    format!(
        "2026-{:02}-{:02}T{:02}:{:02}:{:02}.000Z",
        1 + months,
        1 + days % 28,
        hours % 24,
        minutes % 60,
        seconds % 60
    )
}

/// One of so many, by chance but always the same one.
fn pick(number: u64, what: u64, of: usize) -> usize {
    usize::try_from(mixed(number.wrapping_mul(1_000) + what) % of as u64).expect("a small number")
}

/// A number that looks random: the finalizer of splitmix64.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
