//! Where a command works: the server on this machine, or a deployed stage.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_dynamodb::config::SharedAsyncSleep;
use aws_smithy_async::rt::sleep::TokioSleep;
use resolvers::environment::Environment;
use resolvers::http::HttpClient;
use resolvers::order::Id;
use resolvers::tables::{Attention, Changes, Orders};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::batches::Batches;
use super::invoke::Invoker;
use super::plan::Known;
use crate::command_line::StageArguments;
use crate::stack::SERVER_FILE;

/// Where `infra/outputs` writes what a deployed stage tells.
const DEPLOYED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deployed");

/// A stage, as whoever looks after it reaches it.
pub(super) struct Stage {
    /// What it is called.
    pub(super) name: String,
    pub(super) orders: Orders,
    pub(super) changes: Changes,
    pub(super) attention: Attention,
    pub(super) function: Invoker,
    pub(super) batches: Batches,
    /// The database's file on this machine, and the table of orders in it.
    pub(super) database: Option<(PathBuf, String)>,
}

/// What the file tells that a server leaves in its data directory, and its ready file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    dynamodb_url: String,
    lambda_url: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
    orders_table: String,
    changes_table: String,
    attention_table: String,
    fulfil_orders_function: String,
    data_directory: PathBuf,
}

/// What `outputs.json` tells of a deployed stage.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Outputs {
    region: String,
    orders_table_name: String,
    changes_table_name: String,
    attention_table_name: String,
    fulfil_orders_function_name: String,
    given_up_bucket_name: String,
}

impl Stage {
    /// The stage that these arguments name.
    ///
    /// # Errors
    /// If there is none, or no way to it.
    pub(super) async fn reach(arguments: &StageArguments) -> Result<Self, Error> {
        match &arguments.stage {
            Some(stage) => Self::deployed(stage, arguments).await,
            None => Self::here(arguments).await,
        }
    }

    async fn here(arguments: &StageArguments) -> Result<Self, Error> {
        let path = arguments.ready_file.clone().unwrap_or_else(|| arguments.data_dir.join(SERVER_FILE));
        let server: Server = read(&path).map_err(|error| match (error.kind(), &arguments.ready_file) {
            (std::io::ErrorKind::NotFound, None) => Error::NoServer(arguments.data_dir.clone()),
            _ => Error::ServerFile { path: path.clone(), reason: error.to_string() },
        })?;
        let address = server.lambda_url.trim_start_matches("http://").to_owned();
        if tokio::net::TcpStream::connect(&address).await.is_err() {
            return Err(Error::NotRunning { url: server.lambda_url });
        }
        let credentials = Credentials::new(&server.access_key_id, &server.secret_access_key, None, None, "server");
        let http = http()?;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(server.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .endpoint_url(&server.dynamodb_url)
            .timeout_config(timeouts())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .http_client(http.for_sdk())
            .build();
        let (orders, changes, attention) =
            tables(&config, [&server.orders_table, &server.changes_table, &server.attention_table]);
        Ok(Self {
            name: "this machine".to_owned(),
            orders,
            changes,
            attention,
            function: Invoker {
                credentials: SharedCredentialsProvider::new(credentials),
                region: server.region,
                endpoint: server.lambda_url,
                function: server.fulfil_orders_function,
                http,
            },
            batches: Batches::Folder(server.data_directory.join(crate::stack::GIVEN_UP)),
            database: Some((server.data_directory.join(crate::dynamodb::FILE), server.orders_table)),
        })
    }

    async fn deployed(stage: &str, arguments: &StageArguments) -> Result<Self, Error> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if stage.is_empty() || !stage.bytes().all(is_name) {
            return Err(Error::StageName(stage.to_owned()));
        }
        let path = Path::new(DEPLOYED).join(stage).join("outputs.json");
        let path = arguments.outputs.clone().unwrap_or(path);
        let outputs: Outputs = read(&path).map_err(|error| {
            let (path, stage) = (path.clone(), stage.to_owned());
            match error.kind() {
                std::io::ErrorKind::NotFound => Error::NoOutputs { path, stage },
                _ => Error::Outputs { path, stage, reason: error.to_string() },
            }
        })?;
        let region = arguments.region.clone().unwrap_or_else(|| outputs.region.clone());
        let http = http()?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .timeout_config(timeouts())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .http_client(http.for_sdk());
        if let Some(profile) = &arguments.profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;
        let credentials = config.credentials_provider().ok_or_else(|| Error::Credentials("none are set".to_owned()))?;
        // Asked for now, so that whoever has none reads that and not what the tables say of it.
        let provided = credentials.provide_credentials().await;
        provided.map_err(|error| Error::Credentials(super::output::told(&error)))?;
        let (orders, changes, attention) =
            tables(&config, [&outputs.orders_table_name, &outputs.changes_table_name, &outputs.attention_table_name]);
        // An endpoint of one's own has no names of buckets below its own.
        let own = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| std::env::var_os(name).is_some());
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(own || config.endpoint_url().is_some());
        let client = aws_sdk_s3::Client::from_conf(s3.build());
        Ok(Self {
            name: stage.to_owned(),
            orders,
            changes,
            attention,
            function: Invoker {
                credentials,
                endpoint: lambda_endpoint(&config, &region),
                region,
                function: outputs.fulfil_orders_function_name,
                http,
            },
            batches: Batches::Bucket { client, name: outputs.given_up_bucket_name },
            database: None,
        })
    }

    /// Everything that is stored about an order, as it is at this moment.
    pub(super) async fn read(&self, id: &Id) -> Result<Known, Error> {
        if !(1..=LONGEST_ID).contains(&id.as_str().len()) {
            return Ok(Known { stored: None, changes: Vec::new(), pointer: None });
        }
        let (stored, changes, pointer) =
            tokio::try_join!(self.orders.find(id), self.changes.of(id), self.attention.get(id))
                .map_err(self.tables())?;
        Ok(Known { stored, changes, pointer })
    }

    /// What an error of the tables is called.
    pub(super) fn tables(&self) -> impl Fn(resolvers::error::Error) -> Error + use<> {
        let stage = self.name.clone();
        move |source| Error::Tables { stage: stage.clone(), source }
    }
}

fn http() -> Result<HttpClient, Error> {
    HttpClient::new(&Environment::of_process()).map_err(Error::Environment)
}

/// Bytes of the longest id that all tables can have. Source: Amazon DynamoDB developer guide, "Quotas", sort keys.
const LONGEST_ID: usize = 1024;

/// Somebody waits, but nobody's request does.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(40))
        .build()
}

fn tables(config: &SdkConfig, names: [&String; 3]) -> (Orders, Changes, Attention) {
    let client = aws_sdk_dynamodb::Client::new(config);
    let [orders, changes, attention] = names.map(Clone::clone);
    (
        Orders::named(client.clone(), orders),
        Changes::named(client.clone(), changes),
        Attention::named(client, attention),
    )
}

/// Where Lambda is: as every SDK and the AWS CLI find it.
fn lambda_endpoint(config: &SdkConfig, region: &str) -> String {
    let set = ["AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"].iter().find_map(|name| std::env::var(name).ok());
    let set = set.or_else(|| config.endpoint_url().map(str::to_owned));
    let endpoint = set.unwrap_or_else(|| {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://lambda.{region}.{suffix}")
    });
    endpoint.trim_end_matches('/').to_owned()
}

fn read<T: DeserializeOwned>(path: &Path) -> std::io::Result<T> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}
