//! Who is answerable for an exchange and what ran. Values come from the capture adapter; nothing here looks them up.

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
    /// The person or account the workload acts for.
    pub user: Option<Arc<str>>,
}
