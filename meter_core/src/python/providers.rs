//! What is metered, for the reference: the hosts of the detection table and what is known of each path.

use pyo3::prelude::*;

use crate::detect::{COVERAGE, Detector};

/// Host pattern, provider and dialect of each built-in host, in the order they are tried.
#[pyfunction]
pub(crate) fn built_in_hosts() -> Vec<(String, String, &'static str)> {
    let table = Detector::new(Vec::new());
    let line = |rule: &crate::detect::HostRule| {
        let host = rule.port.map_or_else(|| rule.host.clone(), |port| format!("{}:{port}", rule.host));
        (host, rule.provider.clone(), rule.family.as_str())
    };
    table.hosts().map(line).collect()
}

/// Dialect, method, path, operation and how usage is known, of each path that is metered.
#[pyfunction]
pub(crate) fn coverage() -> Vec<(&'static str, &'static str, &'static str, &'static str, &'static str)> {
    let line = |line: crate::detect::Coverage| {
        (line.family.as_str(), line.method, line.path, line.operation.as_str(), line.knowledge.as_str())
    };
    COVERAGE.into_iter().map(line).collect()
}
