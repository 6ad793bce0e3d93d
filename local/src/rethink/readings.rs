//! What today's code makes of each order and of all that happened to it, sorted by the hash of the order's id.
//!
//! Each core takes up one part of what was kept after the other. How they are cut does not show: parts come in their
//! order, and each is sorted.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use resolvers::order::formats::Interpretation;
use resolvers::order::{Change, Id, Order, PlacedBy, ReceivedOrder, merge};

use super::Error;
use super::chunks::{cores, joined};
use super::item::StoredOrder;
use super::progress::Progress;
use super::spill::{Entry, Spill, entries, put_bytes, take_bytes};

/// How a build reads documents.
pub(super) type Interpreter = fn(&str) -> Interpretation;

/// How many bytes of orders and changes a core has in memory at a time.
pub(super) const PART: u64 = 16 * 1024 * 1024;
/// How many bytes of them become readings at a time.
const BLOCK: usize = 512 * 1024;

/// All orders and changes, kept in temporary files.
pub(super) struct Corpus {
    pub(super) orders: Spill,
    pub(super) changes: Spill,
    /// How many orders there are, erased ones among them.
    pub(super) items: u64,
}

/// An order as a reader would see it, but for the document; or what is left of one.
pub(super) enum Reading {
    /// It is there.
    Order(Box<Order>),
    /// It was erased.
    Erased(Id),
}

impl Reading {
    /// The order's id.
    pub(super) fn id(&self) -> &Id {
        match self {
            Self::Order(order) => &order.id,
            Self::Erased(id) => id,
        }
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Orders, without those that were erased.
    pub(super) orders: u64,
    /// Orders that were erased.
    pub(super) erased: u64,
    /// Changes of orders that are not there: the tables were not read at one moment.
    pub(super) strays: u64,
}

/// Reads a corpus.
pub(super) struct Readings<'a> {
    /// What to read.
    pub(super) corpus: &'a Corpus,
    /// How.
    pub(super) interpret: Interpreter,
    /// How many bytes of it to have in memory at a time, for each core.
    pub(super) part: u64,
}

#[derive(Default)]
struct Counters {
    orders: AtomicU64,
    erased: AtomicU64,
    strays: AtomicU64,
}

impl Readings<'_> {
    /// Has all readings worked on by all cores, some at a time, and the results consumed in order, until `consume` says
    /// that nobody wants more.
    pub(super) fn each<T: Send>(
        &self,
        work: impl Fn(Vec<Reading>) -> Result<T, Error> + Sync,
        mut consume: impl FnMut(T) -> Result<bool, Error>,
    ) -> Result<Counts, Error> {
        let counters = Counters::default();
        let progress = Progress::of("thinking", self.corpus.items);
        let parts = self.corpus.orders.level().parts();
        let cores = cores().min(parts);
        thread::scope(|scope| {
            let (mut receivers, mut workers) = (Vec::new(), Vec::new());
            for first in 0..cores {
                // Whoever is ahead waits, so that results do not pile up.
                let (sender, receiver) = bounded(1);
                let (work, counters, progress) = (&work, &counters, &progress);
                receivers.push(receiver);
                workers.push(scope.spawn(move || {
                    let worker = Worker { readings: self, work, sender, counters, progress };
                    let Corpus { orders, changes, .. } = self.corpus;
                    for part in (first..parts).step_by(cores) {
                        if !worker.part(orders, changes, part)? || worker.sender.send(None).is_err() {
                            break;
                        }
                    }
                    Ok(())
                }));
            }
            let consumed = in_order(&receivers, parts, &mut consume);
            drop(receivers);
            workers.into_iter().map(joined).fold(consumed, Result::and)
        })?;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Counts { orders: count(&counters.orders), erased: count(&counters.erased), strays: count(&counters.strays) })
    }
}

/// Consumes the results of one part after the other. A worker that ends early has said why.
fn in_order<T>(
    receivers: &[Receiver<Option<T>>],
    parts: usize,
    consume: &mut impl FnMut(T) -> Result<bool, Error>,
) -> Result<(), Error> {
    for receiver in (0..parts).map(|part| &receivers[part % receivers.len()]) {
        loop {
            let Ok(result) = receiver.recv() else { return Ok(()) };
            let Some(result) = result else { break };
            if !consume(result)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

struct Worker<'a, W, T> {
    readings: &'a Readings<'a>,
    work: &'a W,
    sender: Sender<Option<T>>,
    counters: &'a Counters,
    progress: &'a Progress,
}

impl<T, W: Fn(Vec<Reading>) -> Result<T, Error>> Worker<'_, W, T> {
    /// Reads a part; false if nobody wants more.
    fn part(&self, orders: &Spill, changes: &Spill, part: usize) -> Result<bool, Error> {
        if orders.bytes(part) + changes.bytes(part) > self.readings.part
            && let Some(below) = orders.level().below()
        {
            let cut = |spill: &Spill| spill.cut(part, below).map_err(Error::Spill);
            let (orders, changes) = (cut(orders)?, cut(changes)?);
            for part in 0..below.parts() {
                if !self.part(&orders, &changes, part)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let (orders, changes) = (orders.read(part).map_err(Error::Spill)?, changes.read(part).map_err(Error::Spill)?);
        let (orders, changes) = (sorted(&orders), sorted(&changes));
        self.entries(&orders, &changes)
    }

    fn entries(&self, orders: &[Entry<'_>], mut changes: &[Entry<'_>]) -> Result<bool, Error> {
        if let Some(twice) = orders.array_windows().find(|[a, b]| a.id == b.id) {
            return Err(Error::Twice { id: twice[0].id.to_owned() });
        }
        let (mut block, mut bytes, mut strays) = (Vec::new(), 0, 0);
        for order in orders {
            let before = changes.partition_point(|change| (change.hash, change.id) < (order.hash, order.id));
            let (skipped, rest) = changes.split_at(before);
            let (own, rest) = rest.split_at(rest.partition_point(|change| change.id == order.id));
            (strays, changes) = (strays + skipped.len(), rest);
            bytes += order.body.len() + own.iter().map(|change| change.body.len()).sum::<usize>();
            block.push(self.reading(order, own).ok_or_else(damaged)?);
            if bytes >= BLOCK {
                bytes = 0;
                if !self.send(std::mem::take(&mut block))? {
                    return Ok(false);
                }
            }
        }
        self.counters.strays.fetch_add((strays + changes.len()) as u64, Ordering::Relaxed);
        self.send(block)
    }

    fn reading(&self, order: &Entry<'_>, changes: &[Entry<'_>]) -> Option<Reading> {
        Some(match restored(order)? {
            StoredOrder::Erased(id) => {
                self.counters.erased.fetch_add(1, Ordering::Relaxed);
                Reading::Erased(id)
            }
            StoredOrder::Received(mut received) => {
                self.counters.orders.fetch_add(1, Ordering::Relaxed);
                // The document is read once, and then no part of what is compared.
                let interpretation = (self.readings.interpret)(&std::mem::take(&mut received.document));
                let changes: Vec<Change> =
                    changes.iter().map(|change| serde_json::from_slice(change.body)).collect::<Result<_, _>>().ok()?;
                Reading::Order(Box::new(merge(&received, &interpretation, &changes, None)?))
            }
        })
    }

    fn send(&self, block: Vec<Reading>) -> Result<bool, Error> {
        if block.is_empty() {
            return Ok(true);
        }
        let items = block.len() as u64;
        let result = (self.work)(block)?;
        self.progress.add(items);
        Ok(self.sender.send(Some(result)).is_ok())
    }
}

fn sorted(part: &[u8]) -> Vec<Entry<'_>> {
    let mut sorted: Vec<_> = entries(part).collect();
    sorted.sort_unstable_by_key(|entry| (entry.hash, entry.id));
    sorted
}

fn damaged() -> Error {
    Error::Spill(io::Error::new(io::ErrorKind::InvalidData, "it does not hold what was written into it"))
}

/// What is kept of an order.
pub(super) fn kept(order: &StoredOrder) -> Vec<u8> {
    let mut body = Vec::new();
    let StoredOrder::Received(order) = order else { return body };
    body.push(match order.placed_by {
        PlacedBy::Guest => 0,
        PlacedBy::Customer => 1,
        PlacedBy::Backend => 2,
    });
    put_bytes(&mut body, order.received_at.to_string().as_bytes());
    match &order.customer_id {
        Some(id) => {
            body.push(1);
            put_bytes(&mut body, id.as_str().as_bytes());
        }
        None => body.push(0),
    }
    body.extend_from_slice(order.document.as_bytes());
    body
}

/// The order of which this was kept.
fn restored(Entry { id, body, .. }: &Entry<'_>) -> Option<StoredOrder> {
    let id = Id::from(*id);
    let Some((placed_by, mut rest)) = body.split_first() else { return Some(StoredOrder::Erased(id)) };
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let placed_by = match placed_by {
        0 => PlacedBy::Guest,
        1 => PlacedBy::Customer,
        2 => PlacedBy::Backend,
        _ => return None,
    };
    let received_at = text(take_bytes(&mut rest)?)?.parse().ok()?;
    let (owned, mut rest) = rest.split_first()?;
    let customer_id = if *owned == 0 { None } else { Some(Id::from(text(take_bytes(&mut rest)?)?)) };
    let document = text(rest)?.to_owned();
    Some(StoredOrder::Received(ReceivedOrder {
        id,
        received_at,
        placed_by,
        customer_id,
        idempotency_key: None,
        document,
    }))
}
