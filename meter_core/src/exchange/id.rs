//! Exchange ids: our own, never the provider's, because those are reused or missing.

use std::fmt;

/// A UUID of version 7: sorts by admission, unique within and across processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeId(u128);

impl ExchangeId {
    /// The id of the `sequence`-th exchange of the process with this random `seed`, admitted at `now_ns`.
    pub fn new(now_ns: i64, sequence: u64, seed: u128) -> Self {
        let millis = u128::from((now_ns / 1_000_000).unsigned_abs()) & 0xffff_ffff_ffff;
        let order = u128::from(sequence & 0xfff);
        let unique = mix(seed, sequence) & ((1 << 62) - 1);
        Self((millis << 80) | (0x7 << 76) | (order << 64) | (0b10 << 62) | unique)
    }

    /// The 128 bits, which name the reservation of this exchange.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

/// Distinct for distinct sequences under one seed: an odd multiplier is injective in the low bits that are kept.
fn mix(seed: u128, sequence: u64) -> u128 {
    let spread = u128::from(sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (seed ^ (seed >> 64)) ^ spread
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xffff,
            (bits >> 64) & 0xffff,
            (bits >> 48) & 0xffff,
            bits & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_within_one_millisecond_and_across_seeds() {
        let ids: HashSet<ExchangeId> = (0..20_000)
            .flat_map(|sequence| [ExchangeId::new(5, sequence, 1), ExchangeId::new(5, sequence, 1 << 90)])
            .collect();

        assert_eq!(ids.len(), 40_000);
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_sorts_by_time() {
        let early = ExchangeId::new(1_700_000_000_000_000_000, 7, 3).to_string();
        let late = ExchangeId::new(1_700_000_000_001_000_000, 1, 3).to_string();

        assert_eq!(early.len(), 36);
        assert_eq!(early.as_bytes()[14], b'7');
        assert!("89ab".contains(char::from(early.as_bytes()[19])));
        assert!(early < late);
    }
}
