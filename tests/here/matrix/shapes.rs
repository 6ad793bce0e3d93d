//! How an operation can be written: every way to ask for the same, made from the schema.

use apollo_compiler::Schema;
use apollo_compiler::ast::{FieldDefinition, Type};
use serde_json::{Map, Value, json};

use super::table::Row;
use super::world::Target;
use crate::support::{apples_and_a_pear, keyed, uuid};

/// The schema, and what its operations are called.
pub(super) struct Operations(Schema);

/// How an operation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// With variables for what it must be given.
    Plain,
    /// With everything in the document.
    Literal,
    Alias,
    NamedFragment,
    InlineFragment,
    /// The same field twice, which is once. Not for a subscription, which has one field.
    Twice,
    /// With `@include` and `@skip` that let it be. Not for a subscription, whose field is not left out.
    Included,
    /// With a `null` for whatever it need not be given.
    Nulls,
    /// The same, with variables that are `null`.
    NullVariables,
    /// The same, with variables that are not given.
    UnsetVariables,
    /// Beside `__typename`. Not for a subscription.
    Beside,
}

impl Shape {
    pub(super) const ALL: [Self; 11] = [
        Self::Plain,
        Self::Literal,
        Self::Alias,
        Self::NamedFragment,
        Self::InlineFragment,
        Self::Twice,
        Self::Included,
        Self::Nulls,
        Self::NullVariables,
        Self::UnsetVariables,
        Self::Beside,
    ];
}

/// What is sent, and under which name the answer comes.
pub(super) struct Written {
    pub(super) query: String,
    pub(super) variables: Value,
    pub(super) key: &'static str,
}

impl Written {
    pub(super) fn body(&self) -> String {
        json!({ "query": self.query, "variables": self.variables }).to_string()
    }
}

impl Operations {
    pub(super) fn of_the_schema() -> Self {
        let text = include_str!("../../../schema.graphql");
        let schema = Schema::parse(text, "schema.graphql");
        Self(schema.unwrap_or_else(|broken| panic!("the schema cannot be read: {}", broken.errors)))
    }

    /// The type and the name of every operation.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let fields = |parent: &str| {
            let fields = &self.0.get_object(parent).expect("a root type").fields;
            fields.keys().map(|field| (parent.to_owned(), field.to_string())).collect::<Vec<_>>()
        };
        ["Query", "Mutation", "Subscription"].iter().flat_map(|parent| fields(parent)).collect()
    }

    /// The operation on a target, asked for all that its answer can have; none if it cannot be written so.
    pub(super) fn write(&self, row: &Row, target: &Target, shape: Shape) -> Option<Written> {
        let &Row { parent, field, .. } = row;
        let definition: &FieldDefinition = self.0.type_field(parent, field).expect("an operation of the schema");
        let (mut definitions, mut arguments, mut variables) = (Vec::new(), Vec::new(), Map::new());
        let mut has_optional = false;
        for argument in &definition.arguments {
            let (name, of_type) = (argument.name.as_str(), &argument.ty);
            if of_type.is_non_null() {
                let value = self.value(field, name, of_type, target, shape);
                if shape == Shape::Literal {
                    arguments.push(format!("{name}: {}", literal(&value)));
                    continue;
                }
                variables.insert(name.to_owned(), value);
            } else {
                match shape {
                    Shape::Nulls => arguments.push(format!("{name}: null")),
                    Shape::NullVariables => drop(variables.insert(name.to_owned(), Value::Null)),
                    Shape::UnsetVariables => {}
                    _ => continue,
                }
                has_optional = true;
                if shape == Shape::Nulls {
                    continue;
                }
            }
            definitions.push(format!("${name}: {of_type}"));
            arguments.push(format!("{name}: ${name}"));
        }
        let is_impossible = match shape {
            Shape::NullVariables | Shape::UnsetVariables => !has_optional,
            Shape::Beside | Shape::Twice | Shape::Included => parent == "Subscription",
            _ => false,
        };
        if is_impossible {
            return None;
        }
        let mut directives = "";
        if shape == Shape::Included {
            definitions.extend(["$yes: Boolean!".to_owned(), "$no: Boolean!".to_owned()]);
            variables.extend([("yes".to_owned(), json!(true)), ("no".to_owned(), json!(false))]);
            directives = " @include(if: $yes) @skip(if: $no)";
        }
        let key = if shape == Shape::Alias { "mine" } else { field };
        let alias = if shape == Shape::Alias { "mine: " } else { "" };
        let list = |given: &[String]| if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
        let selection = self.selection(definition.ty.inner_named_type());
        let one = format!("{alias}{field}{}{directives} {selection}", list(&arguments));
        let fields = match shape {
            Shape::NamedFragment => "{ ...Root }".to_owned(),
            Shape::InlineFragment => format!("{{ ... on {parent} {{ ... {{ {one} }} }} }}"),
            Shape::Twice => format!("{{ {one} {one} }}"),
            Shape::Beside => format!("{{ __typename {one} }}"),
            _ => format!("{{ {one} }}"),
        };
        let fragment = format!(" fragment Root on {parent} {{ {one} }}");
        let fragment = if shape == Shape::NamedFragment { &fragment } else { "" };
        let query = format!("{} {}{fields}{fragment}", parent.to_lowercase(), list(&definitions));
        Some(Written { query, variables: variables.into(), key })
    }

    fn value(&self, field: &str, argument: &str, of_type: &Type, target: &Target, shape: Shape) -> Value {
        let mut value = match (field, argument) {
            (_, "id" | "customerId") => return json!(target.id),
            ("placeOrder", "input") if target.id.is_empty() => keyed(apples_and_a_pear(), &uuid()),
            ("placeOrder", "input") => {
                let mut input = apples_and_a_pear();
                input["customerId"] = json!(target.id);
                input
            }
            ("recordFulfilment", "input") => json!({ "orderId": target.id, "reference": "matrix" }),
            _ => panic!("say here what {field} is to be given as `{argument}`"),
        };
        if shape == Shape::Nulls {
            let input = self.0.get_input_object(of_type.inner_named_type()).expect("an input type");
            for name in input.fields.keys() {
                if value.get(name.as_str()).is_none() {
                    value[name.as_str()] = Value::Null;
                }
            }
        }
        value
    }

    /// Everything that a value of this type has.
    fn selection(&self, name: &str) -> String {
        let Some(object) = self.0.get_object(name) else { return String::new() };
        let field = |field: &FieldDefinition| {
            format!("{} {}", field.name, self.selection(field.ty.inner_named_type())).trim_end().to_owned()
        };
        let fields: Vec<_> = object.fields.values().map(|definition| field(definition)).collect();
        format!("{{ {} }}", fields.join(" "))
    }
}

/// A value as it stands in a document.
fn literal(value: &Value) -> String {
    match value {
        Value::Array(elements) => format!("[{}]", elements.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{name}: {}", literal(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}
