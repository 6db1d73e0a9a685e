//! Bounded label sets: request bodies name models, so without a bound a client could fill the metrics with noise.

use std::sync::Arc;

use rustc_hash::FxHashSet;

/// The distinct values seen of one label.
#[derive(Debug)]
pub struct LabelSet {
    known: FxHashSet<Arc<str>>,
    most: usize,
    other: Arc<str>,
    unknown: Arc<str>,
}

impl LabelSet {
    /// A set of at most `most` values.
    pub fn of(most: usize) -> Self {
        Self { known: FxHashSet::default(), most, other: "other".into(), unknown: "unknown".into() }
    }

    /// The label for `value`: itself while there is room, `other` afterwards, `unknown` without a value.
    pub fn label(&mut self, value: Option<&str>) -> Arc<str> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Arc::clone(&self.unknown) };
        if let Some(known) = self.known.get(value) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.most {
            return self.other();
        }
        let label: Arc<str> = value.into();
        self.known.insert(Arc::clone(&label));
        label
    }

    /// The label of what has no place in the set.
    pub fn other(&self) -> Arc<str> {
        Arc::clone(&self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_bound_share_one_label() {
        let mut set = LabelSet::of(10);
        for index in 0..10 {
            assert_eq!(&*set.label(Some(&index.to_string())), index.to_string());
        }

        assert_eq!(&*set.label(Some("one too many")), "other");
        assert_eq!(&*set.label(Some("7")), "7");
        assert_eq!(&*set.label(None), "unknown");
    }
}
