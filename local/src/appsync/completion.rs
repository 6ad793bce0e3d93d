//! Makes of the root fields' values what the client asked for: selections, nulls, types and errors.
//!
//! apollo-compiler executes the selections over values that are already there; nothing here waits. Every value is
//! taken from the resolver's own text, layer by layer, so that an `AWSJSON` deep inside leaves as it was written.
//! Errors are collected here with AppSync's words; of apollo-compiler's own execution only the nulls are kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use apollo_compiler::ast::Type;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field, Operation};
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{JsonMap, ResponseDataPathSegment};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde::Serialize;
use serde_json::value::RawValue;

use super::authorization::Authorization;
use super::caller::Caller;
use super::errors::{Failure, GraphqlError, Location, Path};
use super::input::Variables;
use super::json::Layer;
use super::scalars::Scalar;

/// How large a response may become, in bytes, and what functions answer for it. AppSync tells no limit for either. An
/// order's document has up to 400 KB, and whoever wishes may ask for it under a thousand names.
pub(super) const RESPONSE_LIMIT: usize = 32 * 1024 * 1024;

/// What a value costs besides its name and its text.
const OVERHEAD: usize = 8;

/// A response to a GraphQL request.
#[derive(Debug, Serialize)]
pub(super) struct Response {
    pub(super) data: Option<JsonMap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<GraphqlError>,
}

impl Response {
    /// The request was refused before anything was resolved.
    pub(super) fn refused(errors: Vec<GraphqlError>) -> Self {
        Self { data: None, errors }
    }
}

/// Why a root field has no value.
#[derive(Debug)]
pub(super) enum RootError {
    /// A resolver, authorization or a limit says so.
    Field(Failure),
    /// The engine says so.
    Engine(String),
}

/// What became of each root field, by response key. A field that is not there is null.
pub(super) type Roots = HashMap<String, Result<Box<RawValue>, RootError>>;

/// What the selections are executed with.
#[derive(Clone, Copy)]
pub(super) struct Completion<'a> {
    pub(super) schema: &'a Valid<Schema>,
    pub(super) document: &'a Valid<ExecutableDocument>,
    pub(super) operation: &'a Operation,
    pub(super) variables: &'a Variables,
    pub(super) authorization: Authorization,
    pub(super) caller: &'a Caller,
    /// 0 for no limit.
    pub(super) depth_limit: usize,
}

impl Completion<'_> {
    /// The response, of a query as of a mutation or of a subscription's event.
    pub(super) fn complete(&self, roots: &Roots) -> Response {
        let errors = RefCell::new(Errors::default());
        let room = Cell::new(RESPONSE_LIMIT);
        let object = Object {
            type_name: self.operation.object_type().as_str(),
            path: Path::default(),
            members: Members::Roots(roots),
            completion: self,
            errors: &errors,
            room: &room,
        };
        let variables = self.variables.iter().map(|(name, value)| (name.as_str().into(), value.to_apollo()));
        let variables = Valid::assume_valid(variables.collect::<JsonMap>());
        let executed = Execution::new(self.schema, self.document)
            .operation(self.operation)
            .coerced_variable_values(&variables)
            // Whether introspection is allowed was decided when the document was validated.
            .enable_schema_introspection(true)
            .execute_sync(&object);
        if room.get() == 0 {
            let message = format!("The response is larger than {RESPONSE_LIMIT} bytes: ask for less at once.");
            return Response::refused(vec![GraphqlError::about_query(message, None)]);
        }
        let mut errors = errors.take();
        match executed {
            Ok(executed) => {
                for error in executed.errors {
                    let path = error.path.iter().fold(Path::default(), |path, segment| match segment {
                        ResponseDataPathSegment::Field(key) => path.key(key),
                        ResponseDataPathSegment::ListIndex(index) => path.index(*index),
                    });
                    record(&mut errors, GraphqlError::about_value(error.message, path));
                }
                Response { data: executed.data, errors: errors.into_values().collect() }
            }
            Err(refused) => Response::refused(vec![GraphqlError::about_query(refused.message().to_string(), None)]),
        }
    }
}

/// One error per path, the first: a field that failed is not told again for being null.
type Errors = IndexMap<Option<Path>, GraphqlError>;

fn record(errors: &mut Errors, error: GraphqlError) {
    errors.entry(error.path.clone()).or_insert(error);
}

/// An object of the response: the root, or one in a resolver's answer.
struct Object<'a> {
    type_name: &'a str,
    path: Path,
    members: Members<'a>,
    completion: &'a Completion<'a>,
    errors: &'a RefCell<Errors>,
    /// How many bytes the response may still grow by; at 0 there is none.
    room: &'a Cell<usize>,
}

enum Members<'a> {
    Roots(&'a Roots),
    Json(HashMap<String, &'a RawValue>),
}

impl ObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn resolve_field<'b>(&'b self, info: &'b ResolveInfo<'b>) -> Result<ResolvedValue<'b>, FieldError> {
        let field = info.field_selections()[0];
        if !self.has_room(field.response_key().len()) {
            return Ok(ResolvedValue::null());
        }
        let place = Place { object: self, ty: &info.field_definition().ty, path: self.path.key(field.response_key()) };
        let fail = |failure| {
            let start = field.alias.as_ref().unwrap_or(&field.name).location();
            let location = Location::of(start, &self.completion.document.sources);
            self.record(GraphqlError::about_field(failure, place.path.clone(), location));
            ResolvedValue::null()
        };
        let value = match &self.members {
            Members::Roots(roots) => match roots.get(field.response_key().as_str()) {
                Some(Ok(value)) => Some(&**value),
                Some(Err(RootError::Field(failure))) => return Ok(fail(failure.clone())),
                Some(Err(RootError::Engine(message))) => {
                    self.record(GraphqlError::about_value(message.as_str(), place.path));
                    return Ok(ResolvedValue::null());
                }
                None => None,
            },
            Members::Json(members) => match self.refuse(field, &place.path) {
                Some(failure) => return Ok(fail(failure)),
                None => members.get(field.name.as_str()).copied(),
            },
        };
        Ok(place.complete(value))
    }
}

impl Object<'_> {
    fn record(&self, error: GraphqlError) {
        // An error tells the whole way to its value.
        let path = error.path.as_ref().map_or(0, Path::len);
        if self.has_room(error.message.len() + path) {
            record(&mut self.errors.borrow_mut(), error);
        }
    }

    /// Whether so many bytes more may be told.
    fn has_room(&self, bytes: usize) -> bool {
        self.room.set(self.room.get().saturating_sub(bytes + OVERHEAD));
        self.room.get() > 0
    }

    /// Why the caller does not get this field, although its parent has it.
    fn refuse(&self, field: &Field, path: &Path) -> Option<Failure> {
        let Completion { schema, authorization, caller, depth_limit, .. } = *self.completion;
        if depth_limit > 0 && path.depth() > depth_limit {
            return Some(Failure::new(
                "QueryDepthLimitReached",
                format!("Query depth limit of {depth_limit} reached."),
            ));
        }
        // Selected through an interface, `field.definition` is the interface's; the directives of the object's own count.
        let own = schema.type_field(self.type_name, &field.name);
        let definition = own.map_or(&field.definition, |own| &own.node);
        let allowed = authorization.allows(schema, self.type_name, definition, caller);
        (!allowed).then(|| Failure::unauthorized(&field.name, self.type_name))
    }
}

/// Where a value goes: a field of an object, or an item of a list in it.
struct Place<'a> {
    object: &'a Object<'a>,
    ty: &'a Type,
    path: Path,
}

impl<'a> Place<'a> {
    /// The value as the schema promises it; `null`, with an error told, where it cannot be made so.
    fn complete(self, value: Option<&'a RawValue>) -> ResolvedValue<'a> {
        if !self.object.has_room(self.size(value)) {
            return ResolvedValue::null();
        }
        let Some((value, layer)) = value.map(|value| (value, Layer::of(value))).filter(|(_, layer)| !layer.is_null())
        else {
            return self.null();
        };
        if self.ty.is_list() {
            return match layer {
                Layer::List(items) => self.list(&items),
                layer => self.mismatch("LIST", &layer),
            };
        }
        let type_name = self.ty.inner_named_type();
        match self.object.completion.schema.types.get(type_name) {
            Some(ExtendedType::Object(_)) => match layer {
                Layer::Object(members) => self.object(type_name, members),
                layer => self.mismatch("OBJECT", &layer),
            },
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => match layer {
                Layer::Object(members) => self.abstract_object(type_name, members),
                layer => self.mismatch("OBJECT", &layer),
            },
            Some(ExtendedType::Enum(definition)) => match layer {
                Layer::Text(text) if definition.values.contains_key(text.as_str()) => ResolvedValue::leaf(text),
                _ => {
                    let value = super::json::java_text(value);
                    self.unserializable(&format!("Invalid input for Enum '{type_name}'. Unknown value '{value}'"))
                }
            },
            _ => match Scalar::named(type_name).map(|scalar| scalar.serialize(value)) {
                Some(Ok(value)) => ResolvedValue::leaf(value),
                Some(Err(message)) => self.unserializable(&message),
                None => self.mismatch(type_name, &layer),
            },
        }
    }

    /// How much of this value is told as it is; what is in objects and lists tells its size itself.
    fn size(&self, value: Option<&RawValue>) -> usize {
        let ty = self.object.completion.schema.types.get(self.ty.inner_named_type());
        let is_leaf = !self.ty.is_list() && ty.is_some_and(ExtendedType::is_leaf);
        value.filter(|_| is_leaf).map_or(0, |value| value.get().len())
    }

    fn null(self) -> ResolvedValue<'a> {
        if self.ty.is_non_null() {
            // graphql-java asks the type for its name, and a list has none.
            let name = if self.ty.is_list() { "null" } else { self.ty.inner_named_type().as_str() };
            let parent = self.object.type_name;
            let message =
                format!("Cannot return null for non-nullable type: '{name}' within parent '{parent}' ({})", self.path);
            self.tell(message);
        }
        ResolvedValue::null()
    }

    fn list(self, items: &[&'a RawValue]) -> ResolvedValue<'a> {
        let ty = self.ty.item_type();
        let items: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| Self { object: self.object, ty, path: self.path.index(index) }.complete(Some(item)))
            .collect();
        ResolvedValue::list(items)
    }

    fn object(self, type_name: &'a str, members: Vec<(String, &'a RawValue)>) -> ResolvedValue<'a> {
        ResolvedValue::object(Object {
            type_name,
            path: self.path,
            members: Members::Json(members.into_iter().collect()),
            completion: self.object.completion,
            errors: self.object.errors,
            room: self.object.room,
        })
    }

    /// The value itself tells of which type it is: by its `__typename`.
    fn abstract_object(self, type_name: &str, members: Vec<(String, &'a RawValue)>) -> ResolvedValue<'a> {
        let schema: &'a Schema = self.object.completion.schema;
        let claimed = members.iter().find(|(name, _)| name == "__typename").map(|(_, value)| Layer::of(value));
        let object = match claimed {
            Some(Layer::Text(name)) => schema.get_object(&name),
            _ => None,
        };
        if let Some(object) = object.filter(|object| schema.is_subtype(type_name, &object.name)) {
            return self.object(object.name.as_str(), members);
        }
        let message = format!(
            "Can't resolve '{}'. Abstract type '{type_name}' must resolve to an Object type at runtime: \
             the value has no `__typename` of one.",
            self.path
        );
        self.tell(message)
    }

    fn mismatch(self, expected: &str, got: &Layer<'_>) -> ResolvedValue<'a> {
        let got = match got {
            Layer::List(_) => "LIST",
            Layer::Object(_) => "OBJECT",
            _ => "SCALAR",
        };
        let message =
            format!("Can't resolve value ({}) : type mismatch error, expected type {expected}, got {got}", self.path);
        self.tell(message)
    }

    fn unserializable(self, why: &str) -> ResolvedValue<'a> {
        let message = format!("Can't serialize value ({}) : {why}", self.path);
        self.tell(message)
    }

    fn tell(self, message: String) -> ResolvedValue<'a> {
        self.object.record(GraphqlError::about_value(message, self.path));
        ResolvedValue::null()
    }
}
