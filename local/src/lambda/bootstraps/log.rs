//! What processes print: line by line to this server's log, each with the name of its function.

use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value};

/// How much of a line is shown, in bytes.
const LONGEST_LINE: usize = 16 * 1024;

/// Reads until nobody holds the other end any more.
pub(super) fn follow(function: &str, output: impl Read) {
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        match read_line(&mut reader, &mut line) {
            Ok(true) => show(function, &line),
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(function, %error, "what the function prints cannot be read any more");
                return;
            }
        }
    }
}

/// Reads to the end of a line and keeps as much of it as is shown. `false` at the end of all.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let (mut any, mut cut) = (false, false);
    loop {
        let piece = match reader.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        if piece.is_empty() {
            break;
        }
        any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let part = &piece[..end.unwrap_or(piece.len())];
        let room = LONGEST_LINE - line.len();
        cut |= part.len() > room;
        line.extend_from_slice(&part[..part.len().min(room)]);
        let read = end.map_or(piece.len(), |end| end + 1);
        reader.consume(read);
        if end.is_some() {
            break;
        }
    }
    if cut {
        line.extend_from_slice("…".as_bytes());
    }
    Ok(any)
}

fn show(function: &str, line: &[u8]) {
    let (level, text) = read(line);
    match level {
        tracing::Level::ERROR => tracing::error!(function, "{text}"),
        tracing::Level::WARN => tracing::warn!(function, "{text}"),
        tracing::Level::INFO => tracing::info!(function, "{text}"),
        tracing::Level::DEBUG => tracing::debug!(function, "{text}"),
        tracing::Level::TRACE => tracing::trace!(function, "{text}"),
    }
}

/// How important a line is, and how it reads on a console. Of what `tracing` writes as JSON: the message and the fields.
/// Metrics are for `CloudWatch`, which reads them out of the log: shown in detail only. Everything else: as it is.
fn read(line: &[u8]) -> (tracing::Level, String) {
    let as_it_is = || String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
    let Ok(object) = serde_json::from_slice::<Map<String, Value>>(line) else {
        return (tracing::Level::INFO, as_it_is());
    };
    if object.contains_key("_aws") {
        return (tracing::Level::DEBUG, as_it_is());
    }
    let level = object.get("level").and_then(Value::as_str).and_then(|level| level.parse().ok());
    let (Some(level), Some(Value::Object(fields))) = (level, object.get("fields")) else {
        return (tracing::Level::INFO, as_it_is());
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let message = fields.get("message").map(text);
    let others = fields.iter().filter(|(name, _)| *name != "message");
    let words = message.into_iter().chain(others.map(|(name, value)| format!("{name}={}", text(value))));
    (level, words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn what_tracing_writes_is_shown_like_what_this_server_says() {
        let line =
            br#"{"level":"WARN","fields":{"message":"put off","order_id":"o","attempts":3},"span":{"name":"x"}}"#;
        assert_eq!(read(line), (Level::WARN, "put off attempts=3 order_id=o".to_owned()));
        assert_eq!(read(br#"{"_aws":{},"level":"INFO","fields":{}}"#).0, Level::DEBUG);
        for other in ["thread 'main' panicked at x.rs:1", "{\"a\":1}", "{", "", "[]", "7"] {
            assert_eq!(read(format!("{other}\r").as_bytes()), (Level::INFO, other.to_owned()));
        }
        assert_eq!(read(b"\xff").1, "\u{fffd}");
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let text = ["x".repeat(3 * LONGEST_LINE), "short".to_owned(), String::new(), "last".to_owned()].join("\n");
        let mut reader = BufReader::with_capacity(1000, text.as_bytes());
        let (mut line, mut lines) = (Vec::new(), Vec::new());
        while read_line(&mut reader, &mut line).unwrap() {
            lines.push(String::from_utf8(line.clone()).unwrap());
        }
        assert_eq!(lines, ["x".repeat(LONGEST_LINE) + "…", "short".to_owned(), String::new(), "last".to_owned()]);
    }
}
