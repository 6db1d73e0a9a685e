//! Who asks, from what the request and its answer carry, and in which form it is kept: names of persons and of sessions as
//! keyed fingerprints, accounts and projects as they are. It refuses to know what is done with it.

use std::sync::Arc;

use super::Exchange;
use crate::attribution::{Attribution, Wire};
use crate::dialect::RequestFacts;
use crate::headers::Headers;
use crate::meter::{Request, Shared};

/// Completes `who` by what the request says; what the capture adapter knows wins.
pub(super) fn attribute(
    meter: &Shared,
    request: &Request<'_>,
    facts: &mut RequestFacts,
    key: Option<&str>,
    who: &mut Attribution,
) {
    let said = Wire::of_request(request.headers, request.path);
    // The network rarely knows the end user, the application often says it.
    let user = facts.user.take();
    who.user = who.user.take().or_else(|| kept_user(meter, user));
    let session = facts.session.take().or(said.session);
    let fingerprints = meter.fingerprints.as_ref();
    who.session = session.zip(fingerprints).map(|(id, fingerprints)| fingerprints.name("session", &id));
    let known = || key.and_then(|key| meter.state().organizations.of(key));
    who.organization = who.organization.take().or(said.organization.map(Arc::from)).or_else(known);
    who.project = said.project.map(Arc::from);
    who.trace = said.trace.map(Arc::from);
    who.sdk = said.sdk.map(Arc::from);
}

/// A user's name as it is kept: as it was sent where the operator names it in a budget or wants all of them, else as a
/// fingerprint, which is the same for the same name.
fn kept_user(meter: &Shared, user: Option<String>) -> Option<Arc<str>> {
    let user = user?;
    if meter.policies.plain_users || meter.known_users.contains(user.as_str()) {
        return Some(user.into());
    }
    meter.fingerprints.as_ref().map(|fingerprints| fingerprints.name("user", &user))
}

/// The fingerprint by which a repeat of `request` is recognised, if its body was seen.
pub(super) fn attempt(meter: &Shared, request: &Request<'_>, key: Option<&str>) -> Option<u64> {
    let body = request.body.filter(|body| !body.is_empty())?;
    let parts = [
        key.unwrap_or_default().as_bytes(),
        request.host.as_bytes(),
        request.method.as_bytes(),
        request.path.as_bytes(),
        body,
    ];
    meter.fingerprints.as_ref().map(|fingerprints| fingerprints.joined(&parts))
}

impl Exchange {
    /// The answer began: what it says of the account, and that a repeat is no retry.
    pub(super) fn answered(&mut self, status: u16, headers: Headers<'_>) {
        let said = Wire::of_answer(headers);
        let stated = said.organization.map(Arc::<str>::from);
        self.who.project = self.who.project.take().or_else(|| said.project.map(Arc::from));
        let success = (200..400).contains(&status);
        let attempt = self.attempt.filter(|_| success);
        let learns = self.who.organization.is_none() && stated.is_some();
        if attempt.is_none() && !learns {
            return;
        }
        let mut state = self.meter.state();
        if let Some(attempt) = attempt {
            state.attempts.answered(attempt);
        }
        if let (true, Some(organization)) = (learns, stated) {
            if let Some(key) = &self.key_fingerprint {
                state.organizations.learn(key, &organization);
            }
            self.who.organization = Some(organization);
        }
    }
}
