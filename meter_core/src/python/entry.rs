//! `LedgerEntry` of the Python module: read-only views of one record.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exchange::LedgerEntry as Core;
use crate::money::Nano;
use crate::usage::Defect;

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct LedgerEntry {
    pub(crate) core: Core,
}

#[pymethods]
impl LedgerEntry {
    #[getter]
    fn id(&self) -> &str {
        &self.core.id
    }

    #[getter]
    fn time_ns(&self) -> i64 {
        self.core.time_ns
    }

    #[getter]
    fn duration_ns(&self) -> i64 {
        self.core.duration_ns
    }

    #[getter]
    fn first_chunk_ns(&self) -> Option<i64> {
        self.core.first_chunk_ns
    }

    #[getter]
    fn capture(&self) -> &str {
        &self.core.capture
    }

    #[getter]
    fn llm(&self) -> bool {
        true
    }

    #[getter]
    fn provider(&self) -> &str {
        &self.core.provider
    }

    #[getter]
    fn operation(&self) -> &'static str {
        self.core.operation
    }

    #[getter]
    fn request_model(&self) -> Option<&str> {
        self.core.request_model.as_deref()
    }

    #[getter]
    fn response_model(&self) -> Option<&str> {
        self.core.response_model.as_deref()
    }

    #[getter]
    fn stream(&self) -> bool {
        self.core.stream
    }

    #[getter]
    fn status(&self) -> u16 {
        self.core.status
    }

    #[getter]
    fn provenance(&self) -> &'static str {
        self.core.provenance.as_str()
    }

    #[getter]
    fn defects(&self) -> Vec<&'static str> {
        self.core.defects.iter().map(Defect::as_str).collect()
    }

    #[getter]
    fn cost_nano_usd(&self) -> Option<i128> {
        self.core.cost.map(Nano::nano)
    }

    #[getter]
    fn priced(&self) -> bool {
        self.core.priced
    }

    #[getter]
    fn decision(&self) -> &'static str {
        self.core.decision
    }

    #[getter]
    fn would_refuse(&self) -> bool {
        self.core.would_refuse
    }

    #[getter]
    fn budget(&self) -> Option<&str> {
        self.core.budget.as_deref()
    }

    #[getter]
    fn reason(&self) -> Option<&'static str> {
        self.core.reason
    }

    #[getter]
    fn outcome(&self) -> &'static str {
        self.core.outcome.as_str()
    }

    #[getter]
    fn retry(&self) -> u32 {
        self.core.retry
    }

    #[getter]
    fn key_fingerprint(&self) -> Option<&str> {
        self.core.key_fingerprint.as_deref()
    }

    #[getter]
    fn service(&self) -> Option<&str> {
        self.core.who.service.as_deref()
    }

    #[getter]
    fn pid(&self) -> Option<u32> {
        self.core.who.pid
    }

    #[getter]
    fn process(&self) -> Option<&str> {
        self.core.who.process.as_deref()
    }

    #[getter]
    fn container(&self) -> Option<&str> {
        self.core.who.container.as_deref()
    }

    #[getter]
    fn pod(&self) -> Option<&str> {
        self.core.who.pod.as_deref()
    }

    #[getter]
    fn namespace(&self) -> Option<&str> {
        self.core.who.namespace.as_deref()
    }

    #[getter]
    fn organization(&self) -> Option<&str> {
        self.core.who.organization.as_deref()
    }

    #[getter]
    fn user(&self) -> Option<&str> {
        self.core.who.user.as_deref()
    }

    #[getter]
    fn session(&self) -> Option<&str> {
        self.core.who.session.as_deref()
    }

    #[getter]
    fn project(&self) -> Option<&str> {
        self.core.who.project.as_deref()
    }

    #[getter]
    fn trace(&self) -> Option<&str> {
        self.core.who.trace.as_deref()
    }

    #[getter]
    fn sdk(&self) -> Option<&str> {
        self.core.who.sdk.as_deref()
    }

    #[getter]
    fn usage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let usage = PyDict::new(py);
        for (name, count) in self.core.counts() {
            usage.set_item(name, count)?;
        }
        Ok(usage)
    }

    #[getter]
    fn alerts(&self) -> Vec<(&str, &str)> {
        self.core.alerts.iter().map(|alert| (&*alert.budget, alert.fraction.as_str())).collect()
    }

    fn to_json(&self) -> String {
        self.core.to_json()
    }

    fn to_replay_json(&self, index: u64) -> String {
        self.core.to_replay_json(index)
    }
}
