//! `schema.org`: an `Order` of schema.org as JSON-LD, the way in which e-mails and shops describe orders to machines.
//!
//! * **Known by** the type `Order` in the vocabulary of schema.org, at the root or as the one order in `@graph`.
//!   `@context` may be an address of schema.org (`http` or `https`, with or without `www` and a slash at the end), an
//!   object with `@vocab` or with a prefix (`{"schema": "https://schema.org/"}`, then `schema:Order`), or a list of these;
//!   without it, whole addresses are read (`https://schema.org/Order`). `@type` may be a list. Other vocabularies have a
//!   type `Order` too (Open Booking has), and are nobody's. What a context of one's own renames is not followed: if that
//!   concerns what is shipped, the order is not understood.
//! * **Values** may stand alone, in a list, in `@value`, `@list` or `@set`, or be an `@id` of a node in `@graph`.
//! * **Lines** are the entries of `orderedItem`, or else of `acceptedOffer`. A line's id is where its entry stands in
//!   the order, also if that only points to a node elsewhere. If both are there, they describe the same goods, entry by
//!   entry, and contradictions leave the order not understood.
//! * **Goods**: `sku` and `name` of the product, else of the entry around it. A service or a reservation is not shipped.
//! * **Quantity** is `orderQuantity` of an item (1 if left out, as schema.org says) and `eligibleQuantity` of an offer (1
//!   as well), each a number or a `QuantitativeValue`. Shops also write `quantity`. A unit other than pieces, such as
//!   kilograms, leaves open what to ship.
//! * **Status**: `OrderProcessing` and `OrderPaymentDue` ship (schema.org does not tie delivery to payment); an order in
//!   any other status, such as `OrderCancelled`, `OrderInTransit` or `OrderDelivered`, is not shipped (again) and therefore
//!   not understood. Of an item in one of these states nothing is to be shipped.
//! * **Money**: schema.org gives an order no price of its own; Gmail's markup does. The total is `price` with
//!   `priceCurrency`, else `totalPrice`, else `totalPaymentDue` of the order or of its invoice (`partOfInvoice`), each an
//!   amount or an object with one. It is never computed, because taxes and shipping are unknown. The price of a piece is
//!   that of the offer.
//! * **Reference** is `orderNumber`, else `confirmationNumber`, else `identifier`. **Address** is the `deliveryAddress` of
//!   `orderDelivery`, of the order or else the one that all its items share; `billingAddress` says who pays.
//!
//! Gmail's examples: <https://developers.google.com/workspace/gmail/markup/reference/order>.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::fields::{joined, quantity, text_of};
use super::{Format, Line, Problems, Reading};
use crate::order::Id;
use crate::order::json::{Object, Value};
use crate::order::money;
use crate::order::view::{Address, Customer, Money};

pub(super) const FORMAT: Format = Format {
    name: "schema.org",
    source: "https://schema.org/Order",
    telltales: &["@context", "@type", "@graph"],
    fits,
    read,
};

fn fits(document: &Object<'_>) -> bool {
    !orders(document, &Terms::of(document)).is_empty()
}

fn read(document: &Object<'_>, problems: &mut Problems) -> Reading {
    let terms = Terms::of(document);
    if let Some((pointer, name)) = &terms.redefined {
        problems.fatal(pointer, &format!("gives {name} a meaning of its own, which is not followed"));
    }
    let found = orders(document, &terms);
    let [order] = found.as_slice() else {
        problems.fatal("/@graph", &format!("holds {} orders, and a document is one order", found.len()));
        return Reading::default();
    };
    Reader { nodes: terms.nodes(document), terms, budget: FOLLOWED, problems }.order(order)
}

/// The nodes that are an order: the document itself, or those in its `@graph`.
fn orders<'a>(document: &Object<'a>, terms: &Terms) -> Vec<Object<'a>> {
    if terms.is(document, "Order") {
        return vec![document.clone()];
    }
    let graph = document.get("@graph").and_then(|graph| graph.array()).unwrap_or_default();
    graph.iter().filter_map(Value::object).filter(|node| terms.is(node, "Order")).collect()
}

/// The vocabulary's addresses, as they come before a term.
const SCHEMA_ORG: [&str; 4] =
    ["https://schema.org/", "http://schema.org/", "https://www.schema.org/", "http://www.schema.org/"];

/// Whether a context's text is an address of schema.org.
fn is_schema_org(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['/', '#']);
    let text = text
        .strip_suffix("/docs/jsonldcontext.json")
        .or(text.strip_suffix("/docs/jsonldcontext.jsonld"))
        .unwrap_or(text);
    SCHEMA_ORG.iter().any(|address| address.trim_end_matches('/').eq_ignore_ascii_case(text))
}

/// How a document names schema.org's terms.
#[derive(Default)]
struct Terms {
    /// What comes before a term: nothing, a prefix such as `schema:`, a whole address.
    before: Vec<String>,
    /// A term that decides what is shipped and is given another meaning, and where.
    redefined: Option<(String, String)>,
}

impl Terms {
    /// Ways of naming that a context may introduce. Each is tried for each member.
    const MOST: usize = 4;

    const DECISIVE: [&str; 14] = [
        "Order",
        "orderedItem",
        "acceptedOffer",
        "itemOffered",
        "orderQuantity",
        "eligibleQuantity",
        "quantity",
        "value",
        "unitCode",
        "sku",
        "name",
        "orderStatus",
        "orderItemStatus",
        "Product",
    ];

    fn of(document: &Object<'_>) -> Self {
        let mut terms = Self::default();
        if let Some(context) = document.get("@context") {
            for part in context.array().unwrap_or_else(|| vec![context]) {
                terms.add(&part);
            }
        }
        terms.before.extend(SCHEMA_ORG.map(str::to_owned));
        terms
    }

    fn add(&mut self, context: &Value<'_>) {
        if context.string().is_some_and(|text| is_schema_org(&text)) {
            self.comes_before(String::new());
        }
        let Some(object) = context.object() else { return };
        for name in object.names() {
            let ours = || object.get(name).and_then(|value| value.string()).is_some_and(|text| is_schema_org(&text));
            match name {
                "@vocab" if ours() => self.comes_before(String::new()),
                prefix if !prefix.starts_with('@') && self.before.len() < Self::MOST && ours() => {
                    self.comes_before(format!("{prefix}:"));
                }
                _ => {}
            }
        }
        if let Some(name) = Self::DECISIVE.iter().find(|name| object.has(name)) {
            self.redefined = Some((context.pointer.clone(), (*name).to_owned()));
        }
    }

    fn comes_before(&mut self, before: String) {
        if self.before.len() < Self::MOST && !self.before.contains(&before) {
            self.before.push(before);
        }
    }

    /// The member that a node has under a term; `None` also if it is `null`.
    fn get<'a>(&self, node: &Object<'a>, term: &str) -> Option<Value<'a>> {
        let named = |name: &&str| name.strip_suffix(term).is_some_and(|before| self.before.iter().any(|b| b == before));
        node.get(node.names().filter(named).last()?)
    }

    /// The term that a text names, as it is without its prefix or address.
    fn term<'t>(&self, text: &'t str) -> Option<&'t str> {
        // The longest first: nothing at all is before everything.
        let whole = self
            .before
            .iter()
            .filter(|before| !before.is_empty())
            .find_map(|before| text.strip_prefix(before.as_str()));
        whole.or_else(|| (self.before.iter().any(String::is_empty) && !text.contains([':', '/'])).then_some(text))
    }

    /// Whether a node is of a type.
    fn is(&self, node: &Object<'_>, term: &str) -> bool {
        self.types(node).iter().any(|text| self.term(text) == Some(term))
    }

    /// The types of a node. schema.org's own context lets `type` stand for `@type`.
    fn types(&self, node: &Object<'_>) -> Vec<String> {
        let Some(value) = self.keyword(node, "@type") else { return Vec::new() };
        value.array().unwrap_or_else(|| vec![value]).iter().filter_map(Value::string).collect()
    }

    /// `@type` or `@id`, for which schema.org's own context also allows `type` and `id`.
    fn keyword<'a>(&self, node: &Object<'a>, keyword: &str) -> Option<Value<'a>> {
        let alias = || self.before.iter().any(String::is_empty).then(|| node.get(&keyword[1..])).flatten();
        node.get(keyword).or_else(alias)
    }

    fn id(&self, node: &Object<'_>) -> Option<String> {
        self.keyword(node, "@id")?.string()
    }

    /// The nodes of `@graph` that can be pointed to.
    fn nodes<'a>(&self, document: &Object<'a>) -> HashMap<String, Value<'a>> {
        let graph = document.get("@graph").and_then(|graph| graph.array()).unwrap_or_default();
        graph.into_iter().filter_map(|node| Some((self.id(&node.object()?)?, node))).collect()
    }
}

/// Bytes of nodes that are followed by their `@id` before the document counts as too entangled. Without a limit, many
/// short references to one long node would take a time that grows with the square of the document's size.
const FOLLOWED: usize = 1_000_000;

/// Reads one order, and finds what it points to.
struct Reader<'a, 'p> {
    terms: Terms,
    nodes: HashMap<String, Value<'a>>,
    budget: usize,
    problems: &'p mut Problems,
}

/// What one entry of `orderedItem` or `acceptedOffer` says.
#[derive(Default)]
struct Entry {
    pointer: String,
    sku: Option<String>,
    title: Option<String>,
    /// Pieces; `None` if it does not say.
    quantity: Option<i32>,
    /// Not to be shipped (any more).
    off: bool,
    /// Nobody can tell how many pieces it is.
    unreadable: bool,
    unit_price: Option<Money>,
    delivery: Option<Address>,
}

impl<'a> Reader<'a, '_> {
    fn order(mut self, order: &Object<'a>) -> Reading {
        self.whether_to_ship(order);
        let currency = self.text(order, "priceCurrency");
        let items = self.entries(order, "orderedItem", currency.as_deref());
        let offers = self.entries(order, "acceptedOffer", currency.as_deref());
        let mut entries = self.together(order, items, offers);
        let delivery = self.delivery(order).or_else(|| self.shared_delivery(order, &mut entries));
        Reading {
            reference: ["orderNumber", "confirmationNumber", "identifier"]
                .iter()
                .find_map(|term| self.text(order, term)),
            customer: self.one(order, "customer").and_then(|customer| self.customer(&customer)),
            shipping_address: delivery,
            total: self.total(order, currency.as_deref()),
            lines: entries.into_iter().filter_map(|entry| self.line(entry)).collect(),
        }
    }

    fn whether_to_ship(&mut self, order: &Object<'a>) {
        for status in self.all(order, "orderStatus") {
            if self.closed(&status) {
                self.problems.fatal(&status.pointer, "says that nothing of the order is to be shipped (any more)");
            }
        }
    }

    /// Whether something in this state is not to be shipped (any more).
    fn closed(&mut self, status: &Value<'a>) -> bool {
        const OPEN: [&str; 2] = ["orderprocessing", "orderpaymentdue"];
        const CLOSED: [&str; 5] =
            ["ordercancelled", "orderdelivered", "orderintransit", "orderpickupavailable", "orderreturned"];
        let named = self.status(status);
        let closed = named.as_deref().is_some_and(|named| CLOSED.contains(&named));
        if !closed && !named.as_deref().is_some_and(|named| OPEN.contains(&named)) {
            self.problems.fatal(&status.pointer, "leaves open whether to ship");
        }
        closed
    }

    /// The last part of an `OrderStatus`, in lower case: senders write it as an address, with a prefix, or bare.
    fn status(&mut self, value: &Value<'a>) -> Option<String> {
        let id = value.object().and_then(|node| self.terms.id(&node));
        let text = id.or_else(|| bare(value).string())?;
        text.rsplit(['/', '#', ':']).next().map(str::to_ascii_lowercase)
    }

    /// The entries of one of the two lists in which an order names its goods.
    fn entries(&mut self, order: &Object<'a>, term: &str, currency: Option<&str>) -> Vec<Entry> {
        self.all(order, term).iter().map(|value| self.entry(value, term == "acceptedOffer", currency)).collect()
    }

    fn entry(&mut self, value: &Value<'a>, offered: bool, currency: Option<&str>) -> Entry {
        let mut entry = Entry { pointer: value.pointer.clone(), ..Entry::default() };
        let Some(node) = self.follow(value) else {
            entry.title = text_of(&bare(value), self.problems);
            return entry;
        };
        let goods: Vec<_> = ["orderedItem", "itemOffered"].iter().flat_map(|term| self.all(&node, term)).collect();
        if goods.len() > 1 {
            self.problems
                .fatal(&entry.pointer, "names several goods in one entry: nobody knows how many of each to ship");
        }
        let product = goods.first().and_then(|goods| self.follow(goods));
        for node in product.iter().chain([&node]) {
            entry.sku = entry.sku.or_else(|| self.text(node, "sku"));
            entry.title = entry.title.or_else(|| self.text(node, "name"));
            let no_goods = |of: &str| of == "Service" || of.ends_with("Reservation");
            entry.off |= self.terms.types(node).iter().any(|of| self.terms.term(of).is_some_and(no_goods));
        }
        match goods.first() {
            Some(text) if product.is_none() => entry.title = text_of(&bare(text), self.problems),
            _ => {}
        }
        if product.as_ref().is_some_and(|product| self.terms.get(product, "orderedItem").is_some()) {
            self.problems.fatal(&entry.pointer, "is an item that consists of items: nobody knows what to ship");
        }
        self.quantity(&node, &mut entry);
        for status in self.all(&node, "orderItemStatus") {
            entry.off |= self.closed(&status);
        }
        entry.unit_price = if offered {
            self.price(&node, currency)
        } else {
            self.price_of_product(product.as_ref().unwrap_or(&node), currency)
        };
        entry.delivery = self.delivery(&node);
        entry
    }

    fn quantity(&mut self, node: &Object<'a>, entry: &mut Entry) {
        let values = ["orderQuantity", "eligibleQuantity", "quantity"].map(|term| self.all(node, term));
        for value in values.into_iter().flatten() {
            let pieces = self.pieces(&value);
            entry.unreadable |= pieces.is_none();
            if entry.quantity.is_some_and(|known| pieces != Some(known)) {
                self.problems.fatal(&value.pointer, "contradicts the quantity beside it");
            }
            entry.quantity = entry.quantity.or(pieces);
        }
    }

    /// A number of pieces; `None` with a problem if it cannot be read.
    fn pieces(&mut self, value: &Value<'a>) -> Option<i32> {
        let value = bare(value);
        let Some(node) = self.follow(&value) else { return quantity(&value, self.problems) };
        let unit = self.text(&node, "unitCode");
        if unit.as_deref().is_some_and(|unit| !["C62", "EA", "H87", "PCE"].contains(&unit)) {
            self.problems.left_out(&value.pointer, "is not counted in pieces: nobody knows how many to ship");
            return None;
        }
        let Some(number) = self.one(&node, "value") else {
            self.problems.left_out(&value.pointer, "is a quantity without a value");
            return None;
        };
        quantity(&bare(&number), self.problems)
    }

    /// The two lists as one. What both say must be the same.
    fn together(&mut self, order: &Object<'a>, items: Vec<Entry>, offers: Vec<Entry>) -> Vec<Entry> {
        if items.is_empty() || offers.is_empty() {
            return if items.is_empty() { offers } else { items };
        }
        let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        let same = items.len() == offers.len()
            && items.iter().zip(&offers).all(|(item, offer)| {
                let goods = if item.sku.is_some() && offer.sku.is_some() {
                    item.sku == offer.sku
                } else {
                    !differ(&item.title, &offer.title)
                };
                goods && (offer.quantity.is_none() || item.quantity.unwrap_or(1) == offer.quantity.unwrap_or(1))
            });
        if !same {
            self.problems.fatal(&order.pointer, "names other goods in orderedItem than in acceptedOffer");
            return items;
        }
        let merge = |(item, offer): (Entry, Entry)| Entry {
            sku: item.sku.or(offer.sku),
            title: item.title.or(offer.title),
            off: item.off || offer.off,
            unreadable: item.unreadable || offer.unreadable,
            unit_price: offer.unit_price.or(item.unit_price),
            delivery: item.delivery.or(offer.delivery),
            ..item
        };
        items.into_iter().zip(offers).map(merge).collect()
    }

    fn line(&mut self, entry: Entry) -> Option<Line> {
        if entry.unreadable {
            return None;
        }
        let quantity = if entry.off { 0 } else { entry.quantity.unwrap_or(1) };
        if quantity > 0 && entry.sku.is_none() && entry.title.is_none() {
            self.problems.fatal(&entry.pointer, "has neither sku nor name: nobody knows what to ship");
        }
        let Entry { pointer, sku, title, unit_price, .. } = entry;
        Some(Line { id: Id::from(pointer), sku, title, quantity, unit_price })
    }

    /// The price in the one offer of a product.
    fn price_of_product(&mut self, product: &Object<'a>, currency: Option<&str>) -> Option<Money> {
        let offers = self.all(product, "offers");
        let [offer] = offers.as_slice() else { return None };
        let offer = self.follow(offer)?;
        self.price(&offer, currency)
    }

    fn total(&mut self, order: &Object<'a>, currency: Option<&str>) -> Option<Money> {
        if let Some(price) = self.price(order, currency) {
            return Some(price);
        }
        for term in ["totalPrice", "totalPaymentDue"] {
            if let Some(value) = self.one(order, term) {
                return self.amount(&value, currency);
            }
        }
        let invoice = self.node(order, "partOfInvoice")?;
        let due = self.one(&invoice, "totalPaymentDue")?;
        self.amount(&due, currency)
    }

    /// `price` with `priceCurrency`, or else what `priceSpecification` says.
    fn price(&mut self, node: &Object<'a>, currency: Option<&str>) -> Option<Money> {
        let own = self.text(node, "priceCurrency");
        let currency = own.as_deref().or(currency);
        let value = ["price", "priceSpecification"].iter().find_map(|term| self.one(node, term))?;
        self.amount(&value, currency)
    }

    /// An amount: a number, or an object with one and with its currency.
    fn amount(&mut self, value: &Value<'a>, currency: Option<&str>) -> Option<Money> {
        let value = bare(value);
        let pointer = value.pointer.clone();
        let (number, own) = match self.follow(&value) {
            Some(node) => (
                ["price", "value"].iter().find_map(|term| self.one(&node, term)).map(|number| bare(&number)),
                ["priceCurrency", "currency"].iter().find_map(|term| self.text(&node, term)),
            ),
            None => (Some(value), None),
        };
        let Some(number) = number else {
            self.problems.remark(&pointer, "is an object instead of a price");
            return None;
        };
        let amount = self.decimal(&number)?;
        let code: Option<&str> = own.as_deref().or(currency);
        let Some(code) = code.and_then(money::currency) else {
            self.problems.remark(&number.pointer, "is a price without a currency code of three letters");
            return None;
        };
        Some(money::money(amount, &code))
    }

    fn decimal(&mut self, value: &Value<'a>) -> Option<Decimal> {
        let text = text_of(value, self.problems)?;
        money::decimal(&text).map_err(|wrong| self.problems.remark(&value.pointer, wrong)).ok()
    }

    fn customer(&mut self, value: &Value<'a>) -> Option<Customer> {
        let Some(node) = self.follow(value) else {
            return Some(Customer { name: Some(text_of(&bare(value), self.problems)?), email: None });
        };
        let name = self.text(&node, "name");
        let name = name.or_else(|| joined([self.text(&node, "givenName"), self.text(&node, "familyName")]));
        let email = self.text(&node, "email").map(|email| email.trim_start_matches("mailto:").to_owned());
        (name.is_some() || email.is_some()).then_some(Customer { name, email })
    }

    /// Where a node says that it is delivered to.
    fn delivery(&mut self, node: &Object<'a>) -> Option<Address> {
        let parcel = self.node(node, "orderDelivery")?;
        let value = self.one(&parcel, "deliveryAddress")?;
        let Some(address) = self.follow(&value) else {
            let line = text_of(&bare(&value), self.problems)?;
            return Some(Address { lines: vec![line], ..Address::default() });
        };
        let country = self.one(&address, "addressCountry");
        let country = country.and_then(|country| match self.follow(&country) {
            Some(node) => self.text(&node, "name"),
            None => text_of(&bare(&country), self.problems),
        });
        let address = Address {
            name: self.text(&address, "name"),
            lines: self
                .texts(&address, "streetAddress")
                .into_iter()
                .chain(self.texts(&address, "postOfficeBoxNumber"))
                .collect(),
            city: self.text(&address, "addressLocality"),
            region: self.text(&address, "addressRegion"),
            postal_code: self.text(&address, "postalCode"),
            country,
            phone: self.text(&address, "telephone"),
        };
        (address != Address::default()).then_some(address)
    }

    /// The address that all entries share, if they have one.
    fn shared_delivery(&mut self, order: &Object<'a>, entries: &mut [Entry]) -> Option<Address> {
        let mut addresses = entries.iter_mut().map(|entry| entry.delivery.take());
        let first = addresses.next()??;
        if addresses.all(|address| address.as_ref() == Some(&first)) {
            return Some(first);
        }
        self.problems.remark(&order.pointer, "is delivered to more than one address");
        None
    }

    /// The values that a node has under a term: lists of all kinds are taken apart.
    fn all(&self, node: &Object<'a>, term: &str) -> Vec<Value<'a>> {
        let Some(value) = self.terms.get(node, term) else { return Vec::new() };
        let inner = value.object().and_then(|object| ["@list", "@set"].iter().find_map(|name| object.get(name)));
        let value = inner.unwrap_or(value);
        value.array().unwrap_or_else(|| vec![value])
    }

    /// The first of these values.
    fn one(&self, node: &Object<'a>, term: &str) -> Option<Value<'a>> {
        self.all(node, term).into_iter().next()
    }

    /// The node that a value is, or points to with nothing but an `@id`; `None` if it is none.
    fn follow(&mut self, value: &Value<'a>) -> Option<Object<'a>> {
        let object = value.object().filter(|object| !object.has("@value"))?;
        let id = if object.names().count() == 1 { self.terms.id(&object) } else { None };
        let Some(node) = id.and_then(|id| self.nodes.get(&id)) else { return Some(object) };
        let Some(left) = self.budget.checked_sub(node.length()) else {
            self.problems.fatal(&value.pointer, "points to a node that is pointed to too often to be followed");
            return None;
        };
        self.budget = left;
        node.object()
    }

    /// The node that a node has under a term.
    fn node(&mut self, node: &Object<'a>, term: &str) -> Option<Object<'a>> {
        let value = self.one(node, term)?;
        let found = self.follow(&value);
        if found.is_none() {
            self.problems.remark(&value.pointer, &format!("is {} instead of an object", value.kind()));
        }
        found
    }

    /// The first text that a node has under a term.
    fn text(&mut self, node: &Object<'a>, term: &str) -> Option<String> {
        let value = self.one(node, term)?;
        self.text_in(&value)
    }

    fn texts(&mut self, node: &Object<'a>, term: &str) -> Vec<String> {
        self.all(node, term).iter().filter_map(|value| self.text_in(value)).collect()
    }

    /// A text, also in a `@value` or in the `value` of an object (`PropertyValue`).
    fn text_in(&mut self, value: &Value<'a>) -> Option<String> {
        let value = bare(value);
        let inner = value.object().and_then(|object| self.terms.get(&object, "value"));
        text_of(&inner.unwrap_or(value), self.problems)
    }
}

/// The value in a `@value`, or the value itself.
fn bare<'a>(value: &Value<'a>) -> Value<'a> {
    value.object().and_then(|object| object.get("@value")).unwrap_or_else(|| value.clone())
}

#[cfg(test)]
mod tests {
    use crate::order::formats::{Interpretation, interpret};

    /// An order with these members.
    fn order(members: &str) -> Interpretation {
        interpret(&format!(r#"{{"@context": "https://schema.org", "@type": "Order", {members}}}"#))
    }

    fn problems_of(members: &str) -> (Option<&'static str>, Vec<String>) {
        let interpretation = order(members);
        (interpretation.format, interpretation.problems)
    }

    /// Lines as id, sku, title and quantity.
    fn lines(interpretation: &Interpretation) -> Vec<(&str, Option<&str>, Option<&str>, i32)> {
        let lines = interpretation.reading.lines.iter();
        lines.map(|line| (line.id.as_str(), line.sku.as_deref(), line.title.as_deref(), line.quantity)).collect()
    }

    #[test]
    fn legal_ways_to_say_that_it_is_an_order() {
        let item = r#""orderedItem": {"orderedItem": {"sku": "A"}, "orderQuantity": 2}"#;
        for known in [
            r#""@context": "http://schema.org", "@type": "Order""#,
            r#""@context": "https://schema.org/", "@type": ["Thing", "Order"]"#,
            r#""@context": "http://www.schema.org", "type": "Order""#,
            r#""@context": "https://schema.org/docs/jsonldcontext.jsonld", "@type": "http://schema.org/Order""#,
            r#""@context": {"@vocab": "https://schema.org/", "@language": "en"}, "@type": "Order""#,
            r#""@context": ["https://example.com/ours", "https://schema.org", {"x": "https://x.example/"}], "@type": "Order""#,
        ] {
            let interpretation = interpret(&format!("{{{known}, {item}}}"));
            assert_eq!((interpretation.format, &interpretation.problems), (Some("schema.org"), &vec![]), "{known}");
            assert_eq!(lines(&interpretation), [("/orderedItem", Some("A"), None, 2)], "{known}");
        }
        for (document, id) in [
            (
                r#"{"@context": {"s": "http://schema.org/"}, "@type": "s:Order",
                    "s:orderedItem": [{"s:orderedItem": {"s:sku": "A"}, "s:orderQuantity": 2}]}"#,
                "/s:orderedItem/0",
            ),
            (
                r#"{"@type": "https://schema.org/Order", "https://schema.org/orderedItem": {"@list": [
                    {"https://schema.org/sku": {"@value": "A"}, "https://schema.org/orderQuantity": [{"@value": 2}]}]}}"#,
                "/https:~1~1schema.org~1orderedItem/@list/0",
            ),
        ] {
            let interpretation = interpret(document);
            assert_eq!((interpretation.format, &interpretation.problems), (Some("schema.org"), &vec![]), "{document}");
            assert_eq!(lines(&interpretation), [(id, Some("A"), None, 2)]);
        }
    }

    #[test]
    fn near_misses_are_not_claimed() {
        for document in [
            r#"{"@context": "https://openactive.io/", "@type": "Order", "orderedItem": []}"#,
            r#"{"@context": "https://schema.org", "@type": "OrderItem", "orderedItem": {"sku": "A"}}"#,
            r#"{"@context": "https://schema.org", "@type": "Invoice", "referencesOrder": {"@type": "Order"}}"#,
            r#"{"@context": "https://schema.org.example", "@type": "Order", "orderedItem": {"sku": "A"}}"#,
            r#"{"@context": {"s": "https://schema.org/"}, "@type": "Order", "orderedItem": {"sku": "A"}}"#,
            r#"{"@type": "Order", "orderedItem": {"sku": "A"}}"#,
            r#"{"@context": "https://schema.org", "@graph": [{"@type": "Product", "sku": "A"}]}"#,
            r#"{"@context": "https://schema.org", "@type": "Order", "orderedItem": {"sku": "A"}, "line_items": []}"#,
        ] {
            let problems = interpret(document).problems;
            assert!(problems[0].contains("has a shape that no format knows"), "{document}: {problems:?}");
        }
    }

    #[test]
    fn an_order_in_a_graph_points_to_what_stands_beside_it() {
        let interpretation = interpret(
            r##"{"@context": "https://schema.org", "@graph": [
                {"@id": "#tea", "@type": "Product", "sku": "TEA", "name": "Tea"},
                {"@id": "#ada", "@type": "Person", "name": "Ada", "email": ["mailto:ada@example.com"]},
                {"@id": "#line", "@type": "OrderItem", "orderQuantity": {"@type": "QuantitativeValue", "value": 4},
                 "orderedItem": {"@id": "#tea"}},
                {"@type": "Order", "customer": {"@id": "#ada"}, "identifier": {"@type": "PropertyValue", "value": 77},
                 "orderedItem": [{"@id": "#line"}, {"@type": "Product", "name": "Cup"}, "Spoon"],
                 "partOfInvoice": {"totalPaymentDue": {"@type": "MonetaryAmount", "value": 12.5, "currency": "eur"}},
                 "orderDelivery": {"deliveryAddress": "1 Main St, London"}}]}"##,
        );
        assert_eq!((interpretation.format, &interpretation.problems), (Some("schema.org"), &vec![]));
        assert_eq!(
            lines(&interpretation),
            [
                ("/@graph/3/orderedItem/0", Some("TEA"), Some("Tea"), 4),
                ("/@graph/3/orderedItem/1", None, Some("Cup"), 1),
                ("/@graph/3/orderedItem/2", None, Some("Spoon"), 1),
            ]
        );
        let reading = interpretation.reading;
        assert_eq!(reading.reference.as_deref(), Some("77"));
        let customer = reading.customer.unwrap();
        assert_eq!((customer.name.as_deref(), customer.email.as_deref()), (Some("Ada"), Some("ada@example.com")));
        let total = reading.total.unwrap();
        assert_eq!((total.amount.as_str(), total.currency.as_str()), ("12.5", "EUR"));
        assert_eq!(reading.shipping_address.unwrap().lines, ["1 Main St, London"]);
        let two = r#"{"@context": "https://schema.org", "@graph": [{"@type": "Order"}, {"@type": "Order"}]}"#;
        assert_eq!(interpret(two).problems, ["/@graph holds 2 orders, and a document is one order"]);
    }

    #[test]
    fn items_and_offers_describe_the_same_goods() {
        let both = |offer: &str| {
            order(&format!(
                r#""priceCurrency": "EUR", "orderedItem": [{{"orderedItem": {{"sku": "A"}}, "orderQuantity": 2}}],
                   "acceptedOffer": {offer}"#
            ))
        };
        let agree = both(r#"{"itemOffered": {"sku": "A", "name": "Apple"}, "eligibleQuantity": 2, "price": "1.10"}"#);
        assert_eq!((agree.format, &agree.problems), (Some("schema.org"), &vec![]));
        assert_eq!(lines(&agree), [("/orderedItem/0", Some("A"), Some("Apple"), 2)]);
        assert_eq!(agree.reading.lines[0].unit_price.as_ref().unwrap().amount, "1.10");
        for offer in [
            r#"{"itemOffered": {"sku": "B"}, "eligibleQuantity": 2}"#,
            r#"{"itemOffered": {"sku": "A"}, "eligibleQuantity": 3}"#,
            r#"[{"itemOffered": {"sku": "A"}}, {"itemOffered": {"sku": "B"}}]"#,
        ] {
            let problem = "the document names other goods in orderedItem than in acceptedOffer";
            let interpretation = both(offer);
            assert_eq!((interpretation.format, interpretation.problems), (None, vec![problem.to_owned()]), "{offer}");
        }
    }

    #[test]
    fn what_is_done_or_off_is_not_shipped() {
        let item = r#""orderedItem": {"orderedItem": {"sku": "A"}}"#;
        for open in
            ["https://schema.org/OrderProcessing", "http://schema.org/OrderStatus/OrderPaymentDue", "orderProcessing"]
        {
            assert_eq!(problems_of(&format!(r#""orderStatus": "{open}", {item}"#)), (Some("schema.org"), vec![]));
        }
        for (status, problem) in [
            (r#""https://schema.org/OrderCancelled""#, "says that nothing of the order is to be shipped (any more)"),
            (r#"{"@id": "schema:OrderDelivered"}"#, "says that nothing of the order is to be shipped (any more)"),
            (r#""https://schema.org/OrderProblem""#, "leaves open whether to ship"),
            (r#""https://schema.org/OrderStatus""#, "leaves open whether to ship"),
            ("7", "leaves open whether to ship"),
        ] {
            let expected = (None, vec![format!("/orderStatus {problem}")]);
            assert_eq!(problems_of(&format!(r#""orderStatus": {status}, {item}"#)), expected);
        }
        let items = order(
            r#""orderedItem": [{"orderedItem": {"name": "A"}, "orderItemStatus": "https://schema.org/OrderCancelled"},
                {"orderedItem": {"@type": "Service", "name": "B"}}, {"@type": "FlightReservation"},
                {"orderedItem": {"name": "C"}, "orderItemStatus": "https://schema.org/OrderProcessing"}]"#,
        );
        assert_eq!((items.format, &items.problems), (Some("schema.org"), &vec![]));
        assert_eq!(items.reading.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [0, 0, 0, 1]);
    }

    #[test]
    fn what_decides_what_is_shipped_must_be_clear() {
        for (members, problem) in [
            (r#""orderedItem": {}"#, "/orderedItem has neither sku nor name: nobody knows what to ship"),
            (
                r##""orderedItem": {"@id": "#nowhere"}"##,
                "/orderedItem has neither sku nor name: nobody knows what to ship",
            ),
            (
                r#""orderedItem": {"sku": "A", "orderQuantity": "many"}"#,
                "/orderedItem/orderQuantity is not a quantity: a whole number from 0 to 2147483647",
            ),
            (
                r#""orderedItem": {"sku": "A", "orderQuantity": {"minValue": 1}}"#,
                "/orderedItem/orderQuantity is a quantity without a value",
            ),
            (
                r#""orderedItem": {"sku": "A", "orderQuantity": {"value": 2, "unitCode": "KGM"}}"#,
                "/orderedItem/orderQuantity is not counted in pieces: nobody knows how many to ship",
            ),
            (
                r#""orderedItem": {"sku": "A", "orderQuantity": 1, "quantity": 2}"#,
                "/orderedItem/quantity contradicts the quantity beside it",
            ),
            (
                r#""acceptedOffer": {"itemOffered": [{"sku": "A"}, {"sku": "B"}]}"#,
                "/acceptedOffer names several goods in one entry: nobody knows how many of each to ship",
            ),
            (
                r#""orderedItem": {"orderedItem": {"@type": "OrderItem", "name": "Set", "orderedItem": {"sku": "A"}}}"#,
                "/orderedItem is an item that consists of items: nobody knows what to ship",
            ),
            (
                r#""@context": ["https://schema.org", {"orderQuantity": "ex:boxes"}], "orderedItem": {"sku": "A"}"#,
                "/@context/1 gives orderQuantity a meaning of its own, which is not followed",
            ),
            (r#""orderNumber": "1""#, "the document reads as schema.org, but has no line with anything to ship"),
        ] {
            assert_eq!(problems_of(members), (None, vec![problem.to_owned()]), "{members}");
        }
    }

    #[test]
    fn anything_else_is_a_remark() {
        let interpretation = order(
            r#""customer": "Ada", "price": "7.50 EUR", "priceCurrency": "EUR", "orderDelivery": 7,
               "billingAddress": {"streetAddress": "Nowhere"},
               "acceptedOffer": [{"sku": "A", "price": 1.10, "priceCurrency": "Euro", "eligibleQuantity": "2"},
                {"sku": "B", "priceSpecification": {"price": "2.20"}},
                {"itemOffered": {"sku": "C", "offers": {"price": 9}}, "price": "3.30", "priceCurrency": "USD"}]"#,
        );
        assert_eq!(interpretation.format, Some("schema.org"));
        assert_eq!(
            interpretation.problems,
            [
                "/acceptedOffer/0/price is a price without a currency code of three letters",
                "/orderDelivery is a number instead of an object",
                "/price is not a decimal number such as 12.50",
            ]
        );
        let reading = interpretation.reading;
        assert_eq!((reading.customer.unwrap().name.as_deref(), reading.shipping_address), (Some("Ada"), None));
        let prices = reading.lines.iter().map(|line| line.unit_price.as_ref().map(|price| price.amount.as_str()));
        assert_eq!(prices.collect::<Vec<_>>(), [None, Some("2.20"), Some("3.30")]);
    }

    #[test]
    fn items_may_share_an_address() {
        let to = |a: &str, b: &str| {
            let item = |street: &str| {
                format!(
                    r#"{{"sku": "A", "orderDelivery": {{"deliveryAddress": {{"streetAddress": ["{street}", "Flat 2"]}}}}}}"#
                )
            };
            order(&format!(r#""orderedItem": [{}, {}]"#, item(a), item(b)))
        };
        assert_eq!(to("1 Main St", "1 Main St").reading.shipping_address.unwrap().lines, ["1 Main St", "Flat 2"]);
        let two = to("1 Main St", "2 Main St");
        assert_eq!((two.format, two.reading.shipping_address), (Some("schema.org"), None));
        assert_eq!(two.problems, ["the document is delivered to more than one address"]);
    }
}
