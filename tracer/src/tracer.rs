//! The programs in the kernel: loaded once, told whom to look at, their ring read when the caller asks.
//!
//! Attaching and reading are two values, for two threads: the kernel takes a tenth of a second to detach from one instruction and
//! more to verify a program, and the ring does not wait.

use aya::maps::{Array, HashMap as Table, MapData, PerCpuArray, RingBuf};
use aya::{Ebpf, EbpfLoader};

use crate::attacher::Attacher;
use crate::error::TracerError;
use crate::record::{ConnectionKey, Layer, Record, Traffic};

/// `enum stage` of the programs: nothing of the connection is copied any more.
const STAGE_IGNORED: u64 = 2;
/// `NAME_WHOLE` and `NAME_SUFFIX` of the programs.
const NAME_WHOLE: u32 = 1;
const NAME_SUFFIX: u32 = 2;

/// What the programs look at in each call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Every process but this one, instead of those that are allowed one by one.
    pub everybody: bool,
    /// A connection whose server is not known to be an LLM's is left alone.
    pub strict: bool,
    /// Where the child's id is in the kernel's event of a fork.
    pub child_offset: u32,
    /// The process namespace that ids are of, by the number of its file; 0 for the machine's.
    pub namespace: u32,
}

/// What the programs have counted since they were loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records handed over.
    pub records: u64,
    /// Records for which the ring had no room.
    pub lost: u64,
    /// Connections that are not LLM traffic.
    pub ignored: u64,
    /// Connections left alone because nothing says who the server is.
    pub unnamed: u64,
    /// Calls with more bytes than are copied.
    pub overlong: u64,
    /// Connections of stopped processes that were refused.
    pub refused: u64,
}

/// Where a connection goes: the two halves of an IPv6 address as they lie in memory (an IPv4 address mapped to one), and
/// the port in network order.
pub type Destination = [u64; 3];

/// What the programs look at and hand over. Programs are loaded into the kernel when they are first needed, and each needs the
/// maps that it names until then: it is dropped after its [`Attacher`].
pub struct Tracer {
    _settings: Array<MapData, [u32; 6]>,
    allowed: Table<MapData, u32, u32>,
    names: Table<MapData, u64, u32>,
    connections: Table<MapData, [u64; 2], [u64; 5]>,
    stopped: Table<MapData, u32, u32>,
    destinations: Table<MapData, Destination, u32>,
    counters: PerCpuArray<MapData, u64>,
    events: RingBuf<MapData>,
}

impl Tracer {
    /// Loads an object that clang made of the programs. `ring_bytes` must be a power of two and whole pages.
    pub fn load(object: &[u8], settings: Settings, ring_bytes: u32) -> Result<(Attacher, Self), TracerError> {
        let mut programs = EbpfLoader::new().map_max_entries("events", ring_bytes).load(object)?;
        let mut chosen: Array<_, [u32; 6]> = Array::try_from(taken(&mut programs, "settings")?)?;
        let values = [
            u32::from(settings.everybody),
            std::process::id(),
            u32::from(settings.strict),
            settings.child_offset,
            settings.namespace,
            0,
        ];
        chosen.set(0, values, 0)?;
        let allowed = Table::try_from(taken(&mut programs, "allowed")?)?;
        let names = Table::try_from(taken(&mut programs, "names")?)?;
        let connections = Table::try_from(taken(&mut programs, "connections")?)?;
        let stopped = Table::try_from(taken(&mut programs, "stopped")?)?;
        let destinations = Table::try_from(taken(&mut programs, "destinations")?)?;
        let counters = PerCpuArray::try_from(taken(&mut programs, "counters")?)?;
        let events = RingBuf::try_from(taken(&mut programs, "events")?)?;
        let attacher = Attacher::new(programs, settings.namespace != 0);
        Ok((
            attacher,
            Self { _settings: chosen, allowed, names, connections, stopped, destinations, counters, events },
        ))
    }
}

impl Tracer {
    /// Lets the programs look at a process.
    pub fn allow(&mut self, process: u32) -> Result<(), TracerError> {
        Ok(self.allowed.insert(process, 1, 0)?)
    }

    /// Takes that back.
    pub fn disallow(&mut self, process: u32) {
        // It is gone from the map when the process ended.
        let _gone = self.allowed.remove(&process);
    }

    /// Refuses a process, and children that it makes from now on, new connections to destinations that were given.
    pub fn stop(&mut self, process: u32) -> Result<(), TracerError> {
        Ok(self.stopped.insert(process, 1, 0)?)
    }

    /// Takes that back.
    pub fn resume(&mut self, process: u32) {
        // It is gone from the map when the process ended.
        let _gone = self.stopped.remove(&process);
    }

    /// Processes that are stopped.
    pub fn stopped(&self) -> Vec<u32> {
        self.stopped.keys().filter_map(Result::ok).collect()
    }

    /// Adds a destination that stopped processes are refused.
    pub fn refuse(&mut self, destination: Destination) -> Result<(), TracerError> {
        Ok(self.destinations.insert(destination, 1, 0)?)
    }

    /// Has the programs take a server, by its name or a suffix that begins behind a separator, for an LLM's. `name` is the
    /// hash that the programs make of it.
    pub fn name(&mut self, name: u64, suffix: bool) -> Result<(), TracerError> {
        Ok(self.names.insert(name, if suffix { NAME_SUFFIX } else { NAME_WHOLE }, 0)?)
    }

    /// Copies nothing of a connection any more.
    pub fn ignore(&mut self, connection: ConnectionKey) {
        // The map makes room by itself; a connection that cannot be entered is dropped by the consumer again.
        let _full = self.connections.insert(key(connection), [0, 0, 0, STAGE_IGNORED, 0], 0);
    }

    /// What went over a connection that began with a greeting, so far. None if it did not, or is gone.
    pub fn traffic(&self, connection: ConnectionKey) -> Option<Traffic> {
        Traffic::of(self.connections.get(&key(connection), 0).ok()?)
    }

    /// Hands over every record that is there, in order, at most `limit` of them. How many there were.
    pub fn drain(&mut self, limit: usize, sink: &mut dyn FnMut(&Record<'_>)) -> usize {
        let mut count = 0;
        while count < limit {
            let Some(raw) = self.events.next() else { break };
            count += 1;
            if let Some(record) = Record::parse(&raw) {
                sink(&record);
            }
        }
        count
    }

    /// What was counted so far.
    pub fn counters(&self) -> Result<Counters, TracerError> {
        let total = |index: u32| -> Result<u64, TracerError> {
            Ok(self.counters.get(&index, 0)?.iter().fold(0, |sum: u64, each| sum.saturating_add(*each)))
        };
        Ok(Counters {
            records: total(0)?,
            lost: total(1)?,
            ignored: total(2)?,
            unnamed: total(3)?,
            overlong: total(4)?,
            refused: total(5)?,
        })
    }
}

/// As the programs have it in their map.
fn key(connection: ConnectionKey) -> [u64; 2] {
    let layer = match connection.layer {
        Layer::Tls => 0_u64,
        Layer::Plain => 1,
    };
    [connection.handle, u64::from(connection.process) | layer << 32]
}

fn taken(programs: &mut Ebpf, name: &str) -> Result<aya::maps::Map, TracerError> {
    programs.take_map(name).ok_or_else(|| TracerError::new("loading the programs", format!("no map {name}")))
}
