//! Who sends a request: a program of this machine, or a page in a browser. Servers that are for programs alone ask.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};

/// How a browser says whose page it is that sends a request. No page can change it.
pub(crate) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a program of this machine may have sent this, and not a page in a browser.
///
/// Any page may send requests to this machine, and one whose name somebody has pointed here (DNS rebinding) may read the
/// answers too. A browser tells by these headers, which a page cannot choose: the name by which it calls, where the page
/// comes from, and whether it was a page at all or somebody who typed an address. Programs send none but the first.
pub(crate) fn is_from_a_program(headers: &HeaderMap) -> bool {
    let is_here = headers.get_all(header::HOST).iter().all(|host| host.to_str().is_ok_and(is_loopback));
    let is_typed = headers.get_all(FETCH_SITE).iter().all(|site| site == "none");
    is_here && is_typed && !headers.contains_key(header::ORIGIN)
}

/// Whether a host, with or without a port, is a name of this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_from_a_page_by_what_browsers_say() {
        for (headers, expected) in [
            (&[("host", "127.0.0.1:8000")][..], true),
            (&[("host", "localhost")], true),
            (&[("host", "[::1]:8000")], true),
            (&[("host", "127.0.0.1"), ("sec-fetch-site", "none")], true),
            (&[], true),
            (&[("host", "evil.example:8000")], false),
            (&[("host", "127.0.0.1.evil.example")], false),
            (&[("host", "127.0.0.1"), ("host", "evil.example")], false),
            (&[("host", "")], false),
            (&[("host", "127.0.0.1:8000"), ("origin", "http://evil.example")], false),
            (&[("host", "127.0.0.1:8000"), ("origin", "http://127.0.0.1:8000")], false),
            (&[("host", "127.0.0.1:8000"), ("origin", "null")], false),
            (&[("host", "127.0.0.1"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "127.0.0.1"), ("sec-fetch-site", "same-origin")], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(HeaderName::from_static(name), value.parse().unwrap());
            }
            assert_eq!(is_from_a_program(&map), expected, "{headers:?}");
        }
    }
}
