//! The fields that replies of all JSON dialects share: model, id, tier, error, stated cost; refuses to know usage and text.

use super::name;
use super::reader::{Outcome, Reader};
use super::stated_cost::{self, StatedCost};
use crate::headers::Headers;
use crate::json_scan::{Interest, Scalar, Take};

/// What the envelope reads at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    slot: Slot,
    cost: stated_cost::Place,
    /// A string there is wanted as a value.
    wants: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Slot {
    #[default]
    Nothing,
    Model,
    Id,
    ServiceTier,
    Error,
    ErrorCode,
    ErrorStatus,
    ErrorType,
    /// The code of a stream's error event.
    Code,
    /// What a stream's event is.
    Type,
}

impl Place {
    /// What stands at `path`.
    pub(super) fn of(path: &str) -> Self {
        let inner = inner(path);
        let slot = match inner {
            "model" => Slot::Model,
            "id" => Slot::Id,
            "service_tier" | "usage.service_tier" => Slot::ServiceTier,
            "error" => Slot::Error,
            "error.code" => Slot::ErrorCode,
            "error.status" => Slot::ErrorStatus,
            "error.type" | "error_type" => Slot::ErrorType,
            "code" if path == "code" => Slot::Code,
            "type" if path == "type" => Slot::Type,
            _ => Slot::Nothing,
        };
        // Some servers write numbers as text.
        let wants = slot != Slot::Nothing || inner.starts_with("usage.") || StatedCost::wants(path);
        Self { slot, cost: stated_cost::Place::of(inner), wants }
    }

    /// Whether a string there is wanted as a value.
    pub(super) const fn wants(self) -> bool {
        self.wants
    }
}

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

    /// An object begins at `place`.
    pub(super) fn enter(&mut self, place: Place) {
        self.error |= place.slot == Slot::Error;
    }

    /// A scalar at `place`.
    pub(super) fn value(&mut self, place: Place, value: Scalar<'_>) {
        self.cost.value(place.cost, value);
        let slot = match place.slot {
            Slot::Nothing => return,
            Slot::Model => &mut self.model,
            Slot::Id => &mut self.id,
            Slot::ServiceTier => &mut self.service_tier,
            Slot::ErrorType => &mut self.error_type,
            Slot::ErrorStatus => &mut self.error_status,
            Slot::ErrorCode => {
                if let Scalar::Number(code) = value {
                    self.error_code = name(code);
                }
                &mut self.error_code
            }
            // Some servers state the error as bare text, and a stream's error event states its code at the top.
            Slot::Error => {
                self.error |= value.text().is_some_and(|text| !text.is_empty());
                return;
            }
            Slot::Code => &mut self.error_code,
            Slot::Type => {
                self.error |= value == Scalar::String("error");
                return;
            }
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
    match path.as_bytes() {
        [b'#'] => "",
        [b'#', b'.', ..] => path.get(2..).unwrap_or(path),
        _ => path,
    }
}

/// The path inside the response or message object that a stream event carries.
pub(super) fn inner(path: &str) -> &str {
    let path = element(path);
    // Asked for every path of every reply, and hardly any begins so.
    let wrapper = match path.as_bytes().first() {
        Some(b'r') => "response.",
        Some(b'm') => "message.",
        _ => return path,
    };
    path.strip_prefix(wrapper).unwrap_or(path)
}

/// The first segment of `path`.
pub(super) fn first(path: &str) -> &str {
    let dot = path.bytes().position(|byte| byte == b'.');
    dot.and_then(|dot| path.get(..dot)).unwrap_or(path)
}

/// The reader of a reply of which only the envelope is read.
#[derive(Debug)]
pub(super) struct Nothing;

impl Reader for Nothing {
    fn heeds(&self, path: &str) -> bool {
        path == "data"
    }
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
