//! Who is answerable for an exchange and what ran. Values come from the capture adapter and from the fields of the messages
//! (`wire`); nothing here looks them up elsewhere.

mod software;
mod wire;

pub(crate) use wire::Wire;

use std::sync::Arc;

/// Principal and workload of one exchange; every field may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// Logical service name.
    pub service: Option<Arc<str>>,
    /// Process id on the host.
    pub pid: Option<u32>,
    /// Process name.
    pub process: Option<Arc<str>>,
    /// Container id.
    pub container: Option<Arc<str>>,
    /// Kubernetes pod name.
    pub pod: Option<Arc<str>>,
    /// Kubernetes namespace.
    pub namespace: Option<Arc<str>>,
    /// Organization that owns the workload.
    pub organization: Option<Arc<str>>,
    /// The person or account the workload acts for: a name that the operator gave or listed, else a keyed fingerprint.
    pub user: Option<Arc<str>>,
    /// Keyed fingerprint of the session that the client names.
    pub session: Option<Arc<str>>,
    /// The provider's name of the project that is billed.
    pub project: Option<Arc<str>>,
    /// Trace id of W3C trace context, 32 hexadecimal digits.
    pub trace: Option<Arc<str>>,
    /// Client library or agent, of a bounded list, and its version: `openai-python/2.54.0`.
    pub sdk: Option<Arc<str>>,
}
