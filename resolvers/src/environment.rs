//! A function's environment: what its deployment tells it. Read once at start, so that a missing variable stops the
//! function before it takes an order.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Environment variables by name.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// What is wrong with a variable.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// It must be set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// Its value makes no sense.
    #[error("the environment variable {0} has a value that makes no sense there")]
    Invalid(&'static str),
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable that may be missing; empty counts as missing.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be there.
    ///
    /// # Errors
    /// If it is not.
    pub fn require(&self, name: &'static str) -> Result<&str, EnvironmentError> {
        self.get(name).ok_or(EnvironmentError::Missing(name))
    }

    /// The value of a variable, or `default` if it is not set.
    ///
    /// # Errors
    /// If it is set to something that cannot be read.
    pub fn parse_or<T: FromStr>(&self, name: &'static str, default: T) -> Result<T, EnvironmentError> {
        self.get(name).map_or(Ok(default), |value| value.parse().map_err(|_| EnvironmentError::Invalid(name)))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(variables: T) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
