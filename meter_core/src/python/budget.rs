//! `Budget` of the Python module.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::budget::{Budget as Core, BudgetError, Dimension, Limit, Mode, OnExceed, Period, Scope, Window};
use crate::money::Nano;

/// The budget as it was written down; [`Meter`](super::meter::Meter) takes a copy.
#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Budget {
    pub(crate) core: Core,
}

/// The mode of that name.
pub(crate) fn parse_mode(name: &str) -> PyResult<Mode> {
    [Mode::Off, Mode::Shadow, Mode::Enforce]
        .into_iter()
        .find(|mode| mode.name() == name)
        .ok_or_else(|| PyValueError::new_err(format!("unknown mode {name:?}: off, shadow or enforce")))
}

/// A decimal number of dollars.
pub(crate) fn parse_usd(text: &str) -> PyResult<Nano> {
    Nano::parse_usd(text).ok_or_else(|| {
        PyValueError::new_err(format!("{text:?} is not a decimal number of dollars with at most 9 decimals"))
    })
}

/// A fraction such as `0.8` in thousandths.
fn parse_permille(text: &str) -> PyResult<u16> {
    let nano = parse_usd(text)?.nano();
    u16::try_from(nano / 1_000_000)
        .ok()
        .filter(|_| nano % 1_000_000 == 0)
        .ok_or_else(|| PyValueError::new_err(format!("{text:?} is not a fraction with at most 3 decimals")))
}

pub(crate) fn value_error(error: BudgetError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pymethods]
impl Budget {
    #[new]
    #[pyo3(signature = (name, *, scope, period, usd=None, tokens=None, requests=None, timezone="UTC", mode="enforce", alert_at=Vec::new(), remembers=true))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only fields of one record")]
    fn new(
        name: &str,
        scope: Vec<(String, String)>,
        period: &str,
        usd: Option<&str>,
        tokens: Option<u64>,
        requests: Option<u64>,
        timezone: &str,
        mode: &str,
        alert_at: Vec<String>,
        remembers: bool,
    ) -> PyResult<Self> {
        let mut selectors = Vec::with_capacity(scope.len());
        for (dimension, value) in &scope {
            selectors.push((Dimension::parse(dimension).map_err(value_error)?, value.as_str()));
        }
        let period = Period::parse(period).map_err(value_error)?;
        let core = Core {
            name: Arc::from(name),
            scope: Scope::new(selectors).map_err(value_error)?,
            limit: Limit { usd: usd.map(parse_usd).transpose()?, tokens, requests },
            window: Window::new(period, timezone).map_err(value_error)?,
            mode: parse_mode(mode)?,
            alert_at: alert_at.iter().map(|text| parse_permille(text)).collect::<PyResult<_>>()?,
            on_exceed: OnExceed::Refuse,
            remembers,
        };
        Ok(Self { core })
    }
}
