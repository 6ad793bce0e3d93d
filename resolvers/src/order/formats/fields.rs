//! Readers of single members that the formats share. Each says what it cannot read.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Problems;
use crate::order::json::{Kind, Object, Value};
use crate::order::money;
use crate::order::view::Money;

/// A text: a string or a number. Blank counts as absent.
pub(super) fn text(object: &Object<'_>, name: &str, problems: &mut Problems) -> Option<String> {
    text_of(&object.get(name)?, problems)
}

/// The text that a value is: a string or a number. Blank counts as absent.
pub(super) fn text_of(value: &Value<'_>, problems: &mut Problems) -> Option<String> {
    let text = match value.kind() {
        Kind::Number => value.number().map(str::to_owned),
        Kind::String => value.string(),
        other => {
            problems.remark(&value.pointer, &format!("is {other} instead of a text"));
            None
        }
    };
    text.filter(|text| !text.trim().is_empty())
}

/// The object of that name.
pub(super) fn object<'a>(object: &Object<'a>, name: &str, problems: &mut Problems) -> Option<Object<'a>> {
    let value = object.get(name)?;
    let read = value.object();
    if read.is_none() {
        problems.remark(&value.pointer, &format!("is {} instead of an object", value.kind()));
    }
    read
}

/// The texts of the list of that name.
pub(super) fn texts(object: &Object<'_>, name: &str, problems: &mut Problems) -> Vec<String> {
    let Some(value) = object.get(name) else { return Vec::new() };
    let Some(items) = value.array() else {
        problems.remark(&value.pointer, &format!("is {} instead of a list of texts", value.kind()));
        return Vec::new();
    };
    items.iter().filter_map(|item| text_of(item, problems)).collect()
}

/// A number of pieces: a whole number from 0 to 2,147,483,647 (GraphQL's `Int`), also as a string. With
/// anything else the line is left out: nobody knows how much to ship.
pub(super) fn quantity(value: &Value<'_>, problems: &mut Problems) -> Option<i32> {
    let text = match value.kind() {
        Kind::Number => value.number().map(str::to_owned),
        Kind::String => value.string(),
        _ => None,
    };
    let whole = |decimal: Decimal| decimal.is_integer().then(|| decimal.to_i32()).flatten();
    let quantity = text.and_then(|text| money::decimal(&text).ok()).and_then(whole).filter(|quantity| *quantity >= 0);
    if quantity.is_none() {
        problems.left_out(&value.pointer, "is not a quantity: a whole number from 0 to 2147483647");
    }
    quantity
}

/// A price: a number or a decimal string.
pub(super) fn price(object: &Object<'_>, name: &str, problems: &mut Problems) -> Option<Decimal> {
    let value = object.get(name)?;
    match money::decimal(&text_of(&value, problems)?) {
        Ok(price) => Some(price),
        Err(wrong) => {
            problems.remark(&value.pointer, wrong);
            None
        }
    }
}

/// A price in the currency of the order, and a remark if the order has none.
pub(super) fn amount(
    object: &Object<'_>,
    name: &str,
    currency: Option<&str>,
    problems: &mut Problems,
) -> Option<Money> {
    let price = price(object, name, problems)?;
    if currency.is_none() {
        problems.remark(&object.pointer_to(name), "is a price, but the order has no currency");
    }
    Some(money::money(price, currency?))
}

/// `true` or `false`, where that decides what is shipped: with anything else the order is not understood.
pub(super) fn flag(object: &Object<'_>, name: &str, problems: &mut Problems) -> Option<bool> {
    let value = object.get(name)?;
    let read = value.boolean();
    if read.is_none() {
        problems.fatal(&value.pointer, &format!("is {} instead of true or false", value.kind()));
    }
    read
}

/// The elements of the list of that name. With anything else in its place nobody knows what to ship.
pub(super) fn list<'a>(object: &Object<'a>, name: &str, problems: &mut Problems) -> Vec<Value<'a>> {
    let Some(value) = object.get(name) else { return Vec::new() };
    value.array().unwrap_or_else(|| {
        problems.left_out(&value.pointer, &format!("is {} instead of a list", value.kind()));
        Vec::new()
    })
}

/// The texts that are there, one after the other: a first and a last name.
pub(super) fn joined<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<_> = parts.into_iter().flatten().map(|part| part.trim().to_owned()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// An ISO 4217 code.
pub(super) fn currency(object: &Object<'_>, name: &str, problems: &mut Problems) -> Option<String> {
    let code = money::currency(&text(object, name, problems)?);
    if code.is_none() {
        problems.remark(&object.pointer_to(name), "is not a currency code of three letters");
    }
    code
}
