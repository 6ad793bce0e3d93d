//! Chance that can be repeated: whatever is decided follows from the seed and from what it is decided about.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Decides. The same question always has the same answer, whatever else was decided before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice {
    seed: u64,
}

impl Dice {
    pub(crate) const fn of(seed: u64) -> Self {
        Self { seed }
    }

    fn digest(self, question: &[&str]) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(self.seed.to_be_bytes());
        for part in question {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        digest.finalize().into()
    }

    /// A number below `sides`.
    pub(crate) fn below(self, sides: usize, question: &[&str]) -> usize {
        let digest = self.digest(question);
        let mut start = [0; 8];
        start.copy_from_slice(&digest[..8]);
        usize::try_from(u64::from_be_bytes(start) % sides as u64).expect("it is below a usize")
    }

    /// Whether it happens, which it does in so many of a hundred cases.
    pub(crate) fn percent(self, percent: usize, question: &[&str]) -> bool {
        self.below(100, question) < percent
    }

    /// A UUID.
    pub(crate) fn uuid(self, question: &[&str]) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.digest(question)[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}
