//! `cargo run -- erase ID`: an order is replaced by a trace that tells of nobody, and everything else that was kept of it
//! goes.
//!
//! The trace comes first: from then on nobody reads the order, and nothing sends it through. A function that has read it
//! before may still append what the warehouse answers. So unless nothing can be under way, this waits until every such
//! function has ended, and looks once more. Every step may be done twice; whatever stops this, running it again finishes it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use resolvers::order::view::OrderStatus;
use resolvers::order::{ErasedOrder, Id, StoredOrder, Timestamp, interpret, merge};
use serde_json::json;

use super::Error;
use super::batches::Read;
use super::database;
use super::output::{Output, count};
use super::plan::Known;
use super::stage::Stage;
use crate::command_line::EraseArguments;

/// How long something may be under way that read an order before it was erased: `fulfil-orders` asks for ten seconds
/// without looking whether an order was erased, and has two minutes, to which come the clocks' differences.
pub(crate) const UNDER_WAY: u64 = 140;

/// How long the stream remembers an order. Source: DynamoDB Streams.
const STREAM: Duration = Duration::from_hours(24);

struct Found {
    left: ErasedOrder,
    /// Nothing can be appended to it any more.
    settled: bool,
    known: Known,
}

pub(super) async fn run(arguments: &EraseArguments) -> Result<(), Error> {
    let stage = Stage::reach(&arguments.stage).await?;
    let mut output = Output::new(arguments.json);
    let under_way = Duration::from_secs(arguments.wait);
    let mut orders = Vec::new();
    let mut unknown = Vec::new();
    let now = Timestamp::from(SystemTime::now());
    for id in &arguments.ids {
        let known = stage.read(&Id::from(id.as_str())).await?;
        match found(known, now, under_way) {
            Some(order) => orders.push(order),
            None => unknown.push(id.chars().take(100).collect()),
        }
    }
    if !unknown.is_empty() {
        return Err(Error::Unknown(unknown));
    }
    if !arguments.yes {
        return foretell(&stage, &orders, &mut output).await;
    }
    for Found { left, .. } in &orders {
        stage.orders.erase(left).await.map_err(stage.tables())?;
    }
    // Somebody else may have erased one beside this: what stands in the table is what counts.
    let mut lefts = Vec::new();
    for Found { left, .. } in &orders {
        match stage.orders.find(&left.id).await.map_err(stage.tables())? {
            Some(StoredOrder::Erased(left)) => lefts.push(left),
            _ => return Err(Error::Unknown(vec![left.id.to_string()])),
        }
    }
    sweep(&stage, &lefts, &mut output).await?;
    let unsettled = orders.iter().zip(&lefts).filter(|(order, _)| !order.settled).map(|(_, left)| left.erased_at);
    if let Some(last) = unsettled.max() {
        let left = under_way.saturating_sub(Timestamp::from(SystemTime::now()).since(last));
        if !left.is_zero() {
            let seconds = left.as_secs().max(1);
            output.remark(&format!(
                "Something may still be under way for what was not fulfilled long since. Looking once more in {}.",
                count(usize::try_from(seconds).unwrap_or(usize::MAX), "second", "seconds")
            ))?;
            tokio::time::sleep(left).await;
            sweep(&stage, &lefts, &mut output).await?;
        }
    }
    if let Some((file, table)) = &stage.database {
        database::erase(file, table, &lefts)?;
    }
    tell(&stage, &lefts, &mut output)
}

/// What is to be left of an order, if there is one.
fn found(known: Known, now: Timestamp, under_way: Duration) -> Option<Found> {
    let (left, settled) = match known.stored.as_ref()? {
        StoredOrder::Erased(left) => (left.clone(), now.since(left.erased_at) > under_way),
        StoredOrder::Received(received) => {
            let order = merge(received, &interpret(&received.document), &known.changes, None)?;
            let long_since = order.fulfilled_at.is_some_and(|at| now.since(at) > under_way);
            let settled = order.status == OrderStatus::Fulfilled && long_since && known.pointer.is_none();
            (ErasedOrder { id: order.id, received_at: order.received_at, erased_at: now }, settled)
        }
    };
    Some(Found { left, settled, known })
}

/// Takes everything that was kept of these orders beside the trace.
async fn sweep(stage: &Stage, lefts: &[ErasedOrder], output: &mut Output) -> Result<(), Error> {
    for left in lefts {
        stage.attention.forget(&left.id).await.map_err(stage.tables())?;
        stage.changes.erase(&left.id).await.map_err(stage.tables())?;
    }
    let by_id: BTreeMap<_, _> = lefts.iter().map(|left| (left.id.clone(), left.clone())).collect();
    let (_, unreadable) = stage.batches.erase(&by_id).await?;
    for batch in unreadable {
        output.fail(&format!("{batch} is no kept batch, and was not looked into: look at it, and remove it"));
    }
    Ok(())
}

async fn foretell(stage: &Stage, orders: &[Found], output: &mut Output) -> Result<(), Error> {
    let mut batches: BTreeMap<Id, usize> = BTreeMap::new();
    for name in stage.batches.list().await? {
        if let Read::Batch(batch, _) = stage.batches.read(&name).await? {
            for id in batch.ids() {
                *batches.entry(id.clone()).or_default() += 1;
            }
        }
    }
    for Found { left, known, .. } in orders {
        let ErasedOrder { id, received_at, erased_at } = left;
        let (changes, kept) = (known.changes.len(), batches.get(id).copied().unwrap_or(0));
        let what = match known.stored {
            Some(StoredOrder::Erased(_)) => format!("was erased at {erased_at}; what came later would go too"),
            _ => format!("received at {received_at}, would be erased"),
        };
        let parts = format!("{}, {}", count(changes, "change", "changes"), count(kept, "kept batch", "kept batches"));
        let object = json!({ "id": id, "receivedAt": received_at, "changes": changes, "keptBatches": kept });
        output.say(&format!("{id} {what} ({parts})"), &object)?;
    }
    output.remark(&format!(
        "On {}, {} would be erased for good. Nothing was changed: add --yes to do it.",
        stage.name,
        count(orders.len(), "order", "orders")
    ))?;
    Ok(())
}

fn tell(stage: &Stage, lefts: &[ErasedOrder], output: &mut Output) -> Result<(), Error> {
    let now = Timestamp::from(SystemTime::now());
    for ErasedOrder { id, received_at, erased_at } in lefts {
        let object = json!({ "id": id, "receivedAt": received_at, "erasedAt": erased_at });
        output.say(&format!("{id} is erased"), &object)?;
    }
    let remembered = lefts.iter().map(|left| left.received_at).max().filter(|at| now.since(*at) < STREAM);
    if let Some(received_at) = remembered.filter(|_| stage.database.is_none()) {
        output.remark(&format!(
            "The stream remembers until {} what was received within a day. Should a batch be given up until then, it may hold \
             the order again; nothing ships it, and running the same again then takes it out.",
            received_at.after(STREAM)
        ))?;
    }
    if output.all_done() { Ok(()) } else { Err(Error::Unfinished) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resolvers::order::view::FulfilledLine;
    use resolvers::order::{Change, PlacedBy, ReceivedOrder};

    fn at(second: u64) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        start.after(Duration::from_secs(second))
    }

    fn known(changes: Vec<Change>) -> Known {
        let received = ReceivedOrder {
            id: Id::from("o"),
            received_at: at(0),
            placed_by: PlacedBy::Guest,
            customer_id: Some(Id::from("ada")),
            idempotency_key: None,
            document: r#"{"lines":[{"sku":"A","quantity":1}]}"#.to_owned(),
        };
        Known { stored: Some(StoredOrder::Received(received)), changes, pointer: None }
    }

    fn settled(known: Known, now: u64) -> bool {
        found(known, at(now), Duration::from_secs(UNDER_WAY)).unwrap().settled
    }

    #[test]
    fn nothing_can_be_under_way_for_what_was_fulfilled_or_erased_long_since() {
        let line = FulfilledLine { line: Id::from("/lines/0"), quantity: 1 };
        let fulfilled = Change::fulfilled(&Id::from("o"), Change::warehouse_id(0), at(10), None, vec![line]);
        assert!(!settled(known(vec![fulfilled.clone()]), 10 + UNDER_WAY));
        assert!(settled(known(vec![fulfilled]), 11 + UNDER_WAY));
        let refused = Change::refused(&Id::from("o"), Change::warehouse_id(0), at(10), None);
        assert!(!settled(known(vec![refused]), 1_000_000), "somebody may send it through at any moment");
        assert!(!settled(known(vec![]), 1_000_000));
        let left = ErasedOrder { id: Id::from("o"), received_at: at(0), erased_at: at(10) };
        let erased = || Known { stored: Some(StoredOrder::Erased(left.clone())), changes: vec![], pointer: None };
        assert!(!settled(erased(), 10 + UNDER_WAY));
        assert!(settled(erased(), 11 + UNDER_WAY));
        assert!(found(Known { stored: None, changes: vec![], pointer: None }, at(0), Duration::ZERO).is_none());
    }
}
