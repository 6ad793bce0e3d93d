//! How large an answer about the schema could become: told before it is made, because nothing bounds it after that.
//!
//! A short query may ask for the same types a thousand times over, under other names each time. Schema
//! browsers and code generators ask once. graphql-java, which AppSync builds on, refuses such queries in
//! versions later than AppSync's (`GoodFaithIntrospection`).

use std::collections::HashMap;

use apollo_compiler::Schema;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{ExecutableDocument, Field, Operation, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::ExtendedType;

/// The largest answer, in bytes, that may be asked for. Whoever asks for everything there is about this system's
/// schema comes to a quarter of it.
const LIMIT: usize = 16 * 1024 * 1024;

/// What a value costs besides its name: a type's name, a short description.
const VALUE: usize = 64;

pub(super) const TOO_LARGE: &str = "The answer about the schema could become too large: ask for less at once.";

/// Refuses an operation that asks for too much about the schema.
///
/// # Errors
/// Where in the query that begins.
pub(super) fn check(
    schema: &Schema,
    document: &ExecutableDocument,
    operation: &Operation,
) -> Result<(), Option<SourceSpan>> {
    let mut estimate = Estimate { sizes: Sizes::of(schema), document, fragments: HashMap::new() };
    let (size, first) = estimate.of_root(&operation.selection_set);
    if size > LIMIT { Err(first) } else { Ok(()) }
}

/// How many there are, at most, of what introspection lists.
struct Sizes {
    types: usize,
    directives: usize,
    fields: usize,
    arguments: usize,
    enum_values: usize,
    members: usize,
}

impl Sizes {
    fn of(schema: &Schema) -> Self {
        let directives = schema.directive_definitions.values();
        let mut sizes = Self {
            types: schema.types.len(),
            directives: schema.directive_definitions.len(),
            fields: 1,
            arguments: directives.map(|directive| directive.arguments.len()).max().unwrap_or(1),
            enum_values: 1,
            members: 1,
        };
        for ty in schema.types.values() {
            let (fields, members) = match ty {
                ExtendedType::Object(object) => (Some(&object.fields), object.implements_interfaces.len()),
                ExtendedType::Interface(interface) => (Some(&interface.fields), schema.types.len()),
                ExtendedType::Union(union) => (None, union.members.len()),
                ExtendedType::InputObject(input) => (None, input.fields.len()),
                ExtendedType::Enum(definition) => (None, definition.values.len()),
                ExtendedType::Scalar(_) => (None, 0),
            };
            for field in fields.into_iter().flat_map(|fields| fields.values()) {
                sizes.arguments = sizes.arguments.max(field.arguments.len());
            }
            sizes.fields = sizes.fields.max(fields.map_or(0, IndexMap::len));
            sizes.members = sizes.members.max(members);
            sizes.enum_values = sizes.enum_values.max(members);
        }
        sizes
    }

    fn listed_by(&self, field: &str) -> usize {
        match field {
            "types" => self.types,
            "directives" => self.directives,
            "fields" => self.fields,
            "args" => self.arguments,
            "enumValues" => self.enum_values,
            "inputFields" | "interfaces" | "possibleTypes" | "locations" => self.members,
            _ => 1,
        }
    }
}

struct Estimate<'a> {
    sizes: Sizes,
    document: &'a ExecutableDocument,
    /// What each fragment comes to: fragments may be spread any number of times.
    fragments: HashMap<&'a str, usize>,
}

impl<'a> Estimate<'a> {
    /// What the root's questions about the schema come to, and where the first one is.
    fn of_root(&mut self, selection_set: &'a SelectionSet) -> (usize, Option<SourceSpan>) {
        let (mut size, mut first) = (0_usize, None);
        for selection in &selection_set.selections {
            let (more, place) = match selection {
                Selection::Field(field) if matches!(field.name.as_str(), "__schema" | "__type") => {
                    (self.of_field(field), field.name.location())
                }
                Selection::Field(_) => continue,
                Selection::InlineFragment(fragment) => self.of_root(&fragment.selection_set),
                Selection::FragmentSpread(spread) => match self.document.fragments.get(&spread.fragment_name) {
                    Some(fragment) => self.of_root(&fragment.selection_set),
                    None => continue,
                },
            };
            size = size.saturating_add(more);
            first = first.or(place);
        }
        (size, first)
    }

    fn of_field(&mut self, field: &'a Field) -> usize {
        let each = self.of_selections(&field.selection_set);
        let listed = self.sizes.listed_by(&field.name).saturating_mul(each.saturating_add(VALUE));
        listed.saturating_add(field.response_key().len())
    }

    fn of_selections(&mut self, selection_set: &'a SelectionSet) -> usize {
        selection_set.selections.iter().fold(0, |size, selection| {
            size.saturating_add(match selection {
                Selection::Field(field) => self.of_field(field),
                Selection::InlineFragment(fragment) => self.of_selections(&fragment.selection_set),
                Selection::FragmentSpread(spread) => self.of_fragment(&spread.fragment_name),
            })
        })
    }

    /// A valid document has no fragment that spreads itself.
    fn of_fragment(&mut self, name: &'a str) -> usize {
        if let Some(size) = self.fragments.get(name) {
            return *size;
        }
        let fragment = self.document.fragments.get(name);
        let size = fragment.map_or(0, |fragment| self.of_selections(&fragment.selection_set));
        self.fragments.insert(name, size);
        size
    }
}
