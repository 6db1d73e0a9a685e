//! OpenAI legacy completions, unary and streamed: chat's usage object around plain text.

use super::openai_chat::{OpenAiUsage, common};
use super::stated::{Seen, Statements};
use crate::json_scan::Scalar;
use crate::usage::{Defects, Usage};

#[derive(Default)]
pub(super) struct OpenAiCompletions {
    usage: OpenAiUsage,
}

impl Statements for OpenAiCompletions {
    fn is_text(&self, path: &str) -> bool {
        path == "choices.#.text"
    }

    fn scalar(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen) {
        self.usage.scalar(path, value);
        common(path, value, seen);
    }

    fn usage(&self, defects: &mut Defects) -> Option<Usage> {
        self.usage.usage(defects)
    }
}
