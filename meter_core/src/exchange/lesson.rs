//! What a finished exchange tells about our own counts, if anything: what corrects them, and how far they are off. It refuses
//! to know how it is learned (`calibration`).

use super::Exchange;
use super::calibration::Calibrations;
use crate::dialect::Finding;
use crate::usage::Provenance;

/// Of how many exchanges one has its reply counted only to learn from it.
const SAMPLE_EVERY: u128 = 16;

/// Counts of ours beside the provider's.
pub(super) struct Lesson {
    model: String,
    input: Option<(u64, u64)>,
    output: Option<(u64, u64)>,
}

impl Lesson {
    /// Hands the counts on.
    pub(super) fn teach(&self, calibrations: &mut Calibrations, provider: &str) {
        if let Some((estimate, stated)) = self.input {
            calibrations.learn_input(provider, &self.model, estimate, stated);
        }
        if let Some((counted, stated)) = self.output {
            calibrations.learn_output(provider, &self.model, counted, stated);
        }
    }
}

/// A prompt as it was counted before it was sent, and as the provider stated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Our best value then, corrected by what was known.
    pub(crate) counted: u64,
    pub(crate) stated: u64,
    /// Whether we took it for what the provider would state.
    pub(crate) exact: bool,
}

impl Exchange {
    /// The two counts of the prompt of a complete exchange. Nothing is counted for this: every prompt is, before it is sent.
    /// Pictures and sounds are left out, whose size may be anybody's guess.
    pub(super) fn compared(&self, finding: &Finding) -> Option<Compared> {
        let whole = self.facts.defects.is_empty() && !self.facts.continues;
        let text = self.input.exact || self.input.teachable().is_some();
        let counted = Some(self.input.tokens).filter(|counted| *counted > 0);
        let stated = finding.usage.input_tokens.filter(|stated| *stated > 0);
        let (counted, stated) =
            counted.zip(stated).filter(|_| whole && text && self.is_comparable(finding))?;
        Some(Compared { counted, stated, exact: self.input.exact })
    }

    /// Whether the provider stated the whole of an exchange, and read nothing that we did not see.
    fn is_comparable(&self, finding: &Finding) -> bool {
        let searched = finding.usage.web_search_requests.unwrap_or(0) > 0;
        finding.provenance == Provenance::Reported
            && self.route.billable
            && !self.route.poll
            && self.session.is_none()
            && finding.finished
            && !searched
            && finding.sub_calls.is_empty()
    }

    /// The counts of a complete exchange, where the provider stated what we estimated and read nothing that we did not see.
    pub(super) fn lesson(&mut self, finding: &Finding) -> Option<Lesson> {
        let model = self.facts.model.clone()?;
        let usage = &finding.usage;
        if !self.is_comparable(finding) {
            return None;
        }
        let whole = self.facts.defects.is_empty() && !self.facts.continues;
        let input = self.input.teachable().filter(|_| whole).zip(usage.input_tokens);
        // Hidden reasoning may or may not be among the text.
        let plain = self.facts.choices <= 1 && usage.reasoning_tokens.unwrap_or(0) == 0;
        let sample = self.id.bits().is_multiple_of(SAMPLE_EVERY);
        let stated = usage.output_tokens.filter(|_| plain);
        let output = stated.and_then(|stated| Some((self.output.teachable(sample)?, stated)));
        Some(Lesson { model, input, output })
    }
}
