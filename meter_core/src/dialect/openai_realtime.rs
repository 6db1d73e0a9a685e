//! `OpenAI` sessions: each response ends with its own usage, and all of them are the session's; what was heard is put into
//! writing by another model, which states its usage beside.
//!
//! Responses over a socket are the same events.

use super::by_model::ByModel;
use super::envelope::inner;
use super::name;
use super::openai_usage::OpenAiUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::{Defects, Usage};

/// Reader of what the provider says in a session.
#[derive(Debug, Default)]
pub(super) struct Realtime {
    spoken: Option<Usage>,
    written_down: ByModel,
    defects: Defects,
    session: Option<String>,
    model: Option<String>,
    /// The model that writes down what was heard.
    writer: Option<String>,
    /// The event in progress.
    event: Event,
    usage: OpenAiUsage,
}

/// What an event is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Event {
    #[default]
    Other,
    /// Its delta is generated text.
    Text,
    /// A response is over and states its usage.
    ResponseEnd,
    /// So is a transcription.
    TranscriptEnd,
}

impl Event {
    fn of(kind: &str) -> Self {
        match kind {
            "response.done" | "response.completed" | "response.incomplete" | "response.failed" => {
                Self::ResponseEnd
            }
            "conversation.item.input_audio_transcription.completed" => Self::TranscriptEnd,
            // Audio itself is base64.
            _ if kind.ends_with("audio.delta") => Self::Other,
            _ => match kind.strip_prefix("response.").and_then(|kind| kind.strip_suffix(".delta")) {
                Some(_) => Self::Text,
                None => Self::Other,
            },
        }
    }
}

impl Reader for Realtime {
    fn enter(&mut self, path: &str) -> Interest {
        match path {
            "" => (self.event, self.usage) = (Event::Other, OpenAiUsage::default()),
            "session.tools" | "response.tools" | "response.output" | "item" => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if !path.is_empty() {
            return;
        }
        let (Some(usage), defects) = self.usage.usage() else { return };
        match self.event {
            Event::ResponseEnd => {
                self.spoken = Some(self.spoken.take().unwrap_or_default().plus(&usage));
            }
            Event::TranscriptEnd => self.written_down.add(self.writer.as_deref().unwrap_or_default(), &usage),
            Event::Other | Event::Text => return,
        }
        self.defects.extend(defects);
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "delta" if self.event == Event::Text => Take::Text,
            "session.id"
            | "session.model"
            | "session.audio.input.transcription.model"
            | "session.input_audio_transcription.model" => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let text = || value.text().and_then(name);
        match path {
            "type" => self.event = value.text().map_or(Event::Other, Event::of),
            "session.id" => self.session = text().or(self.session.take()),
            "session.model" | "response.model" => self.model = text().or(self.model.take()),
            "session.audio.input.transcription.model" | "session.input_audio_transcription.model" => {
                self.writer = text().or(self.writer.take());
            }
            _ => self.usage.reply_value(inner(path), value),
        }
    }

    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome {
            defects: self.defects,
            id: self.session.clone(),
            model: self.model.clone(),
            ..Outcome::default()
        };
        let shares = self.written_down.shares().to_vec();
        if self.spoken.is_some() {
            (outcome.usage, outcome.tool_calls) = (self.spoken.clone(), shares);
        } else {
            // A session may do nothing but write down.
            outcome.model = self.written_down.first().and_then(name).or(outcome.model);
            (outcome.usage, outcome.sub_calls) = (self.written_down.total(), shares);
        }
        outcome
    }
}

/// What stands at `path` of a client's event.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "session.tools.#" | "response.tools.#" | "tools.#" => Part::Tool,
        "session.instructions"
        | "response.instructions"
        | "item.content.#.text"
        | "item.output"
        | "item.arguments"
        | "response.input.#.content.#.text"
        | "instructions"
        | "input"
        | "input.#.content"
        | "input.#.content.#.text"
        | "input.#.output" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiRealtime;
    use crate::dialect::sample::{Sample, frames};
    use crate::usage::Defect;

    const CREATED: &str = r#"{"type":"session.created","session":{"id":"sess_1","model":"gpt-realtime","instructions":"no",
        "audio":{"input":{"transcription":{"model":"gpt-4o-transcribe"}}},"tools":[{"model":"no"}]}}"#;

    fn done(text: u32, audio: u32) -> String {
        format!(
            r#"{{"type":"response.done","response":{{"id":"resp","status":"completed","output":[{{"content":[{{"transcript":"no"}}]}}],
            "usage":{{"total_tokens":{},"input_tokens":{},"output_tokens":30,
            "input_token_details":{{"text_tokens":{text},"audio_tokens":{audio},"cached_tokens":8,
            "cached_tokens_details":{{"text_tokens":3,"audio_tokens":5}}}},
            "output_token_details":{{"text_tokens":10,"audio_tokens":20}}}}}}}}"#,
            text + audio + 30,
            text + audio
        )
    }

    const TRANSCRIBED: &str = r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"no",
            "usage":{"type":"tokens","total_tokens":15,"input_tokens":10,"output_tokens":5,
            "input_token_details":{"text_tokens":0,"audio_tokens":10}}}"#;

    #[test]
    fn a_session_is_the_sum_of_its_responses() {
        let body = frames(&[
            CREATED,
            r#"{"type":"response.created","response":{"id":"resp","usage":null}}"#,
            r#"{"type":"response.output_audio.delta","delta":"AAAA"}"#,
            r#"{"type":"response.output_audio_transcript.delta","delta":"hel"}"#,
            r#"{"type":"response.output_text.delta","delta":"lo"}"#,
            r#"{"type":"response.output_text.done","text":"hello"}"#,
            &done(10, 40),
            TRANSCRIBED,
            &done(15, 60),
        ]);
        let (finding, text) = Sample::session(OpenAiRealtime, &body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(125), Some(60)));
        assert_eq!(
            (finding.usage.audio_input_tokens, finding.usage.audio_output_tokens),
            (Some(100), Some(40))
        );
        assert_eq!((finding.usage.cache_read_tokens, text.as_str()), (Some(16), "hello"));
        assert_eq!(finding.usage.audio_cache_read_tokens, Some(10));
        assert_eq!(
            (finding.response_model.as_deref(), finding.response_id.as_deref()),
            (Some("gpt-realtime"), Some("sess_1"))
        );
        let [writer] = &*finding.tool_calls else { panic!("{:?}", finding.tool_calls) };
        assert_eq!((writer.model.as_str(), writer.usage.audio_input_tokens), ("gpt-4o-transcribe", Some(10)));
        assert!(finding.streamed && finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn a_session_that_only_writes_down_is_the_writers() {
        let body = frames(&[CREATED, TRANSCRIBED]);
        let (finding, _) = Sample::session(OpenAiRealtime, &body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(10), Some(5)));
        assert_eq!(finding.response_model.as_deref(), Some("gpt-4o-transcribe"));
        assert!(finding.tool_calls.is_empty() && finding.sub_calls.is_empty());
    }

    #[test]
    fn responses_over_a_socket_add_up_alike() {
        let response = r#"{"type":"response.completed","response":{"model":"gpt-5","usage":{"input_tokens":5,"output_tokens":1,"total_tokens":6}}}"#;
        let body = frames(&[response, response]);
        let (finding, _) = Sample::session(OpenAiRealtime, &body).read();

        assert_eq!(
            (finding.usage.input_tokens, finding.response_model.as_deref()),
            (Some(10), Some("gpt-5"))
        );
    }

    #[test]
    fn a_cut_session_has_what_was_stated() {
        let body = frames(&[&done(10, 40), &done(10, 40)]);
        let cut = Sample::session(OpenAiRealtime, body.get(..body.len() - 10).unwrap());
        let (finding, _) = Sample { complete: false, ..cut }.read();

        assert_eq!(finding.usage.input_tokens, Some(50));
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::Truncated]);
    }
}
