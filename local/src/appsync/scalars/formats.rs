//! Which texts are dates, times, addresses and numbers of AppSync's scalars.

use std::net::IpAddr;
use std::str::FromStr as _;

use jiff::civil::{Date, Time};

/// `YYYY-MM-DD` and, if wanted, an offset. Years may be negative.
pub(super) fn is_date(text: &str) -> bool {
    date_then_rest(text).is_some_and(|rest| rest.is_empty() || is_offset(rest))
}

/// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.n` with up to nine digits and, if wanted, an offset.
pub(super) fn is_time(text: &str) -> bool {
    time_then_rest(text).is_some_and(|rest| rest.is_empty() || is_offset(rest))
}

/// A date, `T`, a time and an offset that must be there. Seconds may be left out.
pub(super) fn is_date_time(text: &str) -> bool {
    date_then_rest(text).and_then(|rest| rest.strip_prefix('T')).and_then(time_then_rest).is_some_and(is_offset)
}

/// `local@domain`, as RFC 822 has it: the local part may be quoted, the domain need not have a dot.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let is_atom = |character: char| {
        !character.is_whitespace() && !character.is_control() && !"()<>[]:;@\\,\"".contains(character)
    };
    let dotted = !local.is_empty() && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_alphanumeric() || character == '-')
    };
    (quoted || dotted) && domain.split('.').all(is_label)
}

/// Any scheme, which must be there; the path has no `//`.
pub(super) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character));
    let path = rest.strip_prefix("//").unwrap_or(rest).split(['?', '#']).next().unwrap_or_default();
    is_scheme
        && !rest.trim_start_matches('/').is_empty()
        && !path.contains("//")
        && !rest.chars().any(|character| character.is_whitespace() || character.is_control())
}

/// A number that could be dialled: with `+` and 7 to 15 digits, else by the North American Numbering Plan, where
/// neither area code nor exchange begins with 0 or 1. Groups may be separated by spaces or hyphens.
///
/// AppSync knows which numbers are really assigned; this does not, and so accepts more.
pub(super) fn is_phone(text: &str) -> bool {
    let (digits, international) = text.strip_prefix('+').map_or((text, false), |digits| (digits, true));
    let groups = || digits.split([' ', '-']);
    if !groups().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    let digits: String = groups().collect();
    if international {
        return (7..=15).contains(&digits.len()) && !digits.starts_with('0');
    }
    let national = if digits.len() == 11 { digits.strip_prefix('1').unwrap_or_default() } else { &digits };
    national.len() == 10 && [0, 3].iter().all(|&at| national.as_bytes()[at] >= b'2')
}

/// IPv4 or IPv6 without brackets and, if wanted, the length of a prefix.
pub(super) fn is_ip_address(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let Ok(address) = IpAddr::from_str(address) else { return false };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| {
        prefix.len() <= 3
            && prefix.bytes().all(|byte| byte.is_ascii_digit())
            && prefix.parse().is_ok_and(|length: u8| length <= bits)
    })
}

/// What comes after the date at the beginning of `text`.
fn date_then_rest(text: &str) -> Option<&str> {
    let (text, negative) = text.strip_prefix('-').map_or((text, false), |text| (text, true));
    let (year, rest) = digits::<4>(text)?;
    let (month, rest) = digits::<2>(rest.strip_prefix('-')?)?;
    let (day, rest) = digits::<2>(rest.strip_prefix('-')?)?;
    let year = if negative { -year } else { year };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(rest)
}

/// What comes after the time at the beginning of `text`.
fn time_then_rest(text: &str) -> Option<&str> {
    let (hour, rest) = digits::<2>(text)?;
    let (minute, rest) = digits::<2>(rest.strip_prefix(':')?)?;
    let (second, rest) = rest.strip_prefix(':').map_or(Some((0, rest)), digits::<2>)?;
    let part = |value: i16| i8::try_from(value).ok();
    Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()?;
    let Some(fraction) = rest.strip_prefix('.') else { return Some(rest) };
    let end = fraction.bytes().take_while(u8::is_ascii_digit).count();
    // A fraction needs seconds before it: the text up to here is `hh:mm:ss`.
    (text.len() - rest.len() == 8 && (1..=9).contains(&end)).then(|| &fraction[end..])
}

/// `Z`, `±hh:mm` or `±hh:mm:ss`, up to 18 hours, as Java's `ZoneOffset` allows.
fn is_offset(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    text.strip_prefix(['+', '-'])
        .and_then(|text| {
            let (hours, rest) = digits::<2>(text)?;
            let (minutes, rest) = digits::<2>(rest.strip_prefix(':')?)?;
            let (seconds, rest) = rest.strip_prefix(':').map_or(Some((0, rest)), digits::<2>)?;
            Some(
                rest.is_empty()
                    && minutes < 60
                    && seconds < 60
                    && (hours < 18 || (hours, minutes, seconds) == (18, 0, 0)),
            )
        })
        .unwrap_or(false)
}

/// The number that exactly `N` digits at the beginning of `text` make, and what comes after them.
fn digits<const N: usize>(text: &str) -> Option<(i16, &str)> {
    let (digits, rest) = text.split_at_checked(N)?;
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(is(text), "{text} should be accepted");
        }
        for text in bad {
            assert!(!is(text), "{text} should be refused");
        }
    }

    #[test]
    fn dates() {
        check(
            is_date,
            &["2024-02-29", "1970-01-01Z", "1970-01-01+05:30", "1970-01-01-07:00:30", "-0044-03-15", "0000-01-01"],
            &["2023-02-29", "2024-13-01", "2024-1-1", "24-01-01", "2024-01-01T", "2024-01-01+5", "", "２０２４-01-01"],
        );
    }

    #[test]
    fn times() {
        check(
            is_time,
            &["12:30", "12:30:24", "12:30:24.5", "12:30:24.123456789", "12:30Z", "12:30:24-07:00", "00:00"],
            &["24:00", "12:60", "12:30:60", "1:30", "12", "12:30.5", "12:30:24.", "12:30:24.1234567890", "12:30+19:00"],
        );
    }

    #[test]
    fn date_times() {
        check(
            is_date_time,
            &[
                "2020-01-01T00:00+00:00",
                "2020-01-01T00:00Z",
                "2020-01-01T00:00:00.000Z",
                "2020-01-01T00:00:00.123456789-18:00",
                "2020-01-01T00:00:00+05:30:15",
                "-2020-01-01T00:00Z",
            ],
            &[
                "2020-01-01T00:00:00",
                "2020-01-01 00:00Z",
                "2020-01-01T0:00Z",
                "2020-01-01",
                "2020-01-01T00:00z",
                "2020-02-30T00:00Z",
                "2020-01-01T00:00+18:01",
                "2020-01-01T00:00Zx",
                "",
            ],
        );
    }

    #[test]
    fn emails() {
        check(
            is_email,
            &["a@b.example", "first.last+tag@sub.example.com", "a@localhost", "\"a b\"@example.com", "ü@example.com"],
            &["", "a", "@example.com", "a@", "a b@example.com", "a..b@example.com", "a@-x.com", "a@b@c.com", "a@b..c"],
        );
    }

    #[test]
    fn urls() {
        check(
            is_url,
            &["https://example.com", "http://localhost/", "mailto:a@b.example", "ftp://x/y?z=//#//", "a+b:c"],
            &["example.com", "//example.com", "https://example.com//a", "https://", "1:a", "https://a b", ""],
        );
    }

    #[test]
    fn phones() {
        check(
            is_phone,
            &["+4930123456", "+1 555-555-5555", "555-867-5309", "1-202-555-0143", "2025550143", "+44 20 7946 0958"],
            &[
                "",
                "+",
                "1110004444",
                "12345",
                "+0123456789",
                "202555014x",
                "2021550143",
                "202--5550143",
                "+1234567890123456",
            ],
        );
    }

    #[test]
    fn ip_addresses() {
        check(
            is_ip_address,
            &["127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "1.2.3.4/0"],
            &["", "256.0.0.1", "1.2.3", "[::1]", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "1.2.3.4/8/8"],
        );
    }
}
