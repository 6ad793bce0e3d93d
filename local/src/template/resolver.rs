//! `AWS::AppSync::Resolver` and `AWS::AppSync::DataSource`: Direct Lambda resolvers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::{Error, Problem};
use super::evaluate::identity::function_arn;
use super::function::{FunctionSettings, called};
use super::read::Whole;
use super::resources::Resources;
use super::role::Role;
use crate::appsync::Resolver;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SourceProperties {
    #[serde(rename = "ApiId")]
    _api: String,
    name: String,
    #[serde(rename = "Type")]
    kind: String,
    lambda_config: Option<LambdaConfig>,
    service_role_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LambdaConfig {
    lambda_function_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(rename = "ApiId")]
    _api: String,
    type_name: String,
    field_name: String,
    data_source_name: Option<String>,
    kind: Option<Kind>,
    max_batch_size: Option<Whole>,
    code: Option<Value>,
    code_s3_location: Option<Value>,
    runtime: Option<Value>,
    request_mapping_template: Option<Value>,
    request_mapping_template_s3_location: Option<Value>,
    response_mapping_template: Option<Value>,
    response_mapping_template_s3_location: Option<Value>,
    pipeline_config: Option<Value>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Unit,
    Pipeline,
}

/// What answers which field: (type, field) to its resolver. A resolver that is no Direct Lambda resolver is warned of, and
/// its field left without one.
pub(super) fn resolvers(
    resources: &mut Resources,
    functions: &[FunctionSettings],
    roles: &BTreeMap<String, Role>,
) -> Result<BTreeMap<(String, String), Resolver>, Error> {
    let mut sources = BTreeMap::new();
    for (described, source) in resources.read::<SourceProperties>("AWS::AppSync::DataSource")? {
        let arn = source.lambda_config.map(|config| config.lambda_function_arn);
        let function = arn.as_deref().and_then(|arn| called(functions, arn));
        if source.kind != "AWS_LAMBDA" {
            let what = format!("a data source of the type {} is not served here", source.kind);
            resources.warn(described.property("Type"), what);
        } else if function.is_none() {
            let what = "it is no function of this template, and is not invoked here";
            resources.warn(described.property("LambdaConfig.LambdaFunctionArn"), what);
        }
        let function = function.filter(|_| source.kind == "AWS_LAMBDA");
        let role = source.service_role_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
        let role = role.map(|name| (name, roles.get(name)));
        if let Some((name, None)) = role {
            let what = format!("{name} is no role of this template, and may do anything here");
            resources.warn(described.property("ServiceRoleArn"), what);
        }
        let resolver = function.map(|function| {
            let arn = function_arn(&function.name);
            let denied = match role {
                None => Some("the data source has no role in which it could invoke its function".to_owned()),
                Some((_, None)) => None,
                Some((_, Some(role))) if !role.trusts.contains("appsync.amazonaws.com") => {
                    Some("the role of the data source cannot be assumed by AppSync".to_owned())
                }
                Some((_, Some(role))) => {
                    let denied = role.may("APPSYNC_ASSUME_ROLE", "lambda:InvokeFunction", &arn).err();
                    denied.map(|denied| denied.to_string())
                }
            };
            Resolver { function: function.name.clone(), denied }
        });
        sources.insert(source.name, resolver);
    }
    let mut resolvers = BTreeMap::new();
    let mut attached: BTreeMap<(String, String), String> = BTreeMap::new();
    for (described, resolver) in resources.read::<Properties>("AWS::AppSync::Resolver")? {
        let field = (resolver.type_name.clone(), resolver.field_name.clone());
        let shown = format!("{}.{}", field.0, field.1);
        if let Some(first) = attached.insert(field.clone(), described.id.clone()) {
            return Err(Problem::SecondResolver { field: shown, first }.at(&described.path));
        }
        let source = resolver.data_source_name.as_ref();
        let function = match source.map(|source| (source, sources.get(source))) {
            Some((source, None)) => {
                let problem = Problem::Shape(format!("there is no data source `{source}` in the template"));
                return Err(problem.at(described.property("DataSourceName")));
            }
            Some((_, Some(function))) => function.clone(),
            None => None,
        };
        let reason = resolver.not_direct().or(function.is_none().then_some("it leads to no function"));
        match (reason, function) {
            (None, Some(function)) => {
                resolvers.insert(field, function);
            }
            (reason, _) => {
                let reason = reason.unwrap_or_default();
                let what =
                    format!("{shown} is always null here, because {reason}: only Direct Lambda resolvers are served");
                resources.warn(&described.path, what);
            }
        }
    }
    Ok(resolvers)
}

impl Properties {
    /// What makes this resolver none that hands its event to a function as it is.
    fn not_direct(&self) -> Option<&'static str> {
        let reasons = [
            (self.kind == Some(Kind::Pipeline) || self.pipeline_config.is_some(), "it is a pipeline"),
            (
                self.code.is_some() || self.code_s3_location.is_some() || self.runtime.is_some(),
                "it runs code of its own",
            ),
            (
                self.request_mapping_template.is_some()
                    || self.request_mapping_template_s3_location.is_some()
                    || self.response_mapping_template.is_some()
                    || self.response_mapping_template_s3_location.is_some(),
                "it has mapping templates",
            ),
            (self.max_batch_size.is_some_and(|Whole(size)| size > 0), "it collects requests to batches"),
        ];
        reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }
}
