//! Which account a credential belongs to, as answers have said: requests rarely name it, and budgets ask before the answer.
//! Bounded: the first credentials are remembered.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::limits;

/// Accounts by the fingerprint of the credential.
#[derive(Debug, Default)]
pub(crate) struct Organizations {
    known: FxHashMap<Arc<str>, Arc<str>>,
}

impl Organizations {
    /// The account of the credential `key`.
    pub(crate) fn of(&self, key: &str) -> Option<Arc<str>> {
        self.known.get(key).cloned()
    }

    /// An answer to `key` named `organization`.
    pub(crate) fn learn(&mut self, key: &Arc<str>, organization: &Arc<str>) {
        if let Some(known) = self.known.get_mut(&**key) {
            known.clone_from(organization);
        } else if self.known.len() < limits::ORGANIZATIONS_MAX {
            self.known.insert(Arc::clone(key), Arc::clone(organization));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_keeps_its_account_and_the_number_is_bounded() {
        let mut organizations = Organizations::default();
        for index in 0..=limits::ORGANIZATIONS_MAX {
            organizations.learn(&index.to_string().into(), &"a".into());
        }
        organizations.learn(&"0".into(), &"b".into());

        assert_eq!(organizations.of("0").as_deref(), Some("b"));
        assert_eq!(organizations.of("1").as_deref(), Some("a"));
        assert_eq!(organizations.of(&limits::ORGANIZATIONS_MAX.to_string()), None);
    }
}
