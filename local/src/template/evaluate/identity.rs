//! What the resources of each type are called on this machine: their names, ids, ARNs and other attributes.

use serde_json::Value;

use super::Evaluator;
use crate::machine::{ACCOUNT, PARTITION, REGION, STACK, USER_POOL, USER_POOL_CLIENT, arn};
use crate::template::document::Resource;
use crate::template::error::{Error, Problem};
use crate::template::path::Path;

/// The id of the one API.
const API: &str = "local";

impl Evaluator<'_> {
    /// The name of a resource: its own, or one made of the stack's and its logical id.
    pub(in crate::template) fn name(&self, id: &str, resource: &Resource, path: &Path<'_>) -> Result<String, Error> {
        let property = match resource.kind.as_str() {
            "AWS::CloudWatch::Alarm" => "AlarmName",
            "AWS::CloudWatch::Dashboard" => "DashboardName",
            "AWS::Cognito::UserPoolGroup" => "GroupName",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
            "AWS::IAM::Policy" => "PolicyName",
            "AWS::IAM::Role" => "RoleName",
            "AWS::Lambda::Function" => "FunctionName",
            "AWS::Logs::LogGroup" => "LogGroupName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::SNS::Topic" => "TopicName",
            "AWS::SQS::Queue" => "QueueName",
            _ => "Name",
        };
        let own = resource.properties.get(property);
        let place = ["Resources", id, "Properties", property].join(".");
        let own = own.map(|own| self.once(place, path, || self.value(own, path))).transpose()?.flatten();
        match own {
            Some(Value::String(name)) => Ok(name),
            Some(_) => Err(Problem::Shape(format!("the {property} of `{id}` must be a text")).at(path)),
            // Names of buckets are in lower case.
            None if resource.kind == "AWS::S3::Bucket" => Ok(format!("{STACK}-{id}").to_lowercase()),
            None => Ok(format!("{STACK}-{id}")),
        }
    }

    /// What `Ref` gives for a resource.
    pub(super) fn physical_id(&self, id: &str, resource: &Resource, path: &Path<'_>) -> Result<String, Error> {
        let name = || self.name(id, resource, path);
        Ok(match resource.kind.as_str() {
            "AWS::AppSync::ApiKey" => arn("appsync", &format!("apis/{API}/apikeys/{id}")),
            "AWS::AppSync::DataSource" => arn("appsync", &format!("apis/{API}/datasources/{}", name()?)),
            "AWS::AppSync::GraphQLApi" => api_arn(),
            "AWS::AppSync::GraphQLSchema" => format!("{API}GraphQLSchema"),
            "AWS::Cognito::UserPool" => USER_POOL.to_owned(),
            "AWS::Cognito::UserPoolClient" => USER_POOL_CLIENT.to_owned(),
            "AWS::IAM::ManagedPolicy" => managed_policy_arn(&name()?),
            "AWS::Lambda::EventSourceMapping" => uuid(id).to_string(),
            "AWS::SecretsManager::Secret" => arn("secretsmanager", &format!("secret:{}-local", name()?)),
            "AWS::SNS::Topic" => arn("sns", &name()?),
            _ => name()?,
        })
    }

    /// What `Fn::GetAtt` gives.
    pub(super) fn attribute(&self, id: &str, attribute: &str, path: &Path<'_>) -> Result<Value, Error> {
        let resource = self.resource(id, path)?;
        let name = || self.name(id, resource, path);
        let physical = || self.physical_id(id, resource, path);
        let machine = self.machine;
        let kind = resource.kind.as_str();
        let text = match (kind, attribute) {
            ("AWS::AppSync::ApiKey", "ApiKey") => machine.api_key.clone(),
            ("AWS::AppSync::ApiKey", "ApiKeyId") => id.to_owned(),
            ("AWS::AppSync::ApiKey" | "AWS::AppSync::GraphQLApi", "Arn")
            | ("AWS::AppSync::DataSource", "DataSourceArn")
            | ("AWS::Cognito::UserPool", "UserPoolId")
            | ("AWS::Cognito::UserPoolClient", "ClientId")
            | (
                "AWS::AppSync::GraphQLSchema" | "AWS::Lambda::EventSourceMapping" | "AWS::SecretsManager::Secret",
                "Id",
            )
            | ("AWS::SNS::Topic", "TopicArn") => physical()?,
            ("AWS::AppSync::DataSource", "Name") | ("AWS::SNS::Topic", "TopicName") => name()?,
            ("AWS::AppSync::GraphQLApi", "ApiId") => API.to_owned(),
            ("AWS::AppSync::GraphQLApi", "GraphQLUrl") => machine.graphql_url.clone(),
            ("AWS::AppSync::GraphQLApi", "RealtimeUrl") => machine.realtime_url.clone(),
            ("AWS::AppSync::GraphQLApi", "GraphQLDns") => host(&machine.graphql_url),
            ("AWS::AppSync::GraphQLApi", "RealtimeDns") => host(&machine.realtime_url),
            ("AWS::Cognito::UserPool", "Arn") => arn("cognito-idp", &format!("userpool/{USER_POOL}")),
            ("AWS::Cognito::UserPool", "ProviderName") => format!("{}/{USER_POOL}", host(&machine.graphql_url)),
            ("AWS::Cognito::UserPool", "ProviderURL") => format!("http://{}/{USER_POOL}", host(&machine.graphql_url)),
            ("AWS::DynamoDB::Table", "Arn") => table_arn(&name()?),
            ("AWS::DynamoDB::Table", "StreamArn") => {
                let stream = resource.properties.get("StreamSpecification");
                if stream.map(|stream| self.value(stream, path)).transpose()?.flatten().is_none() {
                    return Err(Problem::NoStream(id.to_owned()).at(path));
                }
                stream_arn(&name()?)
            }
            ("AWS::Events::Rule", "Arn") => arn("events", &format!("rule/{}", name()?)),
            ("AWS::IAM::Role", "Arn") => role_arn(&name()?),
            ("AWS::IAM::Role", "RoleId") => format!("AROA{id}"),
            ("AWS::Lambda::Function", "Arn") => function_arn(&name()?),
            ("AWS::Lambda::EventSourceMapping", "EventSourceMappingArn") => {
                arn("lambda", &format!("event-source-mapping:{}", uuid(id)))
            }
            ("AWS::Logs::LogGroup", "Arn") => arn("logs", &format!("log-group:{}:*", name()?)),
            ("AWS::S3::Bucket", "Arn") => bucket_arn(&name()?),
            ("AWS::S3::Bucket", "DomainName") => format!("{}.s3.amazonaws.com", name()?),
            ("AWS::S3::Bucket", "RegionalDomainName") => format!("{}.s3.{REGION}.amazonaws.com", name()?),
            (
                "AWS::AppSync::ApiKey"
                | "AWS::AppSync::DataSource"
                | "AWS::AppSync::GraphQLApi"
                | "AWS::Cognito::UserPool"
                | "AWS::Cognito::UserPoolClient"
                | "AWS::DynamoDB::Table"
                | "AWS::Events::Rule"
                | "AWS::IAM::Role"
                | "AWS::Lambda::EventSourceMapping"
                | "AWS::Lambda::Function",
                _,
            ) => {
                let (id, kind, attribute) = (id.to_owned(), kind.to_owned(), attribute.to_owned());
                return Err(Problem::UnknownAttribute { id, kind, attribute }.at(path));
            }
            // Of a type that is not served here: something that is recognised where it turns up.
            _ => format!("{}.{attribute}", name()?),
        };
        Ok(Value::String(text))
    }
}

/// The host of a URL, with its port.
fn host(url: &str) -> String {
    url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned()
}

pub(in crate::template) fn api_arn() -> String {
    arn("appsync", &format!("apis/{API}"))
}

pub(in crate::template) fn table_arn(name: &str) -> String {
    arn("dynamodb", &format!("table/{name}"))
}

pub(in crate::template) fn stream_arn(table: &str) -> String {
    format!("{}/stream/local", table_arn(table))
}

pub(in crate::template) fn function_arn(name: &str) -> String {
    arn("lambda", &format!("function:{name}"))
}

pub(in crate::template) fn bucket_arn(name: &str) -> String {
    format!("arn:{PARTITION}:s3:::{name}")
}

pub(in crate::template) fn role_arn(name: &str) -> String {
    global_arn("iam", &format!("role/{name}"))
}

pub(in crate::template) fn managed_policy_arn(name: &str) -> String {
    global_arn("iam", &format!("policy/{name}"))
}

/// The name of a resource that belongs to an account and to no region.
fn global_arn(service: &str, resource: &str) -> String {
    format!("arn:{PARTITION}:{service}::{ACCOUNT}:{resource}")
}

/// The id of an event source mapping: always the same for the same logical id, since its checkpoint is filed under it.
pub(in crate::template) fn uuid(id: &str) -> uuid::Uuid {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{STACK}/{id}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Uuid::new_v8(bytes)
}
