//! What a role may do: the identity-based policies of AWS IAM, as far as templates of this kind use them.
//!
//! | file | holds |
//! | --- | --- |
//! | `policy` | statements, and what they say of an action on a resource |
//! | `pattern` | the wildcards of actions and resources |
//!
//! A statement has an effect, actions and resources, wildcards included. One with anything else (a condition, `NotAction`,
//! a policy variable) is not evaluated: it neither allows nor denies here, and whoever reads it is told so.

mod pattern;
mod policy;

pub use policy::{Decision, Policy};

/// Somebody whose requests are judged: a role, as one of its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The session's ARN: `arn:aws:sts::…:assumed-role/<role>/<session>`.
    pub arn: String,
    /// What the role's policies say, all of them together.
    pub policy: Policy,
}

impl Principal {
    /// Whether this principal may do that.
    ///
    /// # Errors
    /// The refusal in AWS's own words. Source: IAM user guide, "Troubleshoot access denied error messages".
    pub fn may(&self, action: &str, resource: &str) -> Result<(), Denied> {
        let reason = match self.policy.decide(action, resource) {
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
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
            { "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*" },
        ]});
        let (policy, _) = Policy::of([("P", &policy)]);
        let principal = Principal { arn: "arn:aws:sts::1:assumed-role/r/s".to_owned(), policy };
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
