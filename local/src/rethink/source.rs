//! Where orders and changes are read from, and into which temporary files they go.

use std::io;
use std::path::Path;

use resolvers::order::ReceivedOrder;

use super::Error;
use super::arguments;
use super::chunks::{self, Chunk, Sink};
use super::export::Export;
use super::item::{self, StoredOrder};
use super::progress::Progress;
use super::readings::{Corpus, kept};
use super::snapshot::Snapshot;
use super::spill::{Entry, Level, Spill, hash};

/// Where orders and changes are read from.
pub(super) enum Source {
    /// Exports of the two tables; the changes may be left out on purpose.
    Exports(Export, Option<Export>),
    /// The data directory of a server on this machine.
    DataDirectory(Snapshot),
}

impl Source {
    /// What the command line names.
    pub(super) fn find(arguments: &arguments::Source) -> Result<Self, Error> {
        let Some(orders) = &arguments.orders else {
            return Ok(Self::DataDirectory(Snapshot::open(&arguments.data_dir)?));
        };
        let changes = match &arguments.changes {
            Some(directory) => Some((directory, Export::find(directory)?)),
            None if arguments.without_changes => None,
            None => return Err(Error::NoChanges),
        };
        let orders = Export::find(orders)?;
        if let Some((directory, changes)) = &changes
            && changes.table_arn == orders.table_arn
        {
            return Err(same_table(directory, &orders.table_arn));
        }
        Ok(Self::Exports(orders, changes.map(|(_, changes)| changes)))
    }

    /// What it is called, for whoever compares records: of the orders, and of the changes.
    pub(super) fn names(&self) -> [Option<String>; 2] {
        match self {
            Self::Exports(orders, changes) => {
                [Some(orders.arn.clone()), changes.as_ref().map(|changes| changes.arn.clone())]
            }
            Self::DataDirectory(snapshot) => [0, 1].map(|_| Some(snapshot.file().display().to_string())),
        }
    }

    /// Reads everything, checks it, and keeps what counts.
    pub(super) fn read(&self, without_changes: bool) -> Result<Corpus, Error> {
        let (orders, changes) = self.items();
        let changes = if without_changes { 0 } else { changes };
        let level = Level::for_entries(orders);
        let new = || Spill::new(level).map_err(Error::Spill);
        let corpus = Corpus { orders: new()?, changes: new()?, items: orders };
        let progress = Progress::of("reading", orders + changes);
        if !without_changes {
            chunks::each(
                |sink| self.read_changes(sink),
                |chunk| {
                    keep(chunk, &progress, |line| {
                        let change = item::change(line)?;
                        let body = serde_json::to_vec(&change).map_err(|error| error.to_string())?;
                        let id = change.order_id.as_str();
                        Ok(corpus.changes.put(Entry { hash: hash(id), id, body: &body }))
                    })
                },
            )?;
        }
        chunks::each(
            |sink| self.read_orders(sink),
            |chunk| {
                keep(chunk, &progress, |line| {
                    let order = item::order(line)?;
                    let body = kept(&order);
                    let (StoredOrder::Received(ReceivedOrder { id, .. }) | StoredOrder::Erased(id)) = &order;
                    Ok(corpus.orders.put(Entry { hash: hash(id.as_str()), id: id.as_str(), body: &body }))
                })
            },
        )?;
        Ok(corpus)
    }

    fn items(&self) -> (u64, u64) {
        match self {
            Self::Exports(orders, changes) => (orders.items, changes.as_ref().map_or(0, |changes| changes.items)),
            Self::DataDirectory(snapshot) => (snapshot.orders.items, snapshot.changes.items),
        }
    }

    fn read_orders(&self, sink: &Sink<'_>) -> Result<(), Error> {
        match self {
            Self::Exports(orders, _) => chunks::of_files(&orders.files, sink),
            Self::DataDirectory(snapshot) => snapshot.read(&snapshot.orders, sink),
        }
    }

    fn read_changes(&self, sink: &Sink<'_>) -> Result<(), Error> {
        match self {
            Self::Exports(_, changes) => chunks::of_files(changes.as_ref().map_or(&[], |changes| &changes.files), sink),
            Self::DataDirectory(snapshot) => snapshot.read(&snapshot.changes, sink),
        }
    }
}

fn same_table(directory: &Path, table: &str) -> Error {
    Error::refused(
        directory,
        format!("is of the table {table}, as the export of the orders is: name that of the changes"),
    )
}

/// Keeps every line of a chunk; one that cannot be read is named.
fn keep(
    chunk: &Chunk,
    progress: &Progress,
    keep: impl Fn(&[u8]) -> Result<io::Result<()>, String>,
) -> Result<(), Error> {
    let mut lines = 0;
    for (number, line) in chunk.lines() {
        keep(line).map_err(|what| Error::damaged(&chunk.file, Some(number), what))?.map_err(Error::Spill)?;
        lines += 1;
    }
    progress.add(lines);
    Ok(())
}
