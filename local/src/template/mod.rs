//! AWS CloudFormation on one machine: a template, read and worked out, says how the parts are connected.
//!
//! | module | what it is about |
//! | --- | --- |
//! | `document`, `read` | from a file's text to its sections, and from properties to types |
//! | `evaluate` | intrinsic functions, conditions, parameters, and what each resource is called here |
//! | `resources` | all resources with their values worked out |
//! | `table`, `function`, `mapping`, `rule`, `api`, `resolver`, `role`, `permission` | what each type of resource is here |
//! | `no_effect` | what has no effect here and is known not to |
//! | `error`, `path` | what is wrong, and where |
//!
//! Nothing is passed over in silence: what has no effect on this machine and is not listed in `no_effect` is a
//! [`Warning`].

mod api;
mod document;
mod error;
mod evaluate;
mod function;
mod mapping;
mod no_effect;
mod path;
mod permission;
mod read;
mod resolver;
mod resources;
mod role;
mod rule;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::SystemTime;

pub use api::ApiSettings;
pub use error::{Error, Problem, Warning};
pub use function::FunctionSettings;
pub use role::Role;

use crate::appsync::Resolver;
use crate::dynamodb::Table;
use crate::event_source::Mapping;
use crate::machine::Machine;
use crate::schedule::Rule;
use document::Document;
use resources::Resources;

/// A template as it is written.
#[derive(Clone, Debug)]
pub struct Template {
    document: Document,
    warnings: Vec<Warning>,
}

/// How the parts are connected: what a template says, worked out for this machine.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// The tables.
    pub tables: Vec<Table>,
    /// The functions.
    pub functions: Vec<FunctionSettings>,
    /// What streams feed.
    pub mappings: Vec<Mapping>,
    /// What schedules feed.
    pub rules: Vec<Rule>,
    /// The API.
    pub api: ApiSettings,
    /// What answers a field: (type, field) to its resolver.
    pub resolvers: BTreeMap<(String, String), Resolver>,
    /// The roles by name, with what they allow.
    pub roles: BTreeMap<String, Role>,
    /// The stack's outputs that are texts.
    pub outputs: BTreeMap<String, String>,
    /// What has no effect here.
    pub warnings: Vec<Warning>,
}

impl Template {
    /// Reads the JSON of a template.
    ///
    /// # Errors
    /// If it is no template.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (document, warnings) = Document::parse(text)?;
        Ok(Self { document, warnings })
    }

    /// Works out what the template says for this machine, at this time.
    ///
    /// # Errors
    /// If it cannot be worked out, or has no API.
    pub fn wiring(&self, machine: &Machine, now: SystemTime) -> Result<Wiring, Error> {
        let mut resources = Resources::of(&self.document, machine)?;
        let tables = table::tables(&mut resources)?;
        let roles = role::roles(&mut resources)?;
        let functions = function::functions(&mut resources, &roles)?;
        let mappings = mapping::mappings(&mut resources, &tables, &functions, &roles, machine)?;
        let permissions = permission::permissions(&mut resources)?;
        let schedules = rule::rules(&mut resources, &functions, &permissions, machine)?;
        let api = api::api(&mut resources, now)?;
        let resolvers = resolver::resolvers(&mut resources, &functions, &roles)?;
        api::pool(&mut resources)?;
        let outputs = std::mem::take(&mut resources.outputs);
        let outputs = outputs.iter().filter_map(|(name, value)| Some((name.clone(), read::plain(value)?))).collect();
        let warnings = self.warnings.iter().cloned().chain(resources.into_warnings()).collect();
        Ok(Wiring { tables, functions, mappings, rules: schedules, api, resolvers, roles, outputs, warnings })
    }
}

impl Wiring {
    /// Whether anything here invokes a function: a field, a stream or a schedule.
    #[must_use]
    pub fn invokes(&self, function: &str) -> bool {
        self.resolvers.values().any(|resolver| resolver.function == function)
            || self.mappings.iter().any(|mapping| mapping.function_name == function)
            || self.rules.iter().any(|rule| rule.function_name == function)
    }
}
