//! What a person sees: a few lines at the start on standard output, then a line per order as it moves on standard
//! error. `RUST_LOG` sets how much is logged.

use std::io::Write as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::command_line::DATA_DIRECTORY;
use crate::stack::Addresses;

/// Sends the log to standard error. A `RUST_LOG` that is just a level is that of this system's own code; libraries are
/// heard only when something is wrong, since in detail they would log whole requests.
pub fn init() {
    log_from("info");
}

/// The same for a command that says itself what it does: only what goes wrong is logged beside that.
pub fn init_for_a_command() {
    log_from("warn");
}

fn log_from(level: &str) {
    let given = std::env::var("RUST_LOG").unwrap_or_else(|_| level.to_owned());
    let filter = match given.parse::<LevelFilter>() {
        // The database warns of every condition that does not hold, which is how a repeated write finds itself.
        Ok(level) => EnvFilter::new(format!("warn,dynoxide=error,local={level},resolvers={level}")),
        Err(_) => EnvFilter::new(given),
    };
    tracing_subscriber::fmt().compact().with_env_filter(filter).with_target(false).with_writer(std::io::stderr).init();
}

/// Says what is running where, and what to do first.
pub fn welcome(addresses: &Addresses, directory: &str, given_up: usize) {
    if let Err(error) = std::io::stdout().write_all(welcome_text(addresses, directory, given_up).as_bytes()) {
        tracing::warn!(%error, "nobody reads what is said on standard output");
    }
}

fn welcome_text(addresses: &Addresses, directory: &str, given_up: usize) -> String {
    let Addresses { graphql_url, dynamodb_url, api_key, tls, .. } = addresses;
    let with_tls = tls.as_ref().map(|tls| format!("  with TLS   {}\n", tls.graphql_url)).unwrap_or_default();
    let ca_file = tls.as_ref().and_then(|tls| tls.ca_file.as_ref());
    let trust = ca_file.map(|file| trust(&file.display().to_string())).unwrap_or_default();
    let given_up = match given_up {
        0 => String::new(),
        count => format!("  Given up   {count} of the stream's batches, each a file below {directory}/given-up\n"),
    };
    let page = graphql_url.trim_end_matches("graphql");
    // The command looks where a server keeps its data if nobody says otherwise.
    let elsewhere = match directory {
        DATA_DIRECTORY => String::new(),
        directory => format!(" --data-dir '{directory}'"),
    };
    let order = r#"{ reference: \"A-1\", lines: [{ sku: \"TEA\", quantity: 2 }] }"#;
    let query = format!(r#"{{"query": "mutation {{ placeOrder(input: {{ order: {order} }}) {{ id status }} }}"}}"#);
    format!(
        "The order system is running on this machine. Ctrl-C ends it.

  Page       {page}
  GraphQL    {graphql_url}
{with_tls}  API key    {api_key}
  DynamoDB   {dynamodb_url}
  Data       {directory}
{given_up}
Open the page in a browser, or place an order from here:

  curl -s {graphql_url} -H 'x-api-key: {api_key}' -d '{query}'

To call as a customer, send what this prints as the authorization header: cargo run -q -- token alice{elsewhere}
{trust}
"
    )
}

/// How clients get to trust the authority of this machine.
fn trust(ca_file: &str) -> String {
    format!(
        "
To let a client trust this machine's certificate, once and for all:

  Node       export NODE_EXTRA_CA_CERTS='{ca_file}'
  curl       curl --cacert '{ca_file}' ...
  Chromium   certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n orders -i '{ca_file}'
  macOS      security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db '{ca_file}'
  Firefox    Settings, Certificates, Authorities, Import: the same file
"
    )
}
