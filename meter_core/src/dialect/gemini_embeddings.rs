//! Gemini and Vertex embeddings, with or without a statement of usage.

use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Scalar, Take};

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Embeddings {}

impl Reader for Embeddings {
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
