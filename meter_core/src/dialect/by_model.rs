//! Sums of usage by the model that spent it, for replies that hold many results; refuses to know how any of them is written.

use super::finding::SubCall;
use crate::limits;
use crate::usage::Usage;

/// What each model spent, in the order they were first seen.
#[derive(Debug, Default)]
pub(super) struct ByModel(Vec<SubCall>);

impl ByModel {
    /// Adds the usage of one result. Of too many models the last one gets it.
    pub(super) fn add(&mut self, model: &str, usage: &Usage) {
        let full = self.0.len() >= limits::SUB_CALL_MODELS_MAX;
        let place = self.0.iter().position(|sum| sum.model == model);
        match place.or(full.then(|| self.0.len() - 1)).and_then(|at| self.0.get_mut(at)) {
            Some(sum) => sum.usage = sum.usage.plus(usage),
            None => self.0.push(SubCall { model: model.to_owned(), usage: usage.clone() }),
        }
    }

    /// The first model seen.
    pub(super) fn first(&self) -> Option<&str> {
        self.0.first().map(|sum| sum.model.as_str())
    }

    /// The sum of all, if there is any.
    pub(super) fn total(&self) -> Option<Usage> {
        self.0.iter().map(|sum| sum.usage.clone()).reduce(|total, usage| total.plus(&usage))
    }

    /// Each model's share.
    pub(super) fn shares(&self) -> &[SubCall] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(tokens: u64) -> Usage {
        Usage { input_tokens: Some(tokens), ..Usage::default() }
    }

    #[test]
    fn shares_add_up_whatever_the_number_of_models() {
        let mut sums = ByModel::default();
        assert_eq!((sums.total(), sums.first()), (None, None));
        for at in 0..100 {
            sums.add(&format!("m{}", at % 10), &input(1));
        }

        assert_eq!(sums.total(), Some(input(100)));
        assert_eq!(sums.first(), Some("m0"));
        let counts: Vec<_> = sums.shares().iter().filter_map(|sum| sum.usage.input_tokens).collect();
        assert_eq!(counts, [10, 10, 10, 10, 10, 10, 10, 30]);
    }
}
