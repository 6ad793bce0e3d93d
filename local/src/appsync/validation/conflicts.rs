//! Fields that would have to share one key of the response although they are different.

use std::collections::HashSet;

use apollo_compiler::ast::{Field, Selection};
use apollo_compiler::collections::IndexMap;
use apollo_compiler::{Name, Node};

use super::Violations;

/// How many fields are compared before the search ends: fragments inside fragments multiply. Only words are lost, as
/// apollo-compiler has found the document invalid by then.
const FIELDS: usize = 10_000;

/// How deep the search goes: a fragment that spreads itself has no end.
const LEVELS: usize = 100;

/// Called only for documents that are invalid.
pub(super) fn check(violations: &mut Violations<'_>) {
    for operation in violations.operations() {
        let mut search = Search { left: FIELDS, conflicts: Vec::new() };
        let root = violations.root_type(operation);
        search.merge(violations, vec![(root, &operation.selection_set)], &mut Vec::new());
        for conflict in search.conflicts {
            violations.add("FieldsConflict", conflict.description, conflict.field.location(), &[]);
        }
    }
}

struct Conflict<'a> {
    description: String,
    field: &'a Node<Field>,
}

type Selections<'a> = (Option<&'a str>, &'a [Selection]);

/// The fields of each response key, with the type that each is selected on.
type Merged<'a> = IndexMap<&'a str, Vec<(Option<&'a str>, &'a Node<Field>)>>;

struct Search<'a> {
    left: usize,
    conflicts: Vec<Conflict<'a>>,
}

impl<'a> Search<'a> {
    /// Compares all fields that these selections merge into one object.
    fn merge(&mut self, violations: &Violations<'a>, selections: Vec<Selections<'a>>, path: &mut Vec<&'a str>) {
        if path.len() == LEVELS {
            return;
        }
        let mut by_key = Merged::default();
        let mut visited = HashSet::new();
        for (parent, selections) in selections {
            self.collect(violations, parent, selections, &mut visited, &mut by_key);
        }
        for (key, fields) in by_key {
            path.push(key);
            let (first_parent, first) = fields[0];
            let different = fields.iter().find_map(|&(parent, field)| {
                // Fields of different objects never meet in one response.
                let meet = parent == first_parent
                    || [parent, first_parent]
                        .iter()
                        .any(|parent| parent.and_then(|parent| violations.schema.get_object(parent)).is_none());
                let what = if !meet {
                    return None;
                } else if field.name != first.name {
                    format!("{} and {} are different fields", first.name, field.name)
                } else if !same_arguments(first, field) {
                    "they have differing arguments".to_owned()
                } else {
                    return None;
                };
                Some(Conflict { description: format!("{}: {what}", path.join("/")), field: first })
            });
            if let Some(conflict) = different {
                self.conflicts.push(conflict);
            } else {
                let inner = fields.into_iter().map(|(parent, field)| {
                    let definition = parent.and_then(|parent| violations.field(parent, &field.name));
                    let inner = definition.map(|definition| definition.ty.inner_named_type().as_str());
                    (inner, field.selection_set.as_slice())
                });
                self.merge(violations, inner.collect(), path);
            }
            path.pop();
        }
    }

    fn collect(
        &mut self,
        violations: &Violations<'a>,
        parent: Option<&'a str>,
        selections: &'a [Selection],
        visited: &mut HashSet<&'a str>,
        by_key: &mut Merged<'a>,
    ) {
        for selection in selections {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            match selection {
                Selection::Field(field) => {
                    let key = field.alias.as_ref().unwrap_or(&field.name);
                    by_key.entry(key.as_str()).or_default().push((parent, field));
                }
                Selection::InlineFragment(fragment) => {
                    let inner = fragment.type_condition.as_ref().map(Name::as_str).or(parent);
                    self.collect(violations, inner, &fragment.selection_set, visited, by_key);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if let Some(&fragment) = violations.fragments.get(name).filter(|_| visited.insert(name)) {
                        let inner = Some(fragment.type_condition.as_str());
                        self.collect(violations, inner, &fragment.selection_set, visited, by_key);
                    }
                }
            }
        }
    }
}

fn same_arguments(one: &Field, other: &Field) -> bool {
    one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|argument| {
            other.arguments.iter().any(|same| same.name == argument.name && same.value == argument.value)
        })
}
