//! `AWS::Lambda::Function`

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::error::{Error, Problem};
use super::evaluate::identity::function_arn;
use super::read::{Text, Whole};
use super::resources::Resources;
use super::role::Role;

/// A function as a template describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSettings {
    /// Its logical id in the template.
    pub logical_id: String,
    /// The name that it is invoked by.
    pub name: String,
    /// `Handler`: the name of its binary in `resolvers/src/bin/`.
    pub handler: String,
    /// How long it may take.
    pub timeout: Duration,
    /// Its memory in MB.
    pub memory_mb: u32,
    /// `ReservedConcurrentExecutions`: how many invocations there may be at a time, if that is bounded.
    pub reserved_concurrency: Option<u32>,
    /// The name of the role that it runs as.
    pub role: String,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(rename = "FunctionName")]
    _name: Option<String>,
    handler: String,
    role: String,
    timeout: Option<Whole>,
    memory_size: Option<Whole>,
    reserved_concurrent_executions: Option<Whole>,
    environment: Option<Environment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, Text>,
}

/// The functions of a template. Defaults are those of CloudFormation: 3 seconds and 128 MB.
pub(super) fn functions(
    resources: &mut Resources,
    roles: &BTreeMap<String, Role>,
) -> Result<Vec<FunctionSettings>, Error> {
    let mut functions = Vec::new();
    for (described, properties) in resources.read::<Properties>("AWS::Lambda::Function")? {
        let within = |name: &str, value: Option<Whole>, default: u32, most: u32| {
            let value = value.map_or(Ok(default), |Whole(value)| u32::try_from(value));
            value.ok().filter(|value| (1..=most).contains(value)).ok_or_else(|| {
                Problem::Shape(format!("it must be a whole number from 1 to {most}")).at(described.property(name))
            })
        };
        let reserved = properties.reserved_concurrent_executions;
        let reserved =
            reserved.map(|whole| within("ReservedConcurrentExecutions", Some(whole), 1, u32::MAX)).transpose()?;
        let role = properties.role.rsplit('/').next().unwrap_or_default().to_owned();
        match roles.get(&role) {
            None => {
                resources.warn(described.property("Role"), "it is no role of this template, and may do anything here");
            }
            Some(role) if !role.trusts.contains("lambda.amazonaws.com") => {
                let refused = "The role defined for the function cannot be assumed by Lambda.".to_owned();
                return Err(Problem::Refused(refused).at(described.property("Role")));
            }
            Some(_) => {}
        }
        functions.push(FunctionSettings {
            timeout: Duration::from_secs(within("Timeout", properties.timeout, 3, 900)?.into()),
            memory_mb: within("MemorySize", properties.memory_size, 128, 10_240)?,
            reserved_concurrency: reserved,
            logical_id: described.id,
            name: described.name,
            handler: properties.handler,
            role,
            environment: properties
                .environment
                .into_iter()
                .flat_map(|environment| environment.variables)
                .map(|(name, Text(value))| (name, value))
                .collect(),
        });
    }
    Ok(functions)
}

/// The function that a name or an ARN stands for.
pub(super) fn called<'f>(functions: &'f [FunctionSettings], name_or_arn: &str) -> Option<&'f FunctionSettings> {
    functions.iter().find(|function| name_or_arn == function.name || name_or_arn == function_arn(&function.name))
}
