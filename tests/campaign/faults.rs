//! What goes wrong, where, and how often.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::dice::Dice;

/// Where something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Edge {
    /// Between the Lambdas and DynamoDB.
    DynamoDb,
    /// Between callers, Lambdas among them, and AppSync.
    AppSync,
    /// Between the Lambdas and the warehouse.
    Warehouse,
    /// Between the stream and its Lambda.
    Stream,
    /// Between the schedule and its Lambda.
    Schedule,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Refused for being too much.
    Throttled,
    /// Status 500.
    ServerError,
    /// Status 503.
    Unavailable,
    /// The connection is reset before the request has had its effect.
    ResetBefore,
    /// The connection is reset after it.
    ResetAfter,
    /// It has had its effect, and a 503 is answered.
    LostAnswer,
    /// No answer, and no effect.
    HangBefore,
    /// The effect, and no answer.
    HangAfter,
    /// An answer that takes its time.
    Slow,
    /// An answer that makes no sense, and no effect.
    Garbage,
    /// The effect, and an answer that makes no sense.
    GarbageAfter,
    /// Credentials that are not good any more.
    Stale,
    /// The request arrives twice.
    Duplicate,
    /// A GraphQL error, and no effect.
    GraphqlError,
    /// The effect, and a GraphQL error.
    GraphqlErrorAfter,
    /// The process that asks is killed before its request has had its effect.
    KillBefore,
    /// It is killed while the request is under way.
    KillAmid,
    /// It is killed after it.
    KillAfter,
    /// The process is killed at some moment of its work.
    KillAnytime,
    /// The Lambda ends before it does anything.
    CrashBefore,
    /// The Lambda ends when all is done, before it says so.
    CrashAfter,
    /// The Lambda is invoked again with the same.
    Twice,
    /// The Lambda is invoked twice at a time.
    Beside,
    /// Another order of the orders of a batch.
    Shuffled,
    /// A batch arrives as two.
    Split,
    /// A record that is done is reported as failed.
    FalseFailure,
    /// An answer about a batch that makes no sense: all of it counts as failed.
    TotalFailure,
}

impl Fault {
    fn can_happen_at(self, edge: Edge) -> bool {
        use Fault::{
            Beside, CrashAfter, CrashBefore, FalseFailure, GraphqlError, GraphqlErrorAfter, KillAnytime, Shuffled,
            Split, TotalFailure, Twice,
        };
        match self {
            GraphqlError | GraphqlErrorAfter => edge == Edge::AppSync,
            Shuffled | Split | FalseFailure | TotalFailure => edge == Edge::Stream,
            CrashBefore | CrashAfter | Twice | Beside | KillAnytime => matches!(edge, Edge::Stream | Edge::Schedule),
            _ => !matches!(edge, Edge::Stream | Edge::Schedule),
        }
    }
}

/// A kind of weather: which faults, and how often.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) faults: &'static [Fault],
    /// How many of a hundred requests.
    pub(crate) percent: usize,
    /// Whether there are orders that kill whatever is handed them from the stream.
    pub(crate) poison: bool,
    /// Whether the Lambdas are the programs that are deployed, each a process of its own.
    pub(crate) processes: bool,
}

/// Every kind of weather.
pub(crate) const PROFILES: &[Profile] = {
    use Fault::{
        Beside, CrashAfter, CrashBefore, Duplicate, FalseFailure, Garbage, GarbageAfter, GraphqlError,
        GraphqlErrorAfter, HangAfter, HangBefore, KillAfter, KillAmid, KillAnytime, KillBefore, LostAnswer, ResetAfter,
        ResetBefore, ServerError, Shuffled, Slow, Split, Stale, Throttled, TotalFailure, Twice, Unavailable,
    };
    const fn of(name: &'static str, percent: usize, poison: bool, faults: &'static [Fault]) -> Profile {
        Profile { name, faults, percent, poison, processes: false }
    }
    &[
        of("throttling", 25, false, &[Throttled]),
        of("errors", 25, false, &[ServerError, Unavailable, GraphqlError]),
        of("resets", 20, false, &[ResetBefore, ResetAfter]),
        of("lost-answers", 20, false, &[ResetAfter, LostAnswer, GarbageAfter, GraphqlErrorAfter]),
        of("timeouts", 2, false, &[HangBefore, HangAfter]),
        of("slow", 40, false, &[Slow]),
        of("garbage", 20, false, &[Garbage, GarbageAfter]),
        of("credentials", 20, false, &[Stale]),
        of("duplicates", 40, false, &[Duplicate, Twice, Beside]),
        of("stream", 25, true, &[CrashBefore, CrashAfter, Twice, Beside, Shuffled, Split, FalseFailure, TotalFailure]),
        Profile { processes: true, ..of("processes", 8, true, &[KillBefore, KillAmid, KillAfter, KillAnytime]) },
        of("kills", 8, true, &[KillBefore, KillAfter, CrashBefore, CrashAfter]),
        of(
            "everything",
            12,
            true,
            &[
                Throttled,
                ServerError,
                Unavailable,
                ResetBefore,
                ResetAfter,
                LostAnswer,
                Slow,
                Garbage,
                GarbageAfter,
                Stale,
                Duplicate,
                GraphqlError,
                GraphqlErrorAfter,
                KillBefore,
                KillAfter,
                CrashBefore,
                CrashAfter,
                Twice,
                Beside,
                Shuffled,
                Split,
                FalseFailure,
                TotalFailure,
            ],
        ),
    ]
};

/// So often may something go wrong with one step of one order: after that it is left alone, so that a run ends.
const MOST_OF_AN_ORDER: usize = 5;

/// The same for what is about no order.
const MOST_OF_THE_REST: usize = 8;

/// Decides what goes wrong, and remembers it.
pub(crate) struct Weather {
    pub(crate) dice: Dice,
    pub(crate) profile: &'static Profile,
    began: Instant,
    history: Mutex<History>,
}

#[derive(Default)]
struct History {
    seen: HashMap<(Edge, String, String), usize>,
    counts: BTreeMap<Fault, usize>,
    stories: HashMap<String, Vec<String>>,
}

impl Weather {
    pub(crate) fn new(dice: Dice, profile: &'static Profile) -> Self {
        Self { dice, profile, began: Instant::now(), history: Mutex::default() }
    }

    /// What goes wrong with this step of this order, or of whatever it is about.
    pub(crate) fn strikes(&self, edge: Edge, step: &str, subject: &str) -> Option<Fault> {
        let count = {
            let mut history = self.history();
            let count = history.seen.entry((edge, step.to_owned(), subject.to_owned())).or_default();
            *count += 1;
            *count
        };
        let most = if subject.len() == 36 { MOST_OF_AN_ORDER } else { MOST_OF_THE_REST };
        let (edge_name, count_name) = (format!("{edge:?}"), count.to_string());
        let question = |what| [what, edge_name.as_str(), step, subject, count_name.as_str()];
        let possible: Vec<_> = self.profile.faults.iter().filter(|fault| fault.can_happen_at(edge)).collect();
        if count > most || possible.is_empty() || !self.dice.percent(self.profile.percent, &question("whether")) {
            self.tell(subject, || format!("{edge:?} {step}"));
            return None;
        }
        let fault = *possible[self.dice.below(possible.len(), &question("which"))];
        *self.history().counts.entry(fault).or_default() += 1;
        self.tell(subject, || format!("{edge:?} {step}: {fault:?}"));
        Some(fault)
    }

    /// Adds to what is known of an order.
    pub(crate) fn tell(&self, order_id: &str, what: impl FnOnce() -> String) {
        let line = format!("{:>9.3} s  {}", self.began.elapsed().as_secs_f64(), what());
        self.history().stories.entry(order_id.to_owned()).or_default().push(line);
    }

    /// All that is known of an order.
    pub(crate) fn story(&self, order_id: &str) -> Vec<String> {
        self.history().stories.get(order_id).cloned().unwrap_or_default()
    }

    /// How many steps there were of orders.
    pub(crate) fn steps(&self) -> usize {
        let history = self.history();
        history.seen.iter().filter(|((.., subject), _)| subject.len() == 36).map(|(_, count)| count).sum()
    }

    /// How often what went wrong.
    pub(crate) fn counts(&self) -> BTreeMap<Fault, usize> {
        self.history().counts.clone()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
