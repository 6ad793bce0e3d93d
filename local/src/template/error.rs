//! What is wrong with a template, and where.

use std::fmt::Display;

/// Why a template cannot be run: where, and what. CloudFormation would refuse it too, unless it says "here".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Error {
    /// The place in the template, such as `Resources.OrdersTable.Properties.KeySchema[0]`.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not of the shape that it must have.
    #[error("{0}")]
    Shape(String),
    /// An intrinsic function whose argument is not of the shape that it must have.
    #[error("{function} takes {takes}")]
    Argument {
        /// Such as `Fn::Join`.
        function: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// An intrinsic function beside other fields.
    #[error("{0} must be the only field of its object")]
    NotAlone(String),
    /// A reference to nothing.
    #[error("there is no parameter or resource `{0}` in the template")]
    UnknownId(String),
    /// A reference to a resource whose condition does not hold.
    #[error("the resource `{id}` is not made, because its condition `{condition}` does not hold")]
    NotMade {
        /// The resource.
        id: String,
        /// Its condition.
        condition: String,
    },
    /// An attribute that resources of the type do not have.
    #[error("`{id}` is an {kind}, which has no attribute `{attribute}`")]
    UnknownAttribute {
        /// The resource.
        id: String,
        /// Its type.
        kind: String,
        /// The attribute.
        attribute: String,
    },
    /// The stream of a table that has none.
    #[error("the table `{0}` has no stream: it needs a StreamSpecification")]
    NoStream(String),
    /// A condition that is not there.
    #[error("there is no condition `{0}` in the template")]
    UnknownCondition(String),
    /// An entry of a mapping that is not there.
    #[error("there is no entry {0} in the template's Mappings")]
    UnknownEntry(String),
    /// A parameter that nobody sets.
    #[error("the parameter `{0}` needs a Default, since nobody sets parameters here")]
    NoDefault(String),
    /// What needs itself.
    #[error("these need each other in a circle: {}", .0.join(", "))]
    Circle(Vec<String>),
    /// What a service refuses when it is asked for it.
    #[error("{0}")]
    Refused(String),
    /// Something that there must be one of.
    #[error("there is no {0} in the template")]
    None(&'static str),
    /// Something that there may be only one of here.
    #[error("a second {0}: only one can run here")]
    Second(&'static str),
    /// Two answers to one question.
    #[error("`{first}` is the resolver of {field} already")]
    SecondResolver {
        /// The field as `Type.field`.
        field: String,
        /// The other resolver.
        first: String,
    },
}

impl Problem {
    pub(super) fn at(self, path: impl Display) -> Error {
        Error { path: path.to_string(), problem: self }
    }
}

/// Something in a template that has no effect on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Warning {
    /// The place in the template.
    pub path: String,
    /// What stands there, and what that means here.
    pub what: String,
}

impl Warning {
    pub(super) fn new(path: impl Display, what: impl Into<String>) -> Self {
        Self { path: path.to_string(), what: what.into() }
    }
}
