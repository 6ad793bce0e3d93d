//! What a table looks like: its keys, its global secondary indexes and its stream.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use dynoxide::TableMetadata;
use dynoxide::actions::create_table::{CreateTableRequest, StreamSpecification};
use dynoxide::types;

/// A table as a template describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The table's name.
    pub name: String,
    /// The attributes its items are found by.
    pub key: Key,
    /// The types of attributes in its keys and those of its indexes; one that is not listed is a string.
    pub attribute_types: BTreeMap<String, AttributeType>,
    /// Its global secondary indexes, in any order.
    pub global_secondary_indexes: Vec<GlobalSecondaryIndex>,
    /// What its stream carries; `None`: it has no stream.
    pub stream_view_type: Option<StreamViewType>,
}

/// The type of an attribute in a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttributeType {
    /// `S`
    #[default]
    String,
    /// `N`
    Number,
    /// `B`
    Binary,
}

/// A partition key and, if there is one, a sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The `HASH` attribute.
    pub partition: String,
    /// The `RANGE` attribute.
    pub sort: Option<String>,
}

/// An index over all of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalSecondaryIndex {
    /// The index's name.
    pub name: String,
    /// The attributes its entries are found by.
    pub key: Key,
    /// The attributes its entries hold.
    pub projection: Projection,
}

/// The attributes an index holds besides its keys and the table's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    /// `ALL`
    All,
    /// `KEYS_ONLY`
    KeysOnly,
    /// `INCLUDE`: the named ones.
    Include(BTreeSet<String>),
}

/// What a stream record carries besides the item's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamViewType {
    /// `KEYS_ONLY`: nothing.
    KeysOnly,
    /// `NEW_IMAGE`: the item after the change.
    NewImage,
    /// `OLD_IMAGE`: the item before the change.
    OldImage,
    /// `NEW_AND_OLD_IMAGES`: both.
    NewAndOldImages,
}

impl StreamViewType {
    const ALL: [Self; 4] = [Self::KeysOnly, Self::NewImage, Self::OldImage, Self::NewAndOldImages];

    /// The name AWS gives it, as it stands in templates and stream records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeysOnly => "KEYS_ONLY",
            Self::NewImage => "NEW_IMAGE",
            Self::OldImage => "OLD_IMAGE",
            Self::NewAndOldImages => "NEW_AND_OLD_IMAGES",
        }
    }

    /// The view type that AWS calls `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view_type| view_type.name() == name)
    }
}

impl Table {
    /// The request that creates this table.
    pub(super) fn create(&self) -> CreateTableRequest {
        let mut attributes = BTreeSet::new();
        attributes.extend(self.key.attributes());
        for index in &self.global_secondary_indexes {
            attributes.extend(index.key.attributes());
        }
        let indexes: Vec<_> = self.global_secondary_indexes.iter().map(GlobalSecondaryIndex::create).collect();
        CreateTableRequest {
            table_name: self.name.clone(),
            key_schema: self.key.schema(),
            attribute_definitions: attributes
                .into_iter()
                .map(|name| types::AttributeDefinition {
                    attribute_name: name.to_owned(),
                    attribute_type: self.attribute_type(name),
                })
                .collect(),
            global_secondary_indexes: (!indexes.is_empty()).then_some(indexes),
            billing_mode: Some("PAY_PER_REQUEST".to_owned()),
            stream_specification: self.stream_view_type.map(|view_type| StreamSpecification {
                stream_enabled: true,
                stream_view_type: Some(view_type.name().to_owned()),
            }),
            ..CreateTableRequest::default()
        }
    }

    fn attribute_type(&self, attribute: &str) -> types::ScalarAttributeType {
        match self.attribute_types.get(attribute).copied().unwrap_or_default() {
            AttributeType::String => types::ScalarAttributeType::S,
            AttributeType::Number => types::ScalarAttributeType::N,
            AttributeType::Binary => types::ScalarAttributeType::B,
        }
    }

    /// In what the stored table differs from this one; `None` if in nothing.
    pub(super) fn difference(&self, stored: &TableMetadata) -> Result<Option<String>, serde_json::Error> {
        let key: Vec<types::KeySchemaElement> = serde_json::from_str(&stored.key_schema)?;
        if key != self.key.schema() {
            return Ok(Some(format!("its key is {}, wanted is {}", ShowKey(&key), ShowKey(&self.key.schema()))));
        }
        let attributes: Vec<types::AttributeDefinition> = serde_json::from_str(&stored.attribute_definitions)?;
        let other = |attribute: &&types::AttributeDefinition| {
            attribute.attribute_type != self.attribute_type(&attribute.attribute_name)
        };
        if let Some(other) = attributes.iter().find(other) {
            return Ok(Some(format!("its key attribute {} is of another type", other.attribute_name)));
        }
        let stored_indexes: Vec<types::GlobalSecondaryIndex> =
            stored.gsi_definitions.as_deref().map_or(Ok(Vec::new()), serde_json::from_str)?;
        for index in &self.global_secondary_indexes {
            match stored_indexes.iter().find(|stored| stored.index_name == index.name) {
                None => return Ok(Some(format!("it has no index {}", index.name))),
                Some(stored) if !index.is(stored) => {
                    return Ok(Some(format!("its index {} has another key or projection", index.name)));
                }
                Some(_) => {}
            }
        }
        if let Some(extra) = stored_indexes
            .iter()
            .find(|stored| self.global_secondary_indexes.iter().all(|index| index.name != stored.index_name))
        {
            return Ok(Some(format!("it has an index {} that is not wanted", extra.index_name)));
        }
        let view_type = stored.stream_enabled.then_some(stored.stream_view_type.as_deref()).flatten();
        if view_type != self.stream_view_type.map(StreamViewType::name) {
            return Ok(Some(format!(
                "its stream is {}, wanted is {}",
                view_type.unwrap_or("off"),
                self.stream_view_type.map_or("off", StreamViewType::name)
            )));
        }
        Ok(None)
    }
}

impl Key {
    /// The partition key, and the sort key if there is one.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.partition.as_str()).chain(self.sort.as_deref())
    }

    fn schema(&self) -> Vec<types::KeySchemaElement> {
        self.attributes()
            .zip([types::KeyType::HASH, types::KeyType::RANGE])
            .map(|(name, key_type)| types::KeySchemaElement { attribute_name: name.to_owned(), key_type })
            .collect()
    }
}

impl GlobalSecondaryIndex {
    fn create(&self) -> types::GlobalSecondaryIndex {
        let (projection_type, names) = match &self.projection {
            Projection::All => (types::ProjectionType::ALL, None),
            Projection::KeysOnly => (types::ProjectionType::KEYS_ONLY, None),
            Projection::Include(names) => (types::ProjectionType::INCLUDE, Some(names.iter().cloned().collect())),
        };
        types::GlobalSecondaryIndex {
            index_name: self.name.clone(),
            key_schema: self.key.schema(),
            projection: types::Projection { projection_type: Some(projection_type), non_key_attributes: names },
            provisioned_throughput: None,
        }
    }

    fn is(&self, stored: &types::GlobalSecondaryIndex) -> bool {
        let wanted = self.create();
        let names = |index: &types::GlobalSecondaryIndex| -> BTreeSet<String> {
            index.projection.non_key_attributes.iter().flatten().cloned().collect()
        };
        stored.key_schema == wanted.key_schema
            && stored.projection.projection_type == wanted.projection.projection_type
            && names(stored) == names(&wanted)
    }
}

struct ShowKey<'a>(&'a [types::KeySchemaElement]);

impl fmt::Display for ShowKey<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|element| element.attribute_name.as_str()).collect();
        write!(formatter, "({})", names.join(", "))
    }
}
