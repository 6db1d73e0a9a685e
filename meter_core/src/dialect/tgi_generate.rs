//! Text Generation Inference: details where they are asked for, header fields else.
//!
//! Its last event, and a document with details, state the whole text beside the tokens that make it up: one of them is read.

use super::envelope::element;
use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::headers::Headers;
use crate::json_scan::{Interest, Scalar, Take};
use crate::usage::Usage;

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Generate {
    header_input: Option<u64>,
    header_output: Option<u64>,
    input: Option<u64>,
    /// Tokens of the prompt that are listed one by one.
    listed_input: u64,
    output: Option<u64>,
    /// Of the sequences that were not the best one.
    other_output: u64,
    /// Tokens come as events, so their text was told.
    streamed: bool,
    /// The event in progress states the whole text.
    whole: bool,
    ended: bool,
}

impl Generate {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(head: &Head<'_>) -> Self {
        Self {
            header_input: count(head.headers, "x-prompt-tokens"),
            header_output: count(head.headers, "x-generated-tokens"),
            ..Self::default()
        }
    }
}

/// The count that the header field `name` states.
fn count(headers: Headers<'_>, name: &str) -> Option<u64> {
    std::str::from_utf8(headers.get(name)?).ok()?.trim().parse().ok()
}

impl Reader for Generate {
    fn enter(&mut self, path: &str) -> Interest {
        match element(path) {
            "" => self.whole = false,
            "details.prefill.#" => {
                self.listed_input += 1;
                return Interest::Skip;
            }
            // Tokens of the whole text, alternatives to them, and the prompt once more.
            "details.tokens"
            | "details.top_tokens"
            | "top_tokens"
            | "details.best_of_sequences.#.prefill"
            | "details.best_of_sequences.#.tokens"
            | "details.best_of_sequences.#.top_tokens" => return Interest::Skip,
            "token" => self.streamed = true,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if element(path).is_empty() {
            self.ended |= self.whole;
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match element(path) {
            "token.text" | "details.best_of_sequences.#.generated_text" => Take::Text,
            "generated_text" => {
                self.whole = true;
                if self.streamed { Take::Skip } else { Take::Text }
            }
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        match element(path) {
            "details.generated_tokens" => self.output = value.count().or(self.output),
            "details.input_length" => self.input = value.count().or(self.input),
            "details.best_of_sequences.#.generated_tokens" => {
                self.other_output = self.other_output.saturating_add(value.count().unwrap_or(0));
            }
            _ => {}
        }
    }

    fn outcome(&self) -> Outcome {
        let listed = Some(self.listed_input).filter(|tokens| *tokens > 0);
        let input = self.input.or(listed).or(self.header_input);
        let best = self.output.or(self.header_output);
        let output = best.map(|tokens| tokens.saturating_add(self.other_output));
        let stated = input.is_some() || output.is_some();
        let usage = Usage { input_tokens: input, output_tokens: output, ..Usage::default() };
        Outcome { usage: stated.then_some(usage), ended: self.ended, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "inputs" | "inputs.#" => Part::Text,
        "parameters.max_new_tokens" => Part::MaxOutput,
        "parameters.best_of" | "parameters.num_return_sequences" => Part::Choices,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::TgiGenerate;
    use crate::dialect::read_request;
    use crate::dialect::sample::{Sample, route};
    use crate::headers::Headers;
    use crate::usage::Defect;

    const TOKENS: &str = "data:{\"index\":1,\"token\":{\"id\":1,\"text\":\"hel\",\"logprob\":-0.1,\"special\":false},\"generated_text\":null,\"details\":null}\n\n\
        data:{\"index\":2,\"token\":{\"id\":2,\"text\":\"lo\",\"logprob\":-0.1,\"special\":false},\"top_tokens\":[{\"text\":\"no\"}],\"generated_text\":null,\"details\":null}\n\n";
    const LAST: &str = "data:{\"index\":3,\"token\":{\"id\":3,\"text\":\"!\",\"logprob\":-0.1,\"special\":false},\"generated_text\":\"hello!\",\
        \"details\":{\"finish_reason\":\"length\",\"generated_tokens\":3,\"seed\":null,\"input_length\":7}}\n\n";

    #[test]
    fn a_stream_tells_its_text_once() {
        let body = [TOKENS, LAST].concat();
        let (finding, text) = Sample::stream(TgiGenerate, &body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(7), Some(3)));
        assert_eq!(text, "hello!");
        assert!(finding.finished && finding.defects.is_empty());

        let (cut, _) = Sample::stream(TgiGenerate, TOKENS).read();
        assert_eq!(cut.defects.iter().collect::<Vec<_>>(), [Defect::Truncated, Defect::NoUsage]);
    }

    #[test]
    fn details_count_what_was_generated_and_list_what_was_read() {
        let body = r#"{"generated_text":"hello","details":{"finish_reason":"length","generated_tokens":2,"seed":1,
            "prefill":[{"id":1,"text":"a","logprob":null},{"id":2,"text":"b"}],"tokens":[{"text":"hel"},{"text":"lo"}],
            "best_of_sequences":[{"generated_text":" other","generated_tokens":5,"prefill":[{"text":"a"}],"tokens":[{"text":"other"}]}]}}"#;
        let (finding, text) = Sample::document(TgiGenerate, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(2), Some(7)));
        assert_eq!(text, "hello other");
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn header_fields_stand_in_for_details() {
        for (input, output, expected) in [
            ("11", "20", (Some(11), Some(20))),
            (" 11 ", "many", (Some(11), None)),
            ("-1", "20", (None, Some(20))),
        ] {
            let mut sample = Sample::document(TgiGenerate, r#"[{"generated_text":"hello"}]"#);
            sample.headers.push((b"X-Prompt-Tokens", input.as_bytes()));
            sample.headers.push((b"x-generated-tokens", output.as_bytes()));
            let (finding, text) = sample.read();

            assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), expected);
            assert_eq!(text, "hello");
        }
        let listed = r#"{"generated_text":"","details":{"generated_tokens":4,"prefill":[]}}"#;
        let mut sample = Sample::document(TgiGenerate, listed);
        sample.headers.extend([(&b"x-prompt-tokens"[..], &b"9"[..]), (b"x-generated-tokens", b"5")]);
        let usage = sample.read().0.usage;
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(9), Some(4)));
    }

    #[test]
    fn an_error_in_a_stream_is_named_by_its_type() {
        let body = [TOKENS, "data:{\"error\":\"Request failed\",\"error_type\":\"generation\"}\n\n"].concat();
        let (finding, _) = Sample::stream(TgiGenerate, &body).read();

        assert_eq!(finding.error_code.as_deref(), Some("generation"));
        assert!(finding.defects.contains(Defect::StreamError));
    }

    #[test]
    fn a_request_is_inputs_and_parameters() {
        let body =
            r#"{"inputs":"a","parameters":{"max_new_tokens":20,"best_of":2,"details":true},"stream":true}"#;
        let facts = read_request(&route(TgiGenerate), Headers(&[]), body.as_bytes());

        assert_eq!(facts.prompt.texts().collect::<Vec<_>>(), ["a"]);
        assert_eq!((facts.max_output_tokens, facts.choices, facts.stream), (Some(20), 2, true));
    }
}
