//! Places for keys that are known beforehand, without collisions.
//!
//! Owns the search for them: keys fall into groups by their hash, and each group has a pilot, one byte, by which all its keys are
//! moved on to places of their own. Refuses to know what the keys are.
//!
//! Where a key would be and which group it is in are found side by side, so that a look-up waits for two loads and an addition.

/// Keys in a group, at most, on average.
const GROUP: usize = 5;
/// Of 256 places, those that are taken at first; when keys cannot be placed, more places are tried.
const LOAD: usize = 205;
/// How many ways there are to move a group.
const PILOTS: usize = 1 << 8;

/// What is found for some keys.
pub(crate) struct Placed {
    /// By group; a power of two.
    pub(crate) pilots: Vec<u8>,
    /// By key.
    pub(crate) at: Vec<usize>,
    /// How many places there are, taken or not.
    pub(crate) count: usize,
    pub(crate) seed: u32,
}

/// Finds places for keys, all different, whose hashes a seed decides.
pub(crate) fn place_all(keys: usize, hash: impl Fn(usize, u32) -> u64) -> Placed {
    let mut count = keys * 256 / LOAD + PILOTS;
    let groups = keys.div_ceil(GROUP).next_power_of_two();
    for seed in 0.. {
        let hashes: Vec<u64> = (0..keys).map(|key| hash(key, seed)).collect();
        if let Some((pilots, at)) = try_place(&hashes, groups, count) {
            return Placed { pilots, at, count, seed };
        }
        count += count / 64 + 1;
    }
    Placed { pilots: Vec::new(), at: Vec::new(), count, seed: 0 }
}

fn try_place(hashes: &[u64], groups: usize, count: usize) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut keys: Vec<(usize, usize)> =
        hashes.iter().enumerate().map(|(key, &hash)| (group(hash, groups), key)).collect();
    keys.sort_unstable();
    let mut grouped: Vec<&[(usize, usize)]> = keys.chunk_by(|a, b| a.0 == b.0).collect();
    // The fullest first, while there is room.
    grouped.sort_by_key(|keys| std::cmp::Reverse(keys.len()));
    let (mut pilots, mut at) = (vec![0; groups], vec![0; hashes.len()]);
    let mut taken = vec![false; count];
    for keys in grouped {
        let found = (0..=u8::MAX).find(|&pilot| {
            let mut fits = |&(_, key): &(usize, usize)| {
                let place = home(hashes[key], count) + usize::from(pilot);
                at[key] = place;
                !std::mem::replace(&mut taken[place], true)
            };
            let fitting = keys.iter().position(|key| !fits(key)).unwrap_or(keys.len());
            if fitting < keys.len() {
                keys[..fitting].iter().for_each(|&(_, key)| taken[at[key]] = false);
            }
            fitting == keys.len()
        });
        pilots[keys[0].0] = found?;
    }
    Some((pilots, at))
}

/// The group of a key; how many groups there are is a power of two.
#[inline]
pub(crate) fn group(hash: u64, groups: usize) -> usize {
    (hash >> 40) as usize & groups.wrapping_sub(1)
}

/// The first place a key could have, out of `count`; its pilot moves it on.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the high half of a product of halves")]
pub(crate) fn home(hash: u64, count: usize) -> usize {
    ((u64::from(hash as u32) * count.saturating_sub(PILOTS) as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_place_of_its_own() {
        let hash = |key: usize, seed: u32| {
            (key as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15 + 2 * u64::from(seed)).rotate_left(29)
        };
        for keys in [0, 1, 7, 1000, 50_000] {
            let Placed { pilots, at, count, seed } = place_all(keys, hash);
            let mut taken = vec![false; count];
            for (key, &at) in at.iter().enumerate() {
                let hash = hash(key, seed);

                assert_eq!(home(hash, count) + usize::from(pilots[group(hash, pilots.len())]), at);
                assert!(!std::mem::replace(&mut taken[at], true));
            }
            assert!(at.len() == keys && count <= keys * 3 / 2 + PILOTS);
        }
    }
}
