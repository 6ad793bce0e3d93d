//! Reads an API's schema, and refuses what AppSync refuses when a schema is uploaded.

use apollo_compiler::ast::{self, Definition, OperationType};
use apollo_compiler::parser::{SourceMap, SourceSpan};
use apollo_compiler::schema::FieldDefinition;
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{Node, Schema};
use thiserror::Error;

use super::settings::Settings;

/// The directives and scalars that AppSync knows by itself.
const BUILTINS: &str = include_str!("builtins.graphql");

/// What the schema's file is called in messages.
const FILE: &str = "schema.graphql";

/// Why a schema, or its settings, cannot be served. Lines and columns are those of the schema's own text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SchemaError {
    /// Not GraphQL, or against its rules.
    #[error("{FILE}{place}: {message}", place = place(*line, *column))]
    Invalid {
        /// Counted from 1; 0 if the message is about no place.
        line: usize,
        /// Counted from 1; 0 if the message is about no place.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A definition that AppSync does not take from a schema.
    #[error("{FILE}{place}: {what} cannot be defined in an AppSync schema: `{name}`", place = place(*line, *column))]
    Unsupported {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The kind of definition, in the plural.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// There is nothing to ask for.
    #[error("{FILE}: the schema has no Query type")]
    NoQuery,
    /// `@aws_subscribe` on a field that is not one of the subscription type.
    #[error("{FILE}: @aws_subscribe is for fields of the subscription type only, `{field}` is none")]
    NotASubscription {
        /// The field as `Type.field`.
        field: String,
    },
    /// `@aws_subscribe` names a mutation that the schema does not have.
    #[error("{FILE}: subscription `{subscription}` names the mutation `{mutation}`, which the schema does not have")]
    UnknownMutation {
        /// The subscription field.
        subscription: String,
        /// The name in its `@aws_subscribe`.
        mutation: String,
    },
    /// A subscription announces what the mutation returns, so both have the same type.
    #[error(
        "Schema Creation Status is FAILED with details: Schema has the following errors: \
         - The subscription has an invalid output type. \
         (`{subscription}` is {subscription_type}, the mutation `{mutation}` is {mutation_type})"
    )]
    SubscriptionType {
        /// The subscription field.
        subscription: String,
        /// Its type.
        subscription_type: String,
        /// A mutation in its `@aws_subscribe`.
        mutation: String,
        /// The mutation's type.
        mutation_type: String,
    },
    /// A function is to answer a field that is not there.
    #[error("a resolver is attached to `{type_name}.{field}`, which is no field of {FILE}'s root types")]
    ResolverField {
        /// The type in the settings.
        type_name: String,
        /// The field in the settings.
        field: String,
    },
}

fn place(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}:{column}") }
}

/// The schema with AppSync's own definitions added to it.
pub(super) fn load(text: &str, settings: &Settings) -> Result<Valid<Schema>, SchemaError> {
    let document = ast::Document::parse(text, FILE).map_err(|invalid| first_error(&invalid.errors))?;
    refuse_what_appsync_does_not_take(&document)?;
    let schema = Schema::builder()
        .parse(BUILTINS, "builtins.graphql")
        .add_ast(&document)
        .build()
        .map_err(|invalid| first_error(&invalid.errors))?;
    if schema.schema_definition.query.is_none() {
        return Err(SchemaError::NoQuery);
    }
    let schema = schema.validate().map_err(|invalid| first_error(&invalid.errors))?;
    check_subscriptions(&schema)?;
    for (type_name, field) in settings.resolvers.keys() {
        let root_types = schema.schema_definition.iter_root_operations().map(|(_, root)| root.name.as_str());
        let is_root = root_types.into_iter().any(|root| root == type_name);
        if !is_root || schema.type_field(type_name, field).is_err() {
            return Err(SchemaError::ResolverField { type_name: type_name.clone(), field: field.clone() });
        }
    }
    Ok(schema)
}

/// The root fields that nothing answers, as `Type.field`.
pub(super) fn without_resolver(schema: &Schema, settings: &Settings) -> Vec<String> {
    let roots = schema.schema_definition.iter_root_operations();
    let objects = roots.filter_map(|(_, root)| schema.get_object(&root.name));
    let fields =
        objects.flat_map(|object| object.fields.keys().map(|field| (object.name.to_string(), field.to_string())));
    let unanswered = fields.filter(|field| !settings.resolvers.contains_key(field));
    unanswered.map(|(parent, field)| format!("{parent}.{field}")).collect()
}

fn first_error(errors: &DiagnosticList) -> SchemaError {
    let Some(first) = errors.iter().next() else {
        return SchemaError::Invalid { line: 0, column: 0, message: "not a valid schema".to_owned() };
    };
    let (line, column) = first.line_column_range().map_or((0, 0), |range| (range.start.line, range.start.column));
    SchemaError::Invalid { line, column, message: first.error.to_string() }
}

fn refuse_what_appsync_does_not_take(document: &ast::Document) -> Result<(), SchemaError> {
    for definition in &document.definitions {
        let what = match definition {
            Definition::ScalarTypeDefinition(_) => "scalars",
            Definition::DirectiveDefinition(_) => "directives",
            _ if definition.is_extension_definition() => "extensions of types",
            Definition::ObjectTypeDefinition(object) if object.name.starts_with("AWS") => {
                "types whose names begin with `AWS`"
            }
            _ => continue,
        };
        let (line, column) = line_column(definition.location(), &document.sources);
        let name = definition.name().map_or_else(|| "schema".to_owned(), ToString::to_string);
        return Err(SchemaError::Unsupported { line, column, what, name });
    }
    Ok(())
}

fn line_column(span: Option<SourceSpan>, sources: &SourceMap) -> (usize, usize) {
    span.and_then(|span| span.line_column(sources)).map_or((0, 0), |place| (place.line, place.column))
}

fn check_subscriptions(schema: &Valid<Schema>) -> Result<(), SchemaError> {
    let root = |operation| schema.root_operation(operation).and_then(|name| schema.get_object(name));
    let subscriptions = root(OperationType::Subscription);
    let mutations = root(OperationType::Mutation);
    for object in schema.types.values().filter_map(|definition| definition.as_object()) {
        if subscriptions.is_some_and(|subscriptions| subscriptions.name == object.name) {
            continue;
        }
        if let Some(field) = object.fields.values().find(|field| field.directives.has("aws_subscribe")) {
            return Err(SchemaError::NotASubscription { field: format!("{}.{}", object.name, field.name) });
        }
    }
    for subscription in subscriptions.into_iter().flat_map(|object| object.fields.values()) {
        for name in announced_mutations(subscription) {
            let Some(mutation) = mutations.and_then(|object| object.fields.get(name)) else {
                return Err(SchemaError::UnknownMutation {
                    subscription: subscription.name.to_string(),
                    mutation: name.to_owned(),
                });
            };
            // A `Post!` mutation and a `Post` subscription go together: AppSync developer guide, "Real-time data".
            let shape = |field: &FieldDefinition| field.ty.to_string().replace('!', "");
            if shape(subscription) != shape(mutation) {
                return Err(SchemaError::SubscriptionType {
                    subscription: subscription.name.to_string(),
                    subscription_type: subscription.ty.to_string(),
                    mutation: name.to_owned(),
                    mutation_type: mutation.ty.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// The mutations that a subscription field announces: its `@aws_subscribe`.
pub(super) fn announced_mutations(subscription: &FieldDefinition) -> impl Iterator<Item = &str> {
    subscription
        .directives
        .get("aws_subscribe")
        .and_then(|directive| directive.specified_argument_by_name("mutations"))
        .and_then(|mutations| mutations.as_list())
        .into_iter()
        .flatten()
        .filter_map(|mutation: &Node<ast::Value>| mutation.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::settings::Resolver;
    use super::super::tests::settings;
    use super::*;

    fn message(text: &str) -> String {
        load(text, &settings()).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn the_real_schema_loads_with_appsyncs_directives_and_scalars() {
        let schema = load(include_str!("../../../schema.graphql"), &settings()).unwrap();
        assert!(schema.get_object("Order").is_some() && schema.get_scalar("AWSJSON").is_some());
    }

    #[test]
    fn messages_name_the_line_and_column_of_the_users_own_file() {
        assert!(message("type Query {\n  a: Strin\n}").starts_with("schema.graphql:2:6: "));
        assert!(message("type Query {\n  a String\n}").starts_with("schema.graphql:2:5: syntax error"));
    }

    #[test]
    fn what_appsync_does_not_take_is_named() {
        for (text, expected) in [
            (
                "type Query { a: Int }\n  scalar Date",
                "schema.graphql:2:3: scalars cannot be defined in an AppSync schema: `Date`",
            ),
            (
                "directive @mine on FIELD\ntype Query { a: Int }",
                "schema.graphql:1:1: directives cannot be defined in an AppSync schema: `mine`",
            ),
            (
                "scalar AWSJSON type Query { a: AWSJSON }",
                "schema.graphql:1:1: scalars cannot be defined in an AppSync schema: `AWSJSON`",
            ),
            (
                "type Query { a: Int } extend type Query { b: Int }",
                "schema.graphql:1:23: extensions of types cannot be defined in an AppSync schema: `Query`",
            ),
            (
                "type Query { a: AWSThing } type AWSThing { a: Int }",
                "schema.graphql:1:28: types whose names begin with `AWS` cannot be defined in an AppSync schema: `AWSThing`",
            ),
            ("type Mutation { a: Int }", "schema.graphql: the schema has no Query type"),
            (
                "type Query { a: Int @aws_subscribe(mutations: []) }",
                "schema.graphql: @aws_subscribe is for fields of the subscription type only, `Query.a` is none",
            ),
            (
                "type Query { a: Int } type Mutation { b: Int }\n\
                 type Subscription { c: Int @aws_subscribe(mutations: [\"b\", \"d\"]) }",
                "schema.graphql: subscription `c` names the mutation `d`, which the schema does not have",
            ),
            (
                "type Query { a: Int } type Mutation { b: Int }\n\
                 type Subscription { c: String @aws_subscribe(mutations: [\"b\"]) }",
                "Schema Creation Status is FAILED with details: Schema has the following errors: \
                 - The subscription has an invalid output type. (`c` is String, the mutation `b` is Int)",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn a_subscription_may_be_null_where_its_mutation_is_not_but_not_a_list_where_it_is_none() {
        let with = |subscription: &str, mutation: &str| {
            format!(
                "type Query {{ a: Int }} type Mutation {{ b: {mutation} }} \
                 type Subscription {{ c: {subscription} @aws_subscribe(mutations: [\"b\"]) }}"
            )
        };
        assert!(load(&with("Int", "Int!"), &settings()).is_ok());
        assert!(load(&with("[Int]", "[Int!]!"), &settings()).is_ok());
        assert!(load(&with("[Int]", "Int"), &settings()).is_err());
    }

    #[test]
    fn a_resolver_needs_a_field_of_a_root_type() {
        for (type_name, field) in [("Query", "nothing"), ("Order", "id"), ("Nothing", "id")] {
            let mut settings = settings();
            settings.resolvers.insert((type_name.to_owned(), field.to_owned()), Resolver::of("function"));
            let error = load("type Query { a: Order } type Order { id: ID }", &settings).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "a resolver is attached to `{type_name}.{field}`, which is no field of schema.graphql's root types"
                )
            );
        }
    }
}
