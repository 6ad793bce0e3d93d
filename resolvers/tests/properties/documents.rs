//! Documents that are nearly right: those of the fixtures, and what becomes of them.
//!
//! The fuzz targets use this file too.

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use resolvers::order::json::{Kind, Value};

/// A JSON document that keeps the text of its numbers, and may have a member twice.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// The text of a value without parts that can be changed one by one.
    Scalar(String),
    /// An array.
    Array(Vec<Tree>),
    /// The members of an object.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads a document.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::of_value(&Value::root(text).expect("a document of the fixtures is JSON"))
    }

    fn of_value(value: &Value<'_>) -> Self {
        match value.kind() {
            Kind::Array => Self::Array(value.array().unwrap_or_default().iter().map(Self::of_value).collect()),
            Kind::Object => {
                let object = value.object().expect("an object");
                let member = |name: &str| {
                    let member = object
                        .get(name)
                        .map_or_else(|| Self::Scalar("null".to_owned()), |value| Self::of_value(&value));
                    (name.to_owned(), member)
                };
                Self::Object(object.names().map(member).collect())
            }
            Kind::Number => Self::Scalar(value.number().unwrap_or_default().to_owned()),
            Kind::String => Self::Scalar(serde_json::to_string(&value.string()).expect("a string is JSON")),
            other => Self::Scalar(
                if value.boolean() == Some(true) {
                    "true"
                } else if other == Kind::Null {
                    "null"
                } else {
                    "false"
                }
                .to_owned(),
            ),
        }
    }

    /// The member of an object.
    pub fn member(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        members.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// What stands at a JSON pointer.
    pub fn at(&mut self, pointer: &str) -> Option<&mut Self> {
        pointer.split('/').skip(1).try_fold(self, |tree, part| match tree {
            Self::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
            object => object.member(&part.replace("~1", "/").replace("~0", "~")),
        })
    }

    fn size(&self) -> usize {
        1 + match self {
            Self::Scalar(_) => 0,
            Self::Array(items) => items.iter().map(Self::size).sum(),
            Self::Object(members) => members.iter().map(|(_, value)| value.size()).sum(),
        }
    }

    /// Changes the part that stands at this place, counted from the root and around as often as need be.
    pub fn mutate(&mut self, mutation: &Mutation) {
        let mut place = mutation.place % self.size();
        self.mutate_at(&mut place, &mutation.what);
    }

    /// Whether the place was in this tree; otherwise it is counted down by the size of it.
    fn mutate_at(&mut self, place: &mut usize, what: &What) -> bool {
        if *place == 0 {
            match (what, &mut *self) {
                (What::Become(value), tree) => *tree = value.clone(),
                (What::Gain(name, value), Self::Object(members)) => members.push((name.clone(), value.clone())),
                (What::Gain(_, value), Self::Array(items)) => items.push(value.clone()),
                _ => {}
            }
            return true;
        }
        *place -= 1;
        match self {
            Self::Scalar(_) => false,
            Self::Array(items) => {
                for index in 0..items.len() {
                    match (*place, what) {
                        (0, What::Vanish) => drop(items.remove(index)),
                        (0, What::Repeat) => items.insert(index, items[index].clone()),
                        _ if items[index].mutate_at(place, what) => {}
                        _ => continue,
                    }
                    return true;
                }
                false
            }
            Self::Object(members) => {
                for index in 0..members.len() {
                    match (*place, what) {
                        (0, What::Vanish) => drop(members.remove(index)),
                        (0, What::Repeat) => members.push(members[index].clone()),
                        (0, What::Rename(name)) => members[index].0.clone_from(name),
                        _ if members[index].1.mutate_at(place, what) => {}
                        _ => continue,
                    }
                    return true;
                }
                false
            }
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(text) => f.write_str(text),
            Self::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let name = serde_json::to_string(name).map_err(|_| fmt::Error)?;
                    write!(f, "{}{name}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

/// A change of one part of a document.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// Which part, counted from the root.
    pub place: usize,
    /// What happens to it.
    pub what: What,
}

/// What happens to a part.
#[derive(Clone, Debug)]
pub enum What {
    /// It is another value.
    Become(Tree),
    /// It has one more element, or one more member.
    Gain(String, Tree),
    /// It is not there.
    Vanish,
    /// It is there twice.
    Repeat,
    /// Its member has another name.
    Rename(String),
}

/// Values at which readers stumble.
pub const STUMBLING_BLOCKS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "3",
    "2.0",
    "2147483647",
    "2147483648",
    "1.5",
    "1e3",
    "1e400",
    "1e-400",
    "9007199254740993",
    "12345678901234567890.123",
    "79228162514264337593543950335",
    "0.1",
    "1.10",
    r#""""#,
    r#"" ""#,
    r#""2""#,
    r#""0x1""#,
    r#""NaN""#,
    r#""12.50""#,
    r#""-0.01""#,
    r#""1,5""#,
    r#""7.9e27""#,
    r#""EUR""#,
    r#""usd""#,
    r#""€""#,
    r#""\ud800""#,
    r#""\u0000""#,
    "[]",
    "{}",
    "[null]",
    "[[[[[[[[]]]]]]]]",
    r#"{"a":{"a":{"a":{}}}}"#,
    r#"[{"sku":"X","quantity":2}]"#,
    r#"{"sku":"X","quantity":2}"#,
    r#"{"@value":3}"#,
    r#"{"@id":"https://shop.example/#oolong"}"#,
    r#"{"value":2,"unitCode":"KGM"}"#,
    r#""processing""#,
    r#""cancelled""#,
    r#""voided""#,
    r#""fulfilled""#,
    r#""https://schema.org""#,
    r#""https://schema.org/OrderCancelled""#,
    r#""gid://shopify/Order/1""#,
    r#""Order""#,
    r#""schema:Order""#,
];

/// Names of members by which documents are known or that decide what is shipped, in every format.
pub const NAMES: &[&str] = &[
    "id",
    "data",
    "lines",
    "line_items",
    "order_key",
    "status",
    "financial_status",
    "order_number",
    "admin_graphql_api_id",
    "@context",
    "@type",
    "@graph",
    "@id",
    "@list",
    "@value",
    "type",
    "orderedItem",
    "acceptedOffer",
    "itemOffered",
    "sku",
    "name",
    "title",
    "quantity",
    "current_quantity",
    "fulfillable_quantity",
    "requires_shipping",
    "orderQuantity",
    "eligibleQuantity",
    "value",
    "price",
    "unitPrice",
    "total",
    "total_price",
    "currency",
    "priceCurrency",
    "refunds",
    "test",
    "cancelled_at",
    "orderStatus",
    "orderItemStatus",
    "shipping_address",
    "shipping",
    "orderDelivery",
    "x",
];

/// A document of the fixtures.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The fixture's folder.
    pub name: String,
    /// The document.
    pub text: String,
}

/// The folder of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().find(|folder| folder.join("fixtures").is_dir());
    found.expect("the fixtures are above this crate").to_owned()
}

/// The documents of all fixtures, by name.
pub fn fixtures() -> &'static [Fixture] {
    static FIXTURES: OnceLock<Vec<Fixture>> = OnceLock::new();
    FIXTURES.get_or_init(read_fixtures)
}

/// The document of the fixture that is named like this format.
#[must_use]
pub fn fixture_of(format: &str) -> &'static str {
    let fixture = fixtures().iter().find(|fixture| fixture.name == format);
    &fixture.unwrap_or_else(|| panic!("fixtures/{format} is missing")).text
}

fn read_fixtures() -> Vec<Fixture> {
    let folders = std::fs::read_dir(repository().join("fixtures")).expect("the fixtures can be listed");
    let mut fixtures: Vec<_> = folders
        .map(|entry| entry.expect("a fixture").path())
        .filter(|path| path.is_dir())
        .map(|folder| {
            let item = std::fs::read_to_string(folder.join("3-order.item.json")).expect("a stored order");
            let item: serde_json::Value = serde_json::from_str(&item).expect("a stored order is JSON");
            let text = item["document"]["S"].as_str().expect("a document").to_owned();
            Fixture { name: folder.file_name().expect("a name").to_string_lossy().into_owned(), text }
        })
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    fixtures
}
