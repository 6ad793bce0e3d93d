//! `AWS::IAM::Role`, with what its policies allow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::error::Error;
use super::evaluate::identity::{managed_policy_arn, role_arn};
use super::resources::Resources;
use crate::iam::{Denied, Policy, Principal};
use crate::machine::session_arn;

/// A role: who takes it on, and what they may do then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// `arn:aws:iam::000000000000:role/…`
    pub arn: String,
    /// Whom it trusts to take it on: services, such as `lambda.amazonaws.com`.
    pub trusts: BTreeSet<String>,
    /// What all its policies say.
    pub policy: Policy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleProperties {
    #[serde(rename = "RoleName")]
    _name: Option<String>,
    #[serde(default)]
    policies: Vec<Inline>,
    #[serde(default)]
    managed_policy_arns: Vec<String>,
    assume_role_policy_document: PolicyDocument,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inline {
    #[serde(rename = "PolicyName")]
    _name: String,
    policy_document: PolicyDocument,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDocument {
    #[serde(rename = "Version")]
    _version: Option<String>,
    statement: Statements,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Statements {
    Several(Vec<Value>),
    One(Value),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyProperties {
    #[serde(rename = "PolicyName", alias = "ManagedPolicyName")]
    _name: Option<String>,
    policy_document: PolicyDocument,
    #[serde(default)]
    roles: Vec<String>,
}

/// The roles of a template by name.
pub(super) fn roles(resources: &mut Resources) -> Result<BTreeMap<String, Role>, Error> {
    let mut roles = BTreeMap::new();
    let mut policies = resources.read::<PolicyProperties>("AWS::IAM::Policy")?;
    let managed = resources.read::<PolicyProperties>("AWS::IAM::ManagedPolicy")?;
    for (described, properties) in resources.read::<RoleProperties>("AWS::IAM::Role")? {
        for (at, arn) in properties.managed_policy_arns.iter().enumerate() {
            if let Some((_, policy)) = managed.iter().find(|(policy, _)| managed_policy_arn(&policy.name) == *arn) {
                let attached = PolicyProperties { roles: vec![described.name.clone()], ..policy.clone() };
                policies.push((described.clone(), attached));
            } else {
                let what = format!("{arn} is not in this template: nothing that it allows is allowed here");
                resources.warn(described.property(&format!("ManagedPolicyArns[{at}]")), what);
            }
        }
        let trust = described.property("AssumeRolePolicyDocument");
        let trusts = trusted(resources, &trust, properties.assume_role_policy_document.statement.all());
        let mut role = Role { arn: role_arn(&described.name), trusts, policy: Policy::default() };
        for (at, inline) in properties.policies.into_iter().enumerate() {
            let path = described.property(&format!("Policies[{at}].PolicyDocument"));
            role.add(resources, &path, &inline.policy_document.statement.all());
        }
        roles.insert(described.name, role);
    }
    for (described, policy) in policies.into_iter().chain(managed) {
        let statements = policy.policy_document.statement.all();
        for (at, name) in policy.roles.iter().enumerate() {
            if let Some(role) = roles.get_mut(name) {
                role.add(resources, &described.property("PolicyDocument"), &statements);
            } else {
                let what = "it is no role of this template, so what it allows is not known";
                resources.warn(described.property(&format!("Roles[{at}]")), what);
            }
        }
    }
    Ok(roles)
}

/// The services that a trust policy lets take the role on.
fn trusted(resources: &mut Resources, path: &str, statements: Vec<Value>) -> BTreeSet<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Trust {
        #[serde(rename = "Sid")]
        _id: Option<String>,
        effect: String,
        action: Texts,
        principal: Services,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Services {
        service: Texts,
    }
    let mut services = BTreeSet::new();
    for (at, statement) in statements.into_iter().enumerate() {
        match serde_json::from_value::<Trust>(statement) {
            Ok(Trust { effect, action, principal, .. }) => {
                if effect == "Allow" && action.all().iter().any(|action| action == "sts:AssumeRole") {
                    services.extend(principal.service.all());
                } else {
                    resources.warn(path, format!("statement {at} is not evaluated: it lets nobody take the role on"));
                }
            }
            Err(error) => resources.warn(path, format!("statement {at} is not evaluated: {error}")),
        }
    }
    services
}

/// One text, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    Several(Vec<String>),
    One(String),
}

impl Texts {
    fn all(self) -> Vec<String> {
        match self {
            Self::Several(texts) => texts,
            Self::One(text) => vec![text],
        }
    }
}

impl Role {
    /// That somebody in this role may do that.
    ///
    /// # Errors
    /// The refusal in AWS's words. `session` is what the session is called: the function, or the service.
    pub fn may(&self, session: &str, action: &str, resource: &str) -> Result<(), Denied> {
        let name = self.arn.rsplit('/').next().unwrap_or_default();
        Principal { arn: session_arn(name, session), policy: Some(Arc::new(self.policy.clone())) }.may(action, resource)
    }

    fn add(&mut self, resources: &mut Resources, path: &str, statements: &[Value]) {
        for unevaluated in self.policy.add(statements) {
            resources.warn(path, unevaluated);
        }
    }
}

impl Statements {
    fn all(self) -> Vec<Value> {
        match self {
            Self::Several(statements) => statements,
            Self::One(statement) => vec![statement],
        }
    }
}
