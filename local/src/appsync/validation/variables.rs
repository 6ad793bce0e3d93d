//! The rules about variables: each is declared, of an input type, used, and used where its type fits.

use std::collections::HashSet;

use apollo_compiler::ast::{
    Argument, DirectiveList, InputValueDefinition, OperationDefinition, Selection, Type, Value, VariableDefinition,
};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, Node};

use super::Violations;
use super::java::JavaValue;
use super::literals;

pub(super) fn check(violations: &mut Violations<'_>) {
    for operation in violations.operations() {
        check_definitions(violations, &operation.variables);
        let mut usage = Usage { operation, used: HashSet::new(), fragments: HashSet::new() };
        let mut path = Vec::new();
        usage.in_directives(violations, &operation.directives, &path);
        let root = violations.root_type(operation);
        usage.in_selections(violations, root, &operation.selection_set, &mut path);
        for definition in &operation.variables {
            if !usage.used.contains(definition.name.as_str()) {
                let description = format!("Unused variable {}", definition.name);
                violations.add("UnusedVariable", description, definition.location(), &[]);
            }
        }
    }
}

fn check_definitions(violations: &mut Violations<'_>, definitions: &[Node<VariableDefinition>]) {
    for definition in definitions {
        let (name, ty, place) = (&definition.name, &definition.ty, definition.location());
        let type_name = ty.inner_named_type();
        match violations.schema.types.get(type_name) {
            None => violations.add("UnknownType", format!("Unknown type {type_name}"), ty.location(), &[]),
            Some(found) if !found.is_input_type() => {
                let description = format!("Input variable {name} type {ty} is not an input type");
                violations.add("NonInputTypeOnVariable", description, place, &[]);
            }
            Some(_) => {
                let Some(default) = &definition.default_value else { continue };
                if literals::misfit(violations.schema, name, ty, default).is_some() {
                    let description = format!("Bad default value {} for type {ty}", JavaValue(default));
                    violations.add("BadValueForDefaultArg", description, place, &[]);
                }
            }
        }
    }
}

/// Goes through one operation and the fragments it spreads, each of them once.
struct Usage<'a> {
    operation: &'a OperationDefinition,
    used: HashSet<&'a str>,
    fragments: HashSet<&'a str>,
}

impl<'a> Usage<'a> {
    fn in_selections(
        &mut self,
        violations: &mut Violations<'a>,
        parent: Option<&'a str>,
        selections: &'a [Selection],
        path: &mut Vec<&'a str>,
    ) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    path.push(field.name.as_str());
                    let definition = parent.and_then(|parent| violations.field(parent, &field.name));
                    let arguments = definition.map_or(&[][..], |definition| &definition.arguments);
                    self.in_arguments(violations, arguments, &field.arguments, path);
                    self.in_directives(violations, &field.directives, path);
                    let inner = definition.map(|definition| definition.ty.inner_named_type().as_str());
                    self.in_selections(violations, inner, &field.selection_set, path);
                    path.pop();
                }
                Selection::InlineFragment(fragment) => {
                    self.in_directives(violations, &fragment.directives, path);
                    let inner = fragment.type_condition.as_ref().map(Name::as_str).or(parent);
                    self.in_selections(violations, inner, &fragment.selection_set, path);
                }
                Selection::FragmentSpread(spread) => {
                    self.in_directives(violations, &spread.directives, path);
                    let name = spread.fragment_name.as_str();
                    let Some(&fragment) = violations.fragments.get(name) else { continue };
                    if self.fragments.insert(name) {
                        self.in_directives(violations, &fragment.directives, path);
                        let inner = Some(fragment.type_condition.as_str());
                        self.in_selections(violations, inner, &fragment.selection_set, path);
                    }
                }
            }
        }
    }

    fn in_directives(&mut self, violations: &mut Violations<'a>, directives: &'a DirectiveList, path: &[&str]) {
        let schema = violations.schema;
        for directive in directives {
            let definition = schema.directive_definitions.get(&directive.name);
            let arguments = definition.map_or(&[][..], |definition| &definition.arguments);
            self.in_arguments(violations, arguments, &directive.arguments, path);
        }
    }

    fn in_arguments(
        &mut self,
        violations: &mut Violations<'a>,
        definitions: &[Node<InputValueDefinition>],
        written: &'a [Node<Argument>],
        path: &[&str],
    ) {
        for argument in written {
            let definition = definitions.iter().find(|definition| definition.name == argument.name);
            let expected = definition.map(|definition| place_type(definition));
            self.in_value(violations, expected.as_ref(), &argument.value, path);
        }
    }

    fn in_value(
        &mut self,
        violations: &mut Violations<'a>,
        expected: Option<&Type>,
        value: &'a Node<Value>,
        path: &[&str],
    ) {
        match &**value {
            Value::Variable(name) => {
                self.used.insert(name.as_str());
                let definition = self.operation.variables.iter().find(|definition| definition.name == *name);
                let Some(definition) = definition else {
                    let description = format!("Undefined variable {name}");
                    return violations.add("UndefinedVariable", description, value.location(), path);
                };
                let given = given_type(definition);
                let is_input = violations.schema.is_input_type(&given);
                if let Some(expected) = expected.filter(|expected| is_input && !given.is_assignable_to(expected)) {
                    let description = format!("Variable type '{given}' doesn't match expected type '{expected}'");
                    violations.add("VariableTypeMismatch", description, value.location(), path);
                }
            }
            Value::List(items) => {
                let item_type = expected.filter(|expected| expected.is_list()).map(Type::item_type);
                for item in items {
                    self.in_value(violations, item_type, item, path);
                }
            }
            Value::Object(fields) => {
                let schema = violations.schema;
                let object = expected.and_then(|expected| schema.types.get(expected.inner_named_type()));
                for (name, field) in fields {
                    let definition = object.and_then(ExtendedType::as_input_object);
                    let definition = definition.and_then(|definition| definition.fields.get(name));
                    let expected = definition.map(|definition| place_type(definition));
                    self.in_value(violations, expected.as_ref(), field, path);
                }
            }
            _ => {}
        }
    }
}

/// What may stand in a place: with a default of its own it may also be left empty.
fn place_type(definition: &InputValueDefinition) -> Type {
    let ty = (*definition.ty).clone();
    if definition.default_value.is_some() { ty.nullable() } else { ty }
}

/// What a variable gives: with a default it is never null by being left out.
fn given_type(definition: &VariableDefinition) -> Type {
    let ty = (*definition.ty).clone();
    let has_default = definition.default_value.as_ref().is_some_and(|default| !default.is_null());
    if has_default { ty.non_null() } else { ty }
}
