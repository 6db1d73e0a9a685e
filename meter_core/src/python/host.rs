//! `HostRule` of the Python module.

use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::detect::{Family, HostRule as Core};
use crate::price_book::{ConfiguredRates, Kind, PriceBook};

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct HostRule {
    pub(crate) core: Core,
    rates: Option<ConfiguredRates>,
}

impl HostRule {
    /// The book with this host's own rates, if it has any.
    pub(crate) fn price(&self, book: PriceBook) -> PriceBook {
        match &self.rates {
            Some(rates) => book.with_rates(&self.core.provider, rates.clone()),
            None => book,
        }
    }
}

fn parse_rates(mut rates: HashMap<String, String>) -> PyResult<ConfiguredRates> {
    let (input, output) = (rates.remove("input"), rates.remove("output"));
    let (Some(input), Some(output)) = (input, output) else {
        return Err(PyValueError::new_err("rates need at least input and output"));
    };
    let mut parsed =
        ConfiguredRates::parse(&input, &output).map_err(|error| PyValueError::new_err(error.to_string()))?;
    for (name, rate) in rates {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| PyValueError::new_err(format!("unknown rate {name:?}")))?;
        parsed = parsed.with(kind, &rate).map_err(|error| PyValueError::new_err(error.to_string()))?;
    }
    Ok(parsed)
}

#[pymethods]
impl HostRule {
    #[new]
    #[pyo3(signature = (host, dialect, *, port=None, provider, rates=None))]
    fn new(
        host: &str,
        dialect: &str,
        port: Option<u16>,
        provider: &str,
        rates: Option<HashMap<String, String>>,
    ) -> PyResult<Self> {
        let family = Family::ALL.into_iter().find(|family| family.as_str() == dialect).ok_or_else(|| {
            let known = Family::ALL.map(Family::as_str).join(", ");
            PyValueError::new_err(format!("unknown dialect {dialect:?}: one of {known}"))
        })?;
        let mut core = Core::new(host, provider, family);
        core.port = port.or(core.port);
        Ok(Self { core, rates: rates.map(parse_rates).transpose()? })
    }
}
