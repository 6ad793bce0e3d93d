//! `AWS::Lambda::EventSourceMapping`, of DynamoDB streams.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::error::{Error, Problem};
use super::evaluate::identity::{bucket_arn, stream_arn, uuid};
use super::function::{FunctionSettings, called};
use super::read::{Flag, Whole};
use super::resources::{Described, Resources};
use super::role::Role;
use crate::dynamodb::Table;
use crate::event_source::{Mapping, StartingPosition};
use crate::machine::Machine;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    function_name: String,
    event_source_arn: Option<String>,
    enabled: Option<Flag>,
    batch_size: Option<Whole>,
    maximum_batching_window_in_seconds: Option<Whole>,
    parallelization_factor: Option<Whole>,
    starting_position: Option<Position>,
    maximum_retry_attempts: Option<Whole>,
    maximum_record_age_in_seconds: Option<Whole>,
    bisect_batch_on_function_error: Option<Flag>,
    #[serde(default)]
    function_response_types: Vec<ResponseType>,
    filter_criteria: Option<FilterCriteria>,
    destination_config: Option<DestinationConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Position {
    TrimHorizon,
    Latest,
}

#[derive(Deserialize)]
enum ResponseType {
    ReportBatchItemFailures,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterCriteria {
    #[serde(default)]
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationConfig {
    on_failure: Option<OnFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OnFailure {
    destination: String,
}

/// The mappings of a template that read the stream of one of its tables. Others are warned of.
pub(super) fn mappings(
    resources: &mut Resources,
    tables: &[Table],
    functions: &[FunctionSettings],
    roles: &BTreeMap<String, Role>,
    machine: &Machine,
) -> Result<Vec<Mapping>, Error> {
    let mut mappings = Vec::new();
    for (described, properties) in resources.read::<Properties>("AWS::Lambda::EventSourceMapping")? {
        let source = properties.event_source_arn.as_deref().unwrap_or_default();
        let Some(table) = tables.iter().find(|table| stream_arn(&table.name) == source) else {
            let what = "it is not the stream of a table of this template, and nothing reads it here";
            resources.warn(described.property("EventSourceArn"), what);
            continue;
        };
        let Some(function) = called(functions, &properties.function_name) else {
            let what = "it is no function of this template, and is not invoked here";
            resources.warn(described.property("FunctionName"), what);
            continue;
        };
        let destination = properties.destination_config.as_ref().and_then(|config| config.on_failure.as_ref());
        let destination = destination.map(|on_failure| on_failure.destination.clone());
        let is_bucket =
            |arn: &String| resources.of_type("AWS::S3::Bucket").any(|other| bucket_arn(&other.name) == *arn);
        let kept = destination.as_ref().is_some_and(is_bucket);
        if destination.is_some() && !kept {
            let what = "it is no bucket of this template: what is given up is only logged here";
            resources.warn(described.property("DestinationConfig.OnFailure.Destination"), what);
        }
        let given_up = kept.then(|| machine.given_up.clone());
        if let Some(role) = roles.get(&function.role) {
            let bucket = destination.filter(|_| kept);
            allowed(&described, role, function, source, bucket.as_deref())?;
        }
        mappings.push(Mapping { on_failure: given_up, ..mapping(&described, properties, table, function)? });
    }
    Ok(mappings)
}

/// That the function's role may do what Lambda does in it: read the stream, and keep what is given up. Lambda refuses a
/// mapping otherwise.
/// Source: Lambda developer guide, "Using Lambda to process records from Amazon DynamoDB Streams", and its "Retain
/// discarded records".
fn allowed(
    described: &Described,
    role: &Role,
    function: &FunctionSettings,
    stream: &str,
    bucket: Option<&str>,
) -> Result<(), Error> {
    let may = |action: &str, resource: &str| role.may(&function.name, action, resource);
    let reading = ["GetRecords", "GetShardIterator", "DescribeStream"].map(|action| (action, stream));
    for (action, resource) in reading.into_iter().chain([("ListStreams", "*")]) {
        if let Err(denied) = may(&format!("dynamodb:{action}"), resource) {
            let refused = format!(
                "Cannot access stream {stream}. Please ensure the role can perform the GetRecords, GetShardIterator, \
                 DescribeStream, and ListStreams Actions on your stream in IAM. ({denied})"
            );
            return Err(Problem::Refused(refused).at(described.property("EventSourceArn")));
        }
    }
    let Some(bucket) = bucket else { return Ok(()) };
    let object = format!("{bucket}/aws/lambda/{}/", uuid(&described.id));
    for (action, resource) in [("s3:ListBucket", bucket), ("s3:PutObject", &object)] {
        if let Err(denied) = may(action, resource) {
            let refused = format!("The role cannot write to the destination of what is given up. ({denied})");
            return Err(Problem::Refused(refused).at(described.property("DestinationConfig.OnFailure.Destination")));
        }
    }
    Ok(())
}

/// Defaults are those of CloudFormation for streams.
fn mapping(
    described: &Described,
    properties: Properties,
    table: &Table,
    function: &FunctionSettings,
) -> Result<Mapping, Error> {
    let whole = |name: &str, value: Option<Whole>, default: u32| {
        let value = value.map_or(Ok(default), |Whole(value)| u32::try_from(value));
        value.map_err(|_| {
            Problem::Shape("it must be a whole number that is not negative".to_owned()).at(described.property(name))
        })
    };
    // -1 is for ever.
    let bounded = |name: &str, value: Option<Whole>| match value {
        None | Some(Whole(-1)) => Ok(None),
        value => whole(name, value, 0).map(Some),
    };
    let starting_position = match properties.starting_position {
        Some(Position::TrimHorizon) => StartingPosition::TrimHorizon,
        Some(Position::Latest) => StartingPosition::Latest,
        None => return Err(Problem::Shape("missing field `StartingPosition`".to_owned()).at(&described.path)),
    };
    let window = properties.maximum_batching_window_in_seconds;
    let window = whole("MaximumBatchingWindowInSeconds", window, 0)?;
    let age = bounded("MaximumRecordAgeInSeconds", properties.maximum_record_age_in_seconds)?;
    let is_on = |flag: Option<Flag>, default: bool| flag.map_or(default, |Flag(flag)| flag);
    let reports = |kind: &ResponseType| matches!(kind, ResponseType::ReportBatchItemFailures);
    let filters = properties.filter_criteria.into_iter().flat_map(|criteria| criteria.filters);
    Ok(Mapping {
        uuid: uuid(&described.id),
        function_name: function.name.clone(),
        table_name: table.name.clone(),
        event_source_arn: stream_arn(&table.name),
        enabled: is_on(properties.enabled, true),
        batch_size: whole("BatchSize", properties.batch_size, 100)? as usize,
        maximum_batching_window: Duration::from_secs(window.into()),
        parallelization_factor: whole("ParallelizationFactor", properties.parallelization_factor, 1)? as usize,
        starting_position,
        maximum_retry_attempts: bounded("MaximumRetryAttempts", properties.maximum_retry_attempts)?,
        maximum_record_age: age.map(|age| Duration::from_secs(age.into())),
        bisect_batch_on_function_error: is_on(properties.bisect_batch_on_function_error, false),
        report_batch_item_failures: properties.function_response_types.iter().any(reports),
        filter_patterns: filters.map(|filter| filter.pattern).collect(),
        on_failure: None,
    })
}
