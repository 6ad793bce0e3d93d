//! What every Lambda has from AWS: its region, its role's credentials, a DynamoDB client.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedAsyncSleep};
use aws_smithy_async::rt::sleep::TokioSleep;

use crate::environment::{Environment, EnvironmentError};
use crate::http::HttpClient;

/// Where a Lambda runs and who it is.
#[derive(Clone)]
pub struct Aws {
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The credentials of its role.
    pub credentials: Credentials,
    /// Its connections.
    pub http: HttpClient,
    sleep: SharedAsyncSleep,
    dynamodb_endpoint: Option<String>,
}

impl Aws {
    /// Reads what Lambda puts into every function's environment. Credentials are taken from there directly: the SDK's
    /// chain of providers would cost 1.5 ms at start to find the same.
    ///
    /// `AWS_ENDPOINT_URL_DYNAMODB` leads elsewhere than to AWS, as it does for every SDK and the CLI.
    ///
    /// # Errors
    /// If a variable is missing.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let sleep = SharedAsyncSleep::new(TokioSleep::new());
        Ok(Self {
            region: environment.require("AWS_REGION")?.to_owned(),
            credentials: Credentials::new(
                environment.require("AWS_ACCESS_KEY_ID")?,
                environment.require("AWS_SECRET_ACCESS_KEY")?,
                environment.get("AWS_SESSION_TOKEN").map(str::to_owned),
                None,
                "environment",
            ),
            http: HttpClient::new(sleep.clone()),
            sleep,
            dynamodb_endpoint: environment.get("AWS_ENDPOINT_URL_DYNAMODB").map(str::to_owned),
        })
    }

    /// A client for DynamoDB with timeouts that leave room for a retry within AppSync's 30 seconds.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(4))
            .operation_timeout(Duration::from_secs(12))
            .build();
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .sleep_impl(self.sleep.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(timeouts)
            .http_client(self.http.for_sdk());
        if let Some(endpoint) = &self.dynamodb_endpoint {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }
}
