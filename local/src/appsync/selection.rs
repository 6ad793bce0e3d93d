//! What is selected: which root fields there are, and how a resolver is told what was selected inside its field.

use std::collections::HashSet;

use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Directive, ExecutableDocument, Field, Operation, Selection, SelectionSet};
use apollo_compiler::{Node, Schema};

use super::input::{Input, Variables};

/// A document whose selections are walked with the variables of one request.
#[derive(Clone, Copy)]
pub(super) struct Selected<'a> {
    pub(super) schema: &'a Schema,
    pub(super) document: &'a ExecutableDocument,
    pub(super) variables: &'a Variables,
}

/// A root field: every selection of it that shares one response key. There is at least one.
pub(super) struct RootField<'a> {
    pub(super) key: &'a str,
    pub(super) selections: Vec<&'a Node<Field>>,
}

impl<'a> RootField<'a> {
    pub(super) fn field(&self) -> &'a Node<Field> {
        self.selections[0]
    }
}

impl<'a> Selected<'a> {
    /// The root fields in the order in which they are first written, without `__typename`, `__schema` and `__type`.
    pub(super) fn root_fields(&self, operation: &'a Operation) -> Vec<RootField<'a>> {
        let mut fields: IndexMap<&str, Vec<&Node<Field>>> = IndexMap::default();
        self.each_field(&operation.selection_set, &mut HashSet::new(), &mut |field| {
            if !field.name.starts_with("__") {
                fields.entry(field.response_key().as_str()).or_default().push(field);
            }
        });
        fields.into_iter().map(|(key, selections)| RootField { key, selections }).collect()
    }

    /// The `selectionSetList` of a field: depth first, names joined by `/`, an alias in the place of its name, and
    /// fragments flattened. Of an interface or a union only the fields that it has itself are listed.
    /// Source: AppSync developer guide, "Resolver mapping template context reference".
    pub(super) fn list(&self, selections: &[&'a Node<Field>]) -> Vec<String> {
        let mut list = IndexMap::default();
        for field in selections {
            self.list_into(&field.selection_set, "", &mut list);
        }
        list.into_keys().collect()
    }

    fn list_into(&self, selection_set: &'a SelectionSet, prefix: &str, list: &mut IndexMap<String, ()>) {
        self.each_field(selection_set, &mut HashSet::new(), &mut |field| {
            let path = format!("{prefix}{}", field.response_key());
            let inside = format!("{path}/");
            list.insert(path, ());
            self.list_into(&field.selection_set, &inside, list);
        });
    }

    /// The fields that these selection sets have for an object of this type, in the order in which they are written.
    pub(super) fn fields_of(
        &self,
        ty: &str,
        selection_sets: impl IntoIterator<Item = &'a SelectionSet>,
    ) -> Vec<&'a Node<Field>> {
        let mut fields = Vec::new();
        for selection_set in selection_sets {
            self.each_field_of(ty, &selection_set.selections, &mut HashSet::new(), &mut |field| fields.push(field));
        }
        fields
    }

    /// Calls `visit` for every field that belongs to the selection set's own type and is not skipped.
    fn each_field(
        &self,
        selection_set: &'a SelectionSet,
        visited: &mut HashSet<&'a str>,
        visit: &mut dyn FnMut(&'a Node<Field>),
    ) {
        self.each_field_of(&selection_set.ty, &selection_set.selections, visited, visit);
    }

    fn each_field_of(
        &self,
        ty: &str,
        selections: &'a [Selection],
        visited: &mut HashSet<&'a str>,
        visit: &mut dyn FnMut(&'a Node<Field>),
    ) {
        for selection in selections.iter().filter(|selection| self.is_included(selection)) {
            match selection {
                Selection::Field(field) => visit(field),
                Selection::InlineFragment(fragment) => {
                    if fragment.type_condition.as_ref().is_none_or(|condition| self.applies(condition, ty)) {
                        self.each_field_of(ty, &fragment.selection_set.selections, visited, visit);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.fragment_name) else { continue };
                    if self.applies(fragment.type_condition(), ty) && visited.insert(fragment.name.as_str()) {
                        self.each_field_of(ty, &fragment.selection_set.selections, visited, visit);
                    }
                }
            }
        }
    }

    /// Whether everything of this type is also of the condition's.
    fn applies(&self, condition: &str, ty: &str) -> bool {
        condition == ty || self.schema.is_subtype(condition, ty)
    }

    fn is_included(&self, selection: &Selection) -> bool {
        let condition = |directive: &Node<Directive>| {
            let value = directive.specified_argument_by_name("if")?;
            let variable = value.as_variable().and_then(|name| self.variables.get(name.as_str()));
            match variable {
                Some(Input::Boolean(value)) => Some(*value),
                _ => value.to_bool(),
            }
        };
        let directives = selection.directives();
        directives.get("skip").and_then(condition) != Some(true)
            && directives.get("include").and_then(condition) != Some(false)
    }
}

/// The `selectionSetGraphQL` of a field: its selections printed anew, indented by two spaces, spreads kept as they are.
/// Empty for a scalar.
pub(super) fn print(selections: &[&Node<Field>]) -> String {
    let mut merged = SelectionSet::new(selections[0].selection_set.ty.clone());
    for field in selections {
        merged.extend(field.selection_set.selections.iter().cloned());
    }
    if merged.selections.is_empty() { String::new() } else { merged.serialize().indent_prefix("  ").to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{schema, tests};
    use super::*;

    const SCHEMA: &str = "
        type Query { post: Post  named: Named  size: Int }
        interface Named { name: String }
        type Post implements Named { id: ID  name: String  author: Author }
        type Author { id: ID  name: String }
    ";

    fn with<T>(query: &str, check: impl FnOnce(Selected<'_>, Vec<RootField<'_>>) -> T) -> T {
        let schema = schema::load(SCHEMA, &tests::settings()).unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, query, "query").unwrap();
        let variables = Variables::from([("yes".to_owned(), Input::Boolean(true))]);
        let selected = Selected { schema: &schema, document: &document, variables: &variables };
        let fields = selected.root_fields(document.operations.get(None).unwrap());
        check(selected, fields)
    }

    fn list(query: &str) -> Vec<String> {
        with(query, |selected, fields| selected.list(&fields[0].selections))
    }

    #[test]
    fn parents_come_before_children_and_aliases_replace_names() {
        assert_eq!(
            list("{ post { id who: author { id called: name } __typename } }"),
            ["id", "who", "who/id", "who/called", "__typename"]
        );
        assert_eq!(list("{ size }"), [] as [&str; 0]);
    }

    #[test]
    fn fragments_are_flattened_as_far_as_they_are_of_the_fields_own_type() {
        assert_eq!(
            list(
                "{ post { ...F ... on Named { name } ... { author { id } } } } fragment F on Post { id author { name } }"
            ),
            ["id", "author", "author/name", "name", "author/id"]
        );
        assert_eq!(list("{ named { name ... on Post { id } ...F } } fragment F on Named { n: name }"), ["name", "n"]);
    }

    #[test]
    fn what_is_skipped_is_not_selected() {
        assert_eq!(
            list(
                "query($yes: Boolean!) { post { id @skip(if: $yes) name @include(if: $yes) author @include(if: false) { id } } }"
            ),
            ["name"]
        );
    }

    #[test]
    fn selections_of_one_key_are_merged_into_one_root_field() {
        let query = "query { a: post { id } post { id } ...F __typename size @skip(if: true) } fragment F on Query { a: post { name } }";
        with(query, |selected, fields| {
            assert_eq!(fields.iter().map(|field| field.key).collect::<Vec<_>>(), ["a", "post"]);
            assert_eq!(selected.list(&fields[0].selections), ["id", "name"]);
            assert_eq!(print(&fields[0].selections), "{\n  id\n  name\n}");
        });
    }

    #[test]
    fn the_printed_text_keeps_spreads_and_indents_by_two() {
        let query =
            "{ post { id, ...F  ... on Post { n: name @include(if: true) } } } fragment F on Post { author { id } }";
        with(query, |_, fields| {
            assert_eq!(
                print(&fields[0].selections),
                "{\n  id\n  ...F\n  ... on Post {\n    n: name @include(if: true)\n  }\n}"
            );
        });
        with("{ size }", |_, fields| assert_eq!(print(&fields[0].selections), ""));
    }
}
