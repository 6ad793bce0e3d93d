//! Interpreting: whatever comes, it is read without a panic, and what it says can be relied on.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use resolvers::order::formats::{FORMATS, Interpretation, interpret};

use crate::config;
use crate::documents::{Mutation, NAMES, STUMBLING_BLOCKS, Tree, What, fixture_of, fixtures};
use crate::invariants::{claimants, hold};

/// Any JSON, with names and values that formats look at.
fn json() -> impl Strategy<Value = Tree> {
    let scalar = prop_oneof![
        4 => select(STUMBLING_BLOCKS).prop_map(|text| Tree::Scalar(text.to_owned())),
        1 => any::<i64>().prop_map(|number| Tree::Scalar(number.to_string())),
        1 => any::<String>().prop_map(|text| Tree::Scalar(serde_json::to_string(&text).unwrap())),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::vec((name(), inner), 0..7).prop_map(Tree::Object),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => select(NAMES).prop_map(str::to_owned), 1 => any::<String>()]
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let what = prop_oneof![
        4 => json().prop_map(What::Become),
        2 => (name(), json()).prop_map(|(name, value)| What::Gain(name, value)),
        2 => Just(What::Vanish),
        1 => Just(What::Repeat),
        1 => name().prop_map(What::Rename),
    ];
    prop::collection::vec((any::<usize>(), what).prop_map(|(place, what)| Mutation { place, what }), 1..8)
}

fn formats() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name).collect()
}

/// A fixture with some of its parts changed.
fn near_a_fixture() -> impl Strategy<Value = String> {
    (select(fixtures()), mutations()).prop_map(|(fixture, mutations)| {
        let mut tree = Tree::of(&fixture.text);
        for mutation in &mutations {
            tree.mutate(mutation);
        }
        tree.to_string()
    })
}

/// The members of two fixtures in one document: one is told from the other, or nobody reads it.
fn two_in_one() -> impl Strategy<Value = String> {
    (select(fixtures()), select(fixtures()), any::<u64>()).prop_map(|(one, other, taken)| {
        let (Tree::Object(mut members), Tree::Object(others)) = (Tree::of(&one.text), Tree::of(&other.text)) else {
            unreachable!("a fixture is an object")
        };
        members.extend(
            others
                .into_iter()
                .enumerate()
                .filter(|(index, _)| taken >> (index % 64) & 1 == 1)
                .map(|(_, member)| member),
        );
        Tree::Object(members).to_string()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_json_is_read(document in json()) {
        hold(&document.to_string());
    }

    #[test]
    fn any_text_is_read(document in any::<String>()) {
        hold(&document);
    }

    #[test]
    fn what_is_nearly_an_order_is_read(documents in prop::collection::vec(near_a_fixture(), 16)) {
        for document in documents {
            hold(&document);
        }
    }

    #[test]
    fn two_orders_in_one_document_are_not_claimed_twice(document in two_in_one()) {
        hold(&document);
    }

    #[test]
    fn lines_stay_where_they_are_when_another_one_cannot_be_read(
        format in select(formats()),
        broken in any::<Index>(),
        garbage in select(&["{}", "[]", "{\"a\": 1}", "[[0]]"]),
    ) {
        let mut tree = Tree::of(fixture_of(format));
        let before = interpret(&tree.to_string());
        let broken = broken.get(&before.reading.lines).id.clone();
        match tree.at(broken.as_str()).unwrap() {
            Tree::Object(members) => {
                // Nothing in it is what it should be, the quantity included, whatever its name.
                for (_, value) in members {
                    *value = Tree::Scalar(garbage.to_owned());
                }
            }
            line => *line = Tree::Scalar("null".to_owned()),
        }
        let after = hold(&tree.to_string());
        prop_assert!(!after.understood());
        let others = |interpretation: &Interpretation| {
            let lines = interpretation.reading.lines.iter().filter(|line| line.id != broken);
            lines.cloned().collect::<Vec<_>>()
        };
        prop_assert_eq!(others(&before), others(&after));
    }

    #[test]
    fn lines_stay_where_they_are_when_other_parts_are_read_differently(
        format in select(formats()),
        member in any::<Index>(),
        value in json(),
        gained in prop::option::of(json()),
    ) {
        let mut tree = Tree::of(fixture_of(format));
        let before = interpret(&tree.to_string());
        // `<order>/<list>/<index>`
        let line = before.reading.lines[0].id.to_string();
        let (list, _) = line.rsplit_once('/').unwrap();
        let (order, list) = list.rsplit_once('/').unwrap();
        let Tree::Object(members) = tree.at(order).unwrap() else { unreachable!("an order is an object") };
        let mut others: Vec<_> = members.iter_mut().filter(|(name, _)| name != list).collect();
        let index = member.index(others.len());
        others[index].1 = value;
        members.extend(gained.map(|value| ("nobody knows this".to_owned(), value)));
        let document = tree.to_string();
        let after = hold(&document);
        // What a document is known by was among the other parts.
        prop_assume!(claimants(&document) == [format]);
        // A price depends on a currency, which stands elsewhere; nothing else does.
        let lines = |interpretation: Interpretation| {
            let lines = interpretation.reading.lines.into_iter();
            lines.map(|line| (line.id, line.sku, line.title, line.quantity)).collect::<Vec<_>>()
        };
        prop_assert_eq!(lines(before), lines(after));
    }
}

#[test]
fn each_fixture_is_claimed_by_its_own_format_alone() {
    for fixture in fixtures() {
        let format = FORMATS.iter().map(|format| format.name).find(|name| *name == fixture.name);
        let claimants = claimants(&fixture.text);
        match (format, fixture.name.as_str()) {
            (Some(format), _) => assert_eq!(claimants, [format]),
            (None, "not-understood") => assert_eq!(claimants, Vec::<&str>::new()),
            (None, name) => assert_eq!(claimants.len(), 1, "{name}: {claimants:?}"),
        }
    }
}

/// Every pair of a fixture and one member less, or one member of another fixture more.
#[test]
fn one_member_more_or_less_never_makes_two_formats_claim_it() {
    for fixture in fixtures() {
        let Tree::Object(members) = Tree::of(&fixture.text) else { unreachable!("a fixture is an object") };
        for index in 0..members.len() {
            let mut less = members.clone();
            less.remove(index);
            hold(&Tree::Object(less).to_string());
        }
        for other in fixtures() {
            let Tree::Object(others) = Tree::of(&other.text) else { unreachable!("a fixture is an object") };
            for member in others {
                let more = members.iter().cloned().chain([member]).collect();
                hold(&Tree::Object(more).to_string());
            }
        }
    }
}
