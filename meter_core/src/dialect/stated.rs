//! What a reply states, as its dialect reads it value by value.

use crate::json_scan::Scalar;
use crate::limits;
use crate::usage::{Defect, Defects, Usage};

/// Names and ends that every dialect states in some place.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    pub(super) service_tier: Option<String>,
    /// The protocol's own end of a stream.
    pub(super) finished: bool,
    /// The provider works on, and states its usage in a later reply.
    pub(super) pending: bool,
    pub(super) error_code: Option<String>,
}

/// How one dialect reads the values of its replies.
pub(super) trait Statements: Send {
    /// A new frame begins; `name` is the event's.
    fn frame(&mut self, _name: &[u8]) {}
    /// Whether the string at `path` is generated text.
    fn is_text(&self, path: &str) -> bool;
    /// A value.
    fn scalar(&mut self, path: &str, value: Scalar<'_>, seen: &mut Seen);
    /// An object or array begins.
    fn open(&mut self, _path: &str) {}
    /// The usage stated so far; None when there is none.
    fn usage(&self, defects: &mut Defects) -> Option<Usage>;
}

/// Keeps a name of bounded length; the first one that says something stands.
pub(super) fn name(slot: &mut Option<String>, value: Scalar<'_>) {
    if let (None, Scalar::Text(text)) = (&slot, value)
        && !text.is_empty()
    {
        *slot = Some(cut(text).to_owned());
    }
}

/// Keeps a count; a later statement replaces an earlier one, and null replaces nothing.
pub(super) fn count(slot: &mut Option<u64>, value: Scalar<'_>) {
    if let Some(count) = value.count() {
        *slot = Some(count);
    }
}

/// Keeps an error's code, or that there was one.
pub(super) fn error(slot: &mut Option<String>, value: Scalar<'_>) {
    match value {
        Scalar::Null | Scalar::Bool(_) => {}
        Scalar::Text(text) | Scalar::Number(text) => {
            slot.get_or_insert_with(|| cut(text).to_owned());
        }
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::NAME_BYTES_MAX)]
}

/// A subset that cannot be larger than its total; the smaller claim is kept.
pub(super) fn subset(part: Option<u64>, total: Option<u64>, defects: &mut Defects) -> Option<u64> {
    let (Some(part), Some(total)) = (part, total) else { return part };
    if part > total {
        defects.insert(Defect::Contradiction);
    }
    Some(part.min(total))
}
