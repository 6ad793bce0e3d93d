//! Pages of orders: how many, how large, and where the next one starts.

use aws_smithy_types::base64;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::order::Order;
use crate::order::view::OrderConnection;

/// How many bytes of JSON a page holds at most, if it holds more than one order. Lambda's limit is 6 MB.
const BYTES: usize = 5 * 1024 * 1024;

/// How many orders are read at a time.
pub(super) const STRIDE: usize = 10;

/// How many orders a page holds at most.
pub(super) fn limit(limit: Option<i32>) -> Result<usize, Error> {
    let limit = limit.unwrap_or(20);
    usize::try_from(limit)
        .ok()
        .filter(|limit| (1..=100).contains(limit))
        .ok_or_else(|| Error::InvalidArgument(format!("`limit` must be from 1 to 100, not {limit}.")))
}

/// Where a listing goes on, from the token that an earlier page ended with.
pub(super) fn position<T: DeserializeOwned>(
    token: Option<&str>,
    is_valid: impl Fn(&T) -> bool,
) -> Result<Option<T>, Error> {
    let Some(token) = token else { return Ok(None) };
    let read = |token: &str| serde_json::from_slice(&base64::decode(token).ok()?).ok().filter(is_valid);
    let refused = || Error::InvalidArgument("`nextToken` must be one that an earlier page ended with.".to_owned());
    read(token).map(Some).ok_or_else(refused)
}

/// The token for a position.
fn token<T: Serialize>(position: &T) -> Result<String, Error> {
    let json = serde_json::to_vec(position).map_err(|_| Error::Unavailable)?;
    Ok(base64::encode(json))
}

/// A page that is being filled.
pub(super) struct Page {
    items: Vec<Order>,
    limit: usize,
    bytes: usize,
}

impl Page {
    pub(super) fn new(limit: usize) -> Self {
        Self { items: Vec::new(), limit, bytes: 0 }
    }

    /// Takes an order, or leaves it to the next page if this one is full. An empty page takes an order of any size.
    pub(super) fn take(&mut self, order: Order) -> Result<bool, Error> {
        let bytes = self.bytes + serde_json::to_vec(&order).map_err(|_| Error::Unavailable)?.len();
        let fits = self.items.is_empty() || (self.items.len() < self.limit && bytes <= BYTES);
        if fits {
            self.bytes = bytes;
            self.items.push(order);
        }
        Ok(fits)
    }

    /// How many more orders it may hold.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.items.len())
    }

    pub(super) fn into_connection<T: Serialize>(self, next: Option<&T>) -> Result<OrderConnection, Error> {
        Ok(OrderConnection { items: self.items, next_token: next.map(token).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::view::OrderStatus;
    use crate::tables::{Place, Position};

    fn order(bytes: usize) -> Order {
        Order {
            id: "o".into(),
            customer_id: None,
            reference: Some("x".repeat(bytes)),
            format: None,
            status: OrderStatus::Received,
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            fulfilled_at: None,
            customer: None,
            shipping_address: None,
            lines: None,
            total: None,
            changes: None,
            problems: Vec::new(),
            document: None,
        }
    }

    #[test]
    fn a_page_ends_by_number_and_by_bytes_but_never_empty() {
        let mut by_number = Page::new(2);
        assert_eq!([(); 3].map(|()| by_number.take(order(1)).unwrap()), [true, true, false]);
        let mut by_bytes = Page::new(100);
        assert_eq!([(); 3].map(|()| by_bytes.take(order(2_000_000)).unwrap()), [true, true, false]);
        let page: OrderConnection = by_bytes.into_connection(Some(&"here")).unwrap();
        assert!(serde_json::to_vec(&page).unwrap().len() < 6 * 1024 * 1024 && page.next_token.is_some());
        let mut huge = Page::new(100);
        assert_eq!([(); 2].map(|()| huge.take(order(6_000_000)).unwrap()), [true, false]);
    }

    #[test]
    fn limits_are_1_to_100_and_20_by_default() {
        assert_eq!((limit(None), limit(Some(1)), limit(Some(100))), (Ok(20), Ok(1), Ok(100)));
        for bad in [0, -1, 101, i32::MIN] {
            assert!(matches!(limit(Some(bad)), Err(Error::InvalidArgument(_))));
        }
    }

    #[test]
    fn a_token_is_what_a_page_ended_with() {
        let at = Position { received_at: "2026-01-01T00:00:00.000Z".to_owned(), id: "o".into() };
        let token = token(&at).unwrap();
        assert_eq!(position(Some(&token), Position::is_valid).unwrap(), Some(at));
        assert_eq!(position(None, Position::is_valid).unwrap(), None);
        let forged = [r#"{"receivedAt":"","id":"o"}"#, r#"{"receivedAt":"2026-01-01T00:00:00.000Z","id":""}"#];
        let forged = forged.map(base64::encode);
        for bad in ["", "?", "bnVsbA==", "e30=", &forged[0], &forged[1]] {
            assert!(matches!(position(Some(bad), Position::is_valid), Err(Error::InvalidArgument(_))), "{bad}");
        }
        for (place, valid) in [(r#"{"shard":15,"after":"o"}"#, true), (r#"{"shard":16,"after":null}"#, false)] {
            let read = position(Some(&base64::encode(place)), Place::is_valid);
            assert_eq!(read.is_ok(), valid, "{place}");
        }
    }
}
