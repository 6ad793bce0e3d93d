//! Decides whether a document is valid, and tells every violation as AppSync does: in the words of graphql-java 12,
//! `Validation error of type <Type>: <description> @ '<path of fields>'`.
//!
//! apollo-compiler decides; the rules here find the words, and check literals of AppSync's own scalars, of which
//! apollo-compiler knows nothing. A violation that no rule has words for is told in apollo-compiler's.

mod conflicts;
mod java;
mod literals;
mod structure;
mod variables;

use std::collections::HashMap;

use apollo_compiler::ast::{Definition, Document, FragmentDefinition, OperationDefinition};
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::FieldDefinition;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};

use super::errors::{GraphqlError, Location};

/// The document, if it is valid.
pub(super) fn validate(
    schema: &Valid<Schema>,
    document: &Document,
    introspection: bool,
) -> Result<Valid<ExecutableDocument>, Vec<GraphqlError>> {
    let mut violations = Violations::new(schema, document, introspection);
    structure::check(&mut violations);
    variables::check(&mut violations);
    match document.to_executable_validate(schema) {
        Ok(valid) if violations.found.is_empty() => Ok(valid),
        Ok(_) => Err(violations.found),
        Err(invalid) => {
            structure::check_cycles(&mut violations);
            conflicts::check(&mut violations);
            if violations.found.is_empty() {
                for diagnostic in invalid.errors.iter() {
                    let location = diagnostic.error.location();
                    violations.add("InvalidSyntax", diagnostic.error, location, &[]);
                }
            }
            Err(violations.found)
        }
    }
}

/// The document under validation, and what is wrong with it so far.
struct Violations<'a> {
    schema: &'a Schema,
    document: &'a Document,
    introspection: bool,
    fragments: HashMap<&'a str, &'a FragmentDefinition>,
    found: Vec<GraphqlError>,
}

impl<'a> Violations<'a> {
    fn new(schema: &'a Schema, document: &'a Document, introspection: bool) -> Self {
        let fragments = document.definitions.iter().filter_map(Definition::as_fragment_definition);
        Self {
            schema,
            document,
            introspection,
            fragments: fragments.map(|fragment| (fragment.name.as_str(), &**fragment)).collect(),
            found: Vec::new(),
        }
    }

    /// `path` names the fields, not their aliases, from the operation or the fragment on.
    fn add(&mut self, kind: &str, description: impl std::fmt::Display, place: Option<SourceSpan>, path: &[&str]) {
        let mut message = format!("Validation error of type {kind}: {description}");
        if !path.is_empty() {
            message = format!("{message} @ '{}'", path.join("/"));
        }
        self.found.push(GraphqlError::about_query(message, Location::of(place, &self.document.sources)));
    }

    fn operations(&self) -> impl Iterator<Item = &'a Node<OperationDefinition>> + use<'a> {
        self.document.definitions.iter().filter_map(Definition::as_operation_definition)
    }

    fn root_type(&self, operation: &OperationDefinition) -> Option<&'a str> {
        self.schema.root_operation(operation.operation_type).map(Name::as_str)
    }

    /// A field's definition. With introspection off the types that describe the schema have no fields, as
    /// graphql-java hides them; `__typename` stays.
    fn field(&self, type_name: &str, field: &str) -> Option<&'a FieldDefinition> {
        if !self.introspection && type_name.starts_with("__") && field != "__typename" {
            return None;
        }
        self.schema.type_field(type_name, field).ok().map(|definition| &***definition)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{schema, tests};
    use super::*;
    use serde_json::json;

    const SCHEMA: &str = "
        type Query {
            node: Node  nodes: [Node!]!  thing(in: In, id: ID!, kind: Kind, list: [In!], when: AWSDateTime): Node
            any: Any  named: Named
        }
        interface Named { name: String }
        union Any = Node | Leaf
        type Node implements Named { id: ID  name: String  child: Node  args(x: Int, y: Int): Int }
        type Leaf { size: Int }
        type Other { size: Int }
        enum Kind { A B }
        input In { upvotes: Int!  d: AWSJSON  email: AWSEmail  inner: In  kind: Kind }
    ";

    fn errors(query: &str, introspection: bool) -> Vec<(String, serde_json::Value)> {
        let schema = schema::load(SCHEMA, &tests::settings()).unwrap();
        let document = Document::parse(query, "query").unwrap_or_else(|error| panic!("{query}: {error}"));
        let errors = validate(&schema, &document, introspection).err().unwrap_or_default();
        errors
            .iter()
            .map(|error| {
                let error = serde_json::to_value(error).unwrap();
                assert_eq!(error["path"], json!(null));
                assert!(error.get("errorType").is_none());
                (error["message"].as_str().unwrap().to_owned(), error["locations"].clone())
            })
            .collect()
    }

    fn messages(query: &str) -> Vec<String> {
        errors(query, true).into_iter().map(|(message, _)| message).collect()
    }

    #[test]
    fn a_violation_points_at_its_line_and_column() {
        assert_eq!(
            errors("{badfield}", true),
            [(
                "Validation error of type FieldUndefined: Field 'badfield' in type 'Query' is undefined @ 'badfield'"
                    .to_owned(),
                json!([{"line": 1, "column": 2, "sourceName": null}])
            )]
        );
        assert_eq!(
            errors("{\n  n: node {\n    a: id\n    b: nope\n  }\n}", true),
            [(
                "Validation error of type FieldUndefined: Field 'nope' in type 'Node' is undefined @ 'node/nope'"
                    .to_owned(),
                json!([{"line": 4, "column": 5, "sourceName": null}])
            )]
        );
    }

    #[test]
    fn each_violation_has_graphql_javas_words() {
        for (query, expected) in [
            ("{ node { nope } }", "FieldUndefined: Field 'nope' in type 'Node' is undefined @ 'node/nope'"),
            ("{ any { name } }", "FieldUndefined: Field 'name' in type 'Any' is undefined @ 'any/name'"),
            ("{ node { args(z: 1) } }", "UnknownArgument: Unknown field argument z @ 'node/args'"),
            ("{ thing { id } }", "MissingFieldArgument: Missing field argument id @ 'thing'"),
            ("{ node }", "SubSelectionRequired: Sub selection required for type Node of field node @ 'node'"),
            ("{ nodes }", "SubSelectionRequired: Sub selection required for type null of field nodes @ 'nodes'"),
            (
                "{ node { id { x } } }",
                "SubSelectionNotAllowed: Sub selection not allowed on leaf type ID of field id @ 'node/id'",
            ),
            ("{ thing(id: $v) { id } }", "UndefinedVariable: Undefined variable v @ 'thing'"),
            ("query($v: Int) { node { id } }", "UnusedVariable: Unused variable v"),
            (
                "query($v: Int) { thing(id: $v) { id } }",
                "VariableTypeMismatch: Variable type 'Int' doesn't match expected type 'ID!' @ 'thing'",
            ),
            (
                "query($v: ID) { thing(id: $v) { id } }",
                "VariableTypeMismatch: Variable type 'ID' doesn't match expected type 'ID!' @ 'thing'",
            ),
            (
                "query($v: Int) { thing(id: 1, in: {upvotes: $v}) { id } }",
                "VariableTypeMismatch: Variable type 'Int' doesn't match expected type 'Int!' @ 'thing'",
            ),
            ("query($v: Nope) { thing(id: $v) { id } }", "UnknownType: Unknown type Nope"),
            (
                "query($v: Node) { thing(id: $v) { id } }",
                "NonInputTypeOnVariable: Input variable v type Node is not an input type",
            ),
            ("{ ... on Nope { id } }", "UnknownType: Unknown type Nope"),
            ("{ node { ...F } } fragment F on Nope { id }", "UnknownType: Unknown type Nope"),
            ("{ node { id @nope } }", "UnknownDirective: Unknown directive nope @ 'node/id'"),
            ("{ node { id @deprecated } }", "MisplacedDirective: Directive deprecated not allowed here @ 'node/id'"),
            ("{ node { id @skip } }", "MissingDirectiveArgument: Missing directive argument if @ 'node/id'"),
            (
                "{ node { id @skip(if: true) @skip(if: true) } }",
                "DuplicateDirectiveName: Non repeatable directives must be uniquely named within a location. \
                 The directive 'skip' used on a 'Field' is not unique. @ 'node/id'",
            ),
            ("{ node { ...F } }", "UndefinedFragment: Undefined fragment F @ 'node'"),
            ("{ node { id } } fragment F on Node { id }", "UnusedFragment: Unused fragment F"),
            ("{ node { ...F } } fragment F on Node { child { ...F } }", "FragmentCycle: Fragment cycles not allowed"),
            (
                "{ node { ...F } } fragment F on Leaf { size }",
                "InvalidFragmentType: Fragment F cannot be spread here as objects of type Node can never be of \
                 type Leaf @ 'node'",
            ),
            (
                "{ node { ... on Leaf { size } } }",
                "InvalidFragmentType: Fragment cannot be spread here as objects of type Node can never be of \
                 type Leaf @ 'node'",
            ),
            (
                "{ node { ...F } } fragment F on Kind { id }",
                "FragmentTypeConditionInvalid: Fragment type condition is invalid, must be on Object/Interface/Union",
            ),
            (
                "{ node { ... on Kind { id } } }",
                "InlineFragmentTypeConditionInvalid: Inline fragment type condition is invalid, must be on \
                 Object/Interface/Union @ 'node'",
            ),
            ("{ k: node { id } k: nodes { id } }", "FieldsConflict: k: node and nodes are different fields"),
            (
                "{ node { k: args(x: 1) ... on Node { k: args(x: 2) } } }",
                "FieldsConflict: node/k: they have differing arguments",
            ),
            (
                "query A { node { id } } query A { node { id } }",
                "DuplicateOperationName: There can be only one operation named 'A'",
            ),
            (
                "query A { node { id } } { node { id } }",
                "LoneAnonymousOperationViolation: Anonymous operation with other operations.",
            ),
            (
                "query($v: Int = \"x\") { node { args(x: $v) } }",
                "BadValueForDefaultArg: Bad default value StringValue{value='x'} for type Int",
            ),
        ] {
            assert_eq!(messages(query), [format!("Validation error of type {expected}")], "{query}");
        }
    }

    #[test]
    fn literals_are_checked_and_printed_as_graphql_javas_syntax_tree() {
        for (argument, expected) in [
            (
                "in: {upvotes: \"10\"}",
                "argument 'in.upvotes' with value 'StringValue{value='10'}' is not a valid 'Int'",
            ),
            (
                "in: {d: \"1\"}",
                "argument 'in' with value 'ObjectValue{objectFields=[ObjectField{name='d', \
                 value=StringValue{value='1'}}]}' is missing required fields '[upvotes]'",
            ),
            (
                "in: {upvotes: 10, x: true}",
                "argument 'in' with value 'ObjectValue{objectFields=[ObjectField{name='upvotes', \
                 value=IntValue{value=10}}, ObjectField{name='x', value=BooleanValue{value=true}}]}' \
                 contains a field not in 'In': 'x'",
            ),
            ("in: 1", "argument 'in' with value 'IntValue{value=1}' must be an object type"),
            (
                "in: {upvotes: 1, d: \"{\"}",
                "argument 'in.d' with value 'StringValue{value='{'}' is not a valid 'AWSJSON'",
            ),
            (
                "in: {upvotes: 1, inner: {upvotes: 1, email: \"not-a-valid-email\"}}",
                "argument 'in.inner.email' with value 'StringValue{value='not-a-valid-email'}' is not a valid 'AWSEmail'",
            ),
            (
                "list: [{upvotes: 1}, {upvotes: 1.5}]",
                "argument 'list[1].upvotes' with value 'FloatValue{value=1.5}' is not a valid 'Int'",
            ),
            ("list: [null]", "argument 'list[0]' with value 'NullValue{}' must not be null"),
            ("kind: C", "argument 'kind' with value 'EnumValue{name='C'}' is not a valid 'Kind'"),
            ("kind: \"A\"", "argument 'kind' with value 'StringValue{value='A'}' is not a valid 'Kind'"),
            ("when: \"now\"", "argument 'when' with value 'StringValue{value='now'}' is not a valid 'AWSDateTime'"),
            (
                "when: [1]",
                "argument 'when' with value 'ArrayValue{values=[IntValue{value=1}]}' is not a valid 'AWSDateTime'",
            ),
        ] {
            let query = format!("{{ thing(id: 1, {argument}) {{ id }} }}");
            assert_eq!(
                messages(&query),
                [format!("Validation error of type WrongType: {expected} @ 'thing'")],
                "{query}"
            );
        }
    }

    #[test]
    fn every_violation_is_told() {
        let told = messages("query($a: Int, $b: Int) { x y node { args(z: 1) ...F } } fragment F on Node { q }");
        assert_eq!(
            told,
            [
                "Validation error of type FieldUndefined: Field 'x' in type 'Query' is undefined @ 'x'",
                "Validation error of type FieldUndefined: Field 'y' in type 'Query' is undefined @ 'y'",
                "Validation error of type UnknownArgument: Unknown field argument z @ 'node/args'",
                "Validation error of type FieldUndefined: Field 'q' in type 'Node' is undefined @ 'F/q'",
                "Validation error of type UnusedVariable: Unused variable a",
                "Validation error of type UnusedVariable: Unused variable b",
            ]
        );
    }

    #[test]
    fn what_no_rule_has_words_for_is_told_all_the_same() {
        let told = messages("query($a: Int, $a: Int) { node { args(x: $a) } }");
        assert_eq!(told, ["Validation error of type InvalidSyntax: the variable `$a` is declared multiple times"]);
    }

    #[test]
    fn valid_documents_are_valid() {
        for query in [
            "{ node { id ...F ... on Named { name } ... { id } } any { __typename ... on Leaf { size } } }
             fragment F on Node { child { name } }",
            "query($v: ID!, $in: [In!]) { thing(id: $v, list: $in, in: {upvotes: 1}) { id @include(if: true) } }",
            "query($v: ID = 1) { thing(id: $v, when: \"2020-01-01T00:00Z\", list: {upvotes: 1}) { id } }",
            "{ __schema { types { name } } __type(name: \"Node\") { name } }",
        ] {
            assert_eq!(messages(query), [] as [&str; 0], "{query}");
        }
    }

    #[test]
    fn without_introspection_the_schema_describes_nothing() {
        let told = errors(
            "{ __typename node { __typename } __schema { types { name } } __type(name: \"Node\") { kind } }",
            false,
        );
        let told: Vec<_> = told.into_iter().map(|(message, _)| message).collect();
        assert_eq!(
            told,
            [
                "Validation error of type FieldUndefined: Field 'types' in type '__Schema' is undefined @ '__schema/types'",
                "Validation error of type FieldUndefined: Field 'kind' in type '__Type' is undefined @ '__type/kind'",
            ]
        );
    }

    /// Each fragment spreads the next twice: told in full this would be 2^40 fields.
    #[test]
    fn fragments_that_multiply_do_not_multiply_the_work() {
        use std::fmt::Write as _;
        let mut query = String::from("{ node { ...F0 } k: node { id } k: nodes { id } ");
        query.push('}');
        for index in 0..40 {
            let next = index + 1;
            let _ =
                write!(query, "fragment F{index} on Node {{ a: child {{ ...F{next} }} b: child {{ ...F{next} }} }} ");
        }
        query.push_str("fragment F40 on Node { id }");
        assert!(!messages(&query).is_empty());
    }
}
