//! Who may see a field: AppSync's authorization directives.
//!
//! Source: the AppSync developer guide, "Configuring authorization and authentication".

use apollo_compiler::Schema;
use apollo_compiler::ast::Directive;
use apollo_compiler::schema::FieldDefinition;

use super::caller::Caller;
use super::settings::{Mode, Settings};

/// The modes that are open where no directive says anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authorization {
    default_mode: Mode,
    /// `@aws_auth` is heeded only where the user pool is the only mode; elsewhere AppSync silently ignores it.
    only_user_pools: bool,
}

impl Authorization {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            default_mode: settings.default_mode,
            only_user_pools: settings.default_mode == Mode::UserPools && settings.additional_modes.is_empty(),
        }
    }

    /// Whether the caller may see this field: by the field's own directives if it has any, else by its type's, else
    /// in the default mode only. The same goes for the fields of `Subscription` when somebody subscribes.
    pub(super) fn allows(self, schema: &Schema, type_name: &str, field: &FieldDefinition, caller: &Caller) -> bool {
        let object = schema.get_object(type_name);
        self.by(field.directives.iter().map(|directive| &**directive), caller)
            .or_else(|| self.by(object?.directives.iter().map(|directive| &***directive), caller))
            .unwrap_or_else(|| caller.mode() == self.default_mode)
    }

    /// What these directives say; nothing if none of them is about authorization.
    fn by<'a>(self, directives: impl Iterator<Item = &'a Directive>, caller: &Caller) -> Option<bool> {
        let mut answer = None;
        for directive in directives {
            let mode = match directive.name.as_str() {
                "aws_auth" if self.only_user_pools => Some(Mode::UserPools),
                name => Mode::of_directive(name),
            };
            if let Some(mode) = mode {
                let allowed = mode == caller.mode() && is_in_groups(directive, caller);
                answer = Some(answer.unwrap_or(false) || allowed);
            }
        }
        answer
    }
}

/// Whether the caller is in one of the directive's `cognito_groups`, if it has any.
fn is_in_groups(directive: &Directive, caller: &Caller) -> bool {
    let Some(groups) = directive.specified_argument_by_name("cognito_groups").and_then(|groups| groups.as_list())
    else {
        return true;
    };
    let Caller::UserPools(user) = caller else { return false };
    user.groups().any(|group| groups.iter().any(|wanted| wanted.as_str() == Some(group)))
}

#[cfg(test)]
mod tests {
    use super::super::caller::{IamIdentity, UserPoolIdentity};
    use super::super::{schema, tests};
    use super::*;
    use crate::iam::Principal;
    use serde_json::{Map, json};

    fn callers() -> [(&'static str, Caller); 4] {
        let user = |groups: &[&str]| {
            let mut claims = Map::new();
            claims.insert("cognito:groups".to_owned(), json!(groups));
            Caller::UserPools(UserPoolIdentity {
                sub: "s".to_owned(),
                issuer: "i".to_owned(),
                username: "u".to_owned(),
                claims,
            })
        };
        let principal = Principal { arn: "a".to_owned(), policy: None };
        let iam = IamIdentity { account_id: "1".to_owned(), username: "u".to_owned(), principal, identity_pool: None };
        [("key", Caller::ApiKey), ("iam", Caller::Iam(iam)), ("user", user(&[])), ("staff", user(&["staff"]))]
    }

    fn allowed(text: &str, settings: &Settings, type_name: &str, field: &str) -> Vec<&'static str> {
        let schema = schema::load(text, settings).unwrap();
        let field = schema.type_field(type_name, field).unwrap();
        let authorization = Authorization::new(settings);
        callers()
            .iter()
            .filter(|(_, caller)| authorization.allows(&schema, type_name, field, caller))
            .map(|(name, _)| *name)
            .collect()
    }

    #[test]
    fn the_field_decides_before_its_type_and_its_type_before_the_default() {
        let text = r#"
            type Query { bare: Bare open: Int @aws_api_key
                staff: Int @aws_iam @aws_cognito_user_pools(cognito_groups: ["staff", "admin"])
                aws_auth: Int @aws_auth(cognito_groups: ["staff"]) }
            type Bare { a: Int  b: Int @aws_iam }
            type Marked @aws_api_key @aws_iam { a: Int  b: Int @aws_cognito_user_pools }
        "#;
        let settings = tests::settings();
        for (type_name, field, expected) in [
            ("Query", "bare", &["user", "staff"][..]),
            ("Query", "open", &["key"]),
            ("Query", "staff", &["iam", "staff"]),
            ("Query", "aws_auth", &["user", "staff"]),
            ("Bare", "a", &["user", "staff"]),
            ("Bare", "b", &["iam"]),
            ("Marked", "a", &["key", "iam"]),
            ("Marked", "b", &["user", "staff"]),
        ] {
            assert_eq!(allowed(text, &settings, type_name, field), expected, "{type_name}.{field}");
        }
    }

    #[test]
    fn aws_auth_counts_only_where_the_user_pool_is_the_only_mode() {
        let settings = Settings { additional_modes: Vec::new(), ..tests::settings() };
        let text = r#"type Query { a: Int @aws_auth(cognito_groups: ["staff"]) }"#;
        assert_eq!(allowed(text, &settings, "Query", "a"), ["staff"]);
    }

    #[test]
    fn subscription_fields_follow_the_same_rules() {
        let text = include_str!("../../../schema.graphql");
        let settings = tests::settings();
        for (field, expected) in [
            ("orderFulfilled", &["key", "iam", "user", "staff"][..]),
            ("ordersChanged", &["iam", "user", "staff"]),
            ("anyOrderChanged", &["iam", "staff"]),
        ] {
            assert_eq!(allowed(text, &settings, "Subscription", field), expected, "{field}");
        }
    }
}
