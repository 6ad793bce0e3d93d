//! Who calls, and what they may see. Each rule of authorization that a directive of the schema cannot express stands
//! here, once.

use crate::appsync::Identity;
use crate::error::Error;
use crate::order::{Id, Ownership, PlacedBy};

/// The user pool's group whose members may see every order.
const STAFF: &str = "staff";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody with nothing but the API key.
    Guest,
    /// Somebody who is signed in to the user pool.
    Customer {
        /// The user's id.
        sub: Id,
        /// Whether they belong to the group `staff`.
        staff: bool,
    },
    /// A system with IAM credentials of a user or a role.
    Backend {
        /// The ARN of the user or role, without the name of a session.
        principal: String,
    },
}

impl Caller {
    /// Tells the caller from the identity that AppSync established.
    ///
    /// # Errors
    /// `Unauthorized` for identities of an identity pool, and for any that is not known here.
    pub fn new(identity: Option<&Identity>) -> Result<Self, Error> {
        let Some(identity) = identity else { return Ok(Self::Guest) };
        if identity.cognito_identity_id.is_some() || identity.cognito_identity_pool_id.is_some() {
            return Err(Error::Unauthorized("Identities of an identity pool have no access here.".to_owned()));
        }
        match (&identity.sub, &identity.user_arn) {
            (Some(sub), None) => {
                let groups = identity.groups.as_deref().unwrap_or_default();
                Ok(Self::Customer { sub: Id::from(sub), staff: groups.iter().any(|group| group == STAFF) })
            }
            (None, Some(arn)) => Ok(Self::Backend { principal: principal(arn) }),
            _ => Err(Error::Unauthorized("This kind of caller has no access here.".to_owned())),
        }
    }

    /// How an order is marked that this caller places.
    #[must_use]
    pub fn placed_by(&self) -> PlacedBy {
        match self {
            Self::Guest => PlacedBy::Guest,
            Self::Customer { .. } => PlacedBy::Customer,
            Self::Backend { .. } => PlacedBy::Backend,
        }
    }

    /// Whether this caller may see the order. Guests see what guests placed, by its unguessable id.
    #[must_use]
    pub fn may_see(&self, order: &Ownership) -> bool {
        match self {
            Self::Guest => order.placed_by == PlacedBy::Guest,
            Self::Customer { sub, staff } => *staff || order.customer_id.as_ref() == Some(sub),
            Self::Backend { .. } => true,
        }
    }

    /// Whether this caller may see every order.
    #[must_use]
    pub fn may_see_all(&self) -> bool {
        matches!(self, Self::Customer { staff: true, .. } | Self::Backend { .. })
    }

    /// Whether this caller may see all orders of that customer.
    #[must_use]
    pub fn may_see_orders_of(&self, customer: &Id) -> bool {
        self.may_see_all() || matches!(self, Self::Customer { sub, .. } if sub == customer)
    }
}

/// The user or role behind an ARN: a role that was assumed is the same whatever its session is called.
/// `arn:aws:sts::123456789012:assumed-role/shop/session` is `arn:aws:sts::123456789012:assumed-role/shop`.
fn principal(arn: &str) -> String {
    match arn.split_once(":assumed-role/") {
        Some((account, role)) => {
            let role = role.rsplit_once('/').map_or(role, |(role, _session)| role);
            format!("{account}:assumed-role/{role}")
        }
        None => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(identity: &str) -> Result<Caller, Error> {
        Caller::new(serde_json::from_str::<Option<Identity>>(identity).unwrap().as_ref())
    }

    #[test]
    fn each_authorization_mode_is_told_apart() {
        assert_eq!(caller("null"), Ok(Caller::Guest));
        let customer = |sub: &str, staff| Caller::Customer { sub: Id::from(sub), staff };
        assert_eq!(caller(r#"{"sub":"ada","groups":null,"claims":{}}"#), Ok(customer("ada", false)));
        assert_eq!(caller(r#"{"sub":"eve","groups":["staff","x"]}"#), Ok(customer("eve", true)));
        let backend = |arn: &str| Caller::Backend { principal: arn.to_owned() };
        assert_eq!(
            caller(r#"{"userArn":"arn:aws:iam::123456789012:user/shop","cognitoIdentityId":null}"#),
            Ok(backend("arn:aws:iam::123456789012:user/shop"))
        );
        assert_eq!(
            caller(r#"{"userArn":"arn:aws:sts::123456789012:assumed-role/shop/i-0123"}"#),
            Ok(backend("arn:aws:sts::123456789012:assumed-role/shop"))
        );
    }

    #[test]
    fn identity_pools_and_anything_unknown_are_refused() {
        for identity in [
            r#"{"userArn":"arn:aws:sts::1:assumed-role/auth/CognitoIdentityCredentials","cognitoIdentityId":"eu:1"}"#,
            r#"{"resolverContext":{}}"#,
            r#"{"sub":"ada","userArn":"arn:aws:iam::1:user/x"}"#,
        ] {
            assert!(matches!(caller(identity), Err(Error::Unauthorized(_))), "{identity}");
        }
    }
}
