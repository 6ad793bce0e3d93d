//! What every Lambda has from AWS: its region, its role's credentials, a DynamoDB client, signed requests.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedAsyncSleep};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_async::rt::sleep::TokioSleep;

use crate::environment::{Environment, EnvironmentError};
use crate::http::{HttpClient, HttpError};

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
    /// If a variable is missing, or makes no sense.
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
            http: HttpClient::new(environment)?,
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

    /// Opens connections to DynamoDB and, if that is given, to AppSync, at once: a Lambda's start runs with a whole CPU,
    /// its events with what its memory size gives them, which is little for handshakes.
    ///
    /// DynamoDB answers a GET without a signature, and AppSync what a browser asks before it sends something. Neither
    /// counts as an error, and whether there was an answer does not matter.
    pub async fn connect(&self, appsync_url: Option<&str>) {
        let dynamodb = self.dynamodb_endpoint.clone();
        let dynamodb = dynamodb.unwrap_or_else(|| format!("https://dynamodb.{}.amazonaws.com/", self.region));
        let appsync = appsync_url.map(|url| {
            http::Request::options(url).header("origin", "null").header("access-control-request-method", "POST")
        });
        let requests = [Some(http::Request::get(dynamodb)), appsync].into_iter().flatten();
        // What is no URL will be said by the request that needs it.
        let requests = requests.filter_map(|request| request.body(String::new()).ok());
        futures::future::join_all(requests.map(|request| self.http.open(request))).await;
    }

    /// A POST to a service of AWS, signed with Signature Version 4: its body, and all of these headers.
    ///
    /// # Errors
    /// If no request can be made of these parts.
    pub fn signed_post(
        &self,
        service: &str,
        url: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<http::Request<String>, HttpError> {
        self.sign(service, url, headers, body).map_err(|error| HttpError::Request(error.to_string()))
    }

    fn sign(
        &self,
        service: &str,
        url: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<http::Request<String>, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = http::Request::post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body)?;
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signed_headers = headers.iter().copied().chain([("host", host.as_str())]);
        let body = SignableBody::Bytes(request.body().as_bytes());
        let signable = SignableRequest::new("POST", url, signed_headers, body)?;
        let (instructions, _signature) = sign(signable, &parameters)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}
