//! What a role may do: the identity-based policies of AWS IAM, as far as templates of this kind use them.
//!
//! | file | holds |
//! | --- | --- |
//! | `policy` | statements, and what they say of an action on a resource |
//! | `pattern` | the wildcards of actions and resources |
//! | `signature` | who signed a request |
//!
//! A statement has an effect, actions and resources, wildcards included. One with anything else (a condition, `NotAction`,
//! a policy variable) is not evaluated: it allows nothing, a denial holds whatever its condition says, and whoever reads it
//! is told so.

mod pattern;
mod policy;
pub(crate) mod signature;

use std::sync::Arc;

pub(crate) use pattern::matches;
pub use policy::{Decision, Policy};

/// Somebody whose requests are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/<role>/<session>`.
    pub arn: String,
    /// What the policies say, all of them together; `None`: an administrator, who may do anything.
    pub policy: Option<Arc<Policy>>,
}

impl Principal {
    /// Whether this principal may do that.
    ///
    /// # Errors
    /// The refusal in AWS's own words. Source: IAM user guide, "Troubleshoot access denied error messages".
    pub fn may(&self, action: &str, resource: &str) -> Result<(), Denied> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let reason = match policy.decide(action, resource) {
            Decision::Allowed => return Ok(()),
            Decision::NotAllowed => format!("because no identity-based policy allows the {action} action"),
            Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        };
        Err(Denied(format!(
            "User: {} is not authorized to perform: {action} on resource: {resource} {reason}",
            self.arn
        )))
    }
}

/// An IAM user's or role's credentials, and who that is.
#[derive(Clone)]
pub struct Credentials {
    /// The public half of the key.
    pub access_key_id: String,
    /// The secret half, with which requests are signed.
    pub secret_access_key: String,
    /// Only temporary credentials have one; a request must then carry it.
    pub session_token: Option<String>,
    /// Whose they are.
    pub principal: Principal,
    /// What a resolver sees as `identity.username`: the unique id of the user or of the role's session.
    pub username: String,
    /// Set if an identity pool handed them out.
    pub identity_pool: Option<PoolIdentity>,
}

/// Somebody to whom an Amazon Cognito identity pool has handed out credentials of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolIdentity {
    /// The region and a UUID.
    pub identity_id: String,
    /// The region and a UUID.
    pub pool_id: String,
}

/// A refusal, in one sentence that AWS would say as well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(String);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_says_who_what_on_what_and_why() {
        let mut policy = Policy::default();
        let unevaluated = policy.add(&[
            json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }),
            json!({ "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*" }),
        ]);
        assert_eq!(unevaluated, Vec::<String>::new());
        let principal = Principal { arn: "arn:aws:sts::1:assumed-role/r/s".to_owned(), policy: Some(Arc::new(policy)) };
        assert_eq!(principal.may("s3:PutObject", "arn:aws:s3:::b/k"), Ok(()));
        let refused = |action| principal.may(action, "arn:aws:s3:::b/k").unwrap_err().to_string();
        assert_eq!(
            refused("dynamodb:GetItem"),
            "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: dynamodb:GetItem on resource: \
             arn:aws:s3:::b/k because no identity-based policy allows the dynamodb:GetItem action"
        );
        assert_eq!(
            refused("s3:DeleteObject"),
            "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: s3:DeleteObject on resource: \
             arn:aws:s3:::b/k with an explicit deny in an identity-based policy"
        );
    }
}
