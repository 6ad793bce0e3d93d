//! `AWS::Events::Rule`, at a rate.

use serde::Deserialize;

use super::error::Error;
use super::function::{FunctionSettings, called};
use super::permission::Permission;
use super::resources::Resources;
use crate::machine::{Machine, arn};
use crate::schedule::Rule;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    #[serde(rename = "Name")]
    _name: Option<String>,
    schedule_expression: Option<String>,
    state: Option<String>,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    arn: String,
}

/// The rules of a template that are enabled, one for each function that they invoke. Those that are not served are
/// warned of.
pub(super) fn rules(
    resources: &mut Resources,
    functions: &[FunctionSettings],
    permissions: &[Permission],
    machine: &Machine,
) -> Result<Vec<Rule>, Error> {
    let mut rules = Vec::new();
    for (described, properties) in resources.read::<Properties>("AWS::Events::Rule")? {
        if properties.state.as_deref() == Some("DISABLED") {
            continue;
        }
        let Some(minutes) = properties.schedule_expression.as_deref().and_then(minutes) else {
            let what = "it has no rate such as `rate(5 minutes)`, and never comes about here";
            resources.warn(described.property("ScheduleExpression"), what);
            continue;
        };
        for (at, target) in properties.targets.iter().enumerate() {
            let Some(function) = called(functions, &target.arn) else {
                let what = "it is no function of this template, and is not invoked here";
                resources.warn(described.property(&format!("Targets[{at}].Arn")), what);
                continue;
            };
            let arn = arn("events", &format!("rule/{}", described.name));
            if !permissions.iter().any(|permission| permission.lets("events.amazonaws.com", &arn, &function.name)) {
                let what = "no AWS::Lambda::Permission lets EventBridge invoke this function, and it does not here";
                resources.warn(described.property(&format!("Targets[{at}].Arn")), what);
                continue;
            }
            rules.push(Rule { arn, function_name: function.name.clone(), period: machine.minute * minutes });
        }
    }
    Ok(rules)
}

/// How many minutes a rate lasts. Source: EventBridge user guide, "Setting a schedule pattern that runs at regular
/// intervals".
fn minutes(expression: &str) -> Option<u32> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    let unit = match (number, unit) {
        (1, "minute") | (2.., "minutes") => 1,
        (1, "hour") | (2.., "hours") => 60,
        (1, "day") | (2.., "days") => 24 * 60,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn a_rate_is_a_number_of_minutes_hours_or_days() {
        for (expression, expected) in [
            ("rate(1 minute)", Some(1)),
            ("rate(5 minutes)", Some(5)),
            ("rate(1 hour)", Some(60)),
            ("rate(2 days)", Some(2880)),
            ("rate(1 minutes)", None),
            ("rate(0 minutes)", None),
            ("rate(1 week)", None),
            ("cron(0 12 * * ? *)", None),
        ] {
            assert_eq!(minutes(expression), expected, "{expression}");
        }
    }
}
