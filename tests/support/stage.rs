//! The system under test as a client sees it, wherever it runs: a deployed stage, or a server of one's own.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::cognito::Cognito;
use super::server::{Process, Server, read_json};
use super::settling::Settling;
use super::tls::Tls;
use super::users::People;
use super::{Client, Dynamodb, PATIENCE, PAUSE};

/// The variable that names a stage file: with it, tests run against that stage instead of starting servers.
pub(crate) const STAGE_FILE: &str = "ORDERS_STAGE_FILE";

/// AWS has been seen to lose events right after `start_ack`.
const SETTLING: Duration = Duration::from_secs(3);

/// How long to wait between two looks at what is far away.
const LONG_PAUSE: Duration = Duration::from_millis(250);

/// What a stage file tells, and a server's ready file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Addresses {
    pub(crate) graphql_url: String,
    pub(crate) realtime_url: String,
    pub(crate) region: String,
    pub(crate) api_key: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// With temporary credentials only.
    pub(crate) session_token: Option<String>,
    /// Of a visitor of an identity pool, to be found in ready files only.
    pub(crate) identity_pool_credentials: Option<Temporary>,
    /// The region's endpoint, if it is left out.
    pub(crate) dynamodb_url: Option<String>,
    /// Looked for by its key, if it is left out.
    pub(crate) orders_table: Option<String>,
    /// Where a server keeps its data, to be found in ready files only. Whoever has a name is a user there.
    pub(crate) data_directory: Option<PathBuf>,
    /// Who signs the tokens of a server.
    pub(crate) issuer: Option<String>,
    /// The region's endpoint, if it is left out.
    pub(crate) cognito_url: Option<String>,
    pub(crate) user_pool_id: Option<String>,
    pub(crate) user_pool_client_id: Option<String>,
    /// A PEM file of the authority that certifies the stage; the system's own, if it is left out.
    pub(crate) ca_file: Option<PathBuf>,
}

/// Temporary credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Temporary {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
}

impl Addresses {
    /// Of the backend, and of whoever looks after the stage.
    pub(crate) fn credentials(&self) -> Credentials {
        let session_token = self.session_token.clone();
        Credentials::new(&self.access_key_id, &self.secret_access_key, session_token, None, "test")
    }

    pub(crate) fn dynamodb_url(&self) -> String {
        self.dynamodb_url.clone().unwrap_or_else(|| format!("https://dynamodb.{}.amazonaws.com", self.region))
    }

    pub(crate) fn cognito_url(&self) -> String {
        self.cognito_url.clone().unwrap_or_else(|| format!("https://cognito-idp.{}.amazonaws.com", self.region))
    }

    /// Who signs the tokens of a server.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_deref().expect("a server has an issuer")
    }
}

/// The system under test.
pub(crate) struct Stage {
    pub(crate) addresses: Addresses,
    pub(super) tls: Tls,
    pub(super) settling: Settling,
    http: reqwest::Client,
    pub(super) people: People,
    /// What tells the people of this test from those of any other.
    run: String,
    pause: Duration,
    /// The server that was started for this test alone, and ends with it.
    _process: Option<Process>,
}

impl Stage {
    /// The stage that `ORDERS_STAGE_FILE` names, which others use as well; without it, a new server.
    pub(crate) async fn reach() -> Self {
        let Some(file) = file_of_stage() else {
            let Server { process, stage, .. } = Server::start().await;
            return Self { _process: Some(process), ..stage };
        };
        let addresses = read_json(&file).unwrap_or_else(|error| panic!("{STAGE_FILE}, {}: {error}", file.display()));
        Self::at(addresses, &file)
    }

    /// The stage of which this file tells.
    pub(super) fn at(addresses: Addresses, file: &Path) -> Self {
        let tls = Tls::new(&addresses);
        let http = tls.http_client();
        let is_near = addresses.data_directory.is_some();
        let people = if is_near {
            People::Anybody { ready_file: file.to_owned() }
        } else {
            People::OfPool(Box::new(Cognito::new(tls.clone(), &addresses)))
        };
        let settling = Settling::new(if is_near { Duration::ZERO } else { SETTLING });
        let pause = if is_near { PAUSE } else { LONG_PAUSE };
        let run = Uuid::new_v4().simple().to_string()[..12].to_owned();
        Self { addresses, tls, settling, http, people, run, pause, _process: None }
    }

    /// A name that nobody else uses, whichever test runs beside this one or has run before.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{name}-{}", self.run)
    }

    /// Somebody with nothing but the API key.
    pub(crate) fn guest(&self) -> Client {
        self.stranger().with_api_key(&self.addresses.api_key)
    }

    /// A system with IAM credentials.
    pub(crate) fn backend(&self) -> Client {
        self.stranger().with_credentials(self.addresses.credentials(), &self.addresses.region)
    }

    /// Somebody without credentials.
    pub(crate) fn stranger(&self) -> Client {
        Client::stranger(self.http.clone(), &self.addresses.graphql_url, self.settling.clone())
    }

    /// Whoever speaks HTTP, for what no [`Client`] would send.
    pub(crate) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// The tables, as an operator sees them with an AWS tool.
    pub(crate) fn dynamodb(&self) -> Dynamodb {
        Dynamodb::new(self.http.clone(), &self.addresses)
    }

    /// Looks again and again until there is something to see.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
        self.until_after(what, PATIENCE, look).await
    }

    /// Looks again and again until there is something to see, for something that takes long by design.
    pub(crate) async fn until_after<T>(
        &self,
        what: &str,
        patience: Duration,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            assert!(Instant::now() < deadline, "waited for {patience:?} in vain: {what}");
            tokio::time::sleep(self.pause).await;
        }
    }

    /// The order, as soon as it has that status.
    pub(crate) async fn until_status(&self, id: &str, status: &str) -> Value {
        let backend = self.backend();
        let mut last = Value::Null;
        let what = format!("order {id} becomes {status}");
        let look = async || {
            last = backend.order(id).await;
            (last["status"] == status).then(|| last.clone())
        };
        self.until(&what, look).await
    }

    /// The order, as soon as it is fulfilled.
    pub(crate) async fn until_fulfilled(&self, id: &str) -> Value {
        self.until_status(id, "FULFILLED").await
    }

    /// Waits until exactly these orders are in the customer's list, newest first: DynamoDB's indexes follow its tables
    /// with a delay.
    pub(crate) async fn until_listed(&self, customer: &Client, ids: &[impl AsRef<str>]) {
        let ids: Vec<_> = ids.iter().map(AsRef::as_ref).collect();
        let look = async || (customer.pages(Value::from(100)).await.concat() == ids).then_some(());
        self.until(&format!("the customer's orders are {ids:?}"), look).await;
    }
}

/// The stage file, if there is to be one; a relative path starts at the workspace.
pub(super) fn file_of_stage() -> Option<PathBuf> {
    let file = env::var_os(STAGE_FILE).filter(|file| !file.is_empty())?;
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file))
}
