//! Gemini Live sessions: usage is stated turn by turn, and all turns are the session's.

use super::gemini_usage::GeminiUsage;
use super::protojson::camel;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::{Defects, Usage};

/// Where a message states usage.
const USAGE: &str = "usageMetadata";

/// Reader of what the provider says in a session.
#[derive(Debug, Default)]
pub(super) struct Live {
    turns: Option<Usage>,
    /// What the turn in progress has stated so far; it may do so more than once.
    turn: Option<Usage>,
    turn_over: bool,
    defects: Defects,
    service_tier: Option<String>,
    /// Of the message in progress.
    usage: GeminiUsage,
}

impl Live {
    /// All turns so far.
    fn total(&self) -> Option<Usage> {
        match (&self.turns, &self.turn) {
            (Some(turns), Some(turn)) => Some(turns.plus(turn)),
            (turns, turn) => turns.as_ref().or(turn.as_ref()).cloned(),
        }
    }

    fn end_message(&mut self) {
        let (usage, defects) = self.usage.usage(true);
        self.defects.extend(defects);
        self.service_tier = self.usage.service_tier().or(self.service_tier.take());
        self.turn = usage.or(self.turn.take());
        // The usage of a turn comes with its end or right behind.
        if self.turn_over && self.turn.is_some() {
            self.turns = self.total();
            (self.turn, self.turn_over) = (None, false);
        }
    }
}

impl Reader for Live {
    fn enter(&mut self, path: &str) -> Interest {
        let path = camel(path);
        match &*path {
            "" => self.usage = GeminiUsage::default(),
            "toolCall.functionCalls.#.args" => return Interest::Raw,
            _ => {
                if let Some(field) = path.strip_prefix(USAGE).and_then(|rest| rest.strip_prefix('.')) {
                    self.usage.enter(field);
                }
            }
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        let path = camel(path);
        if path.is_empty() {
            self.end_message();
        } else if let Some(field) = path.strip_prefix(USAGE).and_then(|rest| rest.strip_prefix('.')) {
            self.usage.leave(field);
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match &*camel(path) {
            "serverContent.modelTurn.parts.#.text"
            | "serverContent.outputTranscription.text"
            | "toolCall.functionCalls.#.name" => Take::Text,
            path if path.starts_with(USAGE) => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let path = camel(path);
        if let Some(field) = path.strip_prefix(USAGE).and_then(|rest| rest.strip_prefix('.')) {
            self.usage.value(field, value);
        } else if path == "serverContent.turnComplete" {
            self.turn_over |= value == Scalar::Bool(true);
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            usage: self.total(),
            defects: self.defects,
            service_tier: self.service_tier.clone(),
            ..Outcome::default()
        }
    }
}

/// What stands at `path` of a client's message.
pub(super) fn request_part(path: &str) -> Part {
    match &*camel(path) {
        "setup.tools.#" => Part::Tool,
        "toolResponse.functionResponses.#.response" => Part::Json,
        "setup.systemInstruction.parts.#.text"
        | "clientContent.turns.#.parts.#.text"
        | "realtimeInput.text" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::GeminiLive;
    use crate::dialect::sample::{Sample, frames};

    fn turn(prompt: u32, response: u32, complete: bool) -> String {
        format!(
            r#"{{"serverContent":{{"turnComplete":{complete}}},"usageMetadata":{{"promptTokenCount":{prompt},"responseTokenCount":{response},
            "totalTokenCount":{},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":4}},{{"modality":"AUDIO","tokenCount":{}}}],
            "responseTokensDetails":[{{"modality":"AUDIO","tokenCount":{response}}}]}}}}"#,
            prompt + response,
            prompt - 4
        )
    }

    #[test]
    fn a_session_is_the_sum_of_its_turns() {
        let text = r#"{"serverContent":{"modelTurn":{"parts":[{"text":"hi"},{"inlineData":{"data":"AAAA"}}]},"outputTranscription":{"text":" you"}}}"#;
        let call = r#"{"toolCall":{"functionCalls":[{"id":"1","name":"f","args":{"a":1}}]}}"#;
        let body = frames(&[
            r#"{"setupComplete":{}}"#,
            text,
            &turn(10, 20, true),
            call,
            // Running within the turn.
            &turn(30, 5, false),
            &turn(30, 25, false),
            r#"{"server_content":{"turn_complete":true}}"#,
        ]);
        let (finding, text) = Sample::session(GeminiLive, &body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(40), Some(45)));
        assert_eq!(
            (finding.usage.audio_input_tokens, finding.usage.audio_output_tokens),
            (Some(32), Some(45))
        );
        assert_eq!(text, r#"hi youf{"a":1}"#);
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn usage_behind_the_end_of_a_turn_is_the_turns() {
        let over = r#"{"serverContent":{"turnComplete":true}}"#;
        let usage = |prompt: u32| {
            format!(r#"{{"usageMetadata":{{"promptTokenCount":{prompt},"totalTokenCount":{prompt}}}}}"#)
        };
        let body = frames(&[over, &usage(5), over, &usage(7), &usage(9)]);
        let (finding, _) = Sample::session(GeminiLive, &body).read();

        assert_eq!(finding.usage.input_tokens, Some(21));
    }
}
