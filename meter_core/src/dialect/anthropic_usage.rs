//! Anthropic's usage object, whole or split over the start of a stream and its cumulative deltas; refuses to know where it
//! stands in a reply.
//!
//! Anthropic's input excludes what the cache read and wrote; here it is made inclusive. The lifetimes of cache writes stand
//! only in the start of a stream. `iterations` lists sub-calls (compaction, an advisor model), whose sum is what is billed.

use super::finding::SubCall;
use super::{name, subsets};
use crate::json_scan::Scalar;
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

    /// This later statement of running totals, and what it leaves out or states as nothing taken from an `earlier` one: some
    /// compatible servers know the input only at the start.
    fn after(self, earlier: Self) -> Self {
        self.join(earlier, |late, early| late.filter(|count| *count > 0).or(early).or(late))
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

/// All that was stated of one message.
#[derive(Debug, Default)]
pub(super) struct AnthropicUsage {
    start: Stated,
    /// Of the message itself, or of the last delta.
    last: Stated,
    iteration: (Option<String>, Stated),
    /// Sums by model; `None` is the answering one.
    iterations: Vec<(Option<String>, Stated)>,
    fast: bool,
    /// The inference ran in the United States because it had to.
    in_us: bool,
}

/// What it comes to.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Inclusive counts, if any total was stated.
    pub(super) usage: Option<Usage>,
    /// Shares of them by models that are named.
    pub(super) sub_calls: Vec<SubCall>,
    /// Contradictions.
    pub(super) defects: Defects,
}

impl AnthropicUsage {
    /// A container begins at `field` of the usage object.
    pub(super) fn enter(&mut self, field: &str) {
        match field {
            // Every delta repeats the whole list.
            "iterations" => self.iterations.clear(),
            "iterations.#" => self.iteration = (None, Stated::default()),
            _ => {}
        }
    }

    /// A container at `field` ended.
    pub(super) fn leave(&mut self, field: &str) {
        if field != "iterations.#" {
            return;
        }
        let (model, stated) = std::mem::take(&mut self.iteration);
        let full = self.iterations.len() >= limits::SUB_CALL_MODELS_MAX;
        let place = self.iterations.iter().position(|(known, _)| *known == model);
        match place.or(full.then(|| self.iterations.len() - 1)).and_then(|at| self.iterations.get_mut(at)) {
            Some((_, sum)) => *sum = sum.plus(stated),
            None => self.iterations.push((model, stated)),
        }
    }

    /// A scalar at `field` of the usage that a stream starts with.
    pub(super) fn start(&mut self, field: &str, value: Scalar<'_>) {
        // The start already counts a few output tokens, which say nothing about the whole.
        match field {
            "output_tokens" => {}
            "speed" | "inference_geo" => self.terms(field, value),
            _ => self.start.value(field, value),
        }
    }

    /// A scalar at `field` of the usage of a whole message or of a delta.
    pub(super) fn value(&mut self, field: &str, value: Scalar<'_>) {
        match field.strip_prefix("iterations.#.") {
            Some("model") => self.iteration.0 = value.text().and_then(name),
            Some(field) => self.iteration.1.value(field, value),
            None if matches!(field, "speed" | "inference_geo") => self.terms(field, value),
            None => self.last.value(field, value),
        }
    }

    fn terms(&mut self, field: &str, value: Scalar<'_>) {
        self.fast |= field == "speed" && value == Scalar::String("fast");
        self.in_us |= field == "inference_geo" && value == Scalar::String("us");
    }

    /// The tier that speed or place make, where they make one.
    pub(super) fn tier(&self) -> Option<String> {
        let tier = if self.fast { Some("fast") } else { self.in_us.then_some("us") };
        tier.map(str::to_owned)
    }

    /// What was stated so far.
    pub(super) fn read(&self) -> Reading {
        let mut defects = Defects::default();
        let stated = self.last.after(self.start);
        if stated.input.is_none() && stated.output.is_none() {
            return Reading::default();
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
        Reading { usage: Some(usage), sub_calls, defects }
    }
}
