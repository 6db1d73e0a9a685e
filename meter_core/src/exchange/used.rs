//! What an exchange used: as the provider states it; else as counted here, as far as the reply was seen.

use super::decision::Decision;
use super::session::Session;
use super::{CloseReason, Exchange};
use crate::dialect::Finding;
use crate::usage::{Defect, Defects, Provenance, Usage};

/// The counts of one exchange and what they rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) usage: Usage,
    pub(super) provenance: Provenance,
    /// It is known to cost nothing, whatever the counts say.
    pub(super) free: bool,
    /// Part of the reply could not be read: it may have used more than the counts say.
    pub(super) partly_seen: bool,
}

impl Used {
    /// Nothing that was not charged elsewhere.
    pub(super) fn nothing() -> Self {
        Self { free: true, ..Self::default() }
    }

    /// What the provider states, and no more.
    pub(super) fn stated(finding: &Finding) -> Self {
        Self { usage: finding.usage.clone(), provenance: finding.provenance, ..Self::default() }
    }
}

impl Exchange {
    /// What was used according to `finding`, which is final.
    pub(super) fn used(&mut self, finding: &Finding, reason: CloseReason) -> Used {
        let stated = Used::stated(finding);
        let refused = matches!(self.decision, Decision::Refuse(_));
        let never_sent = self.status == 0 && reason == CloseReason::UpstreamGone;
        let failed = self.status >= 300 || failed_first(finding);
        // The provider works on: a later read states the usage.
        let pending = self.facts.background || self.route.poll || finding.pending;
        let nothing = finding.provenance == Provenance::None && finding.stated_cost.is_none();
        if refused || never_sent || failed || (nothing && pending) {
            return Used { free: true, ..stated };
        }
        let named = self.facts.model.is_some() || finding.response_model.is_some();
        // A whole reply that states its input and says nothing has no output to state: vectors, in a path that also generates.
        let vectors = finding.finished && !finding.text_seen && finding.usage.input_tokens.is_some();
        let generates = self.route.dialect.generates() && !vectors;
        // What else is billable has no text to count: seconds, images, pages.
        let countable = self.route.dialect.reads_text();
        if !self.route.billable || !countable || pending || !named {
            return stated;
        }
        let used = self.completed(finding, generates);
        // What was not seen of a reply may have been most of it.
        let unstated = used.provenance != Provenance::Reported;
        let lost = reason == CloseReason::Lost && unstated && !finding.finished;
        Used { partly_seen: used.partly_seen || lost, ..used }
    }

    /// The usage of `finding` with what it does not state counted.
    fn completed(&mut self, finding: &Finding, generates: bool) -> Used {
        let mut usage = finding.usage.clone();
        let input_stated = usage.input_tokens.is_some();
        let output_stated = usage.output_tokens.is_some() || !generates;
        let unreadable = unreadable(finding.defects);
        // What is spoken has no text to count.
        let exact = self.input.exact && self.session.is_none() && self.output.is_whole();
        if !input_stated && !self.facts.defects.contains(Defect::RequestIncomplete) {
            let sent = self.session.as_mut().map_or(0, Session::sent_tokens);
            usage.input_tokens = Some(self.input.tokens.saturating_add(sent));
        }
        if !output_stated {
            let seen = self.output.tokens();
            usage.output_tokens = (seen > 0 || !unreadable).then_some(seen);
        }
        let provenance = if input_stated && output_stated {
            Provenance::Reported
        } else if usage.input_tokens.is_none() && usage.output_tokens.is_none() {
            Provenance::None
        } else if finding.provenance == Provenance::None && finding.finished && exact {
            Provenance::Counted
        } else {
            Provenance::Estimated
        };
        Used { usage, provenance, free: false, partly_seen: unreadable && !output_stated }
    }
}

/// Whether the provider failed before it generated anything or stated any usage.
fn failed_first(finding: &Finding) -> bool {
    is_error(finding) && !finding.text_seen && finding.provenance == Provenance::None
}

/// Whether the reply carries an error, in whatever form.
pub(super) fn is_error(finding: &Finding) -> bool {
    finding.error_code.is_some() || finding.defects.contains(Defect::StreamError)
}

fn unreadable(defects: Defects) -> bool {
    [Defect::Undecodable, Defect::DecodeLimit].into_iter().any(|defect| defects.contains(defect))
}
