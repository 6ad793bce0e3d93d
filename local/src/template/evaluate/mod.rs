//! Works out the values of a template: intrinsic functions, conditions, parameters.
//!
//! | file | functions |
//! | --- | --- |
//! | `text` | `Fn::Join`, `Fn::Sub`, `Fn::Split`, `Fn::Select`, `Fn::Base64` |
//! | `condition` | `Fn::If`, and in conditions `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not`, `Condition` |
//! | `reference` | `Ref`, `Fn::GetAtt`, `Fn::FindInMap`, pseudo parameters |
//! | `identity` | what a resource of each type is called here |
//!
//! Source: the CloudFormation template reference, "Intrinsic functions". A function that is not among these, such as
//! `Fn::ImportValue`, is named in a warning, and counts as `AWS::NoValue`.

mod condition;
pub(super) mod identity;
mod reference;
#[cfg(test)]
mod tests;
mod text;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::Document;
use super::error::{Error, Problem, Warning};
use super::path::Path;
use super::read::plain;
use crate::machine::Machine;

/// What works out the values of one template.
pub(super) struct Evaluator<'t> {
    document: &'t Document,
    machine: &'t Machine,
    conditions: RefCell<BTreeMap<&'t str, bool>>,
    /// The conditions and names that are being worked out, to notice those that need themselves.
    under_way: RefCell<Vec<String>>,
    /// Which resource needs which other one first.
    needs: RefCell<BTreeSet<(&'t str, &'t str)>>,
    warnings: RefCell<Vec<Warning>>,
}

impl<'t> Evaluator<'t> {
    pub(super) fn new(document: &'t Document, machine: &'t Machine) -> Self {
        Self {
            document,
            machine,
            conditions: RefCell::default(),
            under_way: RefCell::default(),
            needs: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// The value; `None` where it is `AWS::NoValue`.
    pub(super) fn value(&self, value: &Value, path: &Path<'_>) -> Result<Option<Value>, Error> {
        match value {
            Value::Object(object) => self.object(object, path),
            Value::Array(elements) => {
                let elements = elements.iter().enumerate();
                let values = elements.filter_map(|(at, element)| self.value(element, &path.index(at)).transpose());
                values.collect::<Result<_, _>>().map(|values| Some(Value::Array(values)))
            }
            Value::String(text) => {
                if text.contains("{{resolve:") {
                    self.warn(path, "dynamic references are not resolved here");
                }
                Ok(Some(value.clone()))
            }
            _ => Ok(Some(value.clone())),
        }
    }

    fn object(&self, object: &Map<String, Value>, path: &Path<'_>) -> Result<Option<Value>, Error> {
        if let Some((name, argument)) = only(object)
            && (name == "Ref" || name.starts_with("Fn::"))
        {
            return self.function(name, argument, path);
        }
        if let Some(name) = object.keys().find(|name| name.starts_with("Fn::")) {
            return Err(Problem::NotAlone(name.clone()).at(path));
        }
        let mut fields = Map::new();
        for (name, value) in object {
            if let Some(value) = self.value(value, &path.key(name))? {
                fields.insert(name.clone(), value);
            }
        }
        Ok(Some(Value::Object(fields)))
    }

    fn function(&self, name: &str, argument: &Value, path: &Path<'_>) -> Result<Option<Value>, Error> {
        let inside = path.key(name);
        match name {
            "Ref" => self.reference(argument, path),
            "Fn::GetAtt" => self.get_att(argument, path).map(Some),
            "Fn::FindInMap" => self.find_in_map(argument, path),
            "Fn::If" => self.choose(argument, path),
            "Fn::Sub" => self.substitute(argument, path, &inside).map(Some),
            "Fn::Join" => self.join(argument, path, &inside).map(Some),
            "Fn::Split" => self.split(argument, path, &inside).map(Some),
            "Fn::Select" => self.select(argument, path, &inside).map(Some),
            "Fn::Base64" => self.base64(argument, &inside).map(Some),
            _ => {
                self.warn(path, &format!("{name} is not known here, and taken as AWS::NoValue"));
                Ok(None)
            }
        }
    }

    /// A value that must be a text. Numbers and truth values are taken for one.
    fn text(&self, value: &Value, path: &Path<'_>) -> Result<String, Error> {
        let text = self.value(value, path)?.as_ref().and_then(plain);
        text.ok_or_else(|| Problem::Shape("it must be a text".to_owned()).at(path))
    }

    /// A value that must be a list.
    fn list(&self, value: &Value, path: &Path<'_>) -> Result<Vec<Value>, Error> {
        match self.value(value, path)? {
            Some(Value::Array(elements)) => Ok(elements),
            _ => Err(Problem::Shape("it must be a list".to_owned()).at(path)),
        }
    }

    /// Works something out that may lead back to itself.
    fn once<T>(&self, name: String, path: &Path<'_>, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let mut under_way = self.under_way.borrow_mut();
        if let Some(start) = under_way.iter().position(|other| *other == name) {
            return Err(Problem::Circle(under_way.split_off(start)).at(path));
        }
        under_way.push(name);
        drop(under_way);
        let done = work();
        self.under_way.borrow_mut().pop();
        done
    }

    fn warn(&self, path: &Path<'_>, what: &str) {
        let warning = Warning::new(path, what);
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Notes that a resource needs others that it does not refer to.
    pub(super) fn depends_on(&self, ids: &[String], path: &Path<'_>) -> Result<(), Error> {
        for id in ids {
            if !self.document.resources.contains_key(id) {
                return Err(Problem::UnknownId(id.clone()).at(path));
            }
            self.needed(id, path);
        }
        Ok(())
    }

    fn needed(&self, id: &str, path: &Path<'_>) {
        let known = |id: &str| self.document.resources.get_key_value(id).map(|(id, _)| id.as_str());
        if let (Some(from), Some(to)) = (path.resource().and_then(known), known(id)) {
            self.needs.borrow_mut().insert((from, to));
        }
    }

    /// The warnings so far, once everything is worked out.
    ///
    /// # Errors
    /// If resources need each other in a circle: none of them could be made first.
    pub(super) fn finish(self) -> Result<Vec<Warning>, Error> {
        let mut left = self.needs.into_inner();
        // Whatever needs nothing any more could be made; what is left over in the end could not.
        loop {
            let before = left.len();
            let needing: BTreeSet<_> = left.iter().map(|(from, _)| *from).collect();
            left.retain(|(_, to)| needing.contains(to));
            let needed: BTreeSet<_> = left.iter().map(|(_, to)| *to).collect();
            left.retain(|(from, _)| needed.contains(from));
            if left.len() == before {
                break;
            }
        }
        if left.is_empty() {
            return Ok(self.warnings.into_inner());
        }
        let ids: BTreeSet<_> = left.iter().map(|(from, _)| (*from).to_owned()).collect();
        Err(Problem::Circle(ids.into_iter().collect()).at("Resources"))
    }
}

/// The only field of an object that has just one.
fn only(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut fields = object.iter();
    match (fields.next(), fields.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}
