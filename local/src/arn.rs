//! Amazon Resource Names: where a resource lives, read from `arn:partition:service:region:account:resource`.

/// The parts of a resource name that other names of the same stack are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arn {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
}

impl Arn {
    /// Reads a resource name; `None` if it is not one, or not one of `service`.
    pub(crate) fn parse(arn: &str, service: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let partition = parts.next().filter(|part| !part.is_empty())?;
        if parts.next() != Some(service) {
            return None;
        }
        let region = parts.next().filter(|part| !part.is_empty())?;
        let account = parts.next().filter(|part| !part.is_empty())?;
        parts.next().filter(|resource| !resource.is_empty())?;
        Some(Self { partition: partition.to_owned(), region: region.to_owned(), account: account.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_name_of_the_service_is_one() {
        let arn = Arn::parse("arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01", "dynamodb");
        assert_eq!(arn.map(|arn| (arn.region, arn.account)), Some(("eu-west-1".to_owned(), "123456789012".to_owned())));
        for not in ["", "orders", "arn:aws:dynamodb::123:table/x", "arn:aws:dynamodb:eu-west-1:123456789012"] {
            assert_eq!(Arn::parse(not, "dynamodb"), None, "{not}");
        }
        assert_eq!(Arn::parse("arn:aws:events:eu-west-1:123456789012:rule/x", "dynamodb"), None);
    }
}
