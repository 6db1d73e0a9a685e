//! Anthropic messages: usage in the message, or in a stream split over its start and its cumulative deltas.
//!
//! Anthropic's input excludes what the cache read and wrote; here it is made inclusive. The lifetimes of cache writes stand only in
//! the start of a stream. `iterations` lists sub-calls (compaction, an advisor model), whose sum is what is billed.

use super::finding::SubCall;
use super::name;
use super::reader::{Outcome, Reader};
use super::request::Part;
use super::subsets;
use crate::json_scan::{Interest, Scalar, Take};
use crate::limits;
use crate::usage::{Defect, Defects, Usage};

/// The numbers of one usage object as stated.
#[derive(Clone, Copy, Debug, Default)]
struct Stated {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    write_5m: Option<u64>,
    write_1h: Option<u64>,
    thinking: Option<u64>,
    searches: Option<u64>,
}

impl Stated {
    fn value(&mut self, field: &str, value: Scalar<'_>) {
        let Some(count) = value.count() else { return };
        let slot = match field {
            "input_tokens" => &mut self.input,
            "output_tokens" => &mut self.output,
            "cache_read_input_tokens" => &mut self.cache_read,
            "cache_creation_input_tokens" => &mut self.cache_write,
            "cache_creation.ephemeral_5m_input_tokens" => &mut self.write_5m,
            "cache_creation.ephemeral_1h_input_tokens" => &mut self.write_1h,
            "output_tokens_details.thinking_tokens" => &mut self.thinking,
            "server_tool_use.web_search_requests" => &mut self.searches,
            _ => return,
        };
        *slot = Some(count);
    }

    /// Joins two statements number by number.
    fn join(self, other: Self, rule: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        Self {
            input: rule(self.input, other.input),
            output: rule(self.output, other.output),
            cache_read: rule(self.cache_read, other.cache_read),
            cache_write: rule(self.cache_write, other.cache_write),
            write_5m: rule(self.write_5m, other.write_5m),
            write_1h: rule(self.write_1h, other.write_1h),
            thinking: rule(self.thinking, other.thinking),
            searches: rule(self.searches, other.searches),
        }
    }

    fn or(self, other: Self) -> Self {
        self.join(other, Option::or)
    }

    fn plus(self, other: Self) -> Self {
        self.join(other, |left, right| match (left, right) {
            (Some(left), Some(right)) => Some(left.saturating_add(right)),
            (left, right) => left.or(right),
        })
    }

    /// Inclusive totals.
    fn usage(self, defects: &mut Defects) -> Usage {
        let (short, long) = match self.cache_write {
            // The split is of the start, the total may have grown since: what has no lifetime lives five minutes.
            Some(total) => {
                if self.write_1h > Some(total) {
                    defects.insert(Defect::Contradiction);
                }
                let long = self.write_1h.map(|long| long.min(total));
                (Some(total - long.unwrap_or(0)), long)
            }
            None => (self.write_5m, self.write_1h),
        };
        let cached = [self.cache_read, short, long].into_iter().flatten().fold(0, u64::saturating_add);
        let mut usage = Usage {
            input_tokens: self.input.map(|input| input.saturating_add(cached)),
            output_tokens: self.output,
            cache_read_tokens: self.cache_read,
            cache_write_5m_tokens: short,
            cache_write_1h_tokens: long,
            reasoning_tokens: self.thinking,
            web_search_requests: self.searches,
            ..Usage::default()
        };
        subsets::clamp(&mut usage, defects);
        usage
    }
}

/// Reader of a message or of its events.
#[derive(Debug, Default)]
pub(super) struct Messages {
    start: Stated,
    /// Of the message itself, or of the last delta.
    last: Stated,
    iteration: (Option<String>, Stated),
    /// Sums by model; `None` is the answering one.
    iterations: Vec<(Option<String>, Stated)>,
    ended: bool,
    stopped: bool,
}

impl Messages {
    fn end_iteration(&mut self) {
        let (model, stated) = std::mem::take(&mut self.iteration);
        let full = self.iterations.len() >= limits::SUB_CALL_MODELS_MAX;
        let place = self.iterations.iter().position(|(known, _)| *known == model);
        match place.or(full.then(|| self.iterations.len() - 1)).and_then(|at| self.iterations.get_mut(at)) {
            Some((_, sum)) => *sum = sum.plus(stated),
            None => self.iterations.push((model, stated)),
        }
    }
}

impl Reader for Messages {
    fn enter(&mut self, path: &str) -> Interest {
        match path {
            // Every delta repeats the whole list.
            "usage.iterations" => self.iterations.clear(),
            "usage.iterations.#" => self.iteration = (None, Stated::default()),
            // The arguments of a tool call are JSON where they are not streamed.
            "content.#.input" => return Interest::Raw,
            // Search results and the like: input, not generated.
            "content.#.content" | "content_block.content" => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if path == "usage.iterations.#" {
            self.end_iteration();
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "content.#.text"
            | "content.#.thinking"
            | "content.#.name"
            | "content_block.text"
            | "content_block.thinking"
            | "content_block.name"
            | "delta.text"
            | "delta.thinking"
            | "delta.partial_json" => Take::Text,
            "usage.iterations.#.model" | "stop_reason" | "delta.stop_reason" => Take::Value,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if let Some(field) = path.strip_prefix("message.usage.") {
            self.start.value(field, value);
        } else if let Some(field) = path.strip_prefix("usage.iterations.#.") {
            if field == "model" {
                self.iteration.0 = value.text().and_then(name);
            } else {
                self.iteration.1.value(field, value);
            }
        } else if let Some(field) = path.strip_prefix("usage.") {
            self.last.value(field, value);
        } else if matches!(path, "stop_reason" | "delta.stop_reason") {
            self.stopped |= value.text().is_some();
        } else if path == "type" {
            self.ended |= value == Scalar::String("message_stop");
        }
    }

    fn event(&mut self, name: &str) {
        self.ended |= name == "message_stop";
    }

    fn outcome(&self) -> Outcome {
        let mut defects = Defects::default();
        // The start already counts a few output tokens, which say nothing about the whole.
        let stated = self.last.or(Stated { output: None, ..self.start });
        if stated.input.is_none() && stated.output.is_none() {
            return Outcome { ended: self.ended, stopped: self.stopped, ..Outcome::default() };
        }
        let mut usage = stated.usage(&mut defects);
        let mut sub_calls = Vec::new();
        if !self.iterations.is_empty() {
            let sum = self.iterations.iter().fold(Stated::default(), |sum, (_, part)| sum.plus(*part));
            let billed = sum.or(stated).usage(&mut defects);
            if billed.input_tokens < usage.input_tokens || billed.output_tokens < usage.output_tokens {
                defects.insert(Defect::Contradiction);
            }
            usage = billed;
            for (model, part) in &self.iterations {
                if let Some(model) = model.clone() {
                    sub_calls.push(SubCall { model, usage: part.usage(&mut defects) });
                }
            }
        }
        let usage = Some(usage);
        Outcome { usage, sub_calls, defects, ended: self.ended, stopped: self.stopped, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "messages.#" => Part::Message,
        "tools.#" => Part::Tool,
        "messages.#.content.#.input" | "output_config.format" => Part::Json,
        "messages.#.content.#.type"
        | "messages.#.content.#.content.#.type"
        | "messages.#.content.#.source.content.#.type" => Part::Kind,
        "messages.#.content.#.source.type" => Part::SourceKind,
        "messages.#.content.#.source.data" => Part::SourceData,
        "messages.#.content.#.content.#.source.data"
        | "messages.#.content.#.source.content.#.source.data" => Part::Picture,
        "system"
        | "system.#.text"
        | "messages.#.content"
        | "messages.#.content.#.text"
        | "messages.#.content.#.thinking"
        | "messages.#.content.#.name"
        | "messages.#.content.#.content"
        | "messages.#.content.#.content.#.text"
        | "messages.#.content.#.source.content"
        | "messages.#.content.#.source.content.#.text" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::AnthropicMessages;
    use crate::dialect::sample::{Sample, route};
    use crate::usage::{Defect, Provenance};

    const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"claude\",\"content\":[],\
        \"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":30,\"output_tokens\":4,\
        \"cache_creation\":{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":20},\"service_tier\":\"standard\"}}}\n\n";
    const TEXT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm \"}}\n\n\
        event: ping\ndata: {\"type\":\"ping\"}\n\n\
        data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"yes\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"AAAA\"}}\n\n";
    const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\
        \"usage\":{\"input_tokens\":12,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":33,\"output_tokens\":9}}\n\n";
    const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

    #[test]
    fn a_stream_joins_its_start_and_its_last_delta() {
        let body = [START, TEXT, DELTA, STOP].concat();
        let (finding, text) = Sample::stream(AnthropicMessages, &body).read();
        let usage = &finding.usage;

        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(145), Some(9)));
        assert_eq!(
            (usage.cache_read_tokens, usage.cache_write_5m_tokens, usage.cache_write_1h_tokens),
            (Some(100), Some(13), Some(20))
        );
        assert_eq!((text.as_str(), finding.service_tier.as_deref()), ("hm yes{}", Some("standard")));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn a_cut_stream_knows_its_input_but_not_its_output() {
        let body = [START, TEXT].concat();
        let (finding, _) = Sample { complete: false, ..Sample::stream(AnthropicMessages, &body) }.read();

        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(140), None));
        assert_eq!(finding.provenance, Provenance::Reported);
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::Truncated]);
    }

    #[test]
    fn an_error_event_names_its_type() {
        let body =
            [START, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n"]
                .concat();
        let (finding, _) = Sample::stream(AnthropicMessages, &body).read();

        assert_eq!(finding.error_code.as_deref(), Some("overloaded_error"));
        assert!(finding.defects.contains(Defect::StreamError));
    }

    #[test]
    fn a_document_gives_tool_input_as_text() {
        let body = r#"{"id":"m1","type":"message","model":"claude","content":[{"type":"thinking","thinking":"hm"},
            {"type":"text","text":" ok "},{"type":"tool_use","name":"f","input":{"a": [1]}},
            {"type":"web_search_tool_result","content":[{"type":"x","encrypted_content":"AAAA","text":"no"}]}],
            "stop_reason":"tool_use","usage":{"input_tokens":3,"cache_creation_input_tokens":5,"cache_read_input_tokens":null,
            "output_tokens":7,"server_tool_use":{"web_search_requests":2},"output_tokens_details":{"thinking_tokens":1}}}"#;
        let (finding, text) = Sample::document(AnthropicMessages, body).read();

        assert_eq!(text, r#"hm ok f{"a": [1]}"#);
        assert_eq!((finding.usage.input_tokens, finding.usage.cache_write_5m_tokens), (Some(8), Some(5)));
        assert_eq!((finding.usage.reasoning_tokens, finding.usage.web_search_requests), (Some(1), Some(2)));
        assert_eq!(finding.usage.cache_read_tokens, None);
    }

    #[test]
    fn the_sum_of_the_iterations_is_billed() {
        let delta = |first: u32| {
            format!(
                "data: {{\"type\":\"message_delta\",\"usage\":{{\"input_tokens\":20,\"output_tokens\":10,\"iterations\":[\
                {{\"type\":\"compaction\",\"input_tokens\":{first},\"output_tokens\":300}},\
                {{\"type\":\"message\",\"model\":\"claude\",\"input_tokens\":20,\"cache_read_input_tokens\":5,\"output_tokens\":10}},\
                {{\"type\":\"advisor_message\",\"model\":\"sage\",\"input_tokens\":7,\"output_tokens\":6}}]}}}}\n\n"
            )
        };
        let body = [START.replace("100", "0"), delta(500), delta(1000), STOP.to_owned()].concat();
        let (finding, _) = Sample::stream(AnthropicMessages, &body).read();

        // 1000 + 20 + 7 stated, 5 read from cache, 30 written according to the start.
        assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (Some(1062), Some(316)));
        let [sage] = &*finding.sub_calls else { panic!("{:?}", finding.sub_calls) };
        assert_eq!(
            (sage.model.as_str(), sage.usage.input_tokens, sage.usage.output_tokens),
            ("sage", Some(7), Some(6))
        );
    }

    #[test]
    fn counting_tokens_is_not_usage() {
        let mut count =
            Sample::document(AnthropicMessages, r#"{"input_tokens":2095,"usage":{"input_tokens":5}}"#);
        count.route.billable = false;
        let (finding, _) = count.read();

        assert_eq!((finding.usage.input_tokens, finding.provenance), (None, Provenance::None));
        assert!(finding.defects.is_empty());
        assert!(route(AnthropicMessages).billable);
    }
}
