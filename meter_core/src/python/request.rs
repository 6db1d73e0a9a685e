//! `Request` of the Python module: the bytes stay where Python keeps them.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::headers::Headers;
use crate::meter::Request as Core;

/// Header fields as they come from Python.
pub(crate) type Fields = Vec<(PyBackedBytes, PyBackedBytes)>;

/// The header fields as slices, for [`Headers`].
pub(crate) fn slices(fields: &Fields) -> Vec<(&[u8], &[u8])> {
    fields.iter().map(|(name, value)| (&**name, &**value)).collect()
}

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Request {
    method: String,
    host: String,
    port: u16,
    path: String,
    headers: Fields,
    body: Option<PyBackedBytes>,
}

impl Request {
    /// Bytes of the body that is held.
    pub(crate) fn body_bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.len())
    }

    /// Calls `with` with the request as the core takes it.
    pub(crate) fn lend<T>(&self, with: impl FnOnce(&Core<'_>) -> T) -> T {
        let fields = slices(&self.headers);
        with(&Core {
            method: &self.method,
            host: &self.host,
            port: self.port,
            path: &self.path,
            headers: Headers(&fields),
            body: self.body.as_deref(),
        })
    }
}

#[pymethods]
impl Request {
    #[new]
    #[pyo3(signature = (*, method, host, port, path, headers, body))]
    fn new(
        method: String,
        host: String,
        port: u16,
        path: String,
        headers: Fields,
        body: Option<PyBackedBytes>,
    ) -> Self {
        Self { method, host, port, path, headers, body }
    }
}
