//! Responses already charged, so that polling a finished response again costs nothing. Bounded: the oldest is forgotten.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use crate::limits;

/// A bounded set of fingerprints of response ids.
#[derive(Debug, Default)]
pub(crate) struct SeenResponses {
    known: FxHashSet<u64>,
    order: VecDeque<u64>,
}

impl SeenResponses {
    /// Remembers `response`; false when it was known already.
    pub(crate) fn insert(&mut self, response: u64) -> bool {
        if !self.known.insert(response) {
            return false;
        }
        self.order.push_back(response);
        if self.order.len() > limits::SEEN_RESPONSES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_response_is_forgotten_first() {
        let mut seen = SeenResponses::default();
        for id in 0..=limits::SEEN_RESPONSES_MAX as u64 {
            assert!(seen.insert(id));
        }

        assert!(!seen.insert(1));
        assert!(seen.insert(0));
    }
}
