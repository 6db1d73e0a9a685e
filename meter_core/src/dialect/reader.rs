//! The seam between reading a reply and knowing a dialect: what a dialect is told, and what it knows; holds no logic.

use super::RequestFacts;
use super::finding::SubCall;
use crate::detect::Route;
use crate::headers::Headers;
use crate::json_scan::{Interest, Scalar, Take};
use crate::money::Nano;
use crate::usage::{Defects, Usage};

/// What is known when a reply begins.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    /// Where the request went.
    pub(super) route: &'a Route,
    /// What it asked for.
    pub(super) facts: &'a RequestFacts,
    /// Header fields of the reply.
    pub(super) headers: Headers<'a>,
}

/// What a dialect reads out of a reply's JSON, of a whole document or of the events of a stream.
pub(super) trait Reader: std::fmt::Debug + Send + Sync {
    /// Whether anything that stands at `path` itself is of use: of what it does not heed it is not told. Asked once a path, so the
    /// answer depends on nothing else.
    fn heeds(&self, path: &str) -> bool {
        let _ = path;
        true
    }
    /// A container begins at `path`.
    fn enter(&mut self, path: &str) -> Interest {
        let _ = path;
        Interest::Walk
    }
    /// A walked container at `path` ended.
    fn leave(&mut self, path: &str) {
        let _ = path;
    }
    /// What to do with the string at `path`; [`Take::Text`] only for generated text.
    fn string(&mut self, path: &str) -> Take;
    /// A scalar at `path`.
    fn value(&mut self, path: &str, value: Scalar<'_>);
    /// The name of the current event of a stream.
    fn event(&mut self, name: &str) {
        let _ = name;
    }
    /// What is known so far.
    fn outcome(&self) -> Outcome;
}

/// What a [`Reader`] knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Normalised usage, if any total was stated.
    pub(super) usage: Option<Usage>,
    /// Parts of the usage that name their own model.
    pub(super) sub_calls: Vec<SubCall>,
    /// Usage of other models that `usage` leaves out.
    pub(super) tool_calls: Vec<SubCall>,
    /// The event that ends a stream was seen.
    pub(super) ended: bool,
    /// The model said why it stopped: enough of an end if the connection also closed cleanly.
    pub(super) stopped: bool,
    /// The work goes on after this reply, which therefore states no usage yet.
    pub(super) pending: bool,
    /// The model that answered, where it does not stand at `model`.
    pub(super) model: Option<String>,
    /// The id of the reply, where it does not stand at `id`.
    pub(super) id: Option<String>,
    /// The tier that served, where it does not stand at `service_tier`.
    pub(super) service_tier: Option<String>,
    /// The price that the provider states, where `stated_cost` does not know its place.
    pub(super) cost: Option<Nano>,
    /// The provider's name for the error, where it does not stand where most put it.
    pub(super) error_code: Option<String>,
    /// Contradictions in what was stated.
    pub(super) defects: Defects,
}
