//! Functions that make texts of texts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::Evaluator;
use crate::template::error::{Error, Problem};
use crate::template::path::Path;

impl Evaluator<'_> {
    /// `Fn::Join`
    pub(super) fn join(&self, argument: &Value, path: &Path<'_>, inside: &Path<'_>) -> Result<Value, Error> {
        let Some([Value::String(delimiter), values]) = argument.as_array().map(Vec::as_slice) else {
            return Err(Problem::Argument { function: "Fn::Join", takes: "a delimiter and a list" }.at(path));
        };
        let at = inside.index(1);
        let values = self.list(values, &at)?;
        let texts = values.iter().enumerate().map(|(element, value)| self.text(value, &at.index(element)));
        Ok(Value::String(texts.collect::<Result<Vec<_>, _>>()?.join(delimiter)))
    }

    /// `Fn::Split`
    pub(super) fn split(&self, argument: &Value, path: &Path<'_>, inside: &Path<'_>) -> Result<Value, Error> {
        match argument.as_array().map(Vec::as_slice) {
            Some([Value::String(delimiter), text]) if !delimiter.is_empty() => {
                let text = self.text(text, &inside.index(1))?;
                Ok(text.split(delimiter).map(|part| Value::String(part.to_owned())).collect())
            }
            _ => Err(Problem::Argument { function: "Fn::Split", takes: "a delimiter and a text" }.at(path)),
        }
    }

    /// `Fn::Select`
    pub(super) fn select(&self, argument: &Value, path: &Path<'_>, inside: &Path<'_>) -> Result<Value, Error> {
        let takes = "the index of an element, from 0, and a list that has it";
        let wrong = || Problem::Argument { function: "Fn::Select", takes }.at(path);
        let Some([index, values]) = argument.as_array().map(Vec::as_slice) else { return Err(wrong()) };
        let index = self.text(index, &inside.index(0))?.parse::<usize>().map_err(|_| wrong())?;
        self.list(values, &inside.index(1))?.into_iter().nth(index).ok_or_else(wrong)
    }

    /// `Fn::Base64`
    pub(super) fn base64(&self, argument: &Value, inside: &Path<'_>) -> Result<Value, Error> {
        Ok(Value::String(BASE64_STANDARD.encode(self.text(argument, inside)?)))
    }

    /// `Fn::Sub`, alone or with values of its own.
    pub(super) fn substitute(&self, argument: &Value, path: &Path<'_>, inside: &Path<'_>) -> Result<Value, Error> {
        let takes = "a text, or a list of a text and an object";
        let wrong = || Problem::Argument { function: "Fn::Sub", takes }.at(path);
        let none = Map::new();
        let (text, own) = match argument {
            Value::String(text) => (text, &none),
            Value::Array(elements) => match elements.as_slice() {
                [Value::String(text), Value::Object(own)] => (text, own),
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        let mut result = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after.split_once('}').ok_or_else(wrong)?;
            rest = after;
            // `${!Name}` stands for `${Name}` itself.
            match name.strip_prefix('!') {
                Some(literal) => {
                    result.push_str("${");
                    result.push_str(literal);
                    result.push('}');
                }
                None => result.push_str(&self.variable(name.trim(), own, path, inside)?),
            }
        }
        result.push_str(rest);
        Ok(Value::String(result))
    }

    fn variable(
        &self,
        name: &str,
        own: &Map<String, Value>,
        path: &Path<'_>,
        inside: &Path<'_>,
    ) -> Result<String, Error> {
        if let Some(value) = own.get(name) {
            return self.text(value, &inside.index(1).key(name));
        }
        let value = match name.split_once('.') {
            Some((id, attribute)) => self.attribute(id, attribute, path)?,
            None => self.named(name, path)?.unwrap_or_default(),
        };
        self.text(&value, path)
    }
}
