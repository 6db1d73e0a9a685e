//! What to do where no budget speaks.

use crate::budget::Mode;

/// What to do with a billable request whose model has no price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unpriced {
    /// Let it pass; its cost is unknown and counted as such.
    #[default]
    Allow,
    /// Refuse it: a budget in money cannot hold what has no price.
    Refuse,
    /// Price it as this model (`model` of the same provider, or `provider/model`).
    PriceAs(String),
}

/// What to do with a stream that does not ask for its usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeUsage {
    /// Leave it: its tokens are counted here.
    #[default]
    Leave,
    /// Ask in its place, and take out of the reply what that adds.
    Inject,
}

/// What to do with a request for a path that is not known on a host that is metered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownPaths {
    /// Let it pass, counted as unmetered.
    #[default]
    Allow,
    /// Refuse it: what cannot be metered cannot be capped.
    Refuse,
}

/// All policies.
#[derive(Clone, Debug)]
pub struct Policies {
    /// For models without a price.
    pub unpriced: Unpriced,
    /// For streams that do not ask for their usage.
    pub include_usage: IncludeUsage,
    /// For paths that are not known.
    pub unknown_paths: UnknownPaths,
    /// Users that applications name are kept by name; else those that a budget names are, and others as fingerprints.
    pub plain_users: bool,
    /// Whether policies act, only count, or are off.
    pub mode: Mode,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            unpriced: Unpriced::Allow,
            include_usage: IncludeUsage::Leave,
            unknown_paths: UnknownPaths::Allow,
            plain_users: false,
            mode: Mode::Enforce,
        }
    }
}
