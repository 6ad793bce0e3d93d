//! Conditions, and what depends on them.

use serde_json::Value;

use super::{Evaluator, only};
use crate::template::error::{Error, Problem};
use crate::template::path::Path;
use crate::template::read::plain;

impl Evaluator<'_> {
    /// `Fn::If`
    pub(super) fn choose(&self, argument: &Value, path: &Path<'_>) -> Result<Option<Value>, Error> {
        let argument = argument.as_array().map(Vec::as_slice);
        let Some([Value::String(condition), then, otherwise]) = argument else {
            let takes = "the name of a condition and two values";
            return Err(Problem::Argument { function: "Fn::If", takes }.at(path));
        };
        let inside = path.key("Fn::If");
        if self.condition(condition, path)? {
            self.value(then, &inside.index(1))
        } else {
            self.value(otherwise, &inside.index(2))
        }
    }

    /// Whether a condition of the template holds.
    pub(in crate::template) fn condition(&self, name: &str, path: &Path<'_>) -> Result<bool, Error> {
        if let Some(holds) = self.conditions.borrow().get(name) {
            return Ok(*holds);
        }
        let Some((name, condition)) = self.document.conditions.get_key_value(name) else {
            return Err(Problem::UnknownCondition(name.to_owned()).at(path));
        };
        let conditions = Path::Root.key("Conditions");
        let at = conditions.key(name);
        let holds = self.once(at.to_string(), path, || self.holds(condition, &at))?;
        self.conditions.borrow_mut().insert(name, holds);
        Ok(holds)
    }

    fn holds(&self, condition: &Value, path: &Path<'_>) -> Result<bool, Error> {
        let Some((name, argument)) = condition.as_object().and_then(only) else {
            return Err(Problem::Shape("it must be a condition".to_owned()).at(path));
        };
        let inside = path.key(name);
        let all = |function: &'static str, takes: &'static str, count: std::ops::RangeInclusive<usize>| {
            let elements = argument.as_array().filter(|elements| count.contains(&elements.len()));
            elements.ok_or_else(|| Problem::Argument { function, takes }.at(path))
        };
        let each = |elements: &Vec<Value>| -> Result<Vec<bool>, Error> {
            elements.iter().enumerate().map(|(at, element)| self.holds(element, &inside.index(at))).collect()
        };
        match name {
            "Condition" => match argument {
                Value::String(name) => self.condition(name, path),
                _ => Err(Problem::Argument { function: "Condition", takes: "the name of a condition" }.at(path)),
            },
            "Fn::Equals" => {
                let both = all("Fn::Equals", "two values", 2..=2)?;
                let value = |at: usize| -> Result<Option<Value>, Error> {
                    let value = self.value(&both[at], &inside.index(at))?;
                    // `1` and `"1"` are the same to CloudFormation.
                    Ok(value.map(|value| plain(&value).map_or(value, Value::String)))
                };
                Ok(value(0)? == value(1)?)
            }
            "Fn::And" => Ok(each(all("Fn::And", "two to ten conditions", 2..=10)?)?.into_iter().all(|holds| holds)),
            "Fn::Or" => Ok(each(all("Fn::Or", "two to ten conditions", 2..=10)?)?.into_iter().any(|holds| holds)),
            "Fn::Not" => Ok(!each(all("Fn::Not", "one condition", 1..=1)?)?[0]),
            _ => Err(Problem::Shape(format!("{name} is no function of a condition")).at(path)),
        }
    }
}
