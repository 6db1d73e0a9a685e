//! llama.cpp's own completion, with timings that count tokens. Several prompts give several results: an array, or events that
//! take turns.

use super::envelope::element;
use super::reader::{Outcome, Reader};
use super::request::Part;
use super::subsets;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::{Defects, Usage};

/// What one result states.
#[derive(Clone, Copy, Debug, Default)]
struct Stated {
    evaluated: Option<u64>,
    predicted: Option<u64>,
    /// Tokens of the prompt that were worked through, and those that the cache had.
    timed_input: Option<u64>,
    cached: Option<u64>,
    timed_output: Option<u64>,
    stopped: bool,
}

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Completion {
    /// The result or event in progress, or the last one that was not the end of its result.
    current: Stated,
    ended: Option<Usage>,
}

impl Stated {
    fn usage(self) -> Option<Usage> {
        let timed = self.timed_input.map(|tokens| tokens.saturating_add(self.cached.unwrap_or(0)));
        let input = self.evaluated.or(timed);
        let output = self.predicted.or(self.timed_output);
        (input.is_some() || output.is_some()).then(|| Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: self.cached,
            ..Usage::default()
        })
    }
}

/// Both together; what neither states stays unstated.
fn sum(left: &Usage, right: &Usage) -> Usage {
    let plus = |left: Option<u64>, right: Option<u64>| match (left, right) {
        (Some(left), Some(right)) => Some(left.saturating_add(right)),
        (left, right) => left.or(right),
    };
    Usage {
        input_tokens: plus(left.input_tokens, right.input_tokens),
        output_tokens: plus(left.output_tokens, right.output_tokens),
        cache_read_tokens: plus(left.cache_read_tokens, right.cache_read_tokens),
        ..Usage::default()
    }
}

impl Completion {
    /// All results that ended, or else how far the running one got.
    fn usage(&self) -> Option<Usage> {
        match (&self.ended, self.current.stopped.then(|| self.current.usage()).flatten()) {
            (Some(ended), Some(current)) => Some(sum(ended, &current)),
            (Some(ended), None) => Some(ended.clone()),
            (None, _) => self.current.usage(),
        }
    }
}

impl Reader for Completion {
    fn enter(&mut self, path: &str) -> Interest {
        match element(path) {
            "" => {
                if self.current.stopped {
                    self.ended = self.usage();
                }
                self.current = Stated::default();
                Interest::Walk
            }
            // Echoes of the request, and the tokens of the text once more.
            "generation_settings" | "prompt" | "tokens" | "completion_probabilities" | "probs" => {
                Interest::Skip
            }
            _ => Interest::Walk,
        }
    }

    fn string(&mut self, path: &str) -> Take {
        if element(path) == "content" { Take::Text } else { Take::Skip }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let current = &mut self.current;
        let slot = match element(path) {
            "tokens_evaluated" => &mut current.evaluated,
            "tokens_predicted" => &mut current.predicted,
            "timings.prompt_n" => &mut current.timed_input,
            "timings.cache_n" => &mut current.cached,
            "timings.predicted_n" => &mut current.timed_output,
            "stop" => {
                current.stopped |= value == Scalar::Bool(true);
                return;
            }
            _ => return,
        };
        *slot = value.count().or(*slot);
    }

    fn outcome(&self) -> Outcome {
        let mut defects = Defects::default();
        let usage = self.usage().map(|mut usage| {
            subsets::clamp(&mut usage, &mut defects);
            usage
        });
        let ended = self.current.stopped || self.ended.is_some();
        Outcome { usage, ended, defects, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "prompt"
        | "prompt.#"
        | "prompt.#.#"
        | "prompt.prompt_string"
        | "prompt.#.prompt_string"
        | "input_prefix"
        | "input_suffix"
        | "input_extra.#.text" => Part::Text,
        "image_data.#" | "prompt.multimodal_data.#" | "prompt.#.multimodal_data.#" => Part::Media,
        "n_predict" => Part::MaxOutput,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::LlamaCppCompletion;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::Defect;

    const PIECES: &str = "data: {\"index\":0,\"content\":\"hel\",\"tokens\":[1],\"stop\":false,\"id_slot\":0,\"tokens_predicted\":1,\"tokens_evaluated\":11}\n\n\
        data: {\"index\":0,\"content\":\"lo\",\"tokens\":[2],\"stop\":false,\"id_slot\":0,\"tokens_predicted\":2,\"tokens_evaluated\":11}\n\n";
    const LAST: &str = "data: {\"index\":0,\"content\":\"\",\"stop\":true,\"model\":\"m.gguf\",\"tokens_predicted\":3,\"tokens_evaluated\":11,\
        \"generation_settings\":{\"n_predict\":5},\"prompt\":\"no\",\"stop_type\":\"limit\",\"tokens_cached\":13,\
        \"timings\":{\"cache_n\":4,\"prompt_n\":7,\"prompt_ms\":1.5,\"predicted_n\":3}}\n\n";

    #[test]
    fn a_stream_states_usage_in_its_last_event() {
        let body = [PIECES, LAST].concat();
        let (finding, text) = Sample::stream(LlamaCppCompletion, &body).read();
        let usage = &finding.usage;

        assert_eq!(
            (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
            (Some(11), Some(3), Some(4))
        );
        assert_eq!((text.as_str(), finding.response_model.as_deref()), ("hello", Some("m.gguf")));
        assert!(finding.finished && finding.defects.is_empty());

        let (cut, _) = Sample::stream(LlamaCppCompletion, PIECES).read();
        assert_eq!((cut.usage.input_tokens, cut.usage.output_tokens), (Some(11), Some(2)));
        assert_eq!(cut.defects.iter().collect::<Vec<_>>(), [Defect::Truncated]);
    }

    #[test]
    fn timings_stand_in_for_counts() {
        let body = r#"{"content":"hello","stop":true,"timings":{"prompt_n":7,"cache_n":4,"predicted_n":3}}"#;
        let (finding, _) = Sample::document(LlamaCppCompletion, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(11), Some(3)));
    }

    #[test]
    fn several_prompts_are_added_up() {
        let array = r#"[{"index":0,"content":"a","stop":true,"tokens_evaluated":5,"tokens_predicted":1},
            {"index":1,"content":"b","stop":true,"tokens_evaluated":6,"tokens_predicted":2}]"#;
        let turns = [PIECES, LAST, PIECES, &LAST.replace("\"index\":0", "\"index\":1")].concat();
        let (whole, text) = Sample::document(LlamaCppCompletion, array).read();
        let (streamed, _) = Sample::stream(LlamaCppCompletion, &turns).read();

        assert_eq!((whole.usage.input_tokens, whole.usage.output_tokens), (Some(11), Some(3)));
        assert_eq!((text.as_str(), whole.finished), ("ab", true));
        assert_eq!((streamed.usage.input_tokens, streamed.usage.output_tokens), (Some(22), Some(6)));
    }

    #[test]
    fn errors_are_named() {
        let body = r#"{"error":{"code":400,"message":"x","type":"exceed_context_size_error"}}"#;
        let (finding, _) = Sample { status: 400, ..Sample::document(LlamaCppCompletion, body) }.read();

        assert!(finding.error_code.is_some() && finding.defects.is_empty());
    }

    #[test]
    fn a_prompt_is_text_ids_or_both() {
        let body = r#"{"prompt":[12,34,"a",[5,"b"]],"n_predict":20,"stream":true,"image_data":[{"data":"AAAA","id":1}]}"#;
        let facts = read_request(&route(LlamaCppCompletion), Headers(&[]), body.as_bytes());

        assert_eq!((facts.prompt.texts().collect::<Vec<_>>(), facts.prompt.token_ids), (vec!["a", "b"], 3));
        assert_eq!((facts.max_output_tokens, facts.prompt.media, facts.stream), (Some(20), 1, true));
        let endless =
            read_request(&route(LlamaCppCompletion), Headers(&[]), br#"{"prompt":"a","n_predict":-1}"#);
        assert_eq!(endless.max_output_tokens, None);
    }
}
