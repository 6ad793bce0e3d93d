//! Where in a template something stands, as messages say it: `Resources.OrdersTable.Properties.KeySchema[0]`.

use std::fmt;

/// A place, told by the way to it. It borrows, so that going down a template costs nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'a> {
    /// The template itself.
    Root,
    /// A field of an object.
    Key(&'a Path<'a>, &'a str),
    /// An element of a list.
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) const fn key(&'a self, name: &'a str) -> Self {
        Self::Key(self, name)
    }

    pub(super) const fn index(&'a self, at: usize) -> Self {
        Self::Index(self, at)
    }

    /// The logical id of the resource that this is a place in.
    pub(super) fn resource(&self) -> Option<&'a str> {
        match self {
            Self::Key(Path::Key(Path::Root, "Resources"), id) => Some(id),
            Self::Key(parent, _) | Self::Index(parent, _) => parent.resource(),
            Self::Root => None,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Path::Root, name) => formatter.write_str(name),
            Self::Key(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, at) => write!(formatter, "{parent}[{at}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_as_one_would_look_for_it() {
        let resources = Path::Root.key("Resources");
        let table = resources.key("OrdersTable");
        let (properties, list) = (table.key("Properties"), table.key("List"));
        assert_eq!(list.index(0).key("A").to_string(), "Resources.OrdersTable.List[0].A");
        assert_eq!(properties.key("B").resource(), Some("OrdersTable"));
        assert_eq!(Path::Root.key("Outputs").key("OrdersTable").resource(), None);
    }
}
