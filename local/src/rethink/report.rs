//! A comparison as a person reads it, or as JSON lines.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::compare::{Comparison, Outcome};

/// How much of a value is shown to a person.
const SHOWN: usize = 100;

/// As a person reads it.
pub(super) fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    let number = |outcome| comparison.outcomes.get(&outcome).copied().unwrap_or_default();
    for outcome in Outcome::ALL.into_iter().rev() {
        let _ = writeln!(text, "{:<22}{:>12}", outcome.name(), number(outcome));
    }
    for (name, number) in [
        ("only now", comparison.only_now),
        ("only in the record", comparison.only_before),
        ("erased", comparison.erased),
    ] {
        if number > 0 {
            let _ = writeln!(text, "{name:<22}{number:>12}");
        }
    }
    formats(comparison, &mut text);
    for outcome in Outcome::ALL {
        let first: Vec<_> = comparison.first.iter().filter(|changed| changed.outcome == outcome).collect();
        if !first.is_empty() {
            let of = format!("{} of {}", first.len(), number(outcome));
            let _ = writeln!(text, "\n{}, {of}:", outcome.name());
        }
        for changed in first {
            let _ = writeln!(text, "  {}", changed.id);
            for difference in &changed.differences {
                let (before, after) = (short(&difference.before), short(&difference.after));
                let _ = writeln!(text, "    {}: {before} -> {after}", difference.field);
            }
        }
    }
    text
}

/// A table: a line for each format, a column for each outcome that there is.
fn formats(comparison: &Comparison, text: &mut String) {
    let there = |outcome: &Outcome| comparison.outcomes.contains_key(outcome);
    let columns: Vec<_> = Outcome::ALL.into_iter().rev().filter(there).collect();
    let width = comparison.formats.keys().map(String::len).max().unwrap_or_default().max("format".len()) + 2;
    let _ = write!(text, "\n{:<width$}", "format");
    for outcome in &columns {
        let _ = write!(text, "{:>column$}", outcome.name(), column = column(*outcome));
    }
    text.push('\n');
    for (format, numbers) in &comparison.formats {
        let _ = write!(text, "{format:<width$}");
        for outcome in &columns {
            let number = numbers.get(outcome).copied().unwrap_or_default();
            let _ = write!(text, "{number:>column$}", column = column(*outcome));
        }
        text.push('\n');
    }
}

fn column(outcome: Outcome) -> usize {
    outcome.name().len().max(10) + 2
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// As JSON lines: one for each order that is shown, then one with all numbers.
pub(super) fn json_lines(comparison: &Comparison) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for changed in &comparison.first {
        let _ = writeln!(text, "{}", serde_json::to_string(changed)?);
    }
    let numbers = |numbers: &super::compare::Numbers| -> Result<Map<String, Value>, serde_json::Error> {
        let number = |outcome: Outcome| -> Result<(String, Value), serde_json::Error> {
            let name = serde_json::to_value(outcome)?;
            let number = numbers.get(&outcome).copied().unwrap_or_default();
            Ok((name.as_str().unwrap_or_default().to_owned(), number.into()))
        };
        Outcome::ALL.into_iter().map(number).collect()
    };
    let formats = comparison.formats.iter().map(|(format, of)| Ok((format.clone(), Value::Object(numbers(of)?))));
    let summary = json!({
        "outcomes": numbers(&comparison.outcomes)?,
        "formats": formats.collect::<Result<Map<_, _>, serde_json::Error>>()?,
        "onlyNow": comparison.only_now,
        "onlyInTheRecord": comparison.only_before,
        "erased": comparison.erased,
    });
    let _ = writeln!(text, "{}", json!({ "summary": summary }));
    Ok(text)
}
