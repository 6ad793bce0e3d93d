//! What a function says about the records of a batch, when it may say more than yes or no.

use serde::Deserialize;

use super::record::Record;

/// What became of a batch according to the function's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every record is done.
    Success,
    /// The records before this place in the batch are done, those from it on are not.
    FailedFrom(usize),
    /// Nothing is known to be done.
    Failure,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    batch_item_failures: Option<Vec<ItemFailure>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    #[serde(default)]
    item_identifier: Option<String>,
}

/// Reads `ReportBatchItemFailures`: the lowest sequence number listed is where to go on, whatever was done after it.
/// An identifier that is missing, empty or of no record of the batch fails all of it.
pub(super) fn read(response: &[u8], batch: &[Record]) -> Verdict {
    if response.trim_ascii().is_empty() {
        return Verdict::Success;
    }
    let failures = match serde_json::from_slice::<Option<Response>>(response) {
        Ok(response) => response.and_then(|response| response.batch_item_failures).unwrap_or_default(),
        Err(_) => return Verdict::Failure,
    };
    let mut lowest = None;
    for failure in failures {
        let Some(identifier) = failure.item_identifier else { return Verdict::Failure };
        let Some(place) = batch.iter().position(|record| record.sequence_number() == identifier) else {
            return Verdict::Failure;
        };
        lowest = Some(lowest.map_or(place, |lowest: usize| lowest.min(place)));
    }
    lowest.map_or(Verdict::Success, Verdict::FailedFrom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(response: &str) -> Verdict {
        read(response.as_bytes(), &[9, 10, 11].map(Record::numbered))
    }

    fn listing(numbers: &[i64]) -> String {
        let failures: Vec<_> = numbers
            .iter()
            .map(|number| format!(r#"{{"itemIdentifier":"{}"}}"#, Record::numbered(*number).sequence_number()))
            .collect();
        format!(r#"{{"batchItemFailures":[{}]}}"#, failures.join(","))
    }

    #[test]
    fn an_answer_that_lists_nothing_is_a_success() {
        for answer in ["", " ", "null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#] {
            assert_eq!(verdict(answer), Verdict::Success, "{answer}");
        }
    }

    #[test]
    fn the_lowest_number_counts_as_a_number_and_wherever_it_is_listed() {
        assert_eq!(verdict(&listing(&[11])), Verdict::FailedFrom(2));
        assert_eq!(verdict(&listing(&[11, 10])), Verdict::FailedFrom(1));
        assert_eq!(verdict(&listing(&[10, 9, 11])), Verdict::FailedFrom(0));
    }

    #[test]
    fn an_identifier_of_nothing_fails_the_batch() {
        for answer in [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"100000000000000000010"}]}"#,
            r#"{"batchItemFailures":["100000000000000000010"]}"#,
            r#"{"batchItemFailures":{}}"#,
            "not JSON",
            "true",
        ] {
            assert_eq!(verdict(answer), Verdict::Failure, "{answer}");
        }
        assert_eq!(verdict(&listing(&[12])), Verdict::Failure);
        assert_eq!(verdict(&listing(&[10, 12])), Verdict::Failure);
    }
}
