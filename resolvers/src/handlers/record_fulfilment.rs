//! `recordFulfilment`: a later report by the warehouse is appended, then told.

use std::collections::{BTreeMap, BTreeSet};

use lambda_runtime::LambdaEvent;
use serde::Deserialize;

use super::fulfil_orders::{Retries, question_of};
use super::{as_read, now};
use crate::appsync::ResolverEvent;
use crate::aws::Aws;
use crate::caller::Caller;
use crate::environment::{Environment, EnvironmentError};
use crate::error::Error;
use crate::order::view::{FulfilledLine, OrderStatus};
use crate::order::{Change, Id, Order, interpret};
use crate::publisher::Publisher;
use crate::tables::{Attention, Changes, Orders, Pointer, Question};

/// A change's id is a sort key, of which DynamoDB takes 1,024 bytes; it is `report/` and the reference.
const LONGEST_REFERENCE: usize = 1_000;

/// The Lambda `record-fulfilment`.
#[derive(Clone)]
pub struct RecordFulfilment {
    orders: Orders,
    changes: Changes,
    attention: Attention,
    publisher: Publisher,
    retries: Retries,
}

/// The arguments of `Mutation.recordFulfilment`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct RecordFulfilmentArguments {
    /// The report.
    pub input: RecordFulfilmentInput,
}

/// `RecordFulfilmentInput`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct RecordFulfilmentInput {
    /// Which order.
    pub order_id: Id,
    /// The warehouse's own number of this report.
    pub reference: Id,
    /// What was shipped; `None` means all that was open.
    pub lines: Option<Vec<FulfilledLineInput>>,
}

/// `FulfilledLineInput`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "graphql", derive(async_graphql::InputObject))]
pub struct FulfilledLineInput {
    /// The line's id.
    pub line: Id,
    /// Pieces.
    pub quantity: i32,
}

impl RecordFulfilment {
    /// Sets the Lambda up.
    ///
    /// # Errors
    /// If the environment lacks something.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let aws = Aws::new(environment)?;
        let client = aws.dynamodb();
        Ok(Self {
            orders: Orders::new(client.clone(), environment)?,
            changes: Changes::new(client.clone(), environment)?,
            attention: Attention::new(client, environment)?,
            publisher: Publisher::new(aws, environment)?,
            retries: Retries::new(environment)?,
        })
    }

    /// Opens the connections that it will need.
    pub async fn connect(&self) {
        self.publisher.connect().await;
    }

    /// Appends the report, unless it was told before, and announces the order either way.
    ///
    /// A report that is stored but cannot be announced right now is announced by the retry schedule.
    ///
    /// # Errors
    /// `Unauthorized`, `InvalidArgument`, `Unavailable`.
    pub async fn handle(&self, event: LambdaEvent<ResolverEvent>) -> Result<Order, Error> {
        let info = &event.payload.info;
        let Caller::Backend { .. } = Caller::new(event.payload.identity.as_ref())? else {
            return Err(Error::not_authorized(&info.field_name, &info.parent_type_name));
        };
        let RecordFulfilmentArguments { input } = event.payload.arguments()?;
        if !(1..=LONGEST_REFERENCE).contains(&input.reference.as_str().len()) {
            let message = format!("`reference` must have 1 to {LONGEST_REFERENCE} bytes.");
            return Err(Error::InvalidArgument(message));
        }
        let Some(received) = self.orders.get(&input.order_id).await? else {
            return Err(Error::InvalidArgument("There is no order with this orderId.".to_owned()));
        };
        let mut changes = self.changes.of(&received.id).await?;
        let id = Change::report_id(&input.reference);
        let told_before = changes.iter().any(|change| change.id == id);
        let interpretation = interpret(&received.document);
        let lines = if told_before {
            Vec::new()
        } else {
            reported(&as_read(&received, &interpretation, &changes), input.lines)?
        };
        let before = self.attention.get(&received.id).await?;
        let pointer = self.come_back_later(&received.id, &changes, before.as_ref()).await?;
        if !told_before {
            let report = Change::fulfilled(&received.id, id, now(), Some(input.reference.0), lines);
            changes.push(self.changes.append(report).await?);
        }
        let order = as_read(&received, &interpretation, &changes);
        tracing::info!(order_id = %order.id, status = ?order.status, "reported");
        match self.publisher.announce(&order).await {
            Ok(()) => self.settle(&order, before.as_ref(), &pointer).await?,
            Err(error) => {
                tracing::warn!(order_id = %order.id, %error, "not announced, tried again later");
                // Whoever reported something else of this order meanwhile has removed the pointer once that was announced.
                self.come_back_later(&order.id, &changes, before.as_ref()).await?;
            }
        }
        Ok(order)
    }

    /// Points to the order before anything is appended: whatever happens then, the order is announced.
    async fn come_back_later(
        &self,
        order_id: &Id,
        changes: &[Change],
        before: Option<&Pointer>,
    ) -> Result<Pointer, Error> {
        let now = now();
        let next = self.retries.next(now, before.map_or(0, |pointer| pointer.attempts));
        let question = Question::UnlessOpen(question_of(changes));
        self.attention.retry(order_id, question, "a report is not announced yet", now, next).await
    }

    /// The report is announced. What else the order was to be tried again for is still to be done.
    async fn settle(&self, order: &Order, before: Option<&Pointer>, pointer: &Pointer) -> Result<(), Error> {
        let retried_before = before.is_some_and(|before| before.next.is_some());
        match order.status {
            OrderStatus::Fulfilled => self.attention.remove(pointer).await,
            _ if retried_before => Ok(()),
            OrderStatus::NeedsAttention => self.attention.stop_retrying(pointer).await,
            _ => self.attention.remove(pointer).await,
        }
    }
}

/// What is reported, if it fits what is open.
fn reported(order: &Order, lines: Option<Vec<FulfilledLineInput>>) -> Result<Vec<FulfilledLine>, Error> {
    let invalid = |message: String| Err(Error::InvalidArgument(message));
    let mut open: BTreeMap<&Id, i64> = order.open_lines().map(|(line, open)| (&line.id, open.into())).collect();
    let Some(lines) = lines else {
        if open.is_empty() {
            return invalid("Nothing of this order is open.".to_owned());
        }
        let all = order.open_lines().map(|(line, quantity)| FulfilledLine { line: line.id.clone(), quantity });
        return Ok(all.collect());
    };
    if lines.is_empty() {
        return invalid("Name the lines that were shipped, or leave `lines` out if all were.".to_owned());
    }
    let known: BTreeSet<_> = order.lines.iter().flatten().map(|line| &line.id).collect();
    for FulfilledLineInput { line, quantity } in &lines {
        if !known.contains(line) {
            let shown: String = line.as_str().chars().take(100).collect();
            return invalid(format!("This order has no line {shown:?}."));
        }
        let left = open.entry(line).or_default();
        if *quantity < 1 || i64::from(*quantity) > *left {
            return invalid(format!(
                "The quantity of line {line} must be at least 1 and at most {left}, which is open."
            ));
        }
        *left -= i64::from(*quantity);
    }
    let lines = lines.into_iter().map(|FulfilledLineInput { line, quantity }| FulfilledLine { line, quantity });
    Ok(FulfilledLine::summed(lines))
}

#[cfg(test)]
mod tests {
    use super::super::current;
    use super::*;
    use crate::order::{PlacedBy, ReceivedOrder};

    fn order() -> Order {
        let received = ReceivedOrder {
            id: Id::from("o"),
            received_at: now(),
            placed_by: PlacedBy::Guest,
            customer_id: None,
            idempotency_key: None,
            document: r#"{"lines":[{"sku":"A","quantity":2},{"sku":"B","quantity":1}]}"#.to_owned(),
        };
        let done = vec![FulfilledLine { line: Id::from("/lines/1"), quantity: 1 }];
        current(&received, &[Change::fulfilled(&received.id, Change::warehouse_id(0), now(), None, done)])
    }

    fn report(lines: &str) -> Result<Vec<(String, i32)>, Error> {
        let lines = reported(&order(), serde_json::from_str(lines).unwrap())?;
        Ok(lines.into_iter().map(|line| (line.line.0, line.quantity)).collect())
    }

    #[test]
    fn no_lines_mean_all_that_is_open() {
        assert_eq!(report("null").unwrap(), [("/lines/0".to_owned(), 2)]);
        let one = r#"[{"line":"/lines/0","quantity":1}]"#;
        assert_eq!(report(one).unwrap(), [("/lines/0".to_owned(), 1)]);
        let twice = r#"[{"line":"/lines/0","quantity":1},{"line":"/lines/0","quantity":1}]"#;
        assert_eq!(report(twice).unwrap(), [("/lines/0".to_owned(), 2)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for lines in [
            "[]",
            r#"[{"line":"/lines/9","quantity":1}]"#,
            r#"[{"line":"/lines/0","quantity":0}]"#,
            r#"[{"line":"/lines/0","quantity":3}]"#,
            r#"[{"line":"/lines/0","quantity":1},{"line":"/lines/0","quantity":2}]"#,
            r#"[{"line":"/lines/1","quantity":1}]"#,
        ] {
            assert!(matches!(report(lines), Err(Error::InvalidArgument(_))), "{lines}");
        }
    }
}
