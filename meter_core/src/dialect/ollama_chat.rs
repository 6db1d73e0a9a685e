//! Ollama's own chat and generate, lines of JSON.

use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Scalar, Take};

/// Reader of such a reply.
#[derive(Debug, Default)]
pub(super) struct Chat {}

impl Reader for Chat {
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
