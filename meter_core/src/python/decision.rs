//! The answers of the core to a request and to a piece of a reply.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::exchange::{Answer, Rewrite as CoreRewrite};

/// Header fields as Python gets them.
type PyFields<'py> = Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>;

fn fields<'py>(py: Python<'py>, fields: &[(Vec<u8>, Vec<u8>)]) -> PyFields<'py> {
    fields.iter().map(|(name, value)| (PyBytes::new(py, name), PyBytes::new(py, value))).collect()
}

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Admit;

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Forward;

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Replace {
    pub(crate) data: Py<PyBytes>,
}

#[pymethods]
impl Replace {
    #[getter]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.clone_ref(py)
    }
}

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Rewrite {
    pub(crate) core: Arc<CoreRewrite>,
}

#[pymethods]
impl Rewrite {
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyFields<'py> {
        fields(py, &self.core.headers)
    }

    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.core.body)
    }
}

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Cut {
    pub(crate) data: Py<PyBytes>,
    #[pyo3(get)]
    pub(crate) clean: bool,
}

#[pymethods]
impl Cut {
    #[getter]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.clone_ref(py)
    }
}

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Refuse {
    pub(crate) answer: Arc<Answer>,
}

#[pymethods]
impl Refuse {
    #[getter]
    fn status(&self) -> u16 {
        self.answer.status
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyFields<'py> {
        fields(py, &self.answer.headers)
    }

    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.answer.body)
    }

    #[getter]
    fn budget(&self) -> Option<&str> {
        self.answer.cause.budget.as_deref()
    }

    #[getter]
    fn reason(&self) -> &'static str {
        self.answer.cause.reason
    }
}
