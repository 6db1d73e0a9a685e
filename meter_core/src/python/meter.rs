//! `Meter` of the Python module.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::attribution::Attribution;
use super::budget::{Budget, value_error};
use super::decision::Refuse;
use super::exchange::Exchange;
use super::host::HostRule;
use super::policies::Policies;
use super::price_book::PriceBook;
use super::request::Request;
use super::snapshot::Snapshot;
use super::tokenizer::Tokenizer;
use crate::budget::{Amount, Dimension, Subject};
use crate::exchange::Calibration;
use crate::meter::{Meter as Core, Settings};
use crate::money::Nano;
use crate::tokenizer::Tokenizers;

#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Meter {
    core: Core,
}

/// Bytes of a request's body above which other Python threads may run while it is read.
const DETACH_BYTES_MIN: usize = 16 << 10;
/// Bytes of the random seed.
const SEED_BYTES: usize = 16;

impl Meter {
    /// The same meter, for other parts of this module.
    pub(crate) fn core(&self) -> Core {
        self.core.clone()
    }
}

#[pymethods]
impl Meter {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "Python gives each by name")]
    #[pyo3(signature = (*, price_book, budgets=Vec::new(), policies=None, hosts=Vec::new(), tokenizers=Vec::new(), capture="proxy", seed, fingerprint_key=None))]
    fn new(
        price_book: PyRef<'_, PriceBook>,
        budgets: Vec<PyRef<'_, Budget>>,
        policies: Option<PyRef<'_, Policies>>,
        hosts: Vec<PyRef<'_, HostRule>>,
        tokenizers: Vec<(String, PyRef<'_, Tokenizer>)>,
        capture: &str,
        seed: &[u8],
        fingerprint_key: Option<&[u8]>,
    ) -> PyResult<Self> {
        let bits: [u8; SEED_BYTES] =
            seed.try_into().map_err(|_| PyValueError::new_err(format!("seed must be {SEED_BYTES} bytes")))?;
        let mut book = price_book.core.clone();
        for host in &hosts {
            book = host.price(book);
        }
        let core = Core::new(Settings {
            price_book: book,
            budgets: budgets.iter().map(|budget| budget.core.clone()).collect(),
            policies: policies.map(|policies| policies.core.clone()).unwrap_or_default(),
            hosts: hosts.iter().map(|host| host.core.clone()).collect(),
            tokenizers: Tokenizers::new(
                tokenizers.into_iter().map(|(pattern, own)| (pattern, own.core.clone())),
            ),
            capture: Arc::from(capture),
            seed: u128::from_be_bytes(bits),
            fingerprint_key: fingerprint_key.unwrap_or(seed).to_vec(),
        })
        .map_err(value_error)?;
        Ok(Self { core })
    }

    #[pyo3(signature = (host, port=None))]
    fn knows_host(&self, host: &str, port: Option<u16>) -> bool {
        self.core.knows_host(host, port)
    }

    fn knows_path(&self, method: &str, path: &str) -> bool {
        self.core.knows_path(method, path)
    }

    fn hosts(&self) -> Vec<String> {
        self.core.hosts()
    }

    fn open(&self, py: Python<'_>, request: &Request, who: &Attribution, now: i64) -> Option<Exchange> {
        let open = || request.lend(|request| self.core.open(request, who.core.clone(), now));
        // Reading and counting a long prompt takes milliseconds, which other threads may use.
        let opened = if request.body_bytes() < DETACH_BYTES_MIN { open() } else { py.detach(open) };
        opened.map(Exchange::new)
    }

    fn count(&self, py: Python<'_>, request: &Request) -> Option<(u64, bool)> {
        let count = py.detach(|| request.lend(|request| self.core.count(request)))?;
        Some((count.tokens, count.exact))
    }

    fn refusal(&self, request: &Request, now: i64) -> Refuse {
        Refuse { answer: Arc::new(request.lend(|request| self.core.refusal(request, now))) }
    }

    fn unmetered(&self, reason: &str) {
        self.core.unmetered(reason);
    }

    fn expire(&self, now: i64) -> Vec<(String, String)> {
        let crossed = self.core.expire(now).into_iter();
        crossed.map(|alert| (alert.budget.to_string(), alert.fraction)).collect()
    }

    fn restore(&self, entry: &Bound<'_, PyDict>, now: i64) -> PyResult<()> {
        let text = |name: &str| -> PyResult<Option<String>> {
            entry.get_item(name)?.map_or(Ok(None), |value| value.extract())
        };
        let number = |fields: &Bound<'_, PyDict>, name: &str| -> PyResult<i128> {
            let value: Option<i128> = fields.get_item(name)?.map_or(Ok(None), |value| value.extract())?;
            Ok(value.unwrap_or(0))
        };
        let usage = match entry.get_item("usage")? {
            Some(usage) => usage.cast_into::<PyDict>()?,
            None => PyDict::new(entry.py()),
        };
        if text("decision")?.as_deref() == Some("refuse") {
            return Ok(());
        }
        let columns = [
            (Dimension::Organization, text("organization")?),
            (Dimension::Namespace, text("namespace")?),
            (Dimension::Service, text("service")?),
            (Dimension::Pod, text("pod")?),
            (Dimension::User, text("user")?),
            (Dimension::Key, text("key_fingerprint")?),
            (Dimension::Provider, text("provider")?),
            (Dimension::Model, text("request_model")?),
        ];
        let mut subject = Subject::default();
        for (dimension, value) in &columns {
            subject = value.as_deref().map_or(subject, |value| subject.with(*dimension, value));
        }
        let count = |name: &str| Ok::<_, PyErr>(u64::try_from(number(&usage, name)?).unwrap_or(0));
        let tokens = count("input_tokens")?.saturating_add(count("output_tokens")?);
        let amount = Amount { usd: Nano::new(number(entry, "cost_nano_usd")?), tokens, requests: 1 };
        let at = i64::try_from(number(entry, "time_ns")?).unwrap_or(now);
        self.core.restore(&subject, amount, at, now);
        Ok(())
    }

    fn calibrations(&self) -> Vec<(String, String, String, String)> {
        let all = self.core.calibrations().into_iter();
        all.map(|kept| (kept.provider.to_string(), kept.model.to_string(), kept.input, kept.output)).collect()
    }

    fn restore_calibration(&self, provider: &str, model: &str, prompts: String, replies: String) {
        let (provider, model) = (Arc::from(provider), Arc::from(model));
        self.core.restore_calibration(&Calibration { provider, model, input: prompts, output: replies });
    }

    fn snapshot(&self, now: i64) -> Snapshot {
        Snapshot { core: self.core.snapshot(now) }
    }
}
