//! What reading a reply gives: values only, whoever the provider is.

use crate::money::Nano;
use crate::usage::{Defects, Provenance, Usage};

/// What a reply said, so far or in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Finding {
    /// Normalised counts; a total that was not stated is `None`, also where the other one is known (a cut Anthropic stream
    /// knows its input).
    pub usage: Usage,
    /// `Reported` if any total was stated, else `None`.
    pub provenance: Provenance,
    /// Shares of `usage` spent by other models than `response_model`.
    pub sub_calls: Vec<SubCall>,
    /// What tools of the provider spent at other models, beside `usage`.
    pub tool_calls: Vec<SubCall>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// The provider's id of the response, which repeated reads of it share.
    pub response_id: Option<String>,
    /// The tier that served, as answered.
    pub service_tier: Option<String>,
    /// The body is an event stream.
    pub streamed: bool,
    /// The provider works on after this reply, which therefore states no usage yet.
    pub pending: bool,
    /// The protocol's own end was seen.
    pub finished: bool,
    /// The provider's name for the error, in the body of a refusal or inside a stream.
    pub error_code: Option<String>,
    /// The price stated by the provider itself.
    pub stated_cost: Option<Nano>,
    /// Some generated text was seen.
    pub text_seen: bool,
    /// What was wrong.
    pub defects: Defects,
}

/// Usage of one exchange that another model than the answering one spent, for its own price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubCall {
    /// The model as named by the provider.
    pub model: String,
    /// Its share: contained in the exchange's usage if it is a sub-call, and beside it if a tool's.
    pub usage: Usage,
}

/// Where a stream stands after a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Offset just after the last complete event (or comment) in this chunk, if the stream is identity-coded SSE.
    pub boundary: Option<usize>,
    /// Whether the stream is identity-coded SSE and stands between events after this chunk.
    pub at_boundary: bool,
}
