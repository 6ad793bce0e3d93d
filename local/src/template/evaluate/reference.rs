//! What names something else in the template.

use serde_json::Value;

use super::Evaluator;
use crate::machine::{ACCOUNT, PARTITION, REGION, STACK, arn};
use crate::template::document::Resource;
use crate::template::error::{Error, Problem};
use crate::template::path::Path;

impl<'t> Evaluator<'t> {
    /// `Ref`
    pub(super) fn reference(&self, argument: &Value, path: &Path<'_>) -> Result<Option<Value>, Error> {
        match argument {
            Value::String(name) => self.named(name, path),
            _ => Err(Problem::Argument { function: "Ref", takes: "the name of a parameter or resource" }.at(path)),
        }
    }

    /// `Fn::GetAtt`, with a dot or as a list.
    pub(super) fn get_att(&self, argument: &Value, path: &Path<'_>) -> Result<Value, Error> {
        let parts = match argument {
            Value::String(text) => text.split_once('.').map(|(id, attribute)| (id, attribute.to_owned())),
            Value::Array(elements) => match elements.as_slice() {
                [Value::String(id), attribute] => {
                    Some((id.as_str(), self.text(attribute, &path.key("Fn::GetAtt").index(1))?))
                }
                _ => None,
            },
            _ => None,
        };
        let takes = "a logical id and an attribute";
        let (id, attribute) = parts.ok_or_else(|| Problem::Argument { function: "Fn::GetAtt", takes }.at(path))?;
        self.attribute(id, &attribute, path)
    }

    /// `Fn::FindInMap`
    pub(super) fn find_in_map(&self, argument: &Value, path: &Path<'_>) -> Result<Option<Value>, Error> {
        let Some([map, first, second]) = argument.as_array().map(Vec::as_slice) else {
            return Err(Problem::Argument { function: "Fn::FindInMap", takes: "a mapping and two keys" }.at(path));
        };
        let inside = path.key("Fn::FindInMap");
        let mut keys = Vec::new();
        for (at, key) in [map, first, second].into_iter().enumerate() {
            keys.push(self.text(key, &inside.index(at))?);
        }
        let found = self.document.mappings.get(&keys[0]);
        let found = found.and_then(|map| map.get(&keys[1])).and_then(|entries| entries.get(&keys[2]));
        found.cloned().map(Some).ok_or_else(|| Problem::UnknownEntry(keys.join(".")).at(path))
    }

    /// What a name refers to: a pseudo parameter, a parameter or a resource.
    pub(super) fn named(&self, name: &str, path: &Path<'_>) -> Result<Option<Value>, Error> {
        if let Some(pseudo) = name.strip_prefix("AWS::") {
            return match pseudo {
                "Region" => Ok(Some(REGION.into())),
                "AccountId" => Ok(Some(ACCOUNT.into())),
                "Partition" => Ok(Some(PARTITION.into())),
                "URLSuffix" => Ok(Some("amazonaws.com".into())),
                "StackName" => Ok(Some(STACK.into())),
                "StackId" => Ok(Some(arn("cloudformation", &format!("stack/{STACK}/local")).into())),
                "NotificationARNs" => Ok(Some(Value::Array(Vec::new()))),
                "NoValue" => Ok(None),
                _ => Err(Problem::UnknownId(name.to_owned()).at(path)),
            };
        }
        if let Some(parameter) = self.document.parameters.get(name) {
            let default = parameter.default.as_ref().ok_or_else(|| Problem::NoDefault(name.to_owned()).at(path))?;
            if parameter.kind.starts_with("AWS::SSM::Parameter::") {
                self.warn(path, "parameters of Systems Manager are not read here, their names stand for their values");
            }
            let is_list = parameter.kind == "CommaDelimitedList" || parameter.kind.contains("List<");
            let value = &default.0;
            return Ok(Some(if is_list {
                value.split(',').map(|element| Value::String(element.trim().to_owned())).collect()
            } else {
                Value::String(value.clone())
            }));
        }
        let resource = self.resource(name, path)?;
        self.physical_id(name, resource, path).map(|id| Some(Value::String(id)))
    }

    /// A resource that is referred to.
    pub(super) fn resource(&self, id: &str, path: &Path<'_>) -> Result<&'t Resource, Error> {
        let resource = self.document.resources.get(id).ok_or_else(|| Problem::UnknownId(id.to_owned()).at(path))?;
        if let Some(condition) = &resource.condition
            && !self.condition(condition, path)?
        {
            return Err(Problem::NotMade { id: id.to_owned(), condition: condition.clone() }.at(path));
        }
        self.needed(id, path);
        Ok(resource)
    }
}
