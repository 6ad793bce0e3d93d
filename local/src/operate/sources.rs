//! Lists of orders, as `cargo run -- rethink open` writes them: one JSON object in each line, with at least an `id`.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use resolvers::order::Id;
use serde::Deserialize;

use super::Error;

/// A list that is read line by line, however long it is.
pub(super) struct List {
    name: String,
    lines: Box<dyn BufRead>,
    number: usize,
}

#[derive(Deserialize)]
struct Line {
    id: Id,
}

impl List {
    /// Opens a list; `-` is standard input.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let lines: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(stdin().lock())
        } else {
            let file = File::open(path).map_err(|error| Error::List(name.clone(), error))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { name, lines, number: 0 })
    }

    /// The next order; `Ok(Err(…))` says which line is none. `None` at the end.
    ///
    /// # Errors
    /// If the list cannot be read on.
    pub(super) fn next(&mut self) -> Result<Option<Result<Id, String>>, Error> {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).map_err(|error| Error::List(self.name.clone(), error))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.trim().is_empty() {
                continue;
            }
            let order: Result<Line, _> = serde_json::from_str(&line);
            return Ok(Some(order.map(|order| order.id).map_err(|_| {
                format!("line {} of {} is no JSON object with the id of an order", self.number, self.name)
            })));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_line_by_line_and_a_bad_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("open.jsonl");
        std::fs::write(&path, "{\"id\":\"a\",\"why\":\"NO_OUTCOME\"}\n\n{\"why\":\"x\"}\n{\"id\":\"b\"}").unwrap();
        let mut list = List::open(&path).unwrap();
        assert_eq!(list.next().unwrap(), Some(Ok(Id::from("a"))));
        let told = list.next().unwrap().unwrap().unwrap_err();
        assert!(told.starts_with("line 3 of ") && told.contains("open.jsonl"), "{told}");
        assert_eq!(list.next().unwrap(), Some(Ok(Id::from("b"))));
        assert_eq!(list.next().unwrap(), None);
        assert!(matches!(List::open(&directory.path().join("no")), Err(Error::List(..))));
    }
}
