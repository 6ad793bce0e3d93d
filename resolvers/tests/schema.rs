//! The types of the handlers and `schema.graphql` agree: every type, field, argument and enum value, nullability
//! included. And what is published is everything that an event may carry.

use std::collections::BTreeSet;

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;

const SCHEMA: &str = include_str!("../../schema.graphql");

fn parse(sdl: &str) -> Schema {
    Schema::parse(sdl, "schema.graphql").unwrap_or_else(|error| panic!("{}", error.errors))
}

/// What a type says, one line per field, argument or value; descriptions and directives aside.
fn shape(ty: &ExtendedType) -> BTreeSet<String> {
    let arguments = |arguments: &[apollo_compiler::Node<apollo_compiler::ast::InputValueDefinition>]| {
        arguments.iter().map(|argument| format!("{}: {}", argument.name, argument.ty)).collect::<Vec<_>>().join(", ")
    };
    match ty {
        ExtendedType::Object(object) => object
            .fields
            .iter()
            .map(|(name, field)| format!("{name}({}): {}", arguments(&field.arguments), field.ty))
            .collect(),
        ExtendedType::InputObject(input) => {
            input.fields.iter().map(|(name, field)| format!("{name}: {}", field.ty)).collect()
        }
        ExtendedType::Enum(values) => values.values.keys().map(ToString::to_string).collect(),
        other => BTreeSet::from([format!("{} is neither object, input nor enum", other.name())]),
    }
}

#[test]
fn every_type_is_the_same_in_rust_and_in_the_schema() {
    let (schema, rust) = (parse(SCHEMA), parse(&resolvers::graphql::sdl()));
    let mut compared = 0;
    for (name, ty) in &schema.types {
        let built_in = ty.is_built_in() || ["Query", "Mutation", "Subscription"].contains(&name.as_str());
        if built_in || ty.is_scalar() {
            continue;
        }
        let twin = rust.types.get(name).unwrap_or_else(|| panic!("{name} is in schema.graphql, but not in Rust"));
        assert_eq!(shape(ty), shape(twin), "{name}: schema.graphql on the left, Rust on the right");
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} types were compared");
}

#[test]
fn every_root_field_takes_and_gives_what_its_handler_does() {
    let (schema, rust) = (parse(SCHEMA), parse(&resolvers::graphql::sdl()));
    let mut known = BTreeSet::new();
    for &(parent, name, arguments, ty) in resolvers::graphql::ROOT_FIELDS {
        let field = schema.get_object(parent).and_then(|object| object.fields.get(name));
        let field = field.unwrap_or_else(|| panic!("{parent}.{name} is in Rust, but not in schema.graphql"));
        let written: BTreeSet<_> =
            field.arguments.iter().map(|argument| format!("{}: {}", argument.name, argument.ty)).collect();
        assert_eq!(written, shape(&rust.types[arguments]), "the arguments of {parent}.{name}");
        assert_eq!(field.ty.to_string(), ty, "the type of {parent}.{name}");
        known.insert(format!("{parent}.{name}"));
    }
    for parent in ["Query", "Mutation"] {
        for name in schema.get_object(parent).unwrap().fields.keys() {
            assert!(known.contains(&format!("{parent}.{name}")), "no handler is known for {parent}.{name}");
        }
    }
}

#[test]
fn everything_but_the_document_is_published() {
    // The directives and scalars are AppSync's own, which the file does not declare.
    let schema = apollo_compiler::validation::Valid::assume_valid(parse(SCHEMA));
    let query = format!("query {{ order(id: 1) {} }}", resolvers::publisher::SELECTION);
    let document = apollo_compiler::ExecutableDocument::parse_and_validate(&schema, &query, "publish").unwrap();
    let order = document.operations.get(None).unwrap().selection_set.fields().next().unwrap();
    let mut missing = Vec::new();
    collect_missing(&schema, &order.selection_set, "Order", &mut missing);
    assert_eq!(missing, ["Order.document"]);
}

fn collect_missing(
    schema: &Schema,
    selection: &apollo_compiler::executable::SelectionSet,
    ty: &str,
    missing: &mut Vec<String>,
) {
    for (name, field) in &schema.get_object(ty).unwrap().fields {
        match selection.fields().find(|selected| selected.name == *name) {
            None => missing.push(format!("{ty}.{name}")),
            Some(selected) if !selected.selection_set.is_empty() => {
                collect_missing(schema, &selected.selection_set, field.ty.inner_named_type(), missing);
            }
            Some(_) => {}
        }
    }
}
