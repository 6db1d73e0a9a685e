//! What both loaders of the tracer do with a record: from the kernel's bytes to exchanges, by way of the core's connections.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use tracer::{ConnectionKey, Event, Record, Traffic};

use super::entry::LedgerEntry;
use super::meter::Meter;
use super::people::People;
use crate::connection::{Connections, Direction, Interest, Layer, Piece, Place};
use crate::exchange::LedgerEntry as Entry;

/// What happened to processes since it was last asked for.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// New ones, and those that run another program now.
    pub(crate) came: Vec<u32>,
    /// Those that are gone.
    pub(crate) went: Vec<u32>,
}

/// Of TLS with an LLM on a descriptor: process, descriptor, and where it begins the name that was asked for and the port; where it ends, bytes
/// sent and received, and whether plaintext was seen of it.
pub(crate) type Greeting = (u32, u64, Option<(String, u16)>, u64, u64, bool);

/// Connections that are fed with records, and what comes of them.
pub(crate) struct Feed {
    connections: Connections,
    people: People,
    /// From the monotonic clock of records to nanoseconds since the epoch.
    clock_offset: i64,
    entries: Vec<Entry>,
    arrivals: Arrivals,
    greetings: Vec<Greeting>,
}

impl Feed {
    pub(crate) fn new(meter: &Meter, who: Py<PyAny>, clock_offset: i64) -> Self {
        Self {
            connections: Connections::new(meter.core()),
            people: People::new(who),
            clock_offset,
            entries: Vec::new(),
            arrivals: Arrivals::default(),
            greetings: Vec::new(),
        }
    }

    /// Takes a record; the connection if nothing more of it is wanted.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Option<ConnectionKey> {
        let key = record.connection;
        let now = i64::try_from(record.instant).unwrap_or(i64::MAX).saturating_add(self.clock_offset);
        match record.event {
            Event::Data { direction, offset, begin, bytes } => {
                let place = place(key);
                if begin {
                    self.connections.close(place, now, &mut self.entries);
                }
                let direction = match direction {
                    tracer::Direction::Sent => Direction::Sent,
                    tracer::Direction::Received => Direction::Received,
                };
                let piece = Piece { place, direction, offset, bytes, now };
                let Self { connections, people, entries, .. } = self;
                let interest = connections.piece(&piece, &mut |process| people.who(process), entries);
                return (interest == Interest::Drop).then_some(key);
            }
            Event::Close => self.connections.close(place(key), now, &mut self.entries),
            Event::Fork { child } => {
                self.people.born(child, key.process);
                self.arrivals.came.push(child);
            }
            Event::Exec { name } => {
                self.people.renamed(key.process, name);
                self.arrivals.came.push(key.process);
            }
            Event::Exit => {
                self.connections.process_gone(key.process, now, &mut self.entries);
                self.arrivals.went.push(key.process);
            }
            Event::Greeting { name, port } => {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                self.greetings.push((key.process, key.handle, Some((name, port)), 0, 0, false));
            }
            Event::Traffic(Traffic { sent, received, covered }) => {
                self.greetings.push((key.process, key.handle, None, sent, received, covered));
            }
        }
        None
    }

    /// Asks who a process is while it is there.
    pub(crate) fn meet(&mut self, process: u32) {
        self.people.who(process);
    }

    /// Ends what was silent for too long, and forgets what was told of processes, so that it is asked again.
    pub(crate) fn sweep(&mut self, now: i64) {
        self.connections.sweep(now, &mut self.entries);
        self.people.forget();
    }

    /// Ends everything.
    pub(crate) fn close(&mut self, now: i64) {
        self.connections.close_all(now, &mut self.entries);
    }

    /// Finished exchanges since the last call. Raises what asking for a process raised.
    pub(crate) fn finished(&mut self) -> PyResult<Vec<LedgerEntry>> {
        match self.people.failure() {
            Some(failure) => Err(failure),
            None => {
                Ok(std::mem::take(&mut self.entries).into_iter().map(|core| LedgerEntry { core }).collect())
            }
        }
    }

    pub(crate) fn arrivals(&mut self) -> Arrivals {
        std::mem::take(&mut self.arrivals)
    }

    /// What began and ended of TLS with LLMs since the last call, in order.
    pub(crate) fn greetings(&mut self) -> Vec<Greeting> {
        std::mem::take(&mut self.greetings)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.connections.len()
    }
}

const fn place(key: ConnectionKey) -> Place {
    let layer = match key.layer {
        tracer::Layer::Tls => Layer::Tls,
        tracer::Layer::Plain => Layer::Plain,
    };
    Place { process: key.process, handle: key.handle, layer }
}

/// The consumer of a loader that hands over records one by one. Its lock is taken without Python's: who holds it may call Python.
#[pyclass(frozen, module = "tokmeter._core")]
pub(crate) struct Tracing {
    feed: Mutex<Feed>,
}

impl Tracing {
    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Tracing {
    #[new]
    #[pyo3(signature = (meter, who, *, clock_offset))]
    fn new(meter: &Meter, who: Py<PyAny>, clock_offset: i64) -> Self {
        Self { feed: Mutex::new(Feed::new(meter, who, clock_offset)) }
    }

    fn take(&self, py: Python<'_>, record: &[u8]) -> Option<(u32, u64, bool)> {
        let dropped = py.detach(|| self.feed().take(&Record::parse(record)?))?;
        Some((dropped.process, dropped.handle, dropped.layer == tracer::Layer::Tls))
    }

    fn meet(&self, py: Python<'_>, process: u32) {
        py.detach(|| self.feed().meet(process));
    }

    fn finished(&self, py: Python<'_>) -> PyResult<Vec<LedgerEntry>> {
        py.detach(|| self.feed().finished())
    }

    fn arrivals(&self, py: Python<'_>) -> (Vec<u32>, Vec<u32>) {
        let Arrivals { came, went } = py.detach(|| self.feed().arrivals());
        (came, went)
    }

    fn greetings(&self) -> Vec<Greeting> {
        self.feed().greetings()
    }

    fn sweep(&self, py: Python<'_>, now: i64) {
        py.detach(|| self.feed().sweep(now));
    }

    fn close(&self, py: Python<'_>, now: i64) {
        py.detach(|| self.feed().close(now));
    }

    fn open(&self, py: Python<'_>) -> usize {
        py.detach(|| self.feed().open())
    }
}
