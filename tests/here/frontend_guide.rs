//! Somebody copies from `docs/frontends.md`: what is there is what the clients' tests run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The files of which the guide shows all.
const SHOWN: [&str; 7] = [
    "tests/clients/amplify/orders.ts",
    "tests/clients/apollo/appsync.graphql",
    "tests/clients/apollo/client.ts",
    "tests/clients/apollo/codegen.ts",
    "tests/clients/apollo/orders.graphql",
    "tests/clients/apollo/orders.ts",
    "tests/clients/gql/orders.py",
];

#[test]
fn every_block_of_the_guide_is_a_file_that_the_tests_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guide = fs::read_to_string(root.join("docs/frontends.md")).expect("the guide");
    let mut shown = BTreeSet::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        match fence.split_once(' ') {
            Some((_, path)) => {
                let file = fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(file.lines().eq(block), "{path} and the guide differ");
                shown.insert(path);
            }
            None => assert!(matches!(fence, "sh" | "json"), "a block of {fence} names no file that is tested"),
        }
    }
    assert_eq!(shown, BTreeSet::from(SHOWN));
}
