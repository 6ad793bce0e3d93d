//! `plain`: `{"id": …, "data": […]}`, the least that an order can be.
//!
//! `id` is the sender's order number. Each element of `data` is one line: either a text, which is the sku of a single
//! piece, or an object with `sku` (or `id`), and if need be `title` (or `name`), `quantity` (1 if left out) and
//! `price`. A `currency` beside `data` holds for all prices; the total is the exact sum if every line has a price.

use super::fields::{currency, price, quantity, text, text_of};
use super::storefront::sum;
use super::{Format, Line, Problems, Reading};
use crate::order::Id;
use crate::order::json::{Kind, Object, Value};
use crate::order::money::money;

pub(super) const FORMAT: Format = Format {
    name: "plain",
    source: "README.md, section \"What an order may look like\"",
    telltales: &["data"],
    fits,
    read,
};

/// A text or number `id`, and a list `data`.
fn fits(document: &Object<'_>) -> bool {
    let kind = |name| document.get(name).map(|value| value.kind());
    matches!(kind("id"), Some(Kind::String | Kind::Number)) && kind("data") == Some(Kind::Array)
}

fn read(document: &Object<'_>, problems: &mut Problems) -> Reading {
    let currency = currency(document, "currency", problems);
    let items = document.get("data").and_then(|data| data.array()).unwrap_or_default();
    let (mut lines, mut sums) = (Vec::new(), Vec::new());
    for item in &items {
        let (line, price) = match item.kind() {
            Kind::Object => of_object(item, problems),
            Kind::String | Kind::Number => (of_text(item, problems), None),
            other => {
                problems
                    .left_out(&item.pointer, &format!("is {other} instead of a line: a sku, or an object with one"));
                continue;
            }
        };
        let Some(line) = line else { continue };
        if price.is_some() && currency.is_none() {
            problems.remark(&format!("{}/price", item.pointer), "is a price, but the order has no currency");
        }
        sums.push(price.map(|price| (line.quantity, price)));
        let unit_price = price.zip(currency.as_deref()).map(|(price, currency)| money(price, currency));
        lines.push(Line { unit_price, ..line });
    }
    Reading {
        reference: text(document, "id", problems),
        total: sum(sums, currency.as_deref(), problems),
        lines,
        ..Reading::default()
    }
}

fn of_text(item: &Value<'_>, problems: &mut Problems) -> Option<Line> {
    let sku = text_of(item, problems);
    if sku.is_none() {
        problems.left_out(&item.pointer, "is blank: nobody knows what to ship");
    }
    Some(Line { id: Id::from(item.pointer.as_str()), sku: Some(sku?), title: None, quantity: 1, unit_price: None })
}

fn of_object(item: &Value<'_>, problems: &mut Problems) -> (Option<Line>, Option<rust_decimal::Decimal>) {
    let Some(fields) = item.object() else { return (None, None) };
    let sku = text(&fields, "sku", problems).or_else(|| text(&fields, "id", problems));
    let title = text(&fields, "title", problems).or_else(|| text(&fields, "name", problems));
    if sku.is_none() && title.is_none() {
        problems.fatal(&item.pointer, "has neither sku nor title: nobody knows what to ship");
    }
    let price = price(&fields, "price", problems);
    let quantity = match fields.get("quantity") {
        Some(value) => quantity(&value, problems),
        None => Some(1),
    };
    let line =
        quantity.map(|quantity| Line { id: Id::from(item.pointer.as_str()), sku, title, quantity, unit_price: None });
    (line, price)
}

#[cfg(test)]
mod tests {
    use crate::order::formats::interpret;

    #[test]
    fn texts_and_objects_are_lines() {
        let interpretation = interpret(
            r#"{"id": 12345678901234567890, "currency": "USD",
                "data": ["A-1", 7, {"sku":"B","quantity":2,"price":"1.10"}, {"id":9,"name":"Nine"}]}"#,
        );
        assert_eq!((interpretation.format, interpretation.problems.len()), (Some("plain"), 0));
        assert_eq!(interpretation.reading.reference.as_deref(), Some("12345678901234567890"));
        let lines: Vec<_> = interpretation
            .reading
            .lines
            .iter()
            .map(|line| (line.id.as_str(), line.sku.as_deref().unwrap(), line.quantity))
            .collect();
        assert_eq!(lines, [("/data/0", "A-1", 1), ("/data/1", "7", 1), ("/data/2", "B", 2), ("/data/3", "9", 1)]);
        assert_eq!(interpretation.reading.total, None);
    }

    #[test]
    fn a_total_needs_every_price() {
        let priced = interpret(r#"{"id":"x","currency":"USD","data":[{"sku":"B","quantity":3,"price":0.10}]}"#);
        assert_eq!(priced.reading.total.unwrap().amount, "0.30");
    }

    #[test]
    fn what_is_no_line_is_said() {
        for (data, problem) in [
            ("[null]", "/data/0 is null instead of a line: a sku, or an object with one"),
            ("[[1]]", "/data/0 is an array instead of a line: a sku, or an object with one"),
            ("[\" \"]", "/data/0 is blank: nobody knows what to ship"),
            ("[{}]", "/data/0 has neither sku nor title: nobody knows what to ship"),
            ("[]", "the document reads as plain, but has no line with anything to ship"),
        ] {
            let interpretation = interpret(&format!(r#"{{"id":"x","data":{data}}}"#));
            assert_eq!((interpretation.format, interpretation.problems), (None, vec![problem.to_owned()]), "{data}");
        }
    }

    #[test]
    fn near_misses_are_not_claimed() {
        for document in [r#"{"id":null,"data":["A"]}"#, r#"{"data":["A"]}"#, r#"{"id":"x","data":{"sku":"A"}}"#] {
            let problems = interpret(document).problems;
            assert!(problems[0].contains("has a shape that no format knows"), "{document}: {problems:?}");
        }
    }
}
