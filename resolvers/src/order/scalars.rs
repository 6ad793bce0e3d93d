//! The scalars of the schema that carry a rule: ids, moments and JSON text.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A GraphQL `ID`: any string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub String);

impl Id {
    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: Into<String>> From<T> for Id {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// A moment, to the millisecond: an `AWSDateTime`, always written in UTC and with the same width, so that text sorts
/// as time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(jiff::Timestamp);

/// The text is no moment in time.
#[derive(Debug, thiserror::Error)]
#[error("not a date and time with an offset, such as 2026-01-31T12:00:00Z")]
pub struct NotATimestamp;

impl Timestamp {
    /// This moment plus `duration`; the end of time if that is too far.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration).unwrap_or(jiff::Timestamp::MAX))
    }

    /// How long after `earlier` this moment is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or_default()
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millisecond = jiff::Timestamp::try_from(time).map_or(i64::MAX, jiff::Timestamp::as_millisecond);
        Self(jiff::Timestamp::from_millisecond(millisecond).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Reads what AppSync lets through as an `AWSDateTime`: seconds may be missing, and a year may be negative, which
    /// is before everything that is stored here.
    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        if text.starts_with('-') {
            return Ok(Self(jiff::Timestamp::MIN));
        }
        text.parse().map(Self).map_err(|_| NotATimestamp)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = NotATimestamp;

    fn try_from(text: String) -> Result<Self, NotATimestamp> {
        text.parse()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.to_string()
    }
}

/// JSON text, carried exactly as it came: an `AWSJSON` at the Lambda's boundary, where AppSync has already decoded it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub Box<RawValue>);

impl Json {
    /// The text as JSON.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        text.parse::<Timestamp>().ok().map(String::from)
    }

    #[test]
    fn a_moment_is_read_in_every_form_that_appsync_lets_through() {
        for (text, expected) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
            ("2026-01-31T12:00Z", "2026-01-31T12:00:00.000Z"),
            ("2026-01-31T12:00:00.123456789+02:00", "2026-01-31T10:00:00.123Z"),
            ("2026-01-31T12:00:00+02:00:30", "2026-01-31T09:59:30.000Z"),
        ] {
            assert_eq!(written(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "2026-01-31", "2026-01-31T12:00:00", "yesterday", "2026-13-31T12:00:00Z"] {
            assert_eq!(written(text), None, "{text}");
        }
    }

    #[test]
    fn a_negative_year_is_before_everything() {
        let ancient: Timestamp = "-0044-03-15T12:00:00Z".parse().unwrap();
        assert!(ancient < "0001-01-01T00:00:00Z".parse().unwrap());
    }
}
