//! What no output may hold, whatever happened: who ordered what, and how somebody proves who they are.
//!
//! Whatever a program says that the tests start is searched when its [`Home`](super::Home) goes, and everything that the
//! Lambdas log in `tests/lambdas`. E-mail addresses, tokens, signatures and API keys are found by their shape; names,
//! addresses and whole documents by what the tests' own orders hold: the people of a new test are to be among
//! [`PERSONAL`]. Ids of orders, of users and of access keys are no secrets: logs are there to be followed by them.

/// Parts of the names and addresses, and of the orders, that the tests and `fixtures/` are about.
pub(crate) const PERSONAL: [&str; 21] = [
    "Ada L",
    "Lovelace",
    "1 Main St",
    "Flat 2",
    "London",
    "Hopper",
    "Hamburg",
    "Kajen",
    "Rechnungsweg",
    "+49 40",
    "Somerville",
    "Edinburgh",
    "milie du Ch",
    "Sophie Germain",
    "Bahnhofstrasse",
    "ring twice",
    "APPLE",
    "PEAR",
    "\"sku\"",
    "\\\"sku",
    "sku:",
];

/// What a text gives away, each with the line that does so.
pub(crate) fn given_away(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| Some(format!("{}: {line:.300}", what(line)?)));
    lines.take(10).collect()
}

/// What a line gives away, if anything.
fn what(line: &str) -> Option<&'static str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "._+-@=/:~".contains(letter);
    if PERSONAL.iter().any(|personal| line.contains(personal)) {
        return Some("somebody's order");
    }
    line.split(|letter| !is_word(letter)).find_map(of_word)
}

fn of_word(word: &str) -> Option<&'static str> {
    let is_part =
        |part: &str| part.len() >= 10 && part.chars().all(|it| it.is_ascii_alphanumeric() || "-_".contains(it));
    let is_address = |word: &str| {
        let (name, host) = word.split_once('@')?;
        let host = host.trim_end_matches(['.', ':']);
        Some(name.chars().any(char::is_alphanumeric) && host.contains('.'))
    };
    if is_address(word) == Some(true) {
        Some("an e-mail address")
    } else if word
        .find("eyJ")
        .is_some_and(|start| word[start..].split('.').take_while(|part| is_part(part)).count() > 1)
    {
        Some("a token")
    } else if word
        .find("da2-")
        .is_some_and(|start| word[start + 4..].chars().take_while(char::is_ascii_alphanumeric).count() >= 26)
    {
        Some("an API key")
    } else if word.starts_with("Signature=") || word.starts_with("X-Amz-Signature=") {
        Some("a signature")
    } else {
        None
    }
}
