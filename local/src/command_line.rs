//! What `cargo run` understands on its command line.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::issuer::Name;
use crate::{operate, rethink, tls};

/// Where everything is kept, unless it is said otherwise.
pub(crate) const DATA_DIRECTORY: &str = ".local";

/// Runs the order system on this machine: an AppSync-compatible GraphQL server, an embedded DynamoDB, its stream, and
/// the Lambda handlers that are deployed. Needs no account and no network, and listens on 127.0.0.1 only.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "cargo run --",
    bin_name = "cargo run --",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  cargo run                                       start, keep everything in ./.local
  cargo run -- --memory                           start fresh, keep nothing
  cargo run -- token alice                        print a token of the customer alice, while it runs
  cargo run -- rethink open                       list the orders that somebody must come back to
  cargo run -- redrive                            what would be sent through again, and why
  cargo run -- --tls                              serve HTTPS too, as Amplify needs it
  cargo run -- --warehouse-url http://localhost:9 ask a warehouse instead of shipping at once
  aws dynamodb list-tables --endpoint-url http://127.0.0.1:8000 --region us-east-1   look into the tables"
)]
pub struct CommandLine {
    /// How to run the system, if there is no command.
    #[command(flatten)]
    pub server: Arguments,

    /// What to do instead.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done beside running the system.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print a token of a customer, or of staff
    ///
    /// Prints just that: send it as the `authorization` header. Nobody has to sign up: whoever has a name is a
    /// customer, and the same name is always the same one.
    Token(TokenArguments),

    /// Tell what this build makes of everything that was ever received
    ///
    /// Reads all orders and their changes, from exports of the two tables or from a data directory, as a reader would see
    /// them with this build. Nothing is written but what is asked for.
    Rethink(rethink::arguments::Arguments),

    /// Send orders through fulfilment again that were refused or not understood, or whose batch was given up
    ///
    /// Says what it would do with each, and does it with --yes. It may be run twice: no order is fulfilled twice.
    Redrive(RedriveArguments),

    /// Erase orders, but for a trace that tells of nobody
    ///
    /// Says what it would take, and does it with --yes. There is no way back.
    Erase(EraseArguments),
}

/// How to run the system.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Port of the GraphQL server; 0 takes free ports for everything
    #[arg(long, value_name = "PORT", default_value_t = 4000)]
    pub port: u16,

    /// Port of DynamoDB [default: 8000, or a free one with --port 0]
    #[arg(long, value_name = "PORT")]
    pub dynamodb_port: Option<u16>,

    /// Whether to serve HTTPS too.
    #[command(flatten)]
    pub tls: tls::Options,

    /// Where everything is kept; made if it is not there
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY, conflicts_with = "memory")]
    pub data_dir: PathBuf,

    /// Keep nothing: a throw-away directory, and no waiting for the disk
    #[arg(long)]
    pub memory: bool,

    /// Write a JSON object with all addresses and credentials to this file once everything answers
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// Ask the warehouse at this address; without one, every order ships at once
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub warehouse_url: Option<String>,

    /// What each question to the warehouse carries as its header `authorization`, by way of Secrets Manager
    #[arg(long, value_name = "VALUE", requires = "warehouse_url")]
    pub warehouse_authorization: Option<Concealed>,

    /// Set a variable in the environment of every Lambda; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub environment: Vec<(String, String)>,

    /// Run the Lambdas as the programs that are deployed: DIR/place-order/bootstrap and so on, as infra/build makes them
    #[cfg(unix)]
    #[arg(long, value_name = "DIR")]
    pub bootstraps: Option<PathBuf>,

    /// How many milliseconds a minute of trying again takes: fast motion for tests
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub retry_minute_ms: u64,

    /// How many seconds the page's tokens are good for, which it renews in time: fast motion for tests
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub page_token_seconds: u64,

    /// The CloudFormation template that says how everything is connected; infra/templates/dev.json if left out
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/templates/dev.json"), hide_default_value = true)]
    pub template: PathBuf,

    /// The schema to serve
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql"), hide_default_value = true)]
    pub schema: PathBuf,
}

impl Arguments {
    /// Port of DynamoDB, 0 for a free one.
    #[must_use]
    pub fn dynamodb_port(&self) -> u16 {
        self.dynamodb_port.unwrap_or(if self.port == 0 { 0 } else { 8000 })
    }
}

/// Whose token to print, and which.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  cargo run -q -- token alice                     a customer
  cargo run -q -- token bob --group staff         staff: may see every order
  cargo run -q -- token alice --expires-in 0      a token that is over already")]
pub struct TokenArguments {
    /// Who the token is for
    #[arg(value_name = "NAME")]
    pub name: Name,

    /// A group that they are in, such as `staff`; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<Name>,

    /// For how many seconds the token is good: a day at most, as with Cognito
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub expires_in: u64,

    /// Print an ID token instead of an access token
    #[arg(long)]
    pub id_token: bool,

    /// Where the server keeps its data
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub data_dir: PathBuf,

    /// Take the server whose ready file this is, such as one that keeps nothing
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    pub ready_file: Option<PathBuf>,
}

/// Where a command works: the server on this machine, unless it is said otherwise.
#[derive(Clone, Debug, Args)]
pub struct StageArguments {
    /// A deployed stage, such as prod, as `infra/outputs STAGE` has written it down
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["data_dir", "ready_file"])]
    pub stage: Option<String>,

    /// The profile with credentials for that stage [default: as the AWS CLI finds them]
    #[arg(long, value_name = "NAME", requires = "stage", conflicts_with_all = ["data_dir", "ready_file"])]
    pub profile: Option<String>,

    /// The region of that stage [default: the one that it was deployed in]
    #[arg(long, value_name = "REGION", requires = "stage", conflicts_with_all = ["data_dir", "ready_file"])]
    pub region: Option<String>,

    /// Where that stage is written down [default: target/deployed/STAGE/outputs.json]
    #[arg(long, value_name = "FILE", requires = "stage", conflicts_with_all = ["data_dir", "ready_file"])]
    pub outputs: Option<PathBuf>,

    /// Where the server on this machine keeps its data
    #[arg(long, value_name = "DIR", default_value = DATA_DIRECTORY)]
    pub data_dir: PathBuf,

    /// Take the server whose ready file this is, such as one that keeps nothing
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    pub ready_file: Option<PathBuf>,
}

/// Which orders to send through.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  cargo run -- redrive                                   what would be done, on this machine
  cargo run -- redrive --yes                             do it
  cargo run -- redrive --stage prod --profile ops        the same on a deployed stage
  cargo run -- redrive --from batches --yes              only what was given up
  cargo run -- redrive --list open.jsonl --yes           what `rethink open` has found
  cargo run -- redrive 3a08c3a3-023a-4cd7-8163-ce87ab138a98 --yes")]
pub struct RedriveArguments {
    /// Just these orders
    #[arg(value_name = "ID", conflicts_with_all = ["list", "from"])]
    pub ids: Vec<String>,

    /// Only what somebody has to look at, or only batches that were given up [default: both]
    #[arg(long, value_name = "SOURCE", conflicts_with = "list")]
    pub from: Option<RedriveSource>,

    /// The orders of this list: in each line a JSON object with an `id`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,

    /// Do it, instead of saying what would be done
    #[arg(long)]
    pub yes: bool,

    /// Tell it as JSON, one object in each line
    #[arg(long)]
    pub json: bool,

    /// Where.
    #[command(flatten)]
    pub stage: StageArguments,
}

/// Where orders are found that did not get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RedriveSource {
    /// The attention table
    Attention,
    /// Batches of the stream that were given up
    Batches,
}

/// Which orders to erase.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  cargo run -- erase 3a08c3a3-023a-4cd7-8163-ce87ab138a98                      what would be taken, on this machine
  cargo run -- erase 3a08c3a3-023a-4cd7-8163-ce87ab138a98 --yes                do it
  cargo run -- erase 3a08c3a3-023a-4cd7-8163-ce87ab138a98 --stage prod --yes   on a deployed stage")]
pub struct EraseArguments {
    /// The orders
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,

    /// Do it, instead of saying what would be done
    #[arg(long)]
    pub yes: bool,

    /// Tell it as JSON, one object in each line
    #[arg(long)]
    pub json: bool,

    /// How many seconds something may be under way for an order that is not fulfilled, after which is looked once more
    #[arg(long, value_name = "SECONDS", default_value_t = operate::UNDER_WAY)]
    pub wait: u64,

    /// Where.
    #[command(flatten)]
    pub stage: StageArguments,
}

/// A text that is not to be seen in a log.
#[derive(Clone)]
pub struct Concealed(pub String);

impl From<String> for Concealed {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Concealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[concealed]")
    }
}

fn http_url(text: &str) -> Result<String, String> {
    match text.parse::<http::Uri>() {
        Ok(url) if matches!(url.scheme_str(), Some("http" | "https")) => Ok(text.to_owned()),
        _ => Err("must be a URL that starts with http:// or https://".to_owned()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must look like NAME=VALUE".to_owned()),
    }
}
