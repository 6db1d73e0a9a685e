//! The fields that replies of all JSON dialects share: model, id, tier, error, stated cost; refuses to know usage and text.

use super::name;
use super::reader::{Outcome, Reader};
use super::stated_cost::StatedCost;
use crate::headers::Headers;
use crate::json_scan::{Interest, Scalar, Take};

/// What the envelope of a reply said; later statements win, empty ones say nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    pub(super) service_tier: Option<String>,
    pub(super) cost: StatedCost,
    /// An error object, text or event was seen.
    pub(super) error: bool,
    error_code: Option<String>,
    /// A name, where the code is the number of the HTTP status.
    error_status: Option<String>,
    error_type: Option<String>,
}

impl Envelope {
    /// What the head of a reply says.
    pub(super) fn of(headers: Headers<'_>) -> Self {
        Self { cost: StatedCost::of(headers), ..Self::default() }
    }

    /// Whether the string at `path` belongs here.
    pub(super) fn wants(path: &str) -> bool {
        let inner = inner(path);
        matches!(
            inner,
            "model"
                | "id"
                | "service_tier"
                | "error"
                | "error.code"
                | "error.status"
                | "error.type"
                | "error_type"
        ) || matches!(path, "type" | "code")
            // Some servers write numbers as text.
            || inner.starts_with("usage.")
            || StatedCost::wants(path)
    }

    /// An object begins at `path`.
    pub(super) fn enter(&mut self, path: &str) {
        if inner(path) == "error" {
            self.error = true;
        }
    }

    /// A scalar at `path`.
    pub(super) fn value(&mut self, path: &str, value: Scalar<'_>) {
        let inner = inner(path);
        self.cost.value(inner, value);
        let slot = match inner {
            "model" => &mut self.model,
            "id" => &mut self.id,
            "service_tier" | "usage.service_tier" => &mut self.service_tier,
            "error.type" | "error_type" => &mut self.error_type,
            "error.status" => &mut self.error_status,
            "error.code" => {
                if let Scalar::Number(code) = value {
                    self.error_code = name(code);
                }
                &mut self.error_code
            }
            // Some servers state the error as bare text, and a stream's error event states its code at the top.
            "error" => {
                self.error |= value.text().is_some_and(|text| !text.is_empty());
                return;
            }
            "code" if path == "code" => &mut self.error_code,
            "type" if path == "type" => {
                self.error |= value == Scalar::String("error");
                return;
            }
            _ => return,
        };
        // Every event of a stream repeats these.
        if let Some(text) = value.text().filter(|text| slot.as_deref() != Some(text)) {
            *slot = name(text).or(slot.take());
        }
    }

    /// An error that does not stand in the JSON.
    pub(super) fn fail(&mut self, code: &str) {
        self.error = true;
        self.error_code = name(code).or(self.error_code.take());
    }

    /// The most specific name of the error.
    pub(super) fn error_name(&self) -> Option<&String> {
        [&self.error_status, &self.error_code, &self.error_type].into_iter().find_map(Option::as_ref)
    }
}

/// The path inside an element where the whole body is one array, whose elements are the chunks of a stream.
pub(super) fn element(path: &str) -> &str {
    if path == "#" { "" } else { path.strip_prefix("#.").unwrap_or(path) }
}

/// The path inside the response or message object that a stream event carries.
pub(super) fn inner(path: &str) -> &str {
    let path = element(path);
    path.strip_prefix("response.").or_else(|| path.strip_prefix("message.")).unwrap_or(path)
}

/// The reader of a reply of which only the envelope is read.
pub(super) struct Nothing;

impl Reader for Nothing {
    fn enter(&mut self, path: &str) -> Interest {
        // Lists can be long, and nothing in them is the envelope's.
        if path == "data" { Interest::Skip } else { Interest::Walk }
    }
    fn string(&mut self, _: &str) -> Take {
        Take::Skip
    }
    fn value(&mut self, _: &str, _: Scalar<'_>) {}
    fn outcome(&self) -> Outcome {
        Outcome::default()
    }
}
