//! The record of one finished exchange: names, numbers and instants; no prompt, reply or key.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::attribution::Attribution;
use crate::budget::Alert;
use crate::money::Nano;
use crate::usage::{Defects, Provenance, Usage};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A whole reply without an error.
    Ok,
    /// The provider answered with an error.
    Error,
    /// Refused before it was sent.
    Refused,
    /// Cut while it streamed.
    Cut,
    /// The client went away first.
    ClientGone,
    /// The provider went away first, or tokmeter shut down.
    UpstreamGone,
}

impl Outcome {
    /// The word used in the ledger, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Cut => "cut",
            Self::ClientGone => "client_gone",
            Self::UpstreamGone => "upstream_gone",
        }
    }
}

/// A threshold of a budget that was crossed for the first time in its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The budget's name.
    pub budget: Arc<str>,
    /// The fraction of its limit, as a decimal string: `0.8`.
    pub fraction: String,
}

impl From<&Alert> for Crossing {
    fn from(alert: &Alert) -> Self {
        let text = format!("{}.{:03}", alert.permille / 1000, alert.permille % 1000);
        let fraction = text.trim_end_matches('0').trim_end_matches('.').to_owned();
        Self { budget: Arc::clone(&alert.budget), fraction }
    }
}

/// One row of the ledger.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    /// Exchange id.
    pub id: String,
    /// Instant of admission, ns since the epoch.
    pub time_ns: i64,
    /// Admission to end, ns.
    pub duration_ns: i64,
    /// Admission to the first piece of the reply's body, ns.
    pub first_chunk_ns: Option<i64>,
    /// proxy, tracer or replay.
    pub capture: Arc<str>,
    /// Provider name.
    pub provider: Arc<str>,
    /// Operation name.
    pub operation: &'static str,
    /// Model asked for.
    pub request_model: Option<String>,
    /// Model that answered.
    pub response_model: Option<String>,
    /// Whether the reply was a stream.
    pub stream: bool,
    /// HTTP status; 0 without a response.
    pub status: u16,
    /// Normalised counts.
    pub usage: Usage,
    /// How the counts are known.
    pub provenance: Provenance,
    /// What was wrong with the traffic.
    pub defects: Defects,
    /// What it cost; None when it is billable and has no price.
    pub cost: Option<Nano>,
    /// Whether `cost` is known.
    pub priced: bool,
    /// admit, rewrite, refuse or cut.
    pub decision: &'static str,
    /// A budget or policy in shadow mode would have refused or cut.
    pub would_refuse: bool,
    /// The budget that refused or cut, or would have.
    pub budget: Option<Arc<str>>,
    /// usd, tokens, requests, unpriced or `unknown_path`.
    pub reason: Option<&'static str>,
    /// How it ended.
    pub outcome: Outcome,
    /// Which repetition the client says this is, or a repeat after a failure shows; 0 is the first try.
    pub retry: u32,
    /// Keyed fingerprint of the credential.
    pub key_fingerprint: Option<Arc<str>>,
    /// Who and what.
    pub who: Attribution,
    /// Thresholds crossed by this settlement.
    pub alerts: Vec<Crossing>,
}

impl LedgerEntry {
    /// The eleven counts by their names in the JSON contract.
    pub fn counts(&self) -> [(&'static str, Option<u64>); 11] {
        let usage = &self.usage;
        [
            ("input_tokens", usage.input_tokens),
            ("output_tokens", usage.output_tokens),
            ("cache_read_tokens", usage.cache_read_tokens),
            ("cache_write_5m_tokens", usage.cache_write_5m_tokens),
            ("cache_write_1h_tokens", usage.cache_write_1h_tokens),
            ("reasoning_tokens", usage.reasoning_tokens),
            ("audio_input_tokens", usage.audio_input_tokens),
            ("audio_output_tokens", usage.audio_output_tokens),
            ("image_input_tokens", usage.image_input_tokens),
            ("image_output_tokens", usage.image_output_tokens),
            ("web_search_requests", usage.web_search_requests),
        ]
    }

    /// The object of the contract for finished exchanges, on one line.
    pub fn to_json(&self) -> String {
        let mut object = self.contract();
        let who = &self.who;
        let rest = json!({
            "id": self.id,
            "time": Timestamp::from_nanosecond(i128::from(self.time_ns)).ok().map(|time| time.to_string()),
            "duration_s": seconds(self.duration_ns),
            "first_chunk_s": self.first_chunk_ns.map(seconds),
            "capture": &*self.capture,
            "service": who.service.as_deref(),
            "pid": who.pid,
            "process": who.process.as_deref(),
            "container": who.container.as_deref(),
            "pod": who.pod.as_deref(),
            "namespace": who.namespace.as_deref(),
            "user": who.user.as_deref(),
            "decision": self.decision,
            "budget": self.budget.as_deref(),
            "session": who.session.as_deref(),
            "project": who.project.as_deref(),
            "trace": who.trace.as_deref(),
            "sdk": who.sdk.as_deref(),
        });
        if let Value::Object(rest) = rest {
            object.extend(rest);
        }
        Value::Object(object).to_string()
    }

    /// The object of the replay contract at `index`, on one line.
    pub fn to_replay_json(&self, index: u64) -> String {
        let mut object = Map::new();
        object.insert("index".into(), index.into());
        object.extend(self.contract());
        Value::Object(object).to_string()
    }

    fn contract(&self) -> Map<String, Value> {
        let counts: Map<String, Value> =
            self.counts().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("llm", true.into());
        put("provider", (*self.provider).into());
        put("operation", self.operation.into());
        put("request_model", self.request_model.clone().into());
        put("response_model", self.response_model.clone().into());
        put("stream", self.stream.into());
        put("status", self.status.into());
        put("usage", counts.into());
        put("provenance", self.provenance.as_str().into());
        put("defects", self.defects.iter().map(crate::usage::Defect::as_str).collect::<Vec<_>>().into());
        put("cost_usd", self.cost.map(|cost| cost.to_string()).into());
        put("priced", self.priced.into());
        object
    }
}

/// Seconds as a JSON number with nine decimals, without a float in between.
fn seconds(ns: i64) -> Value {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns.unsigned_abs() % 1_000_000_000);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
