//! `Attribution` of the Python module.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::attribution::Attribution as Core;

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Attribution {
    pub(crate) core: Core,
}

#[pymethods]
impl Attribution {
    #[new]
    #[pyo3(signature = (*, service=None, pid=None, process=None, container=None, pod=None, namespace=None, organization=None, user=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only fields of one record")]
    fn new(
        service: Option<&str>,
        pid: Option<u32>,
        process: Option<&str>,
        container: Option<&str>,
        pod: Option<&str>,
        namespace: Option<&str>,
        organization: Option<&str>,
        user: Option<&str>,
    ) -> Self {
        let core = Core {
            service: service.map(Arc::from),
            pid,
            process: process.map(Arc::from),
            container: container.map(Arc::from),
            pod: pod.map(Arc::from),
            namespace: namespace.map(Arc::from),
            organization: organization.map(Arc::from),
            user: user.map(Arc::from),
            ..Core::default()
        };
        Self { core }
    }
}
