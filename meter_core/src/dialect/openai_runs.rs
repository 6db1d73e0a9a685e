//! Assistant runs, which state their usage once they have ended: in the answer to a poll or in an event of a stream.
//!
//! A stream also carries the run's steps and messages. Steps state their own shares, which the run's usage contains.

use super::name;
use super::openai_usage::OpenAiUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a run or of the events of one.
#[derive(Debug, Default)]
pub(super) struct Runs {
    run: Run,
    /// The document in progress, which is a run if it says so.
    document: Run,
    /// Whether it does.
    is_run: bool,
    ended: bool,
}

/// What one document says of a run.
#[derive(Clone, Debug, Default)]
struct Run {
    id: Option<String>,
    model: Option<String>,
    status: Option<String>,
    usage: OpenAiUsage,
}

impl Run {
    /// Whether its usage is still to come.
    fn is_pending(&self) -> bool {
        matches!(self.status.as_deref(), Some("queued" | "in_progress" | "requires_action" | "cancelling"))
    }
}

impl Reader for Runs {
    fn enter(&mut self, path: &str) -> Interest {
        match path {
            "" => (self.document, self.is_run) = (Run::default(), false),
            // Echoes of the assistant.
            "tools" | "metadata" | "content" => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    fn leave(&mut self, path: &str) {
        if path.is_empty() && self.is_run {
            self.run = std::mem::take(&mut self.document);
            self.is_run = false;
        }
    }

    fn string(&mut self, path: &str) -> Take {
        match path {
            "object" | "status" => Take::Value,
            "delta.content.#.text.value" => Take::Text,
            _ => Take::Skip,
        }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        let text = || value.text().and_then(name);
        match path {
            "object" => self.is_run = value == Scalar::String("thread.run"),
            "id" => self.document.id = text(),
            "model" => self.document.model = text(),
            "status" => self.document.status = text(),
            _ => self.document.usage.reply_value(path, value),
        }
    }

    fn event(&mut self, name: &str) {
        let outcome = name.strip_prefix("thread.run.");
        self.ended |=
            matches!(outcome, Some("completed" | "incomplete" | "failed" | "cancelled" | "expired"));
    }

    fn outcome(&self) -> Outcome {
        let Run { id, model, usage, .. } = &self.run;
        let (usage, defects) = usage.usage();
        Outcome {
            usage,
            defects,
            ended: self.ended,
            pending: self.run.is_pending(),
            model: model.clone(),
            id: id.clone(),
            ..Outcome::default()
        }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "tools.#" => Part::Tool,
        "instructions"
        | "additional_instructions"
        | "additional_messages.#.content"
        | "additional_messages.#.content.#.text"
        | "thread.messages.#.content"
        | "thread.messages.#.content.#.text"
        | "tool_outputs.#.output" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiRuns;
    use crate::dialect::sample::Sample;
    use crate::usage::Provenance;

    fn run(status: &str, usage: &str) -> String {
        format!(
            r#"{{"id":"run_1","object":"thread.run","status":"{status}","model":"m","tools":[{{"id":"x"}}],"usage":{usage}}}"#
        )
    }

    const USAGE: &str = r#"{"prompt_tokens":123,"completion_tokens":45,"total_tokens":168,"prompt_token_details":{"cached_tokens":7}}"#;

    #[test]
    fn a_run_states_its_usage_once_it_has_ended() {
        for status in ["queued", "in_progress", "requires_action", "cancelling"] {
            let (finding, _) = Sample::document(OpenAiRuns, &run(status, "null")).read();

            assert_eq!((finding.provenance, finding.pending), (Provenance::None, true), "{status}");
            assert!(finding.defects.is_empty() && finding.finished, "{status}");
        }
        let (finding, _) = Sample::document(OpenAiRuns, &run("completed", USAGE)).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.cache_read_tokens), (Some(123), Some(7)));
        assert_eq!(
            (finding.response_id.as_deref(), finding.response_model.as_deref()),
            (Some("run_1"), Some("m"))
        );
        assert!(finding.defects.is_empty() && !finding.pending);
    }

    #[test]
    fn a_stream_counts_the_run_and_not_its_steps() {
        let event = |name: &str, data: &str| format!("event: {name}\ndata: {data}\n\n");
        let step = |usage: &str| format!(r#"{{"id":"step_1","object":"thread.run.step","usage":{usage}}}"#);
        let body = [
            event("thread.run.created", &run("queued", "null")),
            event(
                "thread.message.delta",
                r#"{"id":"msg_1","object":"thread.message.delta","delta":{"content":[{"type":"text","text":{"value":"hi"}}]}}"#,
            ),
            event("thread.run.step.completed", &step(USAGE)),
            event("thread.message.completed", r#"{"id":"msg_1","object":"thread.message","status":"completed","model":"n"}"#),
        ]
        .concat();
        let done = [
            event("thread.run.completed", &run("completed", USAGE)),
            event("thread.run.step.completed", &step(r#"{"prompt_tokens":1000}"#)),
            event("done", "[DONE]"),
        ]
        .concat();
        let (whole, text) = Sample::stream(OpenAiRuns, &[body.as_str(), &done].concat()).read();
        let (cut, _) = Sample { complete: false, ..Sample::stream(OpenAiRuns, &body) }.read();

        assert_eq!((whole.usage.input_tokens, text.as_str()), (Some(123), "hi"));
        assert_eq!(whole.response_id.as_deref(), Some("run_1"));
        assert!(whole.finished && whole.defects.is_empty());
        assert_eq!((cut.provenance, cut.pending, cut.finished), (Provenance::None, true, false));
    }
}
