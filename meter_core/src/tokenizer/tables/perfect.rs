//! Places for keys that are known beforehand, without collisions.
//!
//! Owns the search for them: keys fall into groups by their hash, and each group has a pilot, one byte, that sends all its keys
//! to places of their own. Refuses to know what the keys are.

/// Keys in a group, on average.
const GROUP: usize = 4;
/// Of 256 places, those that are taken at first; when keys cannot be placed, more places are tried.
const LOAD: usize = 205;

/// What is found for some keys.
pub(crate) struct Placed {
    pub(crate) pilots: Vec<u8>,
    /// By key.
    pub(crate) at: Vec<usize>,
    /// How many places there are, taken or not.
    pub(crate) count: usize,
    pub(crate) seed: u32,
}

/// Finds places for keys, all different, whose hashes a seed decides.
pub(crate) fn place_all(keys: usize, hash: impl Fn(usize, u32) -> u64) -> Placed {
    let mut count = (keys * 256 / LOAD).max(1);
    let groups = keys.div_ceil(GROUP).max(1);
    for seed in 0.. {
        let hashes: Vec<u64> = (0..keys).map(|key| hash(key, seed)).collect();
        if let Some((pilots, places)) = try_place(&hashes, groups, count) {
            return Placed { pilots, at: places, count, seed };
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
    let (mut pilots, mut places) = (vec![0; groups], vec![0; hashes.len()]);
    let mut taken = vec![false; count];
    for keys in grouped {
        let found = (0..=u8::MAX).find(|&pilot| {
            let mut fits = |&(_, key): &(usize, usize)| {
                let at = place(hashes[key], pilot, count);
                places[key] = at;
                !std::mem::replace(&mut taken[at], true)
            };
            let fitting = keys.iter().position(|key| !fits(key)).unwrap_or(keys.len());
            if fitting < keys.len() {
                keys[..fitting].iter().for_each(|&(_, key)| taken[places[key]] = false);
            }
            fitting == keys.len()
        });
        pilots[keys[0].0] = found?;
    }
    Some((pilots, places))
}

/// The group of a key, out of `groups`.
#[inline]
pub(crate) fn group(hash: u64, groups: usize) -> usize {
    (((hash >> 32) * groups as u64) >> 32) as usize
}

/// The place of a key whose group has this pilot, out of `count`.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a half of a word, and a high half below `count`")]
pub(crate) fn place(hash: u64, pilot: u8, count: usize) -> usize {
    let moved = (hash as u32) ^ u32::from(pilot).wrapping_mul(0x9E37_79B1);
    ((u64::from(moved) * count as u64) >> 32) as usize
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
            let Placed { pilots, at: places, count, seed } = place_all(keys, hash);
            let mut taken = vec![false; count];
            for (key, &at) in places.iter().enumerate() {
                let hash = hash(key, seed);

                assert_eq!(place(hash, pilots[group(hash, pilots.len())], count), at);
                assert!(!std::mem::replace(&mut taken[at], true));
            }
            assert!(places.len() == keys && count <= keys * 3 / 2 + 1);
        }
    }
}
