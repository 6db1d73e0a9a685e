//! What chat and text completions share: usage beside the choices, and that a choice has ended; refuses to know where the
//! text stands.

use super::openai_usage::OpenAiUsage;
use super::reader::{Head, Outcome};
use crate::json_scan::Scalar;

/// Where a choice says why it ended.
pub(super) const FINISH_REASON: &str = "choices.#.finish_reason";

/// The common part of a reply with choices.
#[derive(Debug, Default)]
pub(super) struct Choices {
    usage: OpenAiUsage,
    stopped: bool,
}

impl Choices {
    /// Of the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        Self { usage: OpenAiUsage::counting(head.route.reasoning), stopped: false }
    }

    /// A scalar at `path`.
    pub(super) fn value(&mut self, path: &str, value: Scalar<'_>) {
        if path == FINISH_REASON {
            self.stopped |= value.text().is_some();
        } else {
            self.usage.reply_value(path, value);
        }
    }

    /// What is known so far.
    pub(super) fn outcome(&self) -> Outcome {
        let (usage, defects) = self.usage.usage();
        Outcome { usage, defects, stopped: self.stopped, ..Outcome::default() }
    }
}
