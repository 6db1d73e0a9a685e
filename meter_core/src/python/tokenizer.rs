//! The tokenizer for Python.
//!
//! Owns turning Python text into bytes and Rust errors into exceptions. Refuses to know how tokens are counted.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyType};

use super::batch;
use crate::limits::TOKENIZER_FILE_BYTES_MAX;
use crate::tokenizer;

/// Bytes of text above which other Python threads may run meanwhile. Below, handing over costs more than counting.
const DETACH_BYTES_MIN: usize = 16 << 10;

/// Exact token counts of one encoding.
#[pyclass(frozen, module = "tokmeter._core")]
#[derive(Debug)]
pub(super) struct Tokenizer {
    pub(super) core: tokenizer::SharedTokenizer,
}

/// The tokenizer of an encoding (`"o200k_base"`) or of a model (`"gpt-4o"`).
#[pyfunction]
pub(super) fn get_tokenizer(name_or_model: &str) -> PyResult<Tokenizer> {
    tokenizer::get(name_or_model)
        .or_else(|| tokenizer::for_model(name_or_model))
        .map(|found| Tokenizer { core: found.into() })
        .ok_or_else(|| {
            let encodings = tokenizer::ENCODINGS.join(", ");
            PyKeyError::new_err(format!(
                "no embedded tokenizer for {name_or_model:?}; name an encoding ({encodings}) or a model that uses one"
            ))
        })
}

#[pymethods]
impl Tokenizer {
    /// Builds a tokenizer from a `tiktoken.Encoding`.
    #[classmethod]
    fn from_tiktoken(_class: &Bound<'_, PyType>, encoding: &Bound<'_, PyAny>) -> PyResult<Self> {
        let expression: String = encoding.getattr("_pat_str")?.extract()?;
        let pattern = tokenizer::Pattern::from_expression(&expression).ok_or_else(|| {
            PyValueError::new_err(
                "the encoding's pattern has no scanner here; supported are those of tiktoken's gpt2, r50k, p50k, cl100k \
                 and o200k encodings, Llama 3's, Qwen's and tekken's, character for character",
            )
        })?;
        let ranks = encoding.getattr("_mergeable_ranks")?.cast_into::<PyDict>()?;
        let ranks = ranks.iter().map(|(token, rank)| Ok((token.extract::<Vec<u8>>()?, rank.extract()?)));
        let ranks = ranks.collect::<PyResult<Vec<_>>>()?;
        let specials = encoding.getattr("_special_tokens")?.cast_into::<PyDict>()?;
        let specials =
            specials.iter().map(|(name, id)| Ok((name.extract::<String>()?.into_bytes(), id.extract()?)));
        let specials = specials.collect::<PyResult<Vec<_>>>()?;
        let name = encoding.getattr("name")?.extract()?;
        let built = tokenizer::Tokenizer::from_ranks(name, pattern, ranks, specials).map_err(|error| {
            PyValueError::new_err(format!("the encoding's ranks cannot be used: {error}"))
        })?;
        Ok(Self { core: Arc::new(built).into() })
    }

    /// Builds a tokenizer from a file, which Python reads.
    #[classmethod]
    #[pyo3(signature = (path, *, pattern = None))]
    fn from_file(
        _class: &Bound<'_, PyType>,
        path: &Bound<'_, PyAny>,
        pattern: Option<&str>,
    ) -> PyResult<Self> {
        let pattern = pattern.map(named_pattern).transpose()?;
        let path = path.py().import("pathlib")?.call_method1("Path", (path,))?;
        let file = path.call_method1("open", ("rb",))?;
        // One byte more than any tokenizer has tells that it is none, without reading what may be a model.
        let content = file.call_method1("read", (TOKENIZER_FILE_BYTES_MAX + 1,));
        file.call_method0("close")?;
        let content = content?.cast_into::<PyBytes>()?;
        let name = path.getattr("name")?.extract()?;
        let bytes = content.as_bytes();
        let built = path.py().detach(|| tokenizer::Tokenizer::from_file_content(name, bytes, pattern));
        let built =
            built.map_err(|error| PyValueError::new_err(format!("{path}: cannot be used: {error}")))?;
        Ok(Self { core: Arc::new(built).into() })
    }

    /// The name of the encoding.
    #[getter]
    fn name(&self) -> &str {
        self.core.name()
    }

    /// Tokens of a text.
    #[pyo3(signature = (text, *, allow_special = false))]
    fn count(&self, text: &Bound<'_, PyAny>, allow_special: bool) -> PyResult<usize> {
        // What Python holds as text need not be looked at twice.
        if !allow_special
            && let Ok(string) = text.cast::<PyString>()
            && let Ok(string) = string.to_str()
        {
            return Ok(detached_above(text.py(), string.len(), || self.core.count_str(string)));
        }
        let bytes = bytes_of(text)?;
        let count = || {
            if allow_special { self.core.count_with_special(&bytes) } else { self.core.count(&bytes) }
        };
        Ok(detached_above(text.py(), bytes.len(), count))
    }

    /// Tokens of a text if there are at most `limit`, else `None`.
    fn count_until(&self, text: &Bound<'_, PyAny>, limit: usize) -> PyResult<Option<usize>> {
        let bytes = bytes_of(text)?;
        Ok(detached_above(text.py(), bytes.len(), || self.core.count_until(&bytes, limit)))
    }

    /// Tokens of each text.
    fn count_batch(&self, texts: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
        let texts = texts.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let bytes = texts.iter().map(bytes_of).collect::<PyResult<Vec<_>>>()?;
        let slices: Vec<&[u8]> = bytes.iter().map(AsRef::as_ref).collect();
        let total = slices.iter().map(|text| text.len()).sum();
        let Some(first) = texts.first() else { return Ok(Vec::new()) };
        Ok(detached_above(first.py(), total, || batch::count(&self.core, &slices)))
    }

    /// The tokens of a text.
    #[pyo3(signature = (text, *, allow_special = false))]
    fn encode(&self, text: &Bound<'_, PyAny>, allow_special: bool) -> PyResult<Vec<u32>> {
        let bytes = bytes_of(text)?;
        let encode = || {
            if allow_special { self.core.encode_with_special(&bytes) } else { self.core.encode(&bytes) }
        };
        Ok(detached_above(text.py(), bytes.len(), encode))
    }

    /// The bytes that tokens stand for.
    #[expect(clippy::needless_pass_by_value, reason = "arguments from Python arrive as values")]
    fn decode<'py>(&self, py: Python<'py>, ids: Vec<u32>) -> PyResult<Bound<'py, PyBytes>> {
        let text = self.core.decode(&ids).map_err(|error| PyKeyError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &text))
    }

    fn __repr__(&self) -> String {
        format!("<Tokenizer {}>", self.name())
    }
}

fn named_pattern(name: &str) -> PyResult<tokenizer::Pattern> {
    tokenizer::Pattern::from_name(name).ok_or_else(|| {
        let names: Vec<_> = tokenizer::Pattern::names().collect();
        PyValueError::new_err(format!("no pattern is called {name:?}; there are {}", names.join(", ")))
    })
}

/// The UTF-8 of a `str`, without a copy where Python holds it, or the content of a `bytes`.
fn bytes_of<'a>(text: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = text.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let Ok(string) = text.cast::<PyString>() else {
        let kind = text.get_type().name()?;
        return Err(PyTypeError::new_err(format!("text must be str or bytes, not {kind}")));
    };
    match string.to_str() {
        Ok(text) => Ok(Cow::Borrowed(text.as_bytes())),
        Err(_) => without_surrogates(string),
    }
}

/// As tiktoken reads them: surrogate pairs are their character, lone surrogates are U+FFFD.
fn without_surrogates<'a>(text: &Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    let units = text.call_method1("encode", ("utf-16", "surrogatepass"))?;
    let text: String = units.call_method1("decode", ("utf-16", "replace"))?.extract()?;
    Ok(Cow::Owned(text.into_bytes()))
}

fn detached_above<T: Send>(py: Python<'_>, bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    if bytes < DETACH_BYTES_MIN { work() } else { py.detach(work) }
}
