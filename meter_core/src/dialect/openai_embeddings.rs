//! OpenAI embeddings: input only, nothing is generated.

use super::openai_chat::{OpenAiUsage, common};
use super::stated::{Seen, Statements};
use crate::json_scan::Scalar;
use crate::usage::{Defects, Usage};

#[derive(Default)]
pub(super) struct OpenAiEmbeddings {
    usage: OpenAiUsage,
}

impl Statements for OpenAiEmbeddings {
    fn is_text(&self, _path: &str) -> bool {
        false
    }

    fn scalar(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen) {
        self.usage.scalar(path, value);
        common(path, value, seen);
    }

    fn usage(&self, defects: &mut Defects) -> Option<Usage> {
        self.usage.usage(defects)
    }
}
