//! Fixed-bucket histograms over integers, so that an export is one copy and sums stay exact.

/// A distribution by provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Distribution {
    /// Admission to end, nanoseconds.
    ExchangeDurationNs,
    /// Admission to first piece of the reply's body, nanoseconds.
    FirstChunkNs,
    /// Cost of one exchange, nano-USD.
    CostPerExchangeNanoUsd,
    /// Input tokens per million tokens of the model's context window.
    ContextUtilizationPpm,
}

const SECOND: i128 = 1_000_000_000;
/// 5 ms to 10 min: a local model's first token, and the longest reasoning calls.
const TIME_BOUNDS: [i128; 14] = [
    SECOND / 200,
    SECOND / 50,
    SECOND / 20,
    SECOND / 10,
    SECOND / 4,
    SECOND / 2,
    SECOND,
    SECOND * 5 / 2,
    SECOND * 5,
    SECOND * 10,
    SECOND * 30,
    SECOND * 60,
    SECOND * 180,
    SECOND * 600,
];
/// A hundredth of a cent to 30 dollars.
const COST_BOUNDS: [i128; 12] = [
    100_000,
    300_000,
    1_000_000,
    3_000_000,
    10_000_000,
    30_000_000,
    100_000_000,
    300_000_000,
    1_000_000_000,
    3_000_000_000,
    10_000_000_000,
    30_000_000_000,
];
/// Shares of the context window.
const RATIO_BOUNDS: [i128; 10] =
    [10_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 700_000, 900_000, 1_000_000];

impl Distribution {
    /// All distributions, in listing order.
    pub const ALL: [Self; 4] = [
        Self::ExchangeDurationNs,
        Self::FirstChunkNs,
        Self::CostPerExchangeNanoUsd,
        Self::ContextUtilizationPpm,
    ];

    /// The name exporters ask for.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExchangeDurationNs => "exchange_duration_ns",
            Self::FirstChunkNs => "first_chunk_ns",
            Self::CostPerExchangeNanoUsd => "cost_per_exchange_nano_usd",
            Self::ContextUtilizationPpm => "context_utilization_ppm",
        }
    }

    /// The distribution of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|distribution| distribution.as_str() == name)
    }

    /// Upper bounds of its buckets, inclusive, without infinity.
    pub const fn bounds(self) -> &'static [i128] {
        match self {
            Self::ExchangeDurationNs | Self::FirstChunkNs => &TIME_BOUNDS,
            Self::CostPerExchangeNanoUsd => &COST_BOUNDS,
            Self::ContextUtilizationPpm => &RATIO_BOUNDS,
        }
    }
}

/// Observations of one distribution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    sum: i128,
    count: u64,
}

impl Histogram {
    /// Adds one observation.
    pub fn observe(&mut self, distribution: Distribution, value: i128) {
        let bounds = distribution.bounds();
        self.buckets.resize(bounds.len(), 0);
        if let Some(bucket) = self.buckets.get_mut(bounds.partition_point(|bound| *bound < value)) {
            *bucket += 1;
        }
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
    }

    /// Observations at or below each bound.
    pub fn cumulative(&self) -> Vec<u64> {
        let mut below = 0;
        self.buckets
            .iter()
            .map(|bucket| {
                below += bucket;
                below
            })
            .collect()
    }

    /// Sum of all observations.
    pub const fn sum(&self) -> i128 {
        self.sum
    }

    /// Number of observations.
    pub const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_on_a_bound_belongs_below_it() {
        let mut histogram = Histogram::default();

        for value in [1_000_000, 1_000_001, 40_000_000_000] {
            histogram.observe(Distribution::CostPerExchangeNanoUsd, value);
        }

        let cumulative = histogram.cumulative();
        assert_eq!(cumulative[..4], [0, 0, 1, 2]);
        assert_eq!(cumulative.last(), Some(&2));
        assert_eq!((histogram.count(), histogram.sum()), (3, 40_002_000_001));
    }

    #[test]
    fn bounds_ascend() {
        for distribution in Distribution::ALL {
            assert!(distribution.bounds().is_sorted());
        }
    }
}
