//! The fault campaign: thousands of orders, with everything going wrong that may go wrong between the parts of the
//! system, and an audit of what it led to.
//!
//! | file | holds |
//! | --- | --- |
//! | `arguments` | how long, and from which seed |
//! | `dice` | chance that can be repeated |
//! | `faults` | what goes wrong, where and how often |
//! | `edge`, `passing` | an HTTP server between two parts, and how a request passes it |
//! | `feeding` | the same between the stream and its Lambda |
//! | `lambdas` | the Lambdas, in sandboxes that can be killed; with one profile, real processes |
//! | `warehouse` | a warehouse that keeps books |
//! | `cloud` | all of it, put together |
//! | `caller`, `subscriber`, `people` | who calls and who waits |
//! | `run` | one run |
//! | `audit` | what must be true in the end |
//! | `plant` | bugs on purpose, to see that the audit finds them (`itself.rs`) |
//! | `summary` | what is said of it |
//! | `timing` | whether time tells of orders that one may not see |

mod arguments;
mod audit;
mod caller;
mod cloud;
mod dice;
mod edge;
mod faults;
mod feeding;
mod lambdas;
mod passing;
mod people;
mod plant;
#[path = "../support/programs.rs"]
mod programs;
mod run;
mod subscriber;
mod summary;
mod timing;
mod warehouse;

use std::process::ExitCode;
use std::time::Instant;

use futures::{StreamExt as _, stream};

use crate::arguments::{Arguments, Wanted};
use crate::faults::PROFILES;
use crate::run::{Plan, run};

/// Runs that once led to a finding, so that they are repeated ever after: the profile, the seed and how many orders.
///
/// * `kills` 5: a pointer was left behind by a Lambda that was killed between pointing to a refused order and recording
///   the refusal, if the warehouse then shipped.
/// * `throttling` 7: a report was recorded and not announced, and nobody would have come back to it, since another report of
///   the same order had been announced at that moment and its pointer removed (see also `lambdas::reports`).
const REGRESSIONS: &[(&str, u64, usize)] = &[("kills", 5, 300), ("throttling", 7, 2_000)];

/// How many orders a run may have that every run of the tests repeats; larger ones are for `--minutes`.
const BOUNDED: usize = 300;

/// How many orders the runs that go on at a time have in all. Most of a small run is waiting, but tries that are put off come
/// again within a second here, however many there are: more of them than the machine can do would never come to rest.
const ORDERS_AT_A_TIME: usize = 600;

fn main() -> ExitCode {
    let arguments = match arguments::of_process() {
        Wanted::Run(arguments) => arguments,
        Wanted::List => {
            println!("campaign: test");
            return ExitCode::SUCCESS;
        }
        Wanted::Nothing => return ExitCode::SUCCESS,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let well = runtime.block_on(async {
        let well = arguments.only_timing || campaign(&arguments).await;
        if arguments.compares_timing() {
            timing::compare(arguments.seed()).await;
        }
        well
    });
    runtime.shutdown_background();
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs plan after plan. Whether nothing was found.
async fn campaign(arguments: &Arguments) -> bool {
    let until = arguments.length().map(|length| Instant::now() + length);
    let plans =
        plans(arguments).take_while(|(round, _)| *round == 0 || until.is_some_and(|until| Instant::now() < until));
    let at_a_time = (ORDERS_AT_A_TIME / arguments.orders().max(1)).max(1);
    let mut outcomes =
        stream::iter(plans).map(async |(_, plan)| (plan, tokio::spawn(run(plan)).await)).buffer_unordered(at_a_time);
    let mut summary = summary::Summary::default();
    while let Some((plan, outcome)) = outcomes.next().await {
        summary.add(plan, &outcome);
    }
    summary.close()
}

/// Every profile, round after round, each round from a seed of its own; in the first also what once went wrong.
fn plans(arguments: &Arguments) -> impl Iterator<Item = (u64, Plan)> {
    let (seed, orders, bug) = (arguments.seed(), arguments.orders(), arguments.plant);
    let wanted = arguments.profile.clone();
    let wanted = move |name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let (bounded, long) = (arguments.is_bounded(), arguments.length().is_some());
    let repeated = move |orders| if orders > BOUNDED { long } else { bounded };
    let regressions = REGRESSIONS.iter().filter(move |(.., orders)| repeated(*orders));
    let regressions = regressions.map(|&(name, seed, orders)| (0, name, seed, orders));
    let rounds =
        (0..).flat_map(move |round| PROFILES.iter().map(move |it| (round, it.name, seed.wrapping_add(round), orders)));
    regressions.chain(rounds).filter(move |(_, name, ..)| wanted(name)).map(move |(round, name, seed, orders)| {
        let profile = PROFILES.iter().find(|profile| profile.name == name).expect("a profile of that name");
        (round, Plan { profile, seed, orders, bug })
    })
}
