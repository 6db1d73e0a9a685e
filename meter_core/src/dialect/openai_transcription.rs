//! OpenAI transcriptions and translations: newer models state tokens; older ones are billed by the second, state a
//! duration at most, and so have no usage in tokens.

use super::stated::{self, Seen, Statements};
use crate::json_scan::Scalar;
use crate::usage::{Defects, Usage};

#[derive(Default)]
pub(super) struct OpenAiTranscription {
    input: Option<u64>,
    audio: Option<u64>,
    output: Option<u64>,
}

impl Statements for OpenAiTranscription {
    fn is_text(&self, _path: &str) -> bool {
        false
    }

    fn scalar(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen) {
        match path {
            "usage.input_tokens" => stated::count(&mut self.input, value),
            "usage.input_token_details.audio_tokens" => stated::count(&mut self.audio, value),
            "usage.output_tokens" => stated::count(&mut self.output, value),
            "type" => seen.finished |= value.text() == Some("transcript.text.done"),
            "error.code" | "error.type" | "error.message" => stated::error(&mut seen.error_code, value),
            _ => {}
        }
    }

    fn usage(&self, defects: &mut Defects) -> Option<Usage> {
        self.input.or(self.output)?;
        Some(Usage {
            input_tokens: self.input,
            output_tokens: self.output,
            audio_input_tokens: stated::subset(self.audio, self.input, defects),
            ..Usage::default()
        })
    }
}
