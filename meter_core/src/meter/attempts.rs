//! Requests that a caller may be about to repeat: a repeat after a failure is a retry, whatever the client says about it.
//!
//! It owns what counts as a repeat. It refuses to know requests: one is a fingerprint of credential, host, path and body.
//! Bounded in number and time; the oldest is forgotten.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::limits;

/// The latest attempts of the requests seen.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    latest: FxHashMap<u64, Attempt>,
    order: VecDeque<(u64, i64)>,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    retry: u32,
    at: i64,
    failed: bool,
    /// Some attempt of this request was answered: asking again means another sample.
    answered: bool,
}

impl Attempts {
    /// Begins an attempt; which retry it is: what the client `stated`, or more if this repeats an attempt that failed or
    /// that has waited in vain. The same question asked twice at once, or again after an answer, is no retry.
    pub(crate) fn begin(&mut self, request: u64, stated: u32, now: i64) -> u32 {
        self.forget(now);
        let before = self.latest.get(&request);
        let repeats = |before: &&Attempt| {
            before.failed
                || (!before.answered && now.saturating_sub(before.at) >= limits::ATTEMPT_PATIENCE_NS)
        };
        let retry = stated.max(before.filter(repeats).map_or(0, |before| before.retry.saturating_add(1)));
        let answered = before.is_some_and(|before| before.answered);
        self.remember(request, Attempt { retry, at: now, failed: false, answered });
        retry
    }

    /// An attempt was answered.
    pub(crate) fn answered(&mut self, request: u64) {
        if let Some(latest) = self.latest.get_mut(&request) {
            latest.answered = true;
        }
    }

    /// An attempt that was the `retry`-th came to nothing.
    pub(crate) fn failed(&mut self, request: u64, retry: u32, now: i64) {
        self.forget(now);
        let answered = self.latest.get(&request).is_some_and(|latest| latest.answered);
        self.remember(request, Attempt { retry, at: now, failed: true, answered });
    }

    fn remember(&mut self, request: u64, attempt: Attempt) {
        self.latest.insert(request, attempt);
        self.order.push_back((request, attempt.at));
    }

    fn forget(&mut self, now: i64) {
        while let Some((request, at)) = self.order.front().copied() {
            if now.saturating_sub(at) < limits::ATTEMPT_TTL_NS && self.order.len() < limits::ATTEMPTS_MAX {
                return;
            }
            self.order.pop_front();
            if self.latest.get(&request).is_some_and(|latest| latest.at == at) {
                self.latest.remove(&request);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_repeat_after_a_failure_is_the_next_retry() {
        let mut attempts = Attempts::default();
        for retry in 0..4 {
            assert_eq!(attempts.begin(1, 0, i64::from(retry) * SECOND), retry);
            attempts.failed(1, retry, i64::from(retry) * SECOND);
        }

        assert_eq!(attempts.begin(2, 0, 5 * SECOND), 0);
        assert_eq!(attempts.begin(1, 7, 5 * SECOND), 7);
    }

    #[test]
    fn the_same_question_at_once_or_after_an_answer_is_no_retry() {
        let mut attempts = Attempts::default();
        assert_eq!((attempts.begin(1, 0, 0), attempts.begin(1, 0, 1)), (0, 0));
        attempts.answered(1);

        // Samples drawn two at a time: the other one is still open when the next begins.
        assert_eq!(attempts.begin(1, 0, 60 * SECOND), 0);
    }

    #[test]
    fn one_failure_among_samples_is_retried_although_others_are_answered() {
        let mut attempts = Attempts::default();
        attempts.begin(1, 0, 0);
        attempts.begin(1, 0, 0);
        attempts.failed(1, 0, SECOND);
        attempts.answered(1);

        assert_eq!((attempts.begin(1, 0, 2 * SECOND), attempts.begin(1, 0, 3 * SECOND)), (1, 0));
    }

    #[test]
    fn who_has_waited_long_asks_again() {
        let mut attempts = Attempts::default();
        attempts.begin(1, 0, 0);

        assert_eq!(attempts.begin(1, 0, limits::ATTEMPT_PATIENCE_NS), 1);
    }

    #[test]
    fn attempts_are_forgotten_in_time_and_in_number() {
        let mut attempts = Attempts::default();
        attempts.failed(1, 0, 0);
        assert_eq!(attempts.begin(1, 0, limits::ATTEMPT_TTL_NS), 0);

        for request in 0..2 * limits::ATTEMPTS_MAX as u64 {
            attempts.failed(request, 0, 0);
        }
        assert!(
            attempts.latest.len() <= limits::ATTEMPTS_MAX && attempts.order.len() <= limits::ATTEMPTS_MAX
        );
        assert_eq!(attempts.begin(2 * limits::ATTEMPTS_MAX as u64 - 1, 0, 1), 1);
        assert_eq!(attempts.begin(0, 0, 1), 0);
    }
}
