//! Somebody in the pool. Nobody signs up: whoever has a name is a user.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::machine::USER_POOL;

/// The name of a user or of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// The text is no name that a user pool would take.
/// Source: Amazon Cognito API reference, `UsernameType` and `GroupNameType`.
#[derive(Debug, thiserror::Error)]
#[error("a name has 1 to 128 characters, none of which is a space or a control character")]
pub struct NotAName;

/// A user and the groups they are in.
#[derive(Clone, Debug)]
pub struct User {
    /// The name they sign in with.
    pub name: Name,
    /// Such as `staff`.
    pub groups: Vec<Name>,
}

impl User {
    /// The id by which everything else knows them. Real pools draw it; this one derives it from the name, so that it
    /// needs no list of users and `alice` is the same customer on every machine.
    #[must_use]
    pub fn sub(&self) -> Uuid {
        let mut hasher = Sha256::new();
        for part in [USER_POOL, &self.name.0] {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize()[..16]);
        Uuid::new_v8(bytes)
    }

    /// Where they get their mail: their name, if that is an address.
    #[must_use]
    pub fn email(&self) -> String {
        if self.name.0.contains('@') { self.name.0.clone() } else { format!("{}@example.com", self.name) }
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let good = (1..=128).contains(&text.chars().count())
            && !text.chars().any(|character| character.is_whitespace() || character.is_control());
        if good { Ok(Self(text.to_owned())) } else { Err(NotAName) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        User { name: name.parse().unwrap(), groups: Vec::new() }
    }

    #[test]
    fn the_same_name_is_the_same_user() {
        assert_eq!(user("alice").sub(), user("alice").sub());
        assert_ne!(user("alice").sub(), user("bob").sub());
        assert_ne!(user("alice").sub(), user("Alice").sub());
        assert_eq!(user("alice").sub().get_version_num(), 8);
    }

    #[test]
    fn a_name_that_is_an_address_is_their_address() {
        assert_eq!(user("alice").email(), "alice@example.com");
        assert_eq!(user("alice@shop.test").email(), "alice@shop.test");
    }

    #[test]
    fn names_are_those_that_a_pool_takes() {
        for good in ["a", "alice@shop.test", "Ærøskøbing", "a+b", &"x".repeat(128)] {
            assert_eq!(good.parse::<Name>().unwrap().to_string(), good);
        }
        for bad in ["", " ", "a b", "a\n", "a\0", "\u{a0}", &"x".repeat(129)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
