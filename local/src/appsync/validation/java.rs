//! Values as the `toString` of graphql-java's syntax tree prints them.

use std::fmt::{self, Display, Formatter};

use apollo_compiler::ast::Value;

/// `ObjectValue{objectFields=[ObjectField{name='upvotes', value=IntValue{value=10}}]}`
pub(super) struct JavaValue<'a>(pub(super) &'a Value);

impl Display for JavaValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("NullValue{}"),
            Value::Enum(name) => write!(f, "EnumValue{{name='{name}'}}"),
            Value::Variable(name) => write!(f, "VariableReference{{name='{name}'}}"),
            Value::String(text) => write!(f, "StringValue{{value='{text}'}}"),
            Value::Float(float) => write!(f, "FloatValue{{value={float}}}"),
            Value::Int(int) => write!(f, "IntValue{{value={int}}}"),
            Value::Boolean(boolean) => write!(f, "BooleanValue{{value={boolean}}}"),
            Value::List(items) => {
                f.write_str("ArrayValue{values=[")?;
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    Self(item).fmt(f)?;
                }
                f.write_str("]}")
            }
            Value::Object(fields) => {
                f.write_str("ObjectValue{objectFields=[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    write!(f, "ObjectField{{name='{name}', value={}}}", Self(value))?;
                }
                f.write_str("]}")
            }
        }
    }
}
