//! `Exchange` of the Python module: one call a request, one a chunk, one at the end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use super::decision::{Admit, Cut, Forward, Refuse, Replace, Rewrite};
use super::entry::LedgerEntry;
use super::request::{Fields, slices};
use crate::exchange::{CloseReason, Decision, Exchange as Core, Passage};
use crate::headers::Headers;

static FORWARD: PyOnceLock<Py<Forward>> = PyOnceLock::new();
static ADMIT: PyOnceLock<Py<Admit>> = PyOnceLock::new();

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Exchange {
    core: Mutex<Core>,
}

impl Exchange {
    pub(crate) fn new(core: Core) -> Self {
        Self { core: Mutex::new(core) }
    }

    /// The exchange. The guard must be gone before Python is called again: the interpreter may switch threads or collect
    /// garbage there, and either may come back for this very lock.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Exchange {
    #[getter]
    fn id(&self) -> String {
        self.core().id().to_string()
    }

    #[getter]
    fn decision(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let decision = self.core().decision().clone();
        match decision {
            Decision::Admit => {
                let admit = ADMIT.get_or_try_init(py, || Py::new(py, Admit))?;
                Ok(admit.clone_ref(py).into_any())
            }
            Decision::Rewrite(core) => Ok(Py::new(py, Rewrite { core })?.into_any()),
            Decision::Refuse(answer) => Ok(Py::new(py, Refuse { answer })?.into_any()),
        }
    }

    #[getter]
    fn closed(&self) -> bool {
        self.core().closed()
    }

    fn respond(&self, status: u16, headers: Fields) -> bool {
        self.core().respond(status, Headers(&slices(&headers)))
    }

    #[getter]
    fn reads_session(&self) -> bool {
        self.core().reads_session()
    }

    fn feed(&self, py: Python<'_>, chunk: &[u8], now: i64) -> PyResult<Py<PyAny>> {
        let passage = self.core().feed(chunk, now);
        told(py, passage)
    }

    fn sent(&self, py: Python<'_>, chunk: &[u8], now: i64) -> PyResult<Py<PyAny>> {
        let passage = self.core().sent(chunk, now);
        told(py, passage)
    }

    fn release<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let held = self.core().release();
        PyBytes::new(py, &held)
    }

    fn close(&self, reason: &str, now: i64) -> PyResult<Option<LedgerEntry>> {
        let reason = match reason {
            "complete" => CloseReason::Complete,
            "client_gone" => CloseReason::ClientGone,
            "upstream_gone" => CloseReason::UpstreamGone,
            "shutdown" => CloseReason::Shutdown,
            "failed" => CloseReason::Failed,
            other => return Err(PyValueError::new_err(format!("unknown close reason {other:?}"))),
        };
        Ok(self.core().close(reason, now).map(|core| LedgerEntry { core }))
    }
}

fn told(py: Python<'_>, passage: Passage) -> PyResult<Py<PyAny>> {
    match passage {
        Passage::Forward => {
            let forward = FORWARD.get_or_try_init(py, || Py::new(py, Forward))?;
            Ok(forward.clone_ref(py).into_any())
        }
        Passage::Replace(data) => {
            let replace = Replace { data: PyBytes::new(py, &data).unbind() };
            Ok(Py::new(py, replace)?.into_any())
        }
        Passage::Cut { data, clean } => {
            let cut = Cut { data: PyBytes::new(py, &data).unbind(), clean };
            Ok(Py::new(py, cut)?.into_any())
        }
    }
}
