//! Whether a value written in a document fits its type: what graphql-java calls `WrongType`.

use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, Value};
use apollo_compiler::schema::ExtendedType;

use super::super::arguments;
use super::java::JavaValue;

/// What is wrong with the value of an argument, as far as its first misfit; variables fit everywhere.
pub(super) fn misfit(schema: &Schema, argument: &str, ty: &Type, value: &Value) -> Option<String> {
    let Misfit { place, value: culprit, what } = find(schema, ty, value).err()?;
    // graphql-java prints the whole argument where an object as such is wrong, and else the one value that is.
    let printed = JavaValue(culprit.unwrap_or(value));
    Some(format!("argument '{argument}{place}' with value '{printed}' {what}"))
}

struct Misfit<'a> {
    /// The way from the argument to the value: `.lines[0].sku`.
    place: String,
    value: Option<&'a Value>,
    what: String,
}

impl Misfit<'_> {
    fn inside(mut self, place: &str) -> Self {
        self.place.insert_str(0, place);
        self
    }
}

fn find<'a>(schema: &Schema, ty: &Type, value: &'a Value) -> Result<(), Misfit<'a>> {
    let misfit = |value, what: String| Err(Misfit { place: String::new(), value, what });
    match value {
        Value::Null if ty.is_non_null() => return misfit(Some(value), "must not be null".to_owned()),
        Value::Null | Value::Variable(_) => return Ok(()),
        _ => {}
    }
    if ty.is_list() {
        return match value {
            Value::List(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                find(schema, ty.item_type(), item).map_err(|misfit| misfit.inside(&format!("[{index}]")))
            }),
            single => find(schema, ty.item_type(), single),
        };
    }
    let type_name = ty.inner_named_type();
    let wrong = || misfit(Some(value), format!("is not a valid '{type_name}'"));
    match schema.types.get(type_name) {
        Some(ExtendedType::Enum(definition)) => match value {
            Value::Enum(name) if definition.values.contains_key(name) => Ok(()),
            _ => wrong(),
        },
        Some(ExtendedType::InputObject(definition)) => {
            let Value::Object(fields) = value else { return misfit(None, "must be an object type".to_owned()) };
            let missing = definition
                .fields
                .values()
                .filter(|field| field.is_required() && !fields.iter().any(|(name, _)| *name == field.name));
            let missing: Vec<&str> = missing.map(|field| field.name.as_str()).collect();
            if !missing.is_empty() {
                return misfit(None, format!("is missing required fields '[{}]'", missing.join(", ")));
            }
            fields.iter().try_for_each(|(name, value)| match definition.fields.get(name) {
                Some(field) => find(schema, &field.ty, value).map_err(|misfit| misfit.inside(&format!(".{name}"))),
                None => misfit(None, format!("contains a field not in '{type_name}': '{name}'")),
            })
        }
        Some(ExtendedType::Scalar(_)) if arguments::scalar(type_name, value).is_err() => wrong(),
        // A scalar that fits, or a type that is no input type, which another rule tells.
        _ => Ok(()),
    }
}
