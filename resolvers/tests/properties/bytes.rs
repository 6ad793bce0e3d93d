//! What the fuzz targets in `resolvers/fuzz` try for hours, for some seconds: fixtures with bytes changed at random.

use resolvers::order::formats::FORMATS;

use crate::documents::fixture_of;
use crate::invariants::fuzz;

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

#[test]
fn fixtures_with_some_bytes_changed_break_nothing() {
    const TOKENS: [&str; 12] = ["{", "}", "[", "]", ",", ":", "\"", "\\", "null", "-1", "1e9", "\u{fffd}"];
    let mut random = Random(0x5eed_0f0d_e5ed);
    for format in FORMATS {
        let seed = fixture_of(format.name);
        for _ in 0..1_000 {
            let mut data = seed.as_bytes().to_vec();
            for _ in 0..=random.below(4) {
                let at = random.below(data.len());
                let until = (at + random.below(40)).min(data.len());
                match random.below(4) {
                    0 => data[at] = u8::try_from(random.below(256)).unwrap(),
                    1 => drop(data.drain(at..until)),
                    2 => drop(data.splice(at..at, TOKENS[random.below(TOKENS.len())].bytes())),
                    _ => {
                        let part = data[at..until].to_vec();
                        let to = random.below(data.len());
                        data.splice(to..to, part);
                    }
                }
                if data.is_empty() {
                    data.push(b'{');
                }
            }
            fuzz(format.name, &data);
        }
    }
}
