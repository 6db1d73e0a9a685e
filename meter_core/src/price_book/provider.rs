//! One provider of the book and its index of model names. It refuses to know rates and spellings.

use super::clause::Clause;
use super::model::Model;
use rustc_hash::FxHashMap;
use serde::Deserialize;

/// A provider as the snapshot writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    id: String,
    #[serde(rename = "match")]
    clause: Option<Clause>,
    #[serde(default)]
    fallback: Vec<String>,
    models: Vec<Model>,
}

/// A provider, its models in the book's order and an index of the exact names they match.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) id: String,
    clause: Option<Clause>,
    /// Providers whose models it resells, by identifier, in the order to ask them.
    pub(super) fallback: Vec<String>,
    models: Vec<Model>,
    /// Exact name to the first model that matches it by name.
    names: FxHashMap<String, usize>,
    /// Models whose clause has to be evaluated, ascending.
    patterns: Vec<usize>,
}

impl From<RawProvider> for Provider {
    fn from(raw: RawProvider) -> Self {
        let RawProvider { id, clause, fallback, mut models } = raw;
        let mut names = FxHashMap::default();
        let mut patterns = Vec::new();
        for (position, model) in models.iter_mut().enumerate() {
            let mut exact = Vec::new();
            model.clause = model.clause.take().and_then(|clause| clause.split_names(&mut exact));
            for name in exact {
                names.entry(name).or_insert(position);
            }
            if model.clause.is_some() {
                patterns.push(position);
            }
        }
        Self { id, clause, fallback, models, names, patterns }
    }
}

impl Provider {
    /// Whether its clause accepts a provider name in lower case.
    pub(super) fn is_match(&self, name: &str) -> bool {
        self.clause.as_ref().is_some_and(|clause| clause.is_match(name))
    }

    /// The model at a position that `find` gave.
    pub(super) fn model(&self, position: usize) -> Option<&Model> {
        self.models.get(position)
    }

    /// Position of the first model, in the book's order, that matches a name in lower case.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let by_name = self.names.get(name).copied();
        let earlier = self.patterns.iter().copied().take_while(|at| by_name.is_none_or(|found| *at < found));
        let by_pattern = earlier.into_iter().find(|at| {
            let clause = self.models.get(*at).and_then(|model| model.clause.as_ref());
            clause.is_some_and(|clause| clause.is_match(name))
        });
        by_pattern.or(by_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_model_wins_whether_by_name_or_by_pattern() {
        let json = r#"{"id":"p","models":[
            {"id":"first","match":{"any":[{"equals":"a"},{"starts_with":"b"}]},"prices":[]},
            {"id":"second","match":{"any":[{"equals":"bx"},{"equals":"a"},{"equals":"c"}]},"prices":[]},
            {"id":"third","match":{"starts_with":"c"},"prices":[]}]}"#;
        let provider = Provider::from(serde_json::from_str::<RawProvider>(json).unwrap());
        for (name, id) in [("a", "first"), ("bx", "first"), ("c", "second"), ("cc", "third")] {
            let model = provider.find(name).and_then(|position| provider.model(position));
            assert_eq!(model.unwrap().id(), id, "{name}");
        }
        assert!(provider.find("z").is_none());
    }
}
