//! `AWS::Lambda::Permission`: which services may invoke a function of their own accord.

use serde::Deserialize;

use super::error::Error;
use super::evaluate::identity::function_arn;
use super::resources::Resources;
use crate::iam::matches;

/// One entry of a function's resource-based policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Permission {
    action: String,
    function_name: String,
    principal: String,
    source_arn: Option<String>,
}

/// The permissions of a template.
pub(super) fn permissions(resources: &mut Resources) -> Result<Vec<Permission>, Error> {
    let read = resources.read::<Permission>("AWS::Lambda::Permission")?;
    Ok(read.into_iter().map(|(_, permission)| permission).collect())
}

impl Permission {
    /// Whether it lets `principal`, such as `events.amazonaws.com`, invoke the function of this name for `source`.
    pub(super) fn lets(&self, principal: &str, source: &str, function: &str) -> bool {
        let Self { action, function_name, principal: allowed, source_arn } = self;
        matches(action, "lambda:InvokeFunction")
            && allowed == principal
            && (function_name == function || *function_name == function_arn(function))
            && source_arn.as_ref().is_none_or(|arn| matches(arn, source))
    }
}
