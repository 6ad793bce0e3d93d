//! The rules about what is selected: fields, arguments, fragments, directives and operations.

use std::collections::HashSet;

use apollo_compiler::ast::{
    Argument, Definition, DirectiveList, DirectiveLocation, Field, FragmentDefinition, InputValueDefinition,
    OperationDefinition, OperationType, Selection, Type,
};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Node, Schema};

use super::Violations;
use super::literals;

/// How many fragments are searched for cycles.
const FOLLOWED: usize = 200;

/// Every operation and every fragment is looked at once, wherever fragments are spread.
pub(super) fn check(violations: &mut Violations<'_>) {
    check_operation_names(violations);
    for definition in &violations.document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => check_operation(violations, operation),
            Definition::FragmentDefinition(fragment) => check_fragment(violations, fragment),
            _ => {}
        }
    }
    check_fragment_use(violations);
}

fn check_operation_names(violations: &mut Violations<'_>) {
    let mut names = HashSet::new();
    let mut anonymous = false;
    for (index, operation) in violations.operations().enumerate() {
        let place = operation.location();
        if let Some(name) = &operation.name {
            if anonymous {
                let description = format!("Operation {name} is following anonymous operation.");
                violations.add("LoneAnonymousOperationViolation", description, place, &[]);
            }
            if !names.insert(name) {
                let description = format!("There can be only one operation named '{name}'");
                violations.add("DuplicateOperationName", description, place, &[]);
            }
        } else {
            if index > 0 {
                let description = "Anonymous operation with other operations.";
                violations.add("LoneAnonymousOperationViolation", description, place, &[]);
            }
            anonymous = true;
        }
    }
}

fn check_operation<'a>(violations: &mut Violations<'a>, operation: &'a OperationDefinition) {
    let (location, kind) = match operation.operation_type {
        OperationType::Query => (DirectiveLocation::Query, "Query"),
        OperationType::Mutation => (DirectiveLocation::Mutation, "Mutation"),
        OperationType::Subscription => (DirectiveLocation::Subscription, "Subscription"),
    };
    check_directives(violations, &operation.directives, location, kind, &[]);
    let root = violations.root_type(operation);
    check_selections(violations, root, &operation.selection_set, &mut Vec::new());
}

fn check_fragment<'a>(violations: &mut Violations<'a>, fragment: &'a Node<FragmentDefinition>) {
    let location = DirectiveLocation::FragmentDefinition;
    check_directives(violations, &fragment.directives, location, "FragmentDefinition", &[]);
    let condition = fragment.type_condition.as_str();
    let place = fragment.location();
    if is_composite(violations, condition, fragment.type_condition.location(), &[], || {
        ("FragmentTypeConditionInvalid", "Fragment type condition is invalid, must be on Object/Interface/Union", place)
    }) {
        check_selections(violations, Some(condition), &fragment.selection_set, &mut vec![fragment.name.as_str()]);
    }
}

fn check_selections<'a>(
    violations: &mut Violations<'a>,
    parent: Option<&'a str>,
    selections: &'a [Selection],
    path: &mut Vec<&'a str>,
) {
    for selection in selections {
        match selection {
            Selection::Field(field) => {
                path.push(field.name.as_str());
                check_field(violations, parent, field, path);
                path.pop();
            }
            Selection::InlineFragment(fragment) => {
                let location = DirectiveLocation::InlineFragment;
                check_directives(violations, &fragment.directives, location, "InlineFragment", path);
                let place = fragment.location();
                let Some(condition) = &fragment.type_condition else {
                    check_selections(violations, parent, &fragment.selection_set, path);
                    continue;
                };
                if is_composite(violations, condition, condition.location(), path, || {
                    (
                        "InlineFragmentTypeConditionInvalid",
                        "Inline fragment type condition is invalid, must be on Object/Interface/Union",
                        place,
                    )
                }) {
                    check_spread(violations, parent, condition, "Fragment", place, path);
                    check_selections(violations, Some(condition.as_str()), &fragment.selection_set, path);
                }
            }
            Selection::FragmentSpread(spread) => {
                let location = DirectiveLocation::FragmentSpread;
                check_directives(violations, &spread.directives, location, "FragmentSpread", path);
                let name = spread.fragment_name.as_str();
                match violations.fragments.get(name) {
                    Some(fragment) => {
                        let what = format!("Fragment {name}");
                        check_spread(violations, parent, &fragment.type_condition, &what, spread.location(), path);
                    }
                    None => {
                        violations.add(
                            "UndefinedFragment",
                            format!("Undefined fragment {name}"),
                            spread.location(),
                            path,
                        );
                    }
                }
            }
        }
    }
}

fn check_field<'a>(
    violations: &mut Violations<'a>,
    parent: Option<&'a str>,
    field: &'a Node<Field>,
    path: &mut Vec<&'a str>,
) {
    check_directives(violations, &field.directives, DirectiveLocation::Field, "Field", path);
    // What is inside a field that is not there cannot be judged.
    let Some(parent) = parent else { return check_selections(violations, None, &field.selection_set, path) };
    let (name, place) = (&field.name, field.location());
    let Some(definition) = violations.field(parent, name) else {
        let description = format!("Field '{name}' in type '{parent}' is undefined");
        violations.add("FieldUndefined", description, place, path);
        return check_selections(violations, None, &field.selection_set, path);
    };
    let words = ArgumentWords { what: "field", unknown: "UnknownArgument", missing: "MissingFieldArgument" };
    check_arguments(violations, &words, &definition.arguments, &field.arguments, place, path);
    let type_name = definition.ty.inner_named_type();
    let is_leaf = violations.schema.types.get(type_name).is_some_and(ExtendedType::is_leaf);
    // AppSync has been seen to print `null` for whatever is wrapped as a list or as non-null.
    let printed = if let Type::Named(name) = &definition.ty { name.as_str() } else { "null" };
    if is_leaf && !field.selection_set.is_empty() {
        let description = format!("Sub selection not allowed on leaf type {printed} of field {name}");
        violations.add("SubSelectionNotAllowed", description, place, path);
    } else if !is_leaf && field.selection_set.is_empty() {
        let description = format!("Sub selection required for type {printed} of field {name}");
        violations.add("SubSelectionRequired", description, place, path);
    } else {
        check_selections(violations, Some(type_name.as_str()), &field.selection_set, path);
    }
}

/// What the arguments of fields and those of directives are called when they are wrong.
struct ArgumentWords {
    what: &'static str,
    unknown: &'static str,
    missing: &'static str,
}

fn check_arguments(
    violations: &mut Violations<'_>,
    words: &ArgumentWords,
    definitions: &[Node<InputValueDefinition>],
    written: &[Node<Argument>],
    place: Option<SourceSpan>,
    path: &[&str],
) {
    let ArgumentWords { what, unknown, missing } = words;
    for argument in written {
        let name = &argument.name;
        let Some(definition) = definitions.iter().find(|definition| definition.name == *name) else {
            violations.add(unknown, format!("Unknown {what} argument {name}"), argument.location(), path);
            continue;
        };
        if let Some(misfit) = literals::misfit(violations.schema, name, &definition.ty, &argument.value) {
            violations.add("WrongType", misfit, argument.location(), path);
        }
    }
    for definition in definitions.iter().filter(|definition| definition.is_required()) {
        if !written.iter().any(|argument| argument.name == definition.name) {
            violations.add(missing, format!("Missing {what} argument {}", definition.name), place, path);
        }
    }
}

fn check_directives(
    violations: &mut Violations<'_>,
    directives: &DirectiveList,
    location: DirectiveLocation,
    kind: &str,
    path: &[&str],
) {
    let mut names = HashSet::new();
    for directive in directives {
        let (name, place) = (&directive.name, directive.location());
        let Some(definition) = violations.schema.directive_definitions.get(name) else {
            violations.add("UnknownDirective", format!("Unknown directive {name}"), place, path);
            continue;
        };
        if !definition.locations.contains(&location) {
            violations.add("MisplacedDirective", format!("Directive {name} not allowed here"), place, path);
            continue;
        }
        if !names.insert(name) && !definition.repeatable {
            let description = format!(
                "Non repeatable directives must be uniquely named within a location. \
                 The directive '{name}' used on a '{kind}' is not unique."
            );
            violations.add("DuplicateDirectiveName", description, place, path);
        }
        let words =
            ArgumentWords { what: "directive", unknown: "UnknownDirective", missing: "MissingDirectiveArgument" };
        let definitions = definition.arguments.clone();
        check_arguments(violations, &words, &definitions, &directive.arguments, place, path);
    }
}

/// Whether a fragment can be on this type; what is wrong otherwise is told here, the second kind in `words`.
fn is_composite<'a>(
    violations: &mut Violations<'_>,
    condition: &str,
    place: Option<SourceSpan>,
    path: &[&str],
    words: impl FnOnce() -> (&'a str, &'a str, Option<SourceSpan>),
) -> bool {
    match violations.schema.types.get(condition) {
        None => violations.add("UnknownType", format!("Unknown type {condition}"), place, path),
        Some(definition) if definition.is_leaf() || definition.is_input_object() => {
            let (kind, description, place) = words();
            violations.add(kind, description, place, path);
        }
        Some(_) => return true,
    }
    false
}

/// Whether a fragment on `condition` can ever apply to a `parent`.
fn check_spread(
    violations: &mut Violations<'_>,
    parent: Option<&str>,
    condition: &str,
    what: &str,
    place: Option<SourceSpan>,
    path: &[&str],
) {
    let Some(parent) = parent else { return };
    if violations.schema.types.contains_key(condition) && !overlap(violations.schema, parent, condition) {
        let description =
            format!("{what} cannot be spread here as objects of type {parent} can never be of type {condition}");
        violations.add("InvalidFragmentType", description, place, path);
    }
}

/// Whether some object is of both types.
fn overlap(schema: &Schema, one: &str, other: &str) -> bool {
    let is = |object: &str, type_name: &str| object == type_name || schema.is_subtype(type_name, object);
    let mut objects = schema.types.values().filter(|definition| definition.is_object());
    let is_leaf = |name: &str| schema.types.get(name).is_some_and(ExtendedType::is_leaf);
    is_leaf(other) || objects.any(|object| is(object.name(), one) && is(object.name(), other))
}

fn check_fragment_use(violations: &mut Violations<'_>) {
    let mut used = HashSet::new();
    for operation in violations.operations() {
        reach(violations, &operation.selection_set, &mut used);
    }
    for fragment in fragments(violations) {
        if !used.contains(fragment.name.as_str()) {
            let description = format!("Unused fragment {}", fragment.name);
            violations.add("UnusedFragment", description, fragment.location(), &[]);
        }
    }
}

/// Which fragments spread themselves. Called only for documents that are invalid, as every fragment is followed to
/// its end; of more than [`FOLLOWED`] only the first are.
pub(super) fn check_cycles(violations: &mut Violations<'_>) {
    for fragment in fragments(violations).take(FOLLOWED) {
        let mut inside = HashSet::new();
        reach(violations, &fragment.selection_set, &mut inside);
        if inside.contains(fragment.name.as_str()) {
            violations.add("FragmentCycle", "Fragment cycles not allowed", fragment.location(), &[]);
        }
    }
}

fn fragments<'a>(violations: &Violations<'a>) -> impl Iterator<Item = &'a Node<FragmentDefinition>> + use<'a> {
    violations.document.definitions.iter().filter_map(Definition::as_fragment_definition)
}

/// Every fragment that is spread in these selections, directly or in another fragment.
fn reach<'a>(violations: &Violations<'a>, selections: &'a [Selection], reached: &mut HashSet<&'a str>) {
    let mut open = vec![selections];
    while let Some(selections) = open.pop() {
        for selection in selections {
            match selection {
                Selection::Field(field) => open.push(&field.selection_set),
                Selection::InlineFragment(fragment) => open.push(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    if reached.insert(spread.fragment_name.as_str()) {
                        let fragment = violations.fragments.get(spread.fragment_name.as_str());
                        open.extend(fragment.map(|fragment| fragment.selection_set.as_slice()));
                    }
                }
            }
        }
    }
}
