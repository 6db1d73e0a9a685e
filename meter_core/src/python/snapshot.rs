//! `Snapshot` of the Python module.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::budget::{Amount, Limit};
use crate::money::Nano;
use crate::snapshot::{BudgetTotal, Distribution, Series, Snapshot as Core};

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Snapshot {
    pub(crate) core: Core,
}

/// Label values and the value of one series.
type Row<'py> = (Bound<'py, PyTuple>, i128);
/// Label values, cumulative buckets, sum and count of one histogram.
type Distributed<'py> = (Bound<'py, PyTuple>, Vec<u64>, i128, u64);

impl Snapshot {
    /// One value for each budget that has one.
    fn gauges<'py>(
        &self,
        py: Python<'py>,
        value: impl Fn(&BudgetTotal) -> Option<i128>,
    ) -> PyResult<Vec<Row<'py>>> {
        let totals = self.core.budget_totals().into_iter();
        totals
            .filter_map(|total| value(&total).map(|value| (total, value)))
            .map(|(total, value)| Ok((PyTuple::new(py, [&*total.name, total.window])?, value)))
            .collect()
    }

    /// One amount for each budget that is limited in money.
    fn money<'py>(&self, py: Python<'py>, value: fn(&BudgetTotal) -> Nano) -> PyResult<Vec<Row<'py>>> {
        self.gauges(py, |total| total.limit.usd.map(|_| value(total).nano()))
    }
}

fn distribution(name: &str) -> PyResult<Distribution> {
    Distribution::named(name).ok_or_else(|| PyValueError::new_err(format!("no histogram is named {name:?}")))
}

fn amounts(dict: &Bound<'_, PyDict>, what: &str, amount: Amount) -> PyResult<()> {
    dict.set_item(format!("{what}_nano_usd"), amount.usd.nano())?;
    dict.set_item(format!("{what}_tokens"), amount.tokens)?;
    dict.set_item(format!("{what}_requests"), amount.requests)
}

fn limits(dict: &Bound<'_, PyDict>, limit: Limit) -> PyResult<()> {
    dict.set_item("limit_nano_usd", limit.usd.map(Nano::nano))?;
    dict.set_item("limit_tokens", limit.tokens)?;
    dict.set_item("limit_requests", limit.requests)
}

#[pymethods]
impl Snapshot {
    fn series<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Vec<Row<'py>>> {
        match name {
            "budget_limit_nano_usd" => return self.money(py, |total| total.limit.usd.unwrap_or_default()),
            "budget_spent_nano_usd" => return self.money(py, |total| total.spent.usd),
            "budget_held_nano_usd" => return self.money(py, |total| total.held.usd),
            "budget_spent_ppm" => return self.gauges(py, |total| Some(total.spent_ppm)),
            "budget_used_ppm" => return self.gauges(py, |total| Some(total.used_ppm)),
            "budget_accounts" => return self.gauges(py, |total| Some(total.accounts as i128)),
            "open_exchanges" => return Ok(vec![(PyTuple::empty(py), i128::from(self.core.open_exchanges))]),
            _ => {}
        }
        let series = Series::named(name)
            .ok_or_else(|| PyValueError::new_err(format!("no series is named {name:?}")))?;
        let counters = self.core.tally.series(series);
        counters
            .map(|(key, value)| Ok((PyTuple::new(py, key.iter().map(|label| &**label))?, value)))
            .collect()
    }

    fn histogram<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Vec<Distributed<'py>>> {
        let histograms = self.core.tally.histograms(distribution(name)?);
        histograms
            .map(|(provider, histogram)| {
                let labels = PyTuple::new(py, [&**provider])?;
                Ok((labels, histogram.cumulative(), histogram.sum(), histogram.count()))
            })
            .collect()
    }

    fn bounds(&self, name: &str) -> PyResult<Vec<i128>> {
        Ok(distribution(name)?.bounds().to_vec())
    }

    fn budgets<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let states = self.core.budgets.iter();
        states
            .map(|state| {
                let dict = PyDict::new(py);
                dict.set_item("name", &*state.name)?;
                dict.set_item("account", &*state.account)?;
                dict.set_item("mode", state.mode.name())?;
                dict.set_item("window", state.period.name())?;
                dict.set_item(
                    "starts_ns",
                    (state.window.start_ns != i64::MIN).then_some(state.window.start_ns),
                )?;
                dict.set_item("resets_ns", state.window.next_ns())?;
                limits(&dict, state.limit)?;
                amounts(&dict, "spent", state.spent)?;
                amounts(&dict, "held", state.held)?;
                dict.set_item("overrun_nano_usd", state.overrun.usd.nano())?;
                dict.set_item("refusals", state.refusals)?;
                dict.set_item("would_refuse", state.would_refuse)?;
                Ok(dict)
            })
            .collect()
    }
}
