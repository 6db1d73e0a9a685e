//! `Tracer` of the Python module: the programs in the kernel and the connections of the core, joined without Python in
//! between.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use tracer::{Attacher, Attachment, ConnectionKey, Image, Layer, Settings, Tracer as Programs, TracerError};

use super::entry::LedgerEntry;
use super::meter::Meter;
use super::tracing::{Arrivals, Feed, Greeting};
use crate::detect::PATH_ENDS;

/// Records that are taken before another thread may have its turn.
const RECORDS_A_TURN: usize = 4096;
/// Basis of the hashes of server names and of ends of paths, as in `programs/gate.h`.
const SERVER_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PATH_BASIS: u64 = 0x8422_2325_cbf2_9ce4;
const PRIME: u64 = 0x100_0000_01b3;

/// Both, under one lock: a record is taken from one and given to the other.
struct Joined {
    programs: Programs,
    feed: Feed,
}

/// Every lock is taken without Python's: its holder may call Python, and what attaches waits for the kernel.
#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Tracer {
    /// None when it was closed. Locked by what attaches and detaches, which never keeps a reader waiting.
    attacher: Mutex<Option<Attacher>>,
    /// None when it was closed.
    joined: Mutex<Option<Joined>>,
}

impl Tracer {
    fn attacher(&self) -> MutexGuard<'_, Option<Attacher>> {
        self.attacher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `with` unless it was closed.
    fn attaching<T: Default + Send>(
        &self,
        py: Python<'_>,
        with: impl Send + FnOnce(&mut Attacher) -> Result<T, TracerError>,
    ) -> PyResult<T> {
        py.detach(|| {
            let attached = self.attacher().as_mut().map_or_else(|| Ok(T::default()), with);
            attached.map_err(os_error)
        })
    }

    fn joined(&self) -> MutexGuard<'_, Option<Joined>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `with` unless it was closed.
    fn with<T: Default + Send>(
        &self,
        py: Python<'_>,
        with: impl Send + FnOnce(&mut Joined) -> PyResult<T>,
    ) -> PyResult<T> {
        py.detach(|| self.joined().as_mut().map_or_else(|| Ok(T::default()), with))
    }
}

#[pymethods]
impl Tracer {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "Python gives each by name")]
    #[pyo3(signature = (meter, who, *, object, everybody, strict, child_offset, namespace, ring_bytes, clock_offset))]
    fn new(
        py: Python<'_>,
        meter: &Meter,
        who: Py<PyAny>,
        object: &[u8],
        everybody: bool,
        strict: bool,
        child_offset: u32,
        namespace: u32,
        ring_bytes: u32,
        clock_offset: i64,
    ) -> PyResult<Self> {
        let settings = Settings { everybody, strict, child_offset, namespace };
        let loaded = py.detach(|| Programs::load(object, settings, ring_bytes));
        let (attacher, mut programs) = loaded.map_err(os_error)?;
        for (hash, suffix) in names(meter) {
            programs.name(hash, suffix).map_err(os_error)?;
        }
        let feed = Feed::new(meter, who, clock_offset);
        let joined = Mutex::new(Some(Joined { programs, feed }));
        Ok(Self { attacher: Mutex::new(Some(attacher)), joined })
    }

    fn prepare(&self, py: Python<'_>, program: &str) -> PyResult<()> {
        self.attaching(py, |attacher| attacher.prepare(program))
    }

    fn attach_function(
        &self,
        py: Python<'_>,
        program: &str,
        file: PathBuf,
        offset: u64,
        process: Option<u32>,
    ) -> PyResult<u64> {
        self.attaching(py, |attacher| Ok(attacher.attach_function(program, &file, offset, process)?.number()))
    }

    fn attach_event(&self, py: Python<'_>, program: &str, category: &str, event: &str) -> PyResult<u64> {
        self.attaching(py, |attacher| Ok(attacher.attach_event(program, category, event)?.number()))
    }

    fn attach_group(&self, py: Python<'_>, program: &str, group: PathBuf) -> PyResult<u64> {
        self.attaching(py, |attacher| Ok(attacher.attach_group(program, &group)?.number()))
    }

    fn stop(&self, py: Python<'_>, process: u32) -> PyResult<()> {
        self.with(py, |joined| joined.programs.stop(process).map_err(os_error))
    }

    fn resume(&self, py: Python<'_>, process: u32) -> PyResult<()> {
        self.with(py, |joined| {
            joined.programs.resume(process);
            Ok(())
        })
    }

    fn stopped(&self, py: Python<'_>) -> PyResult<Vec<u32>> {
        self.with(py, |joined| Ok(joined.programs.stopped()))
    }

    fn refuse(&self, py: Python<'_>, destination: [u64; 3]) -> PyResult<()> {
        self.with(py, |joined| joined.programs.refuse(destination).map_err(os_error))
    }

    fn detach(&self, py: Python<'_>, attachment: u64) -> PyResult<()> {
        self.attaching(py, |attacher| {
            attacher.detach(Attachment::of(attachment));
            Ok(())
        })
    }

    fn allow(&self, py: Python<'_>, process: u32) -> PyResult<()> {
        self.with(py, |joined| {
            joined.programs.allow(process).map_err(os_error)?;
            joined.feed.meet(process);
            Ok(())
        })
    }

    fn disallow(&self, py: Python<'_>, process: u32) -> PyResult<()> {
        self.with(py, |joined| {
            joined.programs.disallow(process);
            Ok(())
        })
    }

    fn poll(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |Joined { programs, feed }| {
            let mut dropped = Vec::new();
            let taken = programs.drain(RECORDS_A_TURN, &mut |record| dropped.extend(feed.take(record)));
            for connection in dropped {
                programs.ignore(connection);
            }
            Ok(taken)
        })
    }

    fn finished(&self, py: Python<'_>) -> PyResult<Vec<LedgerEntry>> {
        self.with(py, |joined| joined.feed.finished())
    }

    fn arrivals(&self, py: Python<'_>) -> PyResult<(Vec<u32>, Vec<u32>)> {
        self.with(py, |joined| {
            let Arrivals { came, went } = joined.feed.arrivals();
            Ok((came, went))
        })
    }

    fn greetings(&self, py: Python<'_>) -> PyResult<Vec<Greeting>> {
        self.with(py, |joined| Ok(joined.feed.greetings()))
    }

    fn traffic(&self, py: Python<'_>, process: u32, descriptor: u64) -> PyResult<Option<(u64, u64, bool)>> {
        let connection = ConnectionKey { process, handle: descriptor, layer: Layer::Plain };
        self.with(py, |joined| {
            Ok(joined
                .programs
                .traffic(connection)
                .map(|traffic| (traffic.sent, traffic.received, traffic.covered)))
        })
    }

    fn sweep(&self, py: Python<'_>, now: i64) -> PyResult<()> {
        self.with(py, |joined| {
            joined.feed.sweep(now);
            Ok(())
        })
    }

    fn open(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |joined| Ok(joined.feed.open()))
    }

    fn counters(&self, py: Python<'_>) -> PyResult<Vec<(&'static str, u64)>> {
        self.with(py, |joined| {
            let counters = joined.programs.counters().map_err(os_error)?;
            Ok(vec![
                ("records", counters.records),
                ("lost", counters.lost),
                ("ignored", counters.ignored),
                ("unnamed", counters.unnamed),
                ("overlong", counters.overlong),
                ("refused", counters.refused),
            ])
        })
    }

    fn close(&self, py: Python<'_>, now: i64) -> PyResult<Vec<LedgerEntry>> {
        py.detach(|| {
            // First, and before its maps are closed.
            drop(self.attacher().take());
            let Some(mut joined) = self.joined().take() else { return Ok(Vec::new()) };
            joined.feed.close(now);
            joined.feed.finished()
        })
    }
}

/// The functions of a file that are among `names`, or `go` for those of a Go program: their names, and the offsets in the file of
/// their first instructions and, for those of Go, of their return instructions.
#[pyfunction]
pub(crate) fn functions(
    py: Python<'_>,
    file: PathBuf,
    names: Vec<String>,
    go: Vec<String>,
) -> PyResult<Vec<(String, u64, Vec<u64>)>> {
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let wanted_go: Vec<&str> = go.iter().map(String::as_str).collect();
    let image = py
        .detach(|| Image::open(&file, &wanted, &wanted_go))
        .map_err(|error| PyOSError::new_err(error.to_string()))?;
    let functions = image.functions().iter();
    Ok(functions.map(|function| (function.name.clone(), function.offset, function.returns.clone())).collect())
}

/// What the programs take for an LLM's: hashes of names, and whether a name is a suffix.
#[pyfunction]
#[pyo3(name = "traced_names")]
pub(crate) fn names(meter: &Meter) -> Vec<(u64, bool)> {
    let servers = meter.core().hosts();
    let servers = servers.iter().map(|host| {
        // A suffix is written with the dot that the programs take for the separator; they know no ports.
        let name = host.strip_prefix('.').unwrap_or(host);
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        (hashed(SERVER_BASIS, name), host.starts_with('.'))
    });
    let mut names: Vec<_> =
        servers.chain(PATH_ENDS.iter().map(|end| (hashed(PATH_BASIS, end), true))).collect();
    // Where one is both, what comes last stays, and a suffix is also taken for the whole.
    names.sort_unstable_by_key(|(_, suffix)| *suffix);
    names
}

fn hashed(basis: u64, name: &str) -> u64 {
    name.bytes()
        .rev()
        .fold(basis, |hash, byte| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME))
}

fn os_error(error: TracerError) -> PyErr {
    let said = error.to_string();
    match error.errno() {
        Some(number) => PyOSError::new_err((number, said)),
        None => PyOSError::new_err(said),
    }
}
