//! Statements, and what they say of an action on a resource.

use serde_json::{Map, Value};

use super::pattern;

/// Every statement of a role's policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What policies say of one action on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it, whatever others allow.
    Denied,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    allows: bool,
    /// Never of one that allows.
    has_condition: bool,
    actions: Vec<String>,
    resources: Vec<String>,
}

impl Policy {
    /// Adds the statements of a policy document. Returns a sentence about each one that is not evaluated: it names what
    /// stands in the way.
    pub fn add(&mut self, statements: &[Value]) -> Vec<String> {
        let mut unevaluated = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            match Statement::of(statement) {
                Ok(statement) => {
                    if !statement.allows && statement.has_condition {
                        unevaluated.push(format!("statement {index} denies whatever its Condition says"));
                    }
                    self.statements.push(statement);
                }
                Err(reason) => unevaluated.push(format!("statement {index} is not evaluated: {reason}")),
            }
        }
        unevaluated
    }

    /// What the statements say of `action`, such as `dynamodb:PutItem`, on the resource with this ARN.
    /// Source: IAM user guide, "Policy evaluation logic".
    #[must_use]
    pub fn decide(&self, action: &str, resource: &str) -> Decision {
        let about = |statement: &&Statement| statement.is_about(action, resource);
        let (mut allowed, mut denied) = (false, false);
        for statement in self.statements.iter().filter(about) {
            if statement.allows { allowed = true } else { denied = true }
        }
        match (denied, allowed) {
            (true, _) => Decision::Denied,
            (false, true) => Decision::Allowed,
            (false, false) => Decision::NotAllowed,
        }
    }
}

impl Statement {
    fn of(statement: &Value) -> Result<Self, String> {
        let members = statement.as_object().ok_or("it is not an object")?;
        let allows = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("its Effect is neither Allow nor Deny".to_owned()),
        };
        let known = |name: &str| match name {
            "Sid" | "Effect" | "Action" | "Resource" => true,
            "Condition" => !allows,
            _ => false,
        };
        if let Some(other) = members.keys().find(|name| !known(name)) {
            return Err(format!("it has a {other}"));
        }
        // Actions are told apart regardless of their case, resources by it.
        let actions = texts(members, "Action")?.iter().map(|action| action.to_ascii_lowercase()).collect();
        let resources = texts(members, "Resource")?;
        match resources.iter().find(|resource| resource.contains("${")) {
            Some(resource) => Err(format!("its resource {resource} has a policy variable")),
            None => Ok(Self { allows, has_condition: members.contains_key("Condition"), actions, resources }),
        }
    }

    fn is_about(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| pattern::matches(pattern, &action))
            && self.resources.iter().any(|pattern| pattern::matches(pattern, resource))
    }
}

/// The elements of a list, or a single value as one.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(elements) => elements,
        single => std::slice::from_ref(single),
    }
}

fn texts(members: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let values = list(members.get(name).unwrap_or(&Value::Null));
    let texts: Option<Vec<String>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    texts.filter(|texts| !texts.is_empty()).ok_or_else(|| format!("its {name} is no text and no list of texts"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(statements: &Value) -> (Policy, Vec<String>) {
        let mut policy = Policy::default();
        let unevaluated = policy.add(statements.as_array().unwrap());
        (policy, unevaluated)
    }

    #[test]
    fn what_is_not_allowed_is_refused_and_a_deny_wins() {
        let (policy, unevaluated) = policy(&json!([
            { "Effect": "Allow", "Action": ["dynamodb:GetItem", "DynamoDB:Put*"], "Resource": "arn:table/Orders" },
            { "Effect": "Allow", "Action": "dynamodb:Query", "Resource": ["arn:table/A", "arn:table/Orders/index/*"] },
            { "Sid": "Never", "Effect": "Deny", "Action": "*", "Resource": "arn:table/Orders/index/secret" },
        ]));
        assert_eq!(unevaluated, Vec::<String>::new());
        for (action, resource, expected) in [
            ("dynamodb:GetItem", "arn:table/Orders", Decision::Allowed),
            ("dynamodb:PutItem", "arn:table/Orders", Decision::Allowed),
            ("dynamodb:GetItem", "arn:table/orders", Decision::NotAllowed),
            ("dynamodb:DeleteItem", "arn:table/Orders", Decision::NotAllowed),
            ("dynamodb:Query", "arn:table/Orders", Decision::NotAllowed),
            ("dynamodb:Query", "arn:table/Orders/index/byCustomer", Decision::Allowed),
            ("dynamodb:Query", "arn:table/Orders/index/secret", Decision::Denied),
        ] {
            assert_eq!(policy.decide(action, resource), expected, "{action} on {resource}");
        }
        assert_eq!(Policy::default().decide("s3:PutObject", "*"), Decision::NotAllowed);
    }

    #[test]
    fn a_denial_holds_whatever_its_condition_says() {
        let (policy, unevaluated) = policy(&json!([
            { "Effect": "Allow", "Action": "a:*", "Resource": "*" },
            { "Effect": "Deny", "Action": "a:b", "Resource": "*", "Condition": { "Bool": {} } },
        ]));
        assert_eq!(unevaluated, ["statement 1 denies whatever its Condition says"]);
        assert_eq!(policy.decide("a:b", "x"), Decision::Denied);
        assert_eq!(policy.decide("a:c", "x"), Decision::Allowed);
    }

    #[test]
    fn what_is_not_evaluated_grants_nothing_and_is_named() {
        let (policy, unevaluated) = policy(&json!([
            { "Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": { "Bool": {} } },
            { "Effect": "Allow", "NotAction": "a:c", "Resource": "*" },
            { "Effect": "Allow", "Action": "a:d", "Resource": "x/${aws:userid}" },
            { "Effect": "Maybe", "Action": "a:e", "Resource": "*" },
            { "Effect": "Allow", "Action": [], "Resource": "*" },
            { "Effect": "Allow", "Action": "a:f" },
            "Allow",
        ]));
        assert_eq!(
            unevaluated,
            [
                "statement 0 is not evaluated: it has a Condition",
                "statement 1 is not evaluated: it has a NotAction",
                "statement 2 is not evaluated: its resource x/${aws:userid} has a policy variable",
                "statement 3 is not evaluated: its Effect is neither Allow nor Deny",
                "statement 4 is not evaluated: its Action is no text and no list of texts",
                "statement 5 is not evaluated: its Resource is no text and no list of texts",
                "statement 6 is not evaluated: it is not an object",
            ]
        );
        for action in ["a:b", "a:d", "a:e", "a:f"] {
            assert_eq!(policy.decide(action, "x"), Decision::NotAllowed, "{action}");
        }
    }
}
