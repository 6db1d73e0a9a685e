//! `Policies` of the Python module.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::budget::parse_mode;
use crate::meter::{IncludeUsage, Policies as Core, UnknownPaths, Unpriced};

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Policies {
    pub(crate) core: Core,
}

#[pymethods]
impl Policies {
    #[new]
    #[pyo3(signature = (*, unpriced="allow", include_usage="leave", unknown_paths="allow", plain_users=false, mode="enforce"))]
    fn new(
        unpriced: &str,
        include_usage: &str,
        unknown_paths: &str,
        plain_users: bool,
        mode: &str,
    ) -> PyResult<Self> {
        let unpriced = match (unpriced, unpriced.strip_prefix("price_as:")) {
            ("allow", _) => Unpriced::Allow,
            ("refuse", _) => Unpriced::Refuse,
            (_, Some(model)) if !model.is_empty() => Unpriced::PriceAs(model.to_owned()),
            (other, _) => {
                let what =
                    format!("unknown policy {other:?} for unpriced models: allow, refuse or price_as:MODEL");
                return Err(PyValueError::new_err(what));
            }
        };
        let include_usage = match include_usage {
            "leave" => IncludeUsage::Leave,
            "inject" => IncludeUsage::Inject,
            other => {
                let what =
                    format!("unknown policy {other:?} for usage that is not asked for: leave or inject");
                return Err(PyValueError::new_err(what));
            }
        };
        let unknown_paths = match unknown_paths {
            "allow" => UnknownPaths::Allow,
            "refuse" => UnknownPaths::Refuse,
            other => {
                let what = format!("unknown policy {other:?} for unknown paths: allow or refuse");
                return Err(PyValueError::new_err(what));
            }
        };
        Ok(Self {
            core: Core { unpriced, include_usage, unknown_paths, plain_users, mode: parse_mode(mode)? },
        })
    }
}
