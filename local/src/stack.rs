//! The whole system on one machine: started in the order in which its parts need each other, and ended at once.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::serve::ListenerExt as _;
use resolvers::environment::EnvironmentError;
use serde::Serialize;
use tempfile::TempDir;

use crate::appsync::{Api, ApiKey, SchemaError, Settings};
use crate::command_line::{Arguments, Concealed};
use crate::credentials::{Credentials, access_key_id, secret};
use crate::dynamodb::{self, DataDirectory, Durability, DynamoDb, Gate};
use crate::event_source::{self, Backoff, EventSource};
use crate::iam::{self, Principal};
use crate::issuer::{Issuer, Pool};
use crate::lambda::{self, Function, Functions};
use crate::machine::{self, ACCOUNT, Machine, REGION, USER_POOL};
use crate::page::Page;
use crate::schedule::{self, Schedule};
use crate::secrets_manager::{self, SecretsManager};
use crate::template::{self, FunctionSettings, Template, Wiring};
use crate::tls::{self, Tls, TlsListener};
use crate::{console, credentials, files, handlers, net};

/// What tells a function where the warehouse is. A template's values are not taken: they name a real one.
const OF_THE_WAREHOUSE: [&str; 2] = ["WAREHOUSE_URL", "WAREHOUSE_SECRET"];

/// The file in a data directory that says what a ready file says of the last server there, for commands that are run beside
/// it. Only its owner may read it.
pub(crate) const SERVER_FILE: &str = "server.json";

/// The folder in a data directory that stands for the bucket of given-up batches.
pub(crate) const GIVEN_UP: &str = "given-up";

/// Where everything is, and what to call it with: the object in the ready file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// AppSync over HTTP.
    pub graphql_url: String,
    /// AppSync's real-time endpoint.
    pub realtime_url: String,
    /// The same two with TLS, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<tls::Addresses>,
    /// DynamoDB.
    pub dynamodb_url: String,
    /// Lambda's Invoke API.
    pub lambda_url: String,
    /// The region that signatures are made for.
    pub region: String,
    /// For guests.
    pub api_key: String,
    /// For backends.
    pub access_key_id: String,
    /// For backends.
    pub secret_access_key: String,
    /// Of a visitor whom an identity pool lets in, and this API does not.
    pub identity_pool_credentials: credentials::Temporary,
    /// Who issues the tokens of customers and staff: `issuer` and `userPoolClientId`.
    #[serde(flatten)]
    pub pool: Pool,
    /// The id of that user pool.
    pub user_pool_id: String,
    /// The names of the tables, as far as the template has outputs for them.
    #[serde(flatten)]
    pub tables: Tables,
    /// The name of the function that fulfils orders: the output `FulfilOrdersFunctionName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fulfil_orders_function: Option<String>,
    /// Where everything is kept, for commands that are run beside the server.
    pub data_directory: PathBuf,
}

/// The names of the tables.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tables {
    /// The output `OrdersTableName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders_table: Option<String>,
    /// The output `ChangesTableName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes_table: Option<String>,
    /// The output `AttentionTableName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention_table: Option<String>,
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
    #[error("the template {path} cannot be read: {source}")]
    TemplateFile { path: PathBuf, source: std::io::Error },
    #[error("the template {path} cannot be run: {source}")]
    Template { path: PathBuf, source: template::Error },
    #[error(
        "the function {function} has no handler here: `{handler}`, its Handler in the template, is missing in the \
         list HANDLERS of local/src/handlers.rs"
    )]
    NoHandler { function: String, handler: String },
    #[error("the data directory {path} cannot be used: {source}")]
    DataDirectory { path: PathBuf, source: std::io::Error },
    #[error("a throw-away directory cannot be made: {0}")]
    Temporary(std::io::Error),
    #[error(transparent)]
    Tls(#[from] tls::Error),
    #[error(transparent)]
    DynamoDb(#[from] dynamodb::Error),
    #[error(transparent)]
    Credentials(#[from] credentials::Unusable),
    #[error("the function {function} cannot start: {source}")]
    Function { function: String, source: EnvironmentError },
    #[cfg(unix)]
    #[error(transparent)]
    Bootstraps(#[from] lambda::Unusable),
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
    let unusable = |source| Error::DataDirectory { path: stack.directory.clone(), source };
    write(&stack.directory.join(SERVER_FILE)).map_err(unusable)?;
    ready_file.map_or(Ok(()), write).map_err(unwritable)?;
    let page = page(&stack, arguments);
    let Stack {
        listener, tls_listener, api, issuer, secrets, functions, invoke, event_source, schedule, server, ..
    } = stack;
    let router = api.router().merge(issuer.router()).merge(secrets.router()).merge(invoke.router());
    let router = router.merge(page.router());
    let with_tls = router.clone();
    let served_with_tls = async {
        match tls_listener {
            Some(listener) => {
                net::serve(listener.tap_io(|stream| net::without_delay(stream.get_ref().0)), with_tls).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = net::serve(net::prompt(listener), router) => {}
        () = served_with_tls => {}
        () = ended => {}
    }
    schedule.stop().await;
    event_source.stop().await;
    functions.stop().await;
    server.stop().await;
    Ok(())
}

fn page(stack: &Stack, arguments: &Arguments) -> Page {
    Page {
        api_key: stack.addresses.api_key.clone(),
        region: stack.addresses.region.clone(),
        issuer: stack.issuer.clone(),
        token_lifetime: Duration::from_secs(arguments.page_token_seconds),
    }
}

struct Stack {
    addresses: Addresses,
    directory: PathBuf,
    given_up: usize,
    listener: tokio::net::TcpListener,
    tls_listener: Option<TlsListener>,
    api: Api,
    issuer: Issuer,
    secrets: SecretsManager,
    functions: Functions,
    invoke: lambda::Api,
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
        let template = read_template(&arguments.template)?;
        let temporary =
            arguments.memory.then(|| TempDir::with_prefix("orders-")).transpose().map_err(Error::Temporary)?;
        let directory = temporary.as_ref().map_or(arguments.data_dir.as_path(), TempDir::path).to_owned();
        let durability = if arguments.memory { Durability::ThrowAway } else { Durability::Durable };
        let taken = DataDirectory::take(&directory)?;
        let listener = bind(arguments.port, "--port")?;
        let dynamodb_listener = bind(arguments.dynamodb_port(), "--dynamodb-port")?;
        let credentials = Credentials::of(&directory)?;
        let graphql = listener.local_addr().map_err(Error::Serve)?;
        let given_up_directory = directory.join(GIVEN_UP);
        let machine = Machine {
            graphql_url: format!("http://{graphql}/graphql"),
            realtime_url: format!("ws://{graphql}/graphql/realtime"),
            api_key: credentials.api_key.clone(),
            given_up: given_up_directory.clone(),
            minute: Duration::from_millis(arguments.retry_minute_ms),
        };
        let wiring = template
            .wiring(&machine, SystemTime::now())
            .map_err(|source| Error::Template { path: arguments.template.clone(), source })?;
        warn_of(&wiring, &schema);

        let database = DynamoDb::open_in(taken, &wiring.tables, durability)?;
        warn_of_other_tables(&database, &wiring)?;
        let dynamodb = dynamodb_listener.local_addr().map_err(Error::Serve)?;
        let (visitor, of_visitor) = credentials::of_identity_pool();
        let mut addresses = addresses(&machine, dynamodb, (credentials, visitor), &directory, &wiring)?;
        let tls_listener = match Tls::of(&arguments.tls, &directory)? {
            Some(tls) => {
                let listener = bind(arguments.tls.port(arguments.port), "--tls-port")?;
                let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Serve)?;
                addresses.tls = Some(tls.addresses(listener.local_addr().map_err(Error::Serve)?.port()));
                Some(tls.on(listener))
            }
            None => None,
        };
        addresses.pool.write(&directory).map_err(|source| Error::DataDirectory { path: directory.clone(), source })?;
        let issuer = Issuer::new(addresses.pool.clone(), &directory);

        let (functions, roles) = functions(&wiring, &addresses, arguments)?;
        let gate = Gate { credentials: roles.clone(), region: REGION.to_owned(), account_id: ACCOUNT.to_owned() };
        let server = database.serve(dynamodb_listener, gate)?;
        let functions = Functions::new(functions);
        let authorization = arguments.warehouse_authorization.iter().cloned();
        let by_name = authorization.map(|Concealed(text)| (secrets_manager::WAREHOUSE.to_owned(), text)).collect();
        let secrets = SecretsManager::new(roles.clone(), by_name);
        let callers = roles.into_iter().chain([of_visitor]).collect();
        let settings = settings(&wiring, &addresses, callers, &issuer);
        // Whom an identity pool lets in may do nothing but ask the API.
        let invokers = settings.iam_credentials.iter().filter(|known| known.identity_pool.is_none()).cloned().collect();
        let invoke = lambda::Api::new(functions.clone(), invokers);
        let api = Api::load(&schema, settings, functions.clone())
            .map_err(|source| Error::Schema { path: arguments.schema.clone(), source })?;
        for field in api.without_resolver() {
            tracing::warn!("template: {field} has no resolver, and is always null");
        }

        let backoff = Backoff { first: machine.minute / 600, longest: machine.minute / 6 };
        let event_source = EventSource::start(&database, &functions, wiring.mappings, backoff)?;
        let schedule = Schedule::start(&functions, wiring.rules)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Serve)?;
        Ok(Self {
            addresses,
            given_up: files_below(&given_up_directory),
            directory,
            listener,
            tls_listener,
            api,
            issuer,
            secrets,
            functions,
            invoke,
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

fn read_template(path: &Path) -> Result<Template, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::TemplateFile { path: path.to_owned(), source })?;
    Template::parse(&text).map_err(|source| Error::Template { path: path.to_owned(), source })
}

/// Says what stands in the template and makes no difference here.
fn warn_of(wiring: &Wiring, schema: &str) {
    for warning in &wiring.warnings {
        tracing::warn!("template: {warning}");
    }
    if wiring.api.schema.as_deref().is_some_and(|written| written.trim() != schema.trim()) {
        tracing::warn!(
            "template: it was written with another schema than the one that is served; `npm run templates` in infra/ \
             writes it anew"
        );
    }
}

/// Tables are made under the names that the template gives them. What is in others, nobody sees.
fn warn_of_other_tables(database: &DynamoDb, wiring: &Wiring) -> Result<(), Error> {
    for name in database.tables()? {
        if wiring.tables.iter().all(|table| table.name != name) {
            tracing::warn!("the data directory has a table {name}, which is not in the template and left as it is");
        }
    }
    Ok(())
}

fn addresses(
    machine: &Machine,
    dynamodb: SocketAddr,
    (credentials, visitor): (Credentials, credentials::Temporary),
    directory: &Path,
    wiring: &Wiring,
) -> Result<Addresses, Error> {
    let data_directory =
        std::path::absolute(directory).map_err(|source| Error::DataDirectory { path: directory.to_owned(), source })?;
    let issuer = machine.graphql_url.trim_end_matches("graphql");
    let output = |name: &str| wiring.outputs.get(name).cloned();
    Ok(Addresses {
        graphql_url: machine.graphql_url.clone(),
        realtime_url: machine.realtime_url.clone(),
        tls: None,
        dynamodb_url: format!("http://{dynamodb}"),
        lambda_url: issuer.trim_end_matches('/').to_owned(),
        region: REGION.to_owned(),
        api_key: credentials.api_key,
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        identity_pool_credentials: visitor,
        pool: Pool::at(&format!("{issuer}{USER_POOL}")),
        user_pool_id: USER_POOL.to_owned(),
        tables: Tables {
            orders_table: output("OrdersTableName"),
            changes_table: output("ChangesTableName"),
            attention_table: output("AttentionTableName"),
        },
        fulfil_orders_function: output("FulfilOrdersFunctionName"),
        data_directory,
    })
}

/// The functions of the template, each with credentials of its role: in this process, or as the programs that are
/// deployed.
///
/// In this process, one without a handler ends the start if anything invokes it: deployed, it would answer, and nobody
/// would look for the reason in a field that is an error here. One that nothing invokes is only told of.
fn functions(
    wiring: &Wiring,
    addresses: &Addresses,
    arguments: &Arguments,
) -> Result<(Vec<Function>, Vec<iam::Credentials>), Error> {
    #[cfg(unix)]
    let bootstraps = arguments.bootstraps.as_deref().map(lambda::Bootstraps::open).transpose()?;
    let (mut functions, mut roles) = (Vec::new(), Vec::new());
    for settings in &wiring.functions {
        let role = role(settings, wiring);
        let settings =
            FunctionSettings { environment: environment(settings, &role, addresses, arguments), ..settings.clone() };
        roles.push(role);
        #[cfg(unix)]
        if let Some(bootstraps) = &bootstraps {
            functions.push(bootstraps.function(deployed(settings))?);
            continue;
        }
        let (function, handler) = (settings.logical_id.clone(), settings.handler.clone());
        let Some(constructor) = handlers::find(&handler) else {
            if wiring.invokes(&settings.name) {
                return Err(Error::NoHandler { function, handler });
            }
            tracing::warn!("template: Resources.{function} has no handler here, and nothing invokes it");
            continue;
        };
        if settings.reserved_concurrency.is_some() {
            let path = format!("Resources.{function}.Properties.ReservedConcurrentExecutions");
            tracing::warn!("template: {path}: it has an effect with --bootstraps only");
        }
        functions.push(constructor(&settings).map_err(|source| Error::Function { function, source })?);
    }
    Ok((functions, roles))
}

/// A function as it is deployed.
#[cfg(unix)]
fn deployed(settings: FunctionSettings) -> lambda::Settings {
    let FunctionSettings { name, handler, timeout, memory_mb, reserved_concurrency, environment, .. } = settings;
    lambda::Settings {
        arn: machine::arn("lambda", &format!("function:{name}")),
        name,
        handler,
        memory_size: memory_mb,
        timeout,
        reserved_concurrency: reserved_concurrency.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        environment,
    }
}

/// Credentials of a function's role, new at every start.
fn role(function: &FunctionSettings, wiring: &Wiring) -> iam::Credentials {
    let FunctionSettings { role, name, .. } = function;
    let arn = machine::session_arn(role, name);
    // What a role may do that is not in the template is not known, and not asked for.
    let policy = wiring.roles.get(role).map(|role| Arc::new(role.policy.clone()));
    iam::Credentials {
        access_key_id: access_key_id("ASIA"),
        secret_access_key: secret(),
        session_token: Some(secret()),
        principal: Principal { arn, policy },
        username: format!("{}:{name}", access_key_id("AROA")),
        identity_pool: None,
    }
}

/// What the template says, then what is this machine's own, then what is given on the command line.
fn environment(
    function: &FunctionSettings,
    role: &iam::Credentials,
    addresses: &Addresses,
    arguments: &Arguments,
) -> BTreeMap<String, String> {
    let mut variables = function.environment.clone();
    for name in OF_THE_WAREHOUSE {
        if variables.remove(name).is_some() {
            let path = format!("Resources.{}.Properties.Environment.Variables.{name}", function.logical_id);
            tracing::info!("template: {path} is left out: only --warehouse-url makes this machine ask a warehouse");
        }
    }
    let minute = arguments.retry_minute_ms.to_string();
    // At the root of the same server, as in AWS at that of its own.
    let secrets_manager = addresses.graphql_url.trim_end_matches("graphql");
    let secret = arguments.warehouse_authorization.as_ref().map(|_| secrets_manager::arn(secrets_manager::WAREHOUSE));
    let own = [
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", &role.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &role.secret_access_key),
        ("AWS_SESSION_TOKEN", role.session_token.as_deref().unwrap_or_default()),
        ("AWS_ENDPOINT_URL_DYNAMODB", &addresses.dynamodb_url),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_manager),
        ("RETRY_MINUTE_MS", &minute),
    ];
    let warehouse = arguments.warehouse_url.iter().map(|url| ("WAREHOUSE_URL", url.as_str()));
    let given = arguments.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let secret = secret.iter().map(|secret| ("WAREHOUSE_SECRET", secret.as_str()));
    let all = own.into_iter().chain(warehouse).chain(secret).chain(given);
    variables.extend(all.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables.retain(|_, value| !value.is_empty());
    variables
}

fn settings(
    wiring: &Wiring,
    addresses: &Addresses,
    mut iam_credentials: Vec<iam::Credentials>,
    issuer: &Issuer,
) -> Settings {
    iam_credentials.push(iam::Credentials {
        access_key_id: addresses.access_key_id.clone(),
        secret_access_key: addresses.secret_access_key.clone(),
        session_token: None,
        principal: Principal { arn: format!("arn:aws:iam::{ACCOUNT}:user/backend"), policy: None },
        username: "backend".to_owned(),
        identity_pool: None,
    });
    let key = |expires| ApiKey { key: addresses.api_key.clone(), expires };
    Settings {
        region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        arn: wiring.api.arn.clone(),
        default_mode: wiring.api.default_mode,
        additional_modes: wiring.api.additional_modes.clone(),
        api_keys: wiring.api.api_key_expires.map(key).into_iter().collect(),
        iam_credentials,
        tokens: Some(Arc::new(issuer.clone())),
        resolvers: wiring.resolvers.clone(),
        introspection: wiring.api.introspection,
        query_depth_limit: wiring.api.query_depth_limit,
        resolver_count_limit: wiring.api.resolver_count_limit,
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
