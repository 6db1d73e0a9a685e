//! Tries what the fuzz targets assert, on their seeds and on bytes near them: a check that needs no fuzzing engine.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    reason = "the targets are a crate of their own, whose rules are others"
)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use targets::{TARGETS, seeds};

/// Runs of each target.
const RUNS: usize = 400;

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit.max(1)
    }
}

/// Changes a few bytes: flipped, doubled, cut off, or something taken from another seed.
fn near(seed: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len());
        let end = (at + chance.below(12)).min(bytes.len());
        match chance.below(5) {
            0 => bytes.truncate(at),
            1 => {
                bytes.drain(at..end);
            }
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let from = chance.below(other.len());
                let until = (from + chance.below(60)).min(other.len());
                bytes.splice(at..end, other[from..until].iter().copied());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
        }
    }
    bytes
}

#[test]
fn every_target_holds_on_its_seeds_and_near_them() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        let mut chance = Chance(7);
        for run in 0..RUNS {
            let seed = &seeds[chance.below(seeds.len())];
            let bytes = match run.checked_sub(seeds.len().min(RUNS / 2)) {
                None => seeds[run].clone(),
                Some(_) => near(seed, &seeds[chance.below(seeds.len())], &mut chance),
            };
            let held = std::panic::catch_unwind(|| target(&bytes));
            assert!(held.is_ok(), "{name} does not hold for \"{}\"", bytes.escape_ascii());
        }
    }
}
