//! What a response says of the tools that the provider itself ran: searches, which are billed by the call, and images,
//! which another model generates; refuses to know what either costs.

use super::finding::SubCall;
use super::name;
use super::openai_usage::OpenAiUsage;
use crate::json_scan::{Interest, Scalar};
use crate::usage::Usage;

/// The model that generates images where the response does not name it.
const IMAGE_MODEL: &str = "gpt-image-1";

/// The tools of one response. Paths are relative to the response object.
#[derive(Debug, Default)]
pub(super) struct Tools {
    item: Item,
    /// Billed searches in the output of the response object and in the stream's items; the object repeats the items.
    listed: u64,
    streamed: u64,
    /// Searches as stated, which beats counting items.
    stated: Option<u64>,
    images: OpenAiUsage,
    image_model: Option<String>,
    /// Model and kind of the tool in progress.
    tool: (Option<String>, bool),
}

/// What is known of the output item in progress.
#[derive(Debug, Default)]
struct Item {
    search: bool,
    completed: bool,
    /// Opening a page or finding in it is a call of the same tool, but only searches are billed.
    other_action: bool,
}

impl Item {
    fn billed(&self) -> u64 {
        u64::from(self.search && !self.other_action)
    }
}

impl Tools {
    /// A container begins at `field`.
    pub(super) fn enter(&mut self, field: &str) -> Interest {
        match field {
            "output" => self.listed = 0,
            "output.#" | "item" => self.item = Item::default(),
            "tools.#" => self.tool = (None, false),
            // An echo of the request, but for what kind of tool it is.
            _ if field.starts_with("tools.#.") => return Interest::Skip,
            _ => {}
        }
        Interest::Walk
    }

    /// A container at `field` ended.
    pub(super) fn leave(&mut self, field: &str) {
        match field {
            "output.#" => self.listed += self.item.billed(),
            // An item is told when it is added and again when it is done.
            "item" if self.item.completed => self.streamed += self.item.billed(),
            "tools.#" => {
                if let (Some(model), true) = std::mem::take(&mut self.tool) {
                    self.image_model = Some(model);
                }
            }
            _ => {}
        }
    }

    /// Whether the string at `field` belongs here.
    pub(super) fn wants(field: &str) -> bool {
        matches!(
            field,
            "output.#.type"
                | "output.#.action.type"
                | "item.type"
                | "item.action.type"
                | "item.status"
                | "tools.#.type"
                | "tools.#.model"
        )
    }

    /// A scalar at `field`.
    pub(super) fn value(&mut self, field: &str, value: Scalar<'_>) {
        if let Some(field) = field.strip_prefix("tool_usage.image_gen.") {
            return self.images.value(field, value);
        }
        if field == "tool_usage.web_search.num_requests" {
            self.stated = value.count().or(self.stated);
        }
        let Some(text) = value.text() else { return };
        match field {
            "output.#.type" | "item.type" => self.item.search = text == "web_search_call",
            "output.#.action.type" | "item.action.type" => self.item.other_action = text != "search",
            "item.status" => self.item.completed = text == "completed",
            "tools.#.type" => self.tool.1 = text == "image_generation",
            "tools.#.model" => self.tool.0 = name(text),
            _ => {}
        }
    }

    /// Searches to be billed, if there were any.
    pub(super) fn searches(&self) -> Option<u64> {
        Some(self.stated.unwrap_or(self.listed.max(self.streamed))).filter(|searches| *searches > 0)
    }

    /// What another model generated, which the response's own usage leaves out.
    pub(super) fn calls(&self) -> Vec<SubCall> {
        let used = |usage: &Usage| {
            usage.input_tokens.is_some_and(|tokens| tokens > 0)
                || usage.output_tokens.is_some_and(|tokens| tokens > 0)
        };
        let model = || self.image_model.clone().unwrap_or_else(|| IMAGE_MODEL.to_owned());
        let usage = self.images.usage().0.filter(used);
        usage.map(|usage| SubCall { model: model(), usage }).into_iter().collect()
    }
}
