//! The sections of a template, before anything in them is worked out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Error, Problem, Warning};
use super::no_effect;
use super::read::{Text, read};

/// A template as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    pub(super) mappings: Map<String, Value>,
    #[serde(default)]
    pub(super) conditions: BTreeMap<String, Value>,
    pub(super) resources: BTreeMap<String, Resource>,
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, Output>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parameter {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    pub(super) default: Option<Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Resource {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    pub(super) condition: Option<String>,
    #[serde(skip, default = "nothing")]
    pub(super) properties: Value,
    #[serde(default)]
    pub(super) depends_on: Option<DependsOn>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "it must be a logical id, or a list of them")]
pub(super) enum DependsOn {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    pub(super) condition: Option<String>,
    pub(super) value: Value,
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

impl Document {
    /// Reads a template, and tells what in its frame has no effect here.
    pub(super) fn parse(text: &str) -> Result<(Self, Vec<Warning>), Error> {
        // Nearly all of a template are properties. They stay as they are, which saves milliseconds of every start, as
        // does `parse`: unlike `from_str` it is compiled with the library, and so optimised.
        let mut value: Value = text
            .parse()
            .map_err(|error: serde_json::Error| Problem::Shape(format!("it is not JSON: {error}")).at("it"))?;
        let mut properties = Map::new();
        if let Some(resources) = value.get_mut("Resources").and_then(Value::as_object_mut) {
            for (id, resource) in resources {
                let taken = resource.as_object_mut().and_then(|resource| resource.remove("Properties"));
                properties.extend(taken.map(|taken| (id.clone(), taken)));
            }
        }
        let mut warnings = Vec::new();
        let surplus = |path: String, _: &str| {
            let name = path.rsplit('.').next().unwrap_or_default().to_owned();
            if !no_effect::FRAME.contains(&name.as_str()) {
                warnings.push(Warning::new(&path, no_effect::SAID));
            }
        };
        let mut document: Self = read(&value, "", surplus).map_err(|error| match error.path.as_str() {
            "" => error.problem.at("it"),
            _ => error,
        })?;
        for (id, properties) in properties {
            if !properties.is_object() {
                let path = format!("Resources.{id}.Properties");
                return Err(Problem::Shape("it must be an object".to_owned()).at(path));
            }
            if let Some(resource) = document.resources.get_mut(&id) {
                resource.properties = properties;
            }
        }
        Ok((document, warnings))
    }
}

impl DependsOn {
    pub(super) fn ids(&self) -> &[String] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }
}
