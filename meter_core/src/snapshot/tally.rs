//! The running counters. They only grow; an exporter never keeps a second set.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Distribution, Histogram, Series};

/// The label values of one counter, in the order of its label names.
pub type Key = Vec<Arc<str>>;

/// All counters and histograms of one meter.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counters: FxHashMap<Series, FxHashMap<Key, i128>>,
    histograms: FxHashMap<Distribution, FxHashMap<Arc<str>, Histogram>>,
}

impl Tally {
    /// Adds `amount` to the counter of `series` with these labels.
    pub fn add(&mut self, series: Series, labels: &[&Arc<str>], amount: i128) {
        let key = labels.iter().map(|label| Arc::clone(label)).collect();
        *self.counters.entry(series).or_default().entry(key).or_default() += amount;
    }

    /// Adds one to a counter whose labels are words of the core.
    pub fn count(&mut self, series: Series, labels: &[&str]) {
        let key = labels.iter().map(|label| Arc::from(*label)).collect();
        *self.counters.entry(series).or_default().entry(key).or_default() += 1;
    }

    /// Adds one observation for `provider`.
    pub fn observe(&mut self, distribution: Distribution, provider: &Arc<str>, value: i128) {
        let family = self.histograms.entry(distribution).or_default();
        family.entry(Arc::clone(provider)).or_default().observe(distribution, value);
    }

    /// The counters of one series, in no order.
    pub fn series(&self, series: Series) -> impl Iterator<Item = (&Key, i128)> {
        self.counters.get(&series).into_iter().flatten().map(|(key, value)| (key, *value))
    }

    /// The histograms of one distribution by provider, in no order.
    pub fn histograms(&self, distribution: Distribution) -> impl Iterator<Item = (&Arc<str>, &Histogram)> {
        self.histograms.get(&distribution).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_labels_are_the_same_counter() {
        let mut tally = Tally::default();
        let label: Arc<str> = "truncated".into();
        tally.add(Series::Defects, &[&label], 2);
        tally.count(Series::Defects, &["truncated"]);
        tally.count(Series::Defects, &["malformed"]);

        let mut counters: Vec<_> =
            tally.series(Series::Defects).map(|(key, value)| (key[0].to_string(), value)).collect();
        counters.sort();

        assert_eq!(counters, [("malformed".to_owned(), 1), ("truncated".to_owned(), 3)]);
    }
}
