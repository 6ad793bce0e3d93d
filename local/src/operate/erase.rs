//! `cargo run -- erase ID`: an order is replaced by a trace that tells of nobody, and everything else that was kept of it
//! goes.
//!
//! The trace comes first: from then on nobody reads the order, and nothing sends it through. A function that has read it
//! before may still append what the warehouse answers or reports. So this waits until every such function has ended, and looks
//! once more. Every step may be done twice; whatever stops this, running it again finishes it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use resolvers::order::{ErasedOrder, Id, ReceivedOrder, StoredOrder, Timestamp};
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
    known: Known,
}

pub(super) async fn run(arguments: &EraseArguments) -> Result<(), Error> {
    let stage = Stage::reach(&arguments.stage).await?;
    let mut output = Output::new(arguments.json);
    let under_way = Duration::from_secs(arguments.wait);
    let mut orders = Vec::new();
    let mut unknown = Vec::new();
    let now = Timestamp::from(SystemTime::now());
    for id in arguments.ids.iter().collect::<BTreeSet<_>>() {
        let known = stage.read(&Id::from(id.as_str())).await?;
        match found(known, now) {
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
            _ => output.fail(&format!("{} is not there any more, which is not this command's doing", left.id)),
        }
    }
    sweep(&stage, &lefts, &mut output).await?;
    if let Some(last) = lefts.iter().map(|left| left.erased_at).max() {
        let left = under_way.saturating_sub(Timestamp::from(SystemTime::now()).since(last));
        if !left.is_zero() {
            let seconds = left.as_secs().max(1);
            output.remark(&format!(
                "Something may still be under way for what was erased just now. Looking once more in {}.",
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
fn found(known: Known, now: Timestamp) -> Option<Found> {
    let left = match known.stored.as_ref()? {
        StoredOrder::Erased(left) => left.clone(),
        StoredOrder::Received(ReceivedOrder { id, received_at, .. }) => {
            ErasedOrder { id: id.clone(), received_at: *received_at, erased_at: now }
        }
    };
    Some(Found { left, known })
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
        match stage.batches.read(&name).await? {
            Read::Batch(batch, _) => {
                for id in batch.ids() {
                    *batches.entry(id.clone()).or_default() += 1;
                }
            }
            Read::Unreadable(reason) => output.fail(&format!("the kept batch {name} cannot be looked into: {reason}")),
            Read::Gone => {}
        }
    }
    for Found { left, known, .. } in orders {
        let ErasedOrder { id, received_at, erased_at } = left;
        let (changes, kept) = (known.changes.len(), batches.get(id).copied().unwrap_or(0));
        let what = match known.stored {
            Some(StoredOrder::Erased(_)) => format!("was erased at {erased_at}; --yes finishes what was interrupted"),
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
    if output.all_done() { Ok(()) } else { Err(Error::Unfinished) }
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
    use resolvers::order::PlacedBy;

    #[test]
    fn what_is_left_keeps_the_moment_of_the_first_erasure() {
        let [received_at, erased_at, now] =
            ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"].map(|at| at.parse().unwrap());
        let received = StoredOrder::Received(ReceivedOrder {
            id: Id::from("o"),
            received_at,
            placed_by: PlacedBy::Guest,
            customer_id: Some(Id::from("ada")),
            idempotency_key: None,
            document: "{}".to_owned(),
        });
        let of = |stored| found(Known { stored, changes: Vec::new(), pointer: None }, now).map(|found| found.left);
        let left = |erased_at| ErasedOrder { id: Id::from("o"), received_at, erased_at };
        assert_eq!(of(Some(received)), Some(left(now)));
        assert_eq!(of(Some(StoredOrder::Erased(left(erased_at)))), Some(left(erased_at)));
        assert_eq!(of(None), None);
    }
}
