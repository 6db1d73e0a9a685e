//! Results of Anthropic batches: one message a line.

use super::reader::{Head, Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Scalar, Take};

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct BatchResults {}

impl BatchResults {
    /// A reader for the reply that `head` begins.
    pub(super) fn new(_: &Head<'_>) -> Self {
        Self::default()
    }
}

impl Reader for BatchResults {
    fn string(&mut self, _: &str) -> Take {
        Take::Skip
    }

    fn value(&mut self, _: &str, _: Scalar<'_>) {}

    fn outcome(&self) -> Outcome {
        Outcome::default()
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(_: &str) -> Part {
    Part::Other
}
