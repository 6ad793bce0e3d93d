//! Pages of orders: how many, how large, and where the next one starts.

use aws_smithy_types::base64;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::order::Order;

/// Bytes of JSON after which a page ends. Lambda's limit is 6 MB, and one more order has to fit.
const BYTES: usize = 4 * 1024 * 1024;

/// How many orders are read at a time: as many as fit in a page if each is as large as can be.
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
pub(super) fn position<T: DeserializeOwned>(token: Option<&str>) -> Result<Option<T>, Error> {
    let Some(token) = token else { return Ok(None) };
    let read = |token: &str| serde_json::from_slice(&base64::decode(token).ok()?).ok();
    let refused = || Error::InvalidArgument("`nextToken` must be one that an earlier page ended with.".to_owned());
    read(token).map(Some).ok_or_else(refused)
}

/// The token for a position.
pub(super) fn token<T: Serialize>(position: &T) -> Result<String, Error> {
    let json = serde_json::to_vec(position).map_err(|_| Error::Unavailable)?;
    Ok(base64::encode(json))
}

/// A page that is being filled.
pub(super) struct Page {
    pub(super) items: Vec<Order>,
    limit: usize,
    bytes: usize,
}

impl Page {
    pub(super) fn new(limit: usize) -> Self {
        Self { items: Vec::new(), limit, bytes: 0 }
    }

    pub(super) fn push(&mut self, order: Order) {
        self.bytes += serde_json::to_vec(&order).map_or(0, |json| json.len());
        self.items.push(order);
    }

    /// How many more orders it may hold.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.items.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.room() == 0 || self.bytes >= BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Position;

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
        assert_eq!(position::<Position>(Some(&token)).unwrap(), Some(at));
        assert_eq!(position::<Position>(None).unwrap(), None);
        for bad in ["", "?", "bnVsbA==", "e30="] {
            assert!(matches!(position::<Position>(Some(bad)), Err(Error::InvalidArgument(_))), "{bad}");
        }
    }
}
