//! What a format must come with. `docs/adding-a-format.md` tells how.

use std::path::{Path, PathBuf};

use resolvers::order::formats::{FORMATS, interpret};
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the files of a format are called.
fn file_name(format: &str) -> String {
    format.replace(|c: char| !c.is_alphanumeric(), "_")
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_format_has_an_order_among_the_fixtures_that_it_reads_and_that_ships() {
    for format in FORMATS {
        let name = format.name;
        let stored = json(&format!("fixtures/{name}/3-order.item.json"));
        let interpretation = interpret(stored["document"]["S"].as_str().unwrap());
        assert_eq!((interpretation.format, &interpretation.problems), (Some(name), &vec![]), "fixtures/{name}");
        let order = json(&format!("fixtures/{name}/10-order.json"));
        assert_eq!((&order["format"], &order["status"]), (&name.into(), &"FULFILLED".into()), "fixtures/{name}");
    }
}

#[test]
fn every_format_names_a_source_that_can_be_looked_up() {
    for format in FORMATS {
        let file = format.source.split(',').next().unwrap_or_default();
        let known = format.source.starts_with("https://") || repository().join(file).is_file();
        assert!(known, "{}: {:?} is neither an address nor a file of this repository", format.name, format.source);
    }
}

#[test]
fn every_format_says_at_the_top_of_its_file_how_it_reads() {
    for format in FORMATS {
        let path = format!("resolvers/src/order/formats/{}.rs", file_name(format.name));
        let text = read(&path);
        let top = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(text.starts_with(&format!("//! `{}`: ", format.name)) && top >= 3, "{path} begins with no description");
    }
}

#[test]
fn every_format_is_a_row_in_the_readme() {
    let readme = read("README.md");
    for format in FORMATS {
        assert!(readme.contains(&format!("\n| `{}` | ", format.name)), "{} is not in README.md", format.name);
    }
}

#[test]
fn every_format_has_a_fuzz_target() {
    let manifest = read("resolvers/fuzz/Cargo.toml");
    for format in FORMATS {
        let path = format!("fuzz_targets/{}.rs", file_name(format.name));
        assert!(manifest.contains(&format!("path = \"{path}\"")), "{path} is not in resolvers/fuzz/Cargo.toml");
        let target = read(&format!("resolvers/fuzz/{path}"));
        assert!(target.contains(&format!("try_format(\"{}\", data)", format.name)), "{path} tries something else");
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FORMATS.len());
}
