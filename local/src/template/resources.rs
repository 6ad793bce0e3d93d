//! The resources of a template, worked out and by type, for the files that know what each type is here.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::document::Document;
use super::error::{Error, Warning};
use super::evaluate::Evaluator;
use super::no_effect;
use super::path::Path;
use super::read::read;
use crate::machine::Machine;

/// The types that something here stands for, in the order in which what is wrong with them is told.
const SERVED: &[&str] = &[
    "AWS::DynamoDB::Table",
    "AWS::Lambda::Function",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Events::Rule",
    "AWS::AppSync::GraphQLApi",
    "AWS::AppSync::GraphQLSchema",
    "AWS::AppSync::ApiKey",
    "AWS::AppSync::DataSource",
    "AWS::AppSync::Resolver",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
];

/// A resource whose values are worked out.
#[derive(Debug)]
pub(super) struct Resource {
    /// Its logical id.
    pub(super) id: String,
    /// What it is called here.
    pub(super) name: String,
    kind: String,
    properties: Value,
}

/// All resources that are made, the outputs, and what has been found to have no effect so far.
pub(super) struct Resources {
    all: Vec<Resource>,
    pub(super) outputs: Map<String, Value>,
    warnings: Vec<Warning>,
}

impl Resources {
    pub(super) fn of(document: &Document, machine: &Machine) -> Result<Self, Error> {
        let evaluator = Evaluator::new(document, machine);
        let mut warnings = Vec::new();
        let mut resources = Vec::new();
        let at = Path::Root.key("Resources");
        let rank = |kind: &str| SERVED.iter().position(|served| *served == kind).unwrap_or(SERVED.len());
        let mut all: Vec<_> = document.resources.iter().collect();
        all.sort_by_key(|(_, resource)| rank(&resource.kind));
        for (id, resource) in all {
            let at = at.key(id);
            if let Some(condition) = &resource.condition
                && !evaluator.condition(condition, &at.key("Condition"))?
            {
                continue;
            }
            let properties = evaluator.value(&resource.properties, &at.key("Properties"))?;
            if let Some(others) = &resource.depends_on {
                evaluator.depends_on(others.ids(), &at.key("DependsOn"))?;
            }
            let kind = resource.kind.clone();
            if rank(&kind) == SERVED.len() && !no_effect::TYPES.contains(&kind.as_str()) {
                warnings.push(Warning::new(at, format!("resources of the type {kind} have no effect here")));
            }
            let name = evaluator.name(id, resource, &at)?;
            let properties = properties.unwrap_or_else(|| Value::Object(Map::new()));
            resources.push(Resource { id: id.clone(), name, kind, properties });
        }
        let at = Path::Root.key("Outputs");
        let mut outputs = Map::new();
        for (name, output) in &document.outputs {
            let at = at.key(name);
            let made = output.condition.as_ref().map_or(Ok(true), |condition| evaluator.condition(condition, &at))?;
            if made && let Some(value) = evaluator.value(&output.value, &at.key("Value"))? {
                outputs.insert(name.clone(), value);
            }
        }
        let mut evaluated = evaluator.finish()?;
        evaluated.append(&mut warnings);
        Ok(Self { all: resources, outputs, warnings: evaluated })
    }

    /// Reads the resources of a type. Properties that are neither read nor known to have no effect are warned of.
    pub(super) fn read<T: DeserializeOwned>(&mut self, kind: &str) -> Result<Vec<(Described, T)>, Error> {
        let mut found = Vec::new();
        let known = no_effect::properties(kind);
        for resource in self.all.iter().filter(|resource| resource.kind == kind) {
            let path = format!("Resources.{}.Properties", resource.id);
            let warnings = &mut self.warnings;
            let properties = read(&resource.properties, &path, |path, names| {
                if !known.contains(&names) {
                    warnings.push(Warning::new(path, no_effect::SAID));
                }
            })?;
            found.push((Described { id: resource.id.clone(), name: resource.name.clone(), path }, properties));
        }
        Ok(found)
    }

    /// The resources of a type, unread.
    pub(super) fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.all.iter().filter(move |resource| resource.kind == kind)
    }

    pub(super) fn warn(&mut self, path: impl std::fmt::Display, what: impl Into<String>) {
        self.warnings.push(Warning::new(path, what));
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.warnings
    }
}

/// What a resource is called.
#[derive(Clone, Debug)]
pub(super) struct Described {
    /// Its logical id.
    pub(super) id: String,
    /// Its name on this machine.
    pub(super) name: String,
    /// The place of its properties.
    pub(super) path: String,
}

impl Described {
    /// The place of a property.
    pub(super) fn property(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}
