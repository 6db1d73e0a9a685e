//! Bounded label sets: request bodies name models, so without a bound a client could fill the metrics with noise.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::limits;

/// The distinct values seen of one label.
#[derive(Debug)]
pub struct LabelSet {
    known: FxHashSet<Arc<str>>,
    other: Arc<str>,
    unknown: Arc<str>,
    overflowed: u64,
}

impl Default for LabelSet {
    fn default() -> Self {
        Self { known: FxHashSet::default(), other: "other".into(), unknown: "unknown".into(), overflowed: 0 }
    }
}

impl LabelSet {
    /// The label for `value`: itself while there is room, `other` afterwards, `unknown` without a value.
    pub fn label(&mut self, value: Option<&str>) -> Arc<str> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Arc::clone(&self.unknown) };
        if let Some(known) = self.known.get(value) {
            return Arc::clone(known);
        }
        if self.known.len() >= limits::LABEL_VALUES_MAX {
            self.overflowed += 1;
            return Arc::clone(&self.other);
        }
        let label: Arc<str> = value.into();
        self.known.insert(Arc::clone(&label));
        label
    }

    /// How often `other` was answered.
    pub const fn overflowed(&self) -> u64 {
        self.overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_bound_share_one_label() {
        let mut set = LabelSet::default();
        for index in 0..limits::LABEL_VALUES_MAX {
            assert_eq!(&*set.label(Some(&index.to_string())), index.to_string());
        }

        assert_eq!(&*set.label(Some("one too many")), "other");
        assert_eq!(&*set.label(Some("7")), "7");
        assert_eq!(&*set.label(None), "unknown");
        assert_eq!(set.overflowed(), 1);
    }
}
