//! What does not fit in memory, in a temporary file: entries by the hash of an order's id, cut into parts that do fit.
//!
//! Every part holds a range of hashes, so that the parts one after the other, each sorted, are all entries sorted by
//! hash and id. A part that is still too large is cut again.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much of a part is kept in memory before it is written.
const BUFFER: usize = 64 * 1024;
/// Into how many parts at most, as a power of two.
const MOST_BITS: u32 = 8;

/// The hash by which orders are sorted and cut into parts: FNV-1a with the finalizer of `MurmurHash3`, which spreads what
/// ids differ in over all bits. A record is sorted by it: another hash is another version of the record.
pub(super) fn hash(id: &str) -> u64 {
    let fnv = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// An entry of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry<'a> {
    /// The hash of the id.
    pub(super) hash: u64,
    /// The order's id.
    pub(super) id: &'a str,
    /// What was kept.
    pub(super) body: &'a [u8],
}

/// Entries in parts.
pub(super) struct Spill {
    /// The file, and how much is in it. It has no name: it goes with this value, however the process ends.
    file: Mutex<(File, u64)>,
    parts: Vec<Mutex<Part>>,
    /// How many bits of the hash are the same for all entries, and by how many more they are told apart.
    level: Level,
}

/// Which bits of a hash say to which part an entry belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    same: u32,
    bits: u32,
}

#[derive(Default)]
struct Part {
    buffer: Vec<u8>,
    written: Vec<(u64, usize)>,
    bytes: u64,
}

impl Level {
    /// For about that many entries, a few thousand in each part.
    pub(super) fn for_entries(entries: u64) -> Self {
        const IN_A_PART: u64 = 8_000;
        Self { same: 0, bits: (entries / IN_A_PART).max(1).next_power_of_two().ilog2().min(MOST_BITS) }
    }

    /// How to cut up one of the parts; `None` if its entries cannot be told apart any further.
    pub(super) fn below(self) -> Option<Self> {
        let same = self.same + self.bits;
        (same < u64::BITS).then(|| Self { same, bits: MOST_BITS.min(u64::BITS - same) })
    }

    /// How many parts there are.
    pub(super) fn parts(self) -> usize {
        1 << self.bits
    }

    fn part(self, hash: u64) -> usize {
        // Of 64 bits a shift by 64 leaves none.
        let left = hash.checked_shl(self.same).and_then(|hash| hash.checked_shr(u64::BITS - self.bits)).unwrap_or(0);
        usize::try_from(left).unwrap_or_default()
    }
}

impl Spill {
    /// An empty one, with its file in the directory for temporary files.
    pub(super) fn new(level: Level) -> io::Result<Self> {
        let parts = std::iter::repeat_with(Mutex::default).take(level.parts()).collect();
        Ok(Self { file: Mutex::new((tempfile::tempfile()?, 0)), parts, level })
    }

    /// Adds an entry.
    pub(super) fn put(&self, Entry { hash, id, body }: Entry<'_>) -> io::Result<()> {
        let mut part = locked(&self.parts[self.level.part(hash)]);
        let part = &mut *part;
        let before = part.buffer.len();
        part.buffer.extend_from_slice(&hash.to_le_bytes());
        put_bytes(&mut part.buffer, id.as_bytes());
        put_bytes(&mut part.buffer, body);
        part.bytes += (part.buffer.len() - before) as u64;
        if part.buffer.len() >= BUFFER {
            let mut file = locked(&self.file);
            let (file, end) = &mut *file;
            file.seek(SeekFrom::Start(*end))?;
            file.write_all(&part.buffer)?;
            part.written.push((*end, part.buffer.len()));
            *end += part.buffer.len() as u64;
            part.buffer.clear();
        }
        Ok(())
    }

    /// How the entries are cut into parts.
    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// How many bytes a part has.
    pub(super) fn bytes(&self, part: usize) -> u64 {
        locked(&self.parts[part]).bytes
    }

    /// All of a part, for [`entries`].
    pub(super) fn read(&self, part: usize) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        self.read_pieces(part, |piece| {
            all.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(all)
    }

    /// The entries of a part cut into parts themselves.
    pub(super) fn cut(&self, part: usize, level: Level) -> io::Result<Self> {
        let cut = Self::new(level)?;
        self.read_pieces(part, |piece| entries(piece).try_for_each(|entry| cut.put(entry)))?;
        Ok(cut)
    }

    fn read_pieces(&self, part: usize, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let part = locked(&self.parts[part]);
        let mut piece = Vec::new();
        for (start, length) in &part.written {
            piece.resize(*length, 0);
            {
                let mut file = locked(&self.file);
                file.0.seek(SeekFrom::Start(*start))?;
                file.0.read_exact(&mut piece)?;
            }
            each(&piece)?;
        }
        each(&part.buffer)
    }
}

/// The entries of a part, in the order in which they came.
pub(super) fn entries(mut part: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        let (hash, rest) = part.split_first_chunk()?;
        part = rest;
        let id = take_bytes(&mut part)?;
        let body = take_bytes(&mut part)?;
        Some(Entry { hash: u64::from_le_bytes(*hash), id: std::str::from_utf8(id).ok()?, body })
    })
}

/// Appends bytes so that [`take_bytes`] finds them again.
pub(super) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    to.extend_from_slice(bytes);
}

/// What [`put_bytes`] appended; `None` at the end.
pub(super) fn take_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk()?;
    let (bytes, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    *from = rest;
    Some(bytes)
}

/// A thread that panicked ends the process anyway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All entries of a spill, each part sorted, one part after the other.
    fn sorted(spill: &Spill) -> Vec<(u64, String, usize)> {
        let mut all = Vec::new();
        for part in 0..spill.level().parts() {
            let bytes = spill.read(part).unwrap();
            assert_eq!(bytes.len() as u64, spill.bytes(part));
            let mut part: Vec<_> = entries(&bytes).collect();
            part.sort_unstable();
            all.extend(part.iter().map(|entry| (entry.hash, entry.id.to_owned(), entry.body.len())));
        }
        all
    }

    #[test]
    fn parts_one_after_the_other_are_sorted_however_many_there_are() {
        let ids: Vec<_> = (0..3_000).map(|number| format!("order-{number}")).collect();
        let mut expected: Vec<_> = ids.iter().map(|id| (hash(id), id.clone(), id.len() * 40)).collect();
        expected.sort();
        for entries in [0, 8_001, 100_000, u64::MAX] {
            let spill = Spill::new(Level::for_entries(entries)).unwrap();
            for id in &ids {
                spill.put(Entry { hash: hash(id), id, body: &vec![7; id.len() * 40] }).unwrap();
            }
            assert_eq!(sorted(&spill), expected, "{:?}", spill.level());
            let part = spill.level().parts() - 1;
            let cut = spill.cut(part, spill.level().below().unwrap()).unwrap();
            assert_eq!(cut.level().parts(), 256);
            let there = sorted(&cut);
            assert!(!there.is_empty() && expected.ends_with(&there));
        }
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_cut_for_ever() {
        let levels = std::iter::successors(Some(Level::for_entries(u64::MAX)), |level| level.below());
        assert_eq!(levels.count(), 8);
    }

    #[test]
    fn ids_that_differ_little_fall_into_all_parts_alike() {
        let level = Level::for_entries(u64::MAX);
        let mut parts = vec![0; level.parts()];
        for number in 0..25_600 {
            parts[level.part(hash(&number.to_string()))] += 1;
        }
        assert!(parts.iter().all(|count| (50..200).contains(count)), "{parts:?}");
    }
}
