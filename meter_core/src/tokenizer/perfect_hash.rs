//! A hash without collisions for a fixed set.
//!
//! Owns finding it, and the place of a hash. Refuses to know what is hashed. What is not of the set has a place too: whoever asks
//! compares what lies there.
//!
//! Hashes share a pilot, a few of them each; it is chosen so that none of theirs falls on the place of another. Looking one up is
//! two multiplications and one byte, without a loop.

use std::borrow::Cow;

/// Hashes that share a pilot, on average.
const SHARING: usize = 3;
/// Places per 16 hashes: enough to find pilots of one byte.
const PLACES_PER_16: usize = 20;

/// The places of a set of hashes.
#[derive(Clone, Debug)]
pub(super) struct PerfectHash {
    pilots: Cow<'static, [u8]>,
    places: usize,
}

impl PerfectHash {
    /// From what [`parts`](Self::parts) gave.
    pub(super) const fn new(pilots: Cow<'static, [u8]>, places: usize) -> Self {
        Self { pilots, places }
    }

    /// Finds pilots for `hashes`; None if two are equal, or if there are none for these: with other hashes there will be.
    pub(super) fn build(hashes: &[u64]) -> Option<Self> {
        let places = hashes.len() * PLACES_PER_16 / 16 + 1;
        let mut pilots = vec![0; hashes.len() / SHARING + 1];
        let mut groups: Vec<(u32, u64)> =
            hashes.iter().map(|&hash| (scaled(hash, pilots.len()) as u32, hash)).collect();
        groups.sort_unstable();
        let mut groups: Vec<&[(u32, u64)]> = groups.chunk_by(|a, b| a.0 == b.0).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));

        let mut taken = vec![false; places];
        let mut chosen = Vec::new();
        for group in groups {
            let pilot = (0..=u8::MAX).find(|&pilot| {
                chosen.clear();
                chosen.extend(group.iter().map(|&(_, hash)| place(hash, pilot, places)));
                let free = chosen.iter().all(|&place| !taken[place]);
                free && {
                    chosen.sort_unstable();
                    chosen.windows(2).all(|pair| pair[0] != pair[1])
                }
            })?;
            chosen.iter().for_each(|&place| taken[place] = true);
            pilots[group[0].0 as usize] = pilot;
        }
        Some(Self { pilots: pilots.into(), places })
    }

    /// How many places there are.
    pub(super) const fn places(&self) -> usize {
        self.places
    }

    /// To look up many.
    #[inline]
    pub(super) fn view(&self) -> PerfectHashView<'_> {
        PerfectHashView { pilots: &self.pilots, places: self.places }
    }

    /// What it is made of.
    pub(super) fn pilots(&self) -> &[u8] {
        &self.pilots
    }
}

/// A borrowed hash.
#[derive(Clone, Copy)]
pub(super) struct PerfectHashView<'a> {
    pilots: &'a [u8],
    places: usize,
}

impl PerfectHashView<'_> {
    /// The place of a hash, below [`PerfectHash::places`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    pub(super) fn place(self, hash: u64) -> usize {
        place(hash, self.pilots[scaled(hash, self.pilots.len())], self.places)
    }
}

#[inline]
fn place(hash: u64, pilot: u8, places: usize) -> usize {
    // The high bits chose the pilot; a product mixes the low ones into them.
    scaled(
        (hash ^ u64::from(pilot).wrapping_mul(0xA24B_AED4_963E_E407)).wrapping_mul(0x9FB2_1C65_1E98_DF25),
        places,
    )
}

/// A hash as a number below `count`.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the high half of the product is below `count`")]
fn scaled(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_hash_has_a_place_of_its_own() {
        for count in [0, 1, 2, 1000, 20_000] {
            let hashes: Vec<u64> =
                (0..count).map(|at: u64| at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
            let perfect = PerfectHash::build(&hashes).unwrap();
            let places: HashSet<_> = hashes.iter().map(|&hash| perfect.view().place(hash)).collect();

            assert_eq!(places.len(), hashes.len());
            assert!(places.iter().all(|&place| place < perfect.places()));
            assert!(perfect.view().place(u64::MAX) < perfect.places());
        }
    }

    #[test]
    fn equal_hashes_have_none() {
        assert!(PerfectHash::build(&[5, 9, 5]).is_none());
    }
}
