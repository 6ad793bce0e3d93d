//! The whole system on one machine: started in the order in which its parts need each other, and ended at once.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use resolvers::environment::{Environment, EnvironmentError};
use serde::Serialize;
use tempfile::TempDir;

use crate::appsync::{Api, ApiKey, Mode, SchemaError, Settings};
use crate::command_line::Arguments;
use crate::credentials::{Credentials, access_key_id, secret};
use crate::dynamodb::{self, Durability, DynamoDb, Gate};
use crate::event_source::{self, Backoff, EventSource};
use crate::iam;
use crate::issuer::{Issuer, Pool};
use crate::lambda::Functions;
use crate::schedule::{self, Schedule};
use crate::wiring::{self, ACCOUNT, REGION, USER_POOL};
use crate::{console, credentials, files, net};

/// Where everything is, and what to call it with: the object in the ready file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// AppSync over HTTP.
    pub graphql_url: String,
    /// AppSync's real-time endpoint.
    pub realtime_url: String,
    /// DynamoDB.
    pub dynamodb_url: String,
    /// The region that signatures are made for.
    pub region: String,
    /// For guests.
    pub api_key: String,
    /// For backends.
    pub access_key_id: String,
    /// For backends.
    pub secret_access_key: String,
    /// Who issues the tokens of customers and staff: `issuer` and `userPoolClientId`.
    #[serde(flatten)]
    pub pool: Pool,
    /// Where everything is kept, for commands that are run beside the server.
    pub data_directory: PathBuf,
}

/// Why the system does not run. Each is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Error {
    #[error("port {port} cannot be used ({source}): end what uses it, or choose another with {option}")]
    Port { port: u16, option: &'static str, source: std::io::Error },
    #[error("--port and --dynamodb-port cannot both be {0}: choose another for one of them")]
    SamePort(u16),
    #[error("the schema {path} cannot be read: {source}")]
    SchemaFile { path: PathBuf, source: std::io::Error },
    #[error("the schema {path} cannot be served: {source}")]
    Schema { path: PathBuf, source: SchemaError },
    #[error("the data directory {path} cannot be used: {source}")]
    DataDirectory { path: PathBuf, source: std::io::Error },
    #[error("a throw-away directory cannot be made: {0}")]
    Temporary(std::io::Error),
    #[error(transparent)]
    DynamoDb(#[from] dynamodb::Error),
    #[error(transparent)]
    Credentials(#[from] credentials::Unusable),
    #[error("a function cannot start: {0}")]
    Function(#[from] EnvironmentError),
    #[error(transparent)]
    EventSource(#[from] event_source::Error),
    #[error(transparent)]
    Schedule(#[from] schedule::Error),
    #[error("the ready file {path} cannot be written: {source}")]
    ReadyFile { path: PathBuf, source: std::io::Error },
    #[error("the GraphQL server stopped: {0}")]
    Serve(std::io::Error),
}

/// Runs until Ctrl-C or a request to terminate, then ends at once: what was acknowledged is on disk, and what is under
/// way is done again after the next start.
///
/// # Errors
/// If anything cannot be started.
pub async fn run(arguments: &Arguments) -> Result<(), Error> {
    let ended = ended();
    let ready_file = arguments.ready_file.as_deref();
    let unwritable = |source| Error::ReadyFile { path: arguments.ready_file.clone().unwrap_or_default(), source };
    ready_file.map_or(Ok(()), remove_ready_file).map_err(unwritable)?;
    let stack = Stack::start(arguments)?;
    console::welcome(&stack.addresses, &stack.directory.display().to_string(), stack.given_up);
    // Connections are accepted from now on: the listener holds them until they are served.
    let write = |path: &Path| files::replace(path, &serde_json::to_vec_pretty(&stack.addresses)?);
    ready_file.map_or(Ok(()), write).map_err(unwritable)?;
    let Stack { listener, api, issuer, event_source, schedule, server, .. } = stack;
    let service = api.router().merge(issuer.router()).into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = async { axum::serve(net::prompt(listener), service).await } => served.map_err(Error::Serve)?,
        () = ended => {}
    }
    schedule.stop().await;
    event_source.stop().await;
    server.stop().await;
    Ok(())
}

struct Stack {
    addresses: Addresses,
    directory: PathBuf,
    given_up: usize,
    listener: tokio::net::TcpListener,
    api: Api,
    issuer: Issuer,
    event_source: EventSource,
    schedule: Schedule,
    server: dynamodb::Server,
    // Dropped last: the database's file, and the directory if it is a throw-away one.
    _database: DynamoDb,
    _temporary: Option<TempDir>,
}

impl Stack {
    fn start(arguments: &Arguments) -> Result<Self, Error> {
        if arguments.port != 0 && arguments.dynamodb_port() == arguments.port {
            return Err(Error::SamePort(arguments.port));
        }
        let schema = std::fs::read_to_string(&arguments.schema)
            .map_err(|source| Error::SchemaFile { path: arguments.schema.clone(), source })?;
        let temporary =
            arguments.memory.then(|| TempDir::with_prefix("orders-")).transpose().map_err(Error::Temporary)?;
        let directory = temporary.as_ref().map_or(arguments.data_dir.as_path(), TempDir::path).to_owned();
        let durability = if arguments.memory { Durability::ThrowAway } else { Durability::Durable };
        let database =
            DynamoDb::open(dynamodb::Settings { directory: directory.clone(), tables: wiring::tables(), durability })?;
        let listener = bind(arguments.port, "--port")?;
        let dynamodb_listener = bind(arguments.dynamodb_port(), "--dynamodb-port")?;
        let roles: Vec<_> = wiring::FUNCTIONS.map(|(function, seconds)| (role(function), function, seconds)).into();
        let known = roles.iter().map(|(role, ..)| role.clone()).collect();
        let gate = Gate { credentials: known, region: REGION.to_owned(), account_id: ACCOUNT.to_owned() };
        let server = database.serve(dynamodb_listener, gate)?;
        let credentials = Credentials::of(&directory)?;
        let addresses = addresses(&listener, server.address(), credentials, &directory)?;
        addresses.pool.write(&directory).map_err(|source| Error::DataDirectory { path: directory.clone(), source })?;
        let issuer = Issuer::new(addresses.pool.clone(), &directory);

        let functions = roles.iter().map(|(role, function, seconds)| {
            wiring::function(function, *seconds, &environment(role, &addresses, arguments))
        });
        let wake = database.wake();
        let functions = Functions::new(functions.collect::<Result<Vec<_>, _>>()?).after_each(move || wake.wake());
        let roles = roles.into_iter().map(|(role, ..)| role).collect();
        let api = Api::load(&schema, settings(&addresses, roles, &issuer), functions.clone())
            .map_err(|source| Error::Schema { path: arguments.schema.clone(), source })?;

        let given_up_directory = directory.join("given-up");
        let mappings = vec![wiring::mapping(&given_up_directory)];
        let minute = Duration::from_millis(arguments.retry_minute_ms);
        let backoff = Backoff { first: minute / 600, longest: minute / 6 };
        let event_source = EventSource::start(&database, &functions, mappings, backoff)?;
        let schedule = Schedule::start(&functions, vec![wiring::rule(minute)])?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Serve)?;
        Ok(Self {
            addresses,
            given_up: files_below(&given_up_directory),
            directory,
            listener,
            api,
            issuer,
            event_source,
            schedule,
            server,
            _database: database,
            _temporary: temporary,
        })
    }
}

fn bind(port: u16, option: &'static str) -> Result<TcpListener, Error> {
    let bind = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|source| Error::Port { port, option, source })
}

fn addresses(
    listener: &TcpListener,
    dynamodb: SocketAddr,
    credentials: Credentials,
    directory: &Path,
) -> Result<Addresses, Error> {
    let graphql = listener.local_addr().map_err(Error::Serve)?;
    let data_directory =
        std::path::absolute(directory).map_err(|source| Error::DataDirectory { path: directory.to_owned(), source })?;
    Ok(Addresses {
        graphql_url: format!("http://{graphql}/graphql"),
        realtime_url: format!("ws://{graphql}/graphql/realtime"),
        dynamodb_url: format!("http://{dynamodb}"),
        region: REGION.to_owned(),
        api_key: credentials.api_key,
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        pool: Pool::at(&format!("http://{graphql}/{USER_POOL}")),
        data_directory,
    })
}

/// Credentials of a function's role, new at every start.
fn role(function: &str) -> iam::Credentials {
    iam::Credentials {
        access_key_id: access_key_id("ASIA"),
        secret_access_key: secret(),
        session_token: Some(secret()),
        principal: iam::Principal {
            arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{function}/{function}"),
            policy: None,
        },
        username: format!("{}:{function}", access_key_id("AROA")),
    }
}

fn environment(role: &iam::Credentials, addresses: &Addresses, arguments: &Arguments) -> Environment {
    let minute = arguments.retry_minute_ms.to_string();
    let variables = [
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", &role.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &role.secret_access_key),
        ("AWS_SESSION_TOKEN", role.session_token.as_deref().unwrap_or_default()),
        ("AWS_ENDPOINT_URL_DYNAMODB", &addresses.dynamodb_url),
        ("APPSYNC_URL", &addresses.graphql_url),
        ("WAREHOUSE_URL", arguments.warehouse_url.as_deref().unwrap_or_default()),
        ("RETRY_MINUTE_MS", &minute),
    ];
    let given = arguments.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    variables.into_iter().chain(wiring::table_names()).chain(given).collect()
}

fn settings(addresses: &Addresses, mut iam_credentials: Vec<iam::Credentials>, issuer: &Issuer) -> Settings {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    iam_credentials.push(iam::Credentials {
        access_key_id: addresses.access_key_id.clone(),
        secret_access_key: addresses.secret_access_key.clone(),
        session_token: None,
        principal: iam::Principal { arn: format!("arn:aws:iam::{ACCOUNT}:user/backend"), policy: None },
        username: "backend".to_owned(),
    });
    Settings {
        region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        arn: format!("arn:aws:appsync:{REGION}:{ACCOUNT}:apis/local"),
        default_mode: Mode::UserPools,
        additional_modes: vec![Mode::ApiKey, Mode::Iam],
        // AppSync's keys live for a year at most; this one is as good as new at every start.
        api_keys: vec![ApiKey { key: addresses.api_key.clone(), expires: SystemTime::now() + YEAR }],
        iam_credentials,
        tokens: Some(Arc::new(issuer.clone())),
        resolvers: wiring::resolvers(),
        introspection: true,
        query_depth_limit: 0,
        resolver_count_limit: 10_000,
    }
}

/// What an earlier run has left would tell of a server that is not there. That the file can be written is worth knowing
/// before anything starts.
fn remove_ready_file(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    directory.map_or(Ok(()), |directory| std::fs::metadata(directory).map(|_| ()))?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn files_below(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let count = |entry: std::fs::DirEntry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 };
    entries.flatten().map(count).sum()
}

/// Completes at Ctrl-C or at a request to terminate.
#[cfg(unix)]
fn ended() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [Ok(mut interrupt), Ok(mut terminate)] = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Completes at Ctrl-C.
#[cfg(not(unix))]
async fn ended() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
