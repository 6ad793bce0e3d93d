//! `AWS::DynamoDB::Table`

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::error::{Error, Problem};
use super::read::Flag;
use super::resources::{Described, Resources};
use crate::dynamodb::{AttributeType, GlobalSecondaryIndex, Key, Projection, StreamViewType, Table};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(rename = "TableName")]
    _name: Option<String>,
    key_schema: Vec<KeyElement>,
    attribute_definitions: Vec<AttributeDefinition>,
    #[serde(default)]
    global_secondary_indexes: Vec<Index>,
    stream_specification: Option<StreamSpecification>,
    time_to_live_specification: Option<TimeToLive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: KeyType,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum KeyType {
    Hash,
    Range,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: ScalarType,
}

#[derive(Clone, Copy, Deserialize)]
enum ScalarType {
    S,
    N,
    B,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    #[serde(rename = "IndexName")]
    name: String,
    key_schema: Vec<KeyElement>,
    projection: IndexProjection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexProjection {
    projection_type: ProjectionType,
    #[serde(default)]
    non_key_attributes: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ProjectionType {
    All,
    KeysOnly,
    Include,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecification {
    stream_view_type: ViewType,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ViewType {
    KeysOnly,
    NewImage,
    OldImage,
    NewAndOldImages,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    #[serde(rename = "AttributeName")]
    _attribute_name: Option<String>,
    enabled: Flag,
}

/// The tables of a template.
pub(super) fn tables(resources: &mut Resources) -> Result<Vec<Table>, Error> {
    let mut tables = Vec::new();
    for (described, properties) in resources.read::<Properties>("AWS::DynamoDB::Table")? {
        if properties.time_to_live_specification.as_ref().is_some_and(|ttl| ttl.enabled.0) {
            resources.warn(described.property("TimeToLiveSpecification"), "items do not expire here");
        }
        tables.push(table(&described, properties)?);
    }
    Ok(tables)
}

fn table(described: &Described, properties: Properties) -> Result<Table, Error> {
    let definitions = properties.attribute_definitions.into_iter();
    let defined: BTreeMap<_, _> =
        definitions.map(|definition| (definition.attribute_name, definition.attribute_type)).collect();
    let mut attribute_types = BTreeMap::new();
    let mut key_of = |schema: Vec<KeyElement>, path: String| -> Result<Key, Error> {
        let key = key(schema).ok_or_else(|| {
            Problem::Shape("it must be a HASH attribute, and maybe a RANGE attribute".to_owned()).at(&path)
        })?;
        for name in key.attributes() {
            let kind = defined.get(name).ok_or_else(|| {
                Problem::Shape(format!("the attribute `{name}` is not among the AttributeDefinitions")).at(&path)
            })?;
            attribute_types.insert(name.to_owned(), AttributeType::from(*kind));
        }
        Ok(key)
    };
    let key = key_of(properties.key_schema, described.property("KeySchema"))?;
    let mut global_secondary_indexes = Vec::new();
    for (at, index) in properties.global_secondary_indexes.into_iter().enumerate() {
        let key = key_of(index.key_schema, described.property(&format!("GlobalSecondaryIndexes[{at}].KeySchema")))?;
        let projection = match index.projection.projection_type {
            ProjectionType::All => Projection::All,
            ProjectionType::KeysOnly => Projection::KeysOnly,
            ProjectionType::Include => Projection::Include(index.projection.non_key_attributes),
        };
        global_secondary_indexes.push(GlobalSecondaryIndex { name: index.name, key, projection });
    }
    let stream_view_type = properties.stream_specification.map(|stream| stream.stream_view_type.into());
    Ok(Table { name: described.name.clone(), key, attribute_types, global_secondary_indexes, stream_view_type })
}

fn key(schema: Vec<KeyElement>) -> Option<Key> {
    let mut elements = schema.into_iter();
    let (hash, range) = (elements.next()?, elements.next());
    if hash.key_type != KeyType::Hash || elements.next().is_some() {
        return None;
    }
    match range {
        Some(range) if range.key_type != KeyType::Range => None,
        range => Some(Key { partition: hash.attribute_name, sort: range.map(|range| range.attribute_name) }),
    }
}

impl From<ScalarType> for AttributeType {
    fn from(kind: ScalarType) -> Self {
        match kind {
            ScalarType::S => Self::String,
            ScalarType::N => Self::Number,
            ScalarType::B => Self::Binary,
        }
    }
}

impl From<ViewType> for StreamViewType {
    fn from(view: ViewType) -> Self {
        match view {
            ViewType::KeysOnly => Self::KeysOnly,
            ViewType::NewImage => Self::NewImage,
            ViewType::OldImage => Self::OldImage,
            ViewType::NewAndOldImages => Self::NewAndOldImages,
        }
    }
}
