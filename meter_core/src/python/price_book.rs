//! `PriceBook` and `Charge` of the Python module.

use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::cost::Charge as CoreCharge;
use crate::price_book::PriceBook as Core;
use crate::usage::Usage;

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct PriceBook {
    pub(crate) core: Core,
}

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Charge {
    core: CoreCharge,
}

#[pymethods]
impl Charge {
    #[getter]
    fn total_nano_usd(&self) -> i128 {
        self.core.total.nano()
    }

    #[getter]
    fn items(&self) -> Vec<(&'static str, u64, i128)> {
        let items = self.core.items.iter();
        items.map(|item| (item.kind.as_str(), item.quantity, item.amount.nano())).collect()
    }
}

/// The usage of a mapping from the names of the JSON contract to counts.
fn parse_usage(counts: &HashMap<String, u64>) -> PyResult<Usage> {
    let mut usage = Usage::default();
    for (name, count) in counts {
        let slot = match name.as_str() {
            "input_tokens" => &mut usage.input_tokens,
            "output_tokens" => &mut usage.output_tokens,
            "cache_read_tokens" => &mut usage.cache_read_tokens,
            "cache_write_5m_tokens" => &mut usage.cache_write_5m_tokens,
            "cache_write_1h_tokens" => &mut usage.cache_write_1h_tokens,
            "reasoning_tokens" => &mut usage.reasoning_tokens,
            "audio_input_tokens" => &mut usage.audio_input_tokens,
            "audio_output_tokens" => &mut usage.audio_output_tokens,
            "image_input_tokens" => &mut usage.image_input_tokens,
            "image_output_tokens" => &mut usage.image_output_tokens,
            "web_search_requests" => &mut usage.web_search_requests,
            other => return Err(PyValueError::new_err(format!("unknown count {other:?}"))),
        };
        *slot = Some(*count);
    }
    Ok(usage)
}

#[pymethods]
impl PriceBook {
    #[staticmethod]
    fn embedded() -> PyResult<Self> {
        Core::embedded().map(|core| Self { core }).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    #[getter]
    fn version(&self) -> String {
        format!("{} ({})", self.core.version(), self.core.date())
    }

    #[pyo3(signature = (provider, model, usage, *, at, service_tier=None))]
    fn charge(
        &self,
        provider: &str,
        model: &str,
        usage: HashMap<String, u64>,
        at: i64,
        service_tier: Option<&str>,
    ) -> PyResult<Option<Charge>> {
        let usage = parse_usage(&usage)?;
        Ok(self.core.charge(provider, model, &usage, service_tier, at).map(|core| Charge { core }))
    }
}
