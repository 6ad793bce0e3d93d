//! What AppSync hands to a Direct Lambda resolver: its whole context object, of which this is what we use.
//!
//! Source: AWS AppSync developer guide, "Resolver mapping template context reference".

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::Error;

/// One field to resolve.
#[derive(Debug, Deserialize)]
pub struct ResolverEvent {
    /// The field's arguments; `AWSJSON` is already decoded by one layer. Kept as text, so that documents stay exact.
    pub arguments: Box<RawValue>,
    /// Who calls; `None` for an API key.
    pub identity: Option<Identity>,
    /// Which field.
    pub info: Info,
}

impl ResolverEvent {
    /// The field's arguments as the type they have in the schema.
    ///
    /// # Errors
    /// `InvalidArgument` if they do not fit, which AppSync's own validation does not let happen.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(self.arguments.get())
            .map_err(|_| Error::InvalidArgument(format!("The arguments of {} do not fit.", self.info.field_name)))
    }
}

/// Which field is resolved.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Such as `placeOrder`.
    pub field_name: String,
    /// Such as `Mutation`.
    pub parent_type_name: String,
}

/// Who calls, as AppSync found it out. Which members are there depends on the authorization mode.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// User pool: the user's id.
    pub sub: Option<String>,
    /// User pool: the groups of the user.
    pub groups: Option<Vec<String>>,
    /// IAM: who signed the request.
    pub user_arn: Option<String>,
    /// IAM: set if an identity pool handed out the credentials.
    pub cognito_identity_id: Option<String>,
    /// IAM: set if an identity pool handed out the credentials.
    pub cognito_identity_pool_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Lambda runtime reads events through `serde_path_to_error`, and that must not touch a document either.
    #[test]
    fn arguments_pass_the_runtimes_deserializer_untouched() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let arguments =
            format!(r#"{{"input":{{"document":{{"z":1.10,"a":12345678901234567890.123,"e":"\\ud800","d":{deep}}}}}}}"#);
        let event = format!(
            r#"{{"arguments":{arguments},"identity":null,"info":{{"fieldName":"placeOrder","parentTypeName":"Mutation"}}}}"#
        );
        let deserializer = &mut serde_json::Deserializer::from_slice(event.as_bytes());
        let read: ResolverEvent = serde_path_to_error::deserialize(deserializer).unwrap();
        assert_eq!(read.arguments.get(), arguments);
    }
}
