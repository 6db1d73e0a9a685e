//! Which exchanges a budget applies to: a scope of selectors, matched against the subject of one exchange.
//!
//! It refuses to know accounts: it only says whether a subject matches, and which account of the budget it means.

use crate::budget::error::BudgetError;
use crate::limits::NAME_BYTES_MAX;

/// What a budget can be scoped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The organization that is answerable.
    Organization,
    /// The Kubernetes namespace.
    Namespace,
    /// The service.
    Service,
    /// The pod.
    Pod,
    /// The end user.
    User,
    /// The fingerprint of the provider key.
    Key,
    /// The provider.
    Provider,
    /// The request model.
    Model,
}

impl Dimension {
    /// All dimensions, in order from the widest principal to the model.
    pub const ALL: [Self; 8] = [
        Self::Organization,
        Self::Namespace,
        Self::Service,
        Self::Pod,
        Self::User,
        Self::Key,
        Self::Provider,
        Self::Model,
    ];

    /// The configuration key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Namespace => "namespace",
            Self::Service => "service",
            Self::Pod => "pod",
            Self::User => "user",
            Self::Key => "key",
            Self::Provider => "provider",
            Self::Model => "model",
        }
    }

    /// The dimension of a configuration key.
    pub fn parse(name: &str) -> Result<Self, BudgetError> {
        let known = Self::ALL.into_iter().find(|dimension| dimension.name() == name);
        known.ok_or_else(|| BudgetError::UnknownDimension(name.to_owned()))
    }
}

/// The values of one exchange, borrowed from whoever attributed it. Values are compared byte for byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    values: [Option<&'a str>; Dimension::ALL.len()],
}

impl<'a> Subject<'a> {
    /// The subject with one more known value; an empty value is an absent one, a long one is cut to
    /// `limits::NAME_BYTES_MAX` bytes.
    #[must_use]
    pub fn with(mut self, dimension: Dimension, value: &'a str) -> Self {
        let mut end = value.len().min(NAME_BYTES_MAX);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        self.values[dimension as usize] = (end > 0).then_some(&value[..end]);
        self
    }

    /// The value of one dimension.
    pub fn get(&self, dimension: Dimension) -> Option<&'a str> {
        self.values[dimension as usize]
    }
}

/// What one dimension must be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Selector {
    /// This value.
    Exact(Box<str>),
    /// Any value that starts like this.
    Prefix(Box<str>),
    /// Any value, each with an account of its own.
    Each,
}

/// A set of selectors that must all match; the empty scope matches every exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    selectors: Vec<(Dimension, Selector)>,
}

impl Scope {
    /// Builds a scope from its configured pairs.
    ///
    /// `*` gives each distinct value its own account; a model may also end in `*` to match by prefix (all matches
    /// share one account).
    pub fn new<'a>(pairs: impl IntoIterator<Item = (Dimension, &'a str)>) -> Result<Self, BudgetError> {
        let mut selectors: Vec<(Dimension, Selector)> = Vec::new();
        for (dimension, value) in pairs {
            if selectors.iter().any(|(known, _)| *known == dimension) {
                return Err(BudgetError::RepeatedDimension(dimension.name()));
            }
            selectors.push((dimension, Selector::new(dimension, value)?));
        }
        Ok(Self { selectors })
    }

    /// The one value that `dimension` must have, if it is so.
    pub fn exactly(&self, dimension: Dimension) -> Option<&str> {
        self.selectors.iter().find_map(|(selected, selector)| match selector {
            Selector::Exact(exact) if *selected == dimension => Some(&**exact),
            _ => None,
        })
    }

    /// Whether every selector matches; an absent value matches none, not even `*`.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.selectors.iter().all(|(dimension, selector)| {
            subject.get(*dimension).is_some_and(|value| match selector {
                Selector::Exact(exact) => **exact == *value,
                Selector::Prefix(prefix) => value.starts_with(&**prefix),
                Selector::Each => true,
            })
        })
    }

    /// Whether all matching exchanges share one account.
    pub fn is_single(&self) -> bool {
        self.selectors.iter().all(|(_, selector)| *selector != Selector::Each)
    }

    /// Appends the key of the account that a matching subject means: the values of the `*` dimensions, each behind
    /// its length so that no two sets of values look alike.
    pub(super) fn write_key(&self, subject: &Subject<'_>, key: &mut Vec<u8>) {
        for (_, value) in self.each_values(subject) {
            key.extend_from_slice(&value.len().to_le_bytes());
            key.extend_from_slice(value.as_bytes());
        }
    }

    /// The account in words: `user=ana,model=gpt-4o`, or nothing for a single account.
    pub fn label(&self, subject: &Subject<'_>) -> String {
        let parts =
            self.each_values(subject).map(|(dimension, value)| format!("{}={value}", dimension.name()));
        parts.collect::<Vec<_>>().join(",")
    }

    /// The values of the `*` dimensions, in configured order.
    fn each_values<'a>(&self, subject: &Subject<'a>) -> impl Iterator<Item = (Dimension, &'a str)> {
        self.selectors.iter().filter_map(|(dimension, selector)| match selector {
            Selector::Each => subject.get(*dimension).map(|value| (*dimension, value)),
            Selector::Exact(_) | Selector::Prefix(_) => None,
        })
    }
}

impl Selector {
    fn new(dimension: Dimension, value: &str) -> Result<Self, BudgetError> {
        if value.is_empty() || value.len() > NAME_BYTES_MAX {
            return Err(BudgetError::Selector(value.to_owned()));
        }
        match value.split_once('*') {
            None => Ok(Self::Exact(value.into())),
            Some(("", "")) => Ok(Self::Each),
            Some((prefix, "")) if dimension == Dimension::Model => Ok(Self::Prefix(prefix.into())),
            Some(_) => Err(BudgetError::Wildcard(value.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scope: &Scope, subject: &Subject<'_>) -> Vec<u8> {
        let mut key = Vec::new();
        scope.write_key(subject, &mut key);
        key
    }

    #[test]
    fn all_selectors_must_match_and_an_absent_value_matches_nothing() {
        let scope = Scope::new([(Dimension::Service, "checkout"), (Dimension::User, "*")]).unwrap();
        let checkout = Subject::default().with(Dimension::Service, "checkout");
        assert!(!scope.matches(&checkout));
        assert!(!scope.matches(&checkout.with(Dimension::User, "")));
        assert!(scope.matches(&checkout.with(Dimension::User, "ana")));
        assert!(!scope.matches(&checkout.with(Dimension::User, "ana").with(Dimension::Service, "Checkout")));
        assert!(Scope::default().matches(&Subject::default()));
    }

    #[test]
    fn a_model_prefix_matches_what_starts_like_it_in_one_account() {
        let scope = Scope::new([(Dimension::Model, "gpt-4o*")]).unwrap();
        let subject = |model| Subject::default().with(Dimension::Model, model);
        assert!(scope.matches(&subject("gpt-4o")) && scope.matches(&subject("gpt-4o-mini")));
        assert!(!scope.matches(&subject("gpt-4")));
        assert_eq!(key(&scope, &subject("gpt-4o")), key(&scope, &subject("gpt-4o-mini")));
        assert!(scope.is_single());
    }

    #[test]
    fn values_that_would_read_alike_keep_separate_keys() {
        let scope = Scope::new([(Dimension::User, "*"), (Dimension::Model, "*")]).unwrap();
        let left = Subject::default().with(Dimension::User, "a,model=b").with(Dimension::Model, "c");
        let right = Subject::default().with(Dimension::User, "a").with(Dimension::Model, "b,model=c");
        assert_eq!(scope.label(&left), "user=a,model=b,model=c");
        assert_ne!(key(&scope, &left), key(&scope, &right));
        assert!(!scope.is_single());
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        let long = format!("{}é", "x".repeat(NAME_BYTES_MAX - 1));
        let subject = Subject::default().with(Dimension::User, &long);
        assert_eq!(subject.get(Dimension::User).map(str::len), Some(NAME_BYTES_MAX - 1));
    }

    #[test]
    fn odd_selectors_are_refused() {
        let error = |dimension, value| Scope::new([(dimension, value)]).unwrap_err();
        assert_eq!(error(Dimension::User, "an*"), BudgetError::Wildcard("an*".into()));
        assert_eq!(error(Dimension::Model, "*mini"), BudgetError::Wildcard("*mini".into()));
        assert_eq!(error(Dimension::Model, "gpt-**"), BudgetError::Wildcard("gpt-**".into()));
        assert_eq!(error(Dimension::Pod, ""), BudgetError::Selector(String::new()));
        let twice = Scope::new([(Dimension::User, "a"), (Dimension::User, "b")]).unwrap_err();
        assert_eq!(twice, BudgetError::RepeatedDimension("user"));
        assert_eq!(Dimension::parse("team"), Err(BudgetError::UnknownDimension("team".into())));
    }

    #[test]
    fn names_parse_back_to_their_dimension() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::parse(dimension.name()), Ok(dimension));
        }
    }
}
