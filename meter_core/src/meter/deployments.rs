//! What has answered to names that are no models: a deployment is called whatever its owner calls it, and only its replies say
//! which model it is. Bounded: names beyond the bound are not remembered.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::limits;

/// The last answering model of each deployment, by provider and name.
#[derive(Debug, Default)]
pub(crate) struct Deployments {
    models: FxHashMap<(Arc<str>, String), String>,
}

impl Deployments {
    /// Learns that `model` answered to `name`.
    pub(crate) fn learn(&mut self, provider: &Arc<str>, name: &str, model: &str) {
        let key = (Arc::clone(provider), name.to_owned());
        if let Some(known) = self.models.get_mut(&key) {
            if known != model {
                model.clone_into(known);
            }
        } else if self.models.len() < limits::DEPLOYMENTS_MAX {
            self.models.insert(key, model.to_owned());
        }
    }

    /// The model that last answered to `name`.
    pub(crate) fn model(&self, provider: &Arc<str>, name: &str) -> Option<String> {
        self.models.get(&(Arc::clone(provider), name.to_owned())).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_counts_and_the_number_of_names_is_bounded() {
        let (azure, openai): (Arc<str>, Arc<str>) = (Arc::from("azure"), Arc::from("openai"));
        let mut deployments = Deployments::default();
        deployments.learn(&azure, "prod", "gpt-4o");
        deployments.learn(&azure, "prod", "gpt-5");
        (0..=limits::DEPLOYMENTS_MAX).for_each(|name| deployments.learn(&openai, &name.to_string(), "m"));

        assert_eq!(deployments.model(&azure, "prod").as_deref(), Some("gpt-5"));
        assert_eq!(deployments.model(&openai, "prod"), None);
        assert_eq!(deployments.models.len(), limits::DEPLOYMENTS_MAX);
    }
}
