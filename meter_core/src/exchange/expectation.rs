//! How long replies of a model usually are, learned from its own replies: the hold of a stream need not be its worst case.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::limits;

/// Buckets of powers of two: 2^0 to 2^31 tokens.
const BUCKETS: usize = 32;
/// Replies after which older ones count half, so that a change of habit is learned.
const MEMORY: u32 = 1024;
/// Replies before anything is believed.
const ENOUGH: u32 = 20;

/// Output lengths by model.
#[derive(Debug, Default)]
pub struct Expectations {
    models: FxHashMap<Arc<str>, Lengths>,
}

#[derive(Debug, Default)]
struct Lengths {
    counts: [u32; BUCKETS],
    total: u32,
}

impl Expectations {
    /// Learns from one finished reply.
    pub fn learn(&mut self, model: &str, output_tokens: u64) {
        if let Some(lengths) = self.models.get_mut(model) {
            lengths.learn(output_tokens);
        } else if self.models.len() < limits::EXPECTED_MODELS_MAX {
            let mut lengths = Lengths::default();
            lengths.learn(output_tokens);
            self.models.insert(model.into(), lengths);
        }
    }

    /// Tokens that 95 of 100 replies of `model` stay under, rounded up to a power of two; None while unknown.
    pub fn p95(&self, model: &str) -> Option<u64> {
        self.models.get(model)?.p95()
    }
}

impl Lengths {
    fn learn(&mut self, tokens: u64) {
        if self.total >= MEMORY {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum();
        }
        let bucket = (u64::BITS - tokens.saturating_sub(1).leading_zeros()) as usize;
        if let Some(count) = self.counts.get_mut(bucket.min(BUCKETS - 1)) {
            *count += 1;
            self.total += 1;
        }
    }

    fn p95(&self) -> Option<u64> {
        if self.total < ENOUGH {
            return None;
        }
        let rank = self.total - self.total / 20;
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        Some(1 << bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_reply_in_thirty_does_not_move_the_expectation() {
        let mut expectations = Expectations::default();
        assert_eq!(expectations.p95("m"), None);
        for _ in 0..30 {
            expectations.learn("m", 200);
        }
        expectations.learn("m", 60_000);

        assert_eq!(expectations.p95("m"), Some(256));
        assert_eq!(expectations.p95("n"), None);
    }

    #[test]
    fn a_new_habit_is_learned() {
        let mut expectations = Expectations::default();
        (0..5000).for_each(|_| expectations.learn("m", 100));
        (0..5000).for_each(|_| expectations.learn("m", 3000));

        assert_eq!(expectations.p95("m"), Some(4096));
    }

    #[test]
    fn powers_of_two_are_their_own_bucket() {
        let mut expectations = Expectations::default();
        (0..ENOUGH).for_each(|_| expectations.learn("m", 256));

        assert_eq!(expectations.p95("m"), Some(256));
    }
}
