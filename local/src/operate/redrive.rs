//! `cargo run -- redrive`: orders that did not get on are sent through fulfilment again, by nothing but their ids.
//!
//! What is sent is what `fulfil-orders` may be told twice, and by two at a time: it reads the order anew, asks the warehouse
//! under a key that stays the same until it has answered, and merely announces what is fulfilled. So this may be stopped
//! anywhere, run again, and run beside itself.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use resolvers::order::Id;
use resolvers::tables::Attention;
use serde_json::json;

use super::Error;
use super::batches::Read;
use super::output::{Output, count};
use super::plan::{Asked, Known, Plan};
use super::sources::List;
use super::stage::Stage;
use crate::command_line::{RedriveArguments, RedriveSource};

/// How many orders are sent at a time: the function works on them side by side, and has two minutes for all of them.
const AT_A_TIME: usize = 25;

/// How many orders are read at a time.
const READ_AT_A_TIME: usize = 8;

/// One run of the command.
struct Redrive<'a> {
    stage: &'a Stage,
    yes: bool,
    output: Output,
    /// A pointer and a kept batch may lead to the same order.
    seen: HashSet<Id>,
    /// What the function did not say it had done.
    not_sent: HashSet<Id>,
    to_send: usize,
    left_out: usize,
    outcomes: BTreeMap<&'static str, usize>,
}

pub(super) async fn run(arguments: &RedriveArguments) -> Result<(), Error> {
    let stage = Stage::reach(&arguments.stage).await?;
    let mut redrive = Redrive {
        stage: &stage,
        yes: arguments.yes,
        output: Output::new(arguments.json),
        seen: HashSet::new(),
        not_sent: HashSet::new(),
        to_send: 0,
        left_out: 0,
        outcomes: BTreeMap::new(),
    };
    if !arguments.ids.is_empty() {
        for ids in arguments.ids.chunks(AT_A_TIME) {
            redrive.work(ids.iter().map(|id| Id::from(id.as_str())).collect(), Asked::ForIt).await?;
        }
    } else if let Some(path) = &arguments.list {
        redrive.listed(path).await?;
    } else {
        if arguments.from != Some(RedriveSource::Batches) {
            redrive.pointed().await?;
        }
        if arguments.from != Some(RedriveSource::Attention) {
            redrive.kept().await?;
        }
    }
    redrive.sum_up()
}

impl Redrive<'_> {
    /// Orders that somebody has to look at, or that are tried again by themselves.
    async fn pointed(&mut self) -> Result<(), Error> {
        for shard in 0..Attention::SHARDS {
            let pointers = self.stage.attention.shard(shard).map_err(self.stage.tables());
            let mut some = std::pin::pin!(pointers.map_ok(|pointer| pointer.order_id).try_chunks(AT_A_TIME));
            while let Some(ids) = some.next().await {
                self.work(ids.map_err(|error| error.1)?, Asked::ForIt).await?;
            }
        }
        Ok(())
    }

    /// Orders of batches that were given up. A batch goes once something is known of each of its orders.
    async fn kept(&mut self) -> Result<(), Error> {
        for name in self.stage.batches.list().await? {
            let ids: Vec<Id> = match self.stage.batches.read(&name).await? {
                Read::Batch(batch, _) => batch.ids().cloned().collect(),
                Read::Unreadable(reason) => {
                    self.output.fail(&format!("the kept batch {name} is left as it is: {reason}"));
                    continue;
                }
                Read::Gone => continue,
            };
            let object = json!({ "batch": name, "orders": ids.len() });
            self.output.say(&format!("Kept batch {name}, {}:", count(ids.len(), "order", "orders")), &object)?;
            for some in ids.chunks(AT_A_TIME) {
                self.work(some.to_vec(), Asked::ForIt).await?;
            }
            if self.yes {
                self.remove(&name, &ids).await?;
            }
        }
        Ok(())
    }

    async fn remove(&mut self, name: &str, ids: &[Id]) -> Result<(), Error> {
        if ids.iter().any(|id| self.not_sent.contains(id)) {
            self.output.fail(&format!("the kept batch {name} stays: not all of it could be sent through"));
            return Ok(());
        }
        let stage = self.stage;
        let known = stream::iter(ids).map(|id| stage.read(id)).buffered(READ_AT_A_TIME);
        let waiting = known.try_filter(|known| std::future::ready(!known.is_through())).try_collect::<Vec<_>>().await?;
        if !waiting.is_empty() {
            let orders = count(waiting.len(), "of its orders has", "of its orders have");
            self.output.fail(&format!("the kept batch {name} stays: {orders} no outcome"));
            return Ok(());
        }
        stage.batches.remove(name).await?;
        self.output.say(&format!("Kept batch {name} is removed."), &json!({ "batch": name, "removed": true }))?;
        Ok(())
    }

    /// Orders of a list that `rethink open` wrote.
    async fn listed(&mut self, path: &Path) -> Result<(), Error> {
        let mut list = List::open(path)?;
        let mut some = Vec::new();
        while let Some(order) = list.next()? {
            match order {
                Ok(id) => some.push(id),
                Err(reason) => self.output.fail(&reason),
            }
            if some.len() == AT_A_TIME {
                self.work(std::mem::take(&mut some), Asked::ByList).await?;
            }
        }
        self.work(some, Asked::ByList).await
    }

    /// Says what is to be done with some orders, and does it.
    async fn work(&mut self, mut ids: Vec<Id>, asked: Asked) -> Result<(), Error> {
        ids.retain(|id| self.seen.insert(id.clone()));
        let mut to_send = Vec::new();
        for (id, known) in self.read(&ids).await? {
            let pointed = known.pointed().map(|pointed| format!(" [{pointed}]")).unwrap_or_default();
            let (action, why) = match known.plan(asked) {
                Plan::Send { why, then } => {
                    to_send.push(id.clone());
                    ("SEND", format!("{why}: {} {then}", if self.yes { "is" } else { "would be" }))
                }
                Plan::LeaveOut(why) => {
                    self.left_out += 1;
                    ("LEAVE_OUT", format!("{why}: left out"))
                }
                Plan::Unknown => {
                    self.output.fail(&format!("there is no order {id}"));
                    continue;
                }
            };
            let object = json!({ "id": id, "action": action, "why": why });
            self.output.say(&format!("{id}{pointed} {why}"), &object)?;
        }
        self.to_send += to_send.len();
        if self.yes && !to_send.is_empty() { self.send(&to_send).await } else { Ok(()) }
    }

    async fn send(&mut self, ids: &[Id]) -> Result<(), Error> {
        if let Err(reason) = self.stage.function.send(ids).await? {
            self.not_sent.extend(ids.iter().cloned());
            let orders = count(ids.len(), "order", "orders");
            self.output.fail(&format!("{orders} could not all be sent through: {reason}"));
        }
        // Whatever the answer: some may be done.
        for (id, known) in self.read(ids).await? {
            let (outcome, told) = known.outcome();
            *self.outcomes.entry(outcome).or_default() += 1;
            self.output.say(&format!("{id} {told}"), &json!({ "id": id, "outcome": outcome, "told": told }))?;
        }
        Ok(())
    }

    async fn read(&self, ids: &[Id]) -> Result<Vec<(Id, Known)>, Error> {
        let stage = self.stage;
        let reads = stream::iter(ids).map(|id| async move { Ok((id.clone(), stage.read(id).await?)) });
        reads.buffered(READ_AT_A_TIME).try_collect().await
    }

    fn sum_up(mut self) -> Result<(), Error> {
        let Self { stage, to_send, left_out, yes, .. } = self;
        let sent = if yes { to_send - self.not_sent.len() } else { 0 };
        let orders = count(if yes { sent } else { to_send }, "order", "orders");
        let mut text = match (to_send, yes) {
            (0, _) => format!("On {}, there is nothing to send through; {left_out} left out.", stage.name),
            (_, true) => format!("On {}, {orders} sent through, {left_out} left out.", stage.name),
            (_, false) => format!("On {}, {orders} would be sent through, {left_out} left out.", stage.name),
        };
        if !yes && to_send > 0 {
            text += " Nothing was changed: add --yes to do it.";
        }
        let outcomes = self.outcomes.iter().map(|(outcome, number)| format!(" {outcome}: {number}."));
        text.extend(outcomes);
        let object = json!({ "sent": sent, "toSend": to_send, "leftOut": left_out,
                             "outcomes": self.outcomes, "changed": sent > 0 });
        self.output.say(&text, &json!({ "summary": object }))?;
        if self.output.all_done() { Ok(()) } else { Err(Error::Unfinished) }
    }
}
