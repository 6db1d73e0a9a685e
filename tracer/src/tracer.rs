//! The programs in the kernel: loaded once, attached where the caller says, their ring read when he asks.
//!
//! Attaching and reading are two values, for two threads: the kernel takes a tenth of a second to detach from one instruction and
//! more to verify a program, and the ring does not wait.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::num::NonZeroU32;
use std::path::Path;

use aya::maps::{Array, HashMap as Table, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::cgroup_sock_addr::CgroupSockAddrLinkId;
use aya::programs::trace_point::TracePointLinkId;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeLinkId, UProbeScope};
use aya::programs::{CgroupAttachMode, CgroupSockAddr, Program, ProgramError, TracePoint, UProbe};
use aya::{Ebpf, EbpfError, EbpfLoader};

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

/// A place where a program is attached, until it is detached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attachment(u64);

impl Attachment {
    /// As a number, for other languages.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Of a number that [`Attachment::number`] gave.
    pub const fn of(number: u64) -> Self {
        Self(number)
    }
}

/// Why the kernel, or the file to be attached to, does not do what is asked.
#[derive(Debug)]
pub struct TracerError {
    doing: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl TracerError {
    fn new(doing: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { doing: doing.into(), source: source.into() }
    }
}

impl TracerError {
    /// The number of the system's error, if it was one.
    pub fn errno(&self) -> Option<i32> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self.source.as_ref());
        while let Some(error) = cause {
            if let Some(number) =
                error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error)
            {
                return Some(number);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for TracerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.doing, self.source)?;
        // The outer errors say what was tried; the kernel's own word is the last.
        let mut cause = self.source.source();
        while let Some(inner) = cause {
            write!(formatter, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

impl std::error::Error for TracerError {}

impl From<EbpfError> for TracerError {
    fn from(error: EbpfError) -> Self {
        Self::new("loading the programs", error)
    }
}

impl From<MapError> for TracerError {
    fn from(error: MapError) -> Self {
        Self::new("using a map", error)
    }
}

enum Link {
    Function(&'static str, UProbeLinkId),
    Event(&'static str, TracePointLinkId),
    Group(&'static str, CgroupSockAddrLinkId),
}

/// Programs that can be attached to functions of a file, by their names in the source.
const FUNCTION_PROGRAMS: [&str; 13] = [
    "tls_call",
    "tls_call_ex",
    "tls_sent",
    "tls_received",
    "tls_control",
    "tls_host_name",
    "tls_server_name",
    "tls_free",
    "go_write",
    "go_write_end",
    "go_read",
    "go_read_end",
    "go_close",
];
/// Programs that can be attached to tracepoints.
const EVENT_PROGRAMS: [&str; 11] = [
    "plain_call",
    "plain_call_any",
    "plain_call_segments",
    "plain_call_message",
    "plain_sent",
    "plain_received",
    "plain_close",
    "plain_connect",
    "process_fork",
    "process_exec",
    "process_exit",
];
/// Programs that can be attached to a control group.
const GROUP_PROGRAMS: [&str; 2] = ["stop_connect4", "stop_connect6"];

/// Where the programs are attached. Dropping it detaches all.
pub struct Attacher {
    programs: Ebpf,
    links: HashMap<Attachment, Link>,
    next: u64,
}

/// What the programs look at and hand over. Programs are loaded into the kernel when they are first needed, and each needs the
/// maps that it names until then: it is dropped after its [`Attacher`].
pub struct Tracer {
    _settings: Array<MapData, [u32; 4]>,
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
        let mut chosen: Array<_, [u32; 4]> = Array::try_from(taken(&mut programs, "settings")?)?;
        let values = [
            u32::from(settings.everybody),
            std::process::id(),
            u32::from(settings.strict),
            settings.child_offset,
        ];
        chosen.set(0, values, 0)?;
        let allowed = Table::try_from(taken(&mut programs, "allowed")?)?;
        let names = Table::try_from(taken(&mut programs, "names")?)?;
        let connections = Table::try_from(taken(&mut programs, "connections")?)?;
        let stopped = Table::try_from(taken(&mut programs, "stopped")?)?;
        let destinations = Table::try_from(taken(&mut programs, "destinations")?)?;
        let counters = PerCpuArray::try_from(taken(&mut programs, "counters")?)?;
        let events = RingBuf::try_from(taken(&mut programs, "events")?)?;
        let attacher = Attacher { programs, links: HashMap::new(), next: 1 };
        Ok((
            attacher,
            Self { _settings: chosen, allowed, names, connections, stopped, destinations, counters, events },
        ))
    }
}

impl Attacher {
    /// Has the kernel verify a program for functions, which takes it up to seconds, so that attaching takes milliseconds.
    pub fn prepare(&mut self, program: &str) -> Result<(), TracerError> {
        let doing = || format!("loading {program}");
        let name = known(&FUNCTION_PROGRAMS, program).map_err(|error| TracerError::new(doing(), error))?;
        self.function(name).map_err(|error| TracerError::new(doing(), error))?;
        Ok(())
    }

    /// Attaches a program to an instruction of a file, for one process or for all that have the file mapped.
    pub fn attach_function(
        &mut self,
        program: &str,
        file: &Path,
        offset: u64,
        process: Option<u32>,
    ) -> Result<Attachment, TracerError> {
        let doing = || format!("attaching {program} to {} at {offset:#x}", file.display());
        let name = known(&FUNCTION_PROGRAMS, program).map_err(|error| TracerError::new(doing(), error))?;
        let scope = process.map_or(UProbeScope::AllProcesses, |process| {
            NonZeroU32::new(process).map_or(UProbeScope::CallingProcess, UProbeScope::OneProcess)
        });
        let probe = self.function(name).map_err(|error| TracerError::new(doing(), error))?;
        let link = probe
            .attach(UProbeAttachLocation::AbsoluteOffset(offset), file, scope)
            .map_err(|error| TracerError::new(doing(), error))?;
        Ok(self.keep(Link::Function(name, link)))
    }

    /// Attaches a program to a tracepoint such as `syscalls`, `sys_enter_write`.
    pub fn attach_event(
        &mut self,
        program: &str,
        category: &str,
        event: &str,
    ) -> Result<Attachment, TracerError> {
        let doing = || format!("attaching {program} to {category}:{event}");
        let name = known(&EVENT_PROGRAMS, program).map_err(|error| TracerError::new(doing(), error))?;
        let probe = self.event(name).map_err(|error| TracerError::new(doing(), error))?;
        let link = probe.attach(category, event).map_err(|error| TracerError::new(doing(), error))?;
        Ok(self.keep(Link::Event(name, link)))
    }

    /// Attaches a program to a control group of version 2, for every process in it and below.
    pub fn attach_group(&mut self, program: &str, group: &Path) -> Result<Attachment, TracerError> {
        let doing = || format!("attaching {program} to {}", group.display());
        let name = known(&GROUP_PROGRAMS, program).map_err(|error| TracerError::new(doing(), error))?;
        let folder = File::open(group).map_err(|error| TracerError::new(doing(), error))?;
        let hook = self.group(name).map_err(|error| TracerError::new(doing(), error))?;
        // A link, which ends with this process however that ends. Links always leave room for others, and refuse to be told.
        let link = hook
            .attach(folder, CgroupAttachMode::Single)
            .map_err(|error| TracerError::new(doing(), error))?;
        Ok(self.keep(Link::Group(name, link)))
    }

    /// Detaches what was attached; nothing if that was done before.
    pub fn detach(&mut self, attachment: Attachment) {
        let Some(link) = self.links.remove(&attachment) else { return };
        // A link whose process or file is gone has nothing left to detach.
        let _gone = match link {
            Link::Function(name, link) => self.function(name).and_then(|probe| probe.detach(link)),
            Link::Event(name, link) => self.event(name).and_then(|probe| probe.detach(link)),
            Link::Group(name, link) => self.group(name).and_then(|hook| hook.detach(link)),
        };
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

impl Attacher {
    /// A program for functions, loaded into the kernel when it is first needed.
    fn function(&mut self, name: &'static str) -> Result<&mut UProbe, ProgramError> {
        let program = self.programs.program_mut(name).ok_or(ProgramError::UnexpectedProgramType)?;
        let Program::UProbe(probe) = program else { return Err(ProgramError::UnexpectedProgramType) };
        if probe.fd().is_err() {
            probe.load()?;
        }
        Ok(probe)
    }

    /// A program for tracepoints, likewise.
    fn event(&mut self, name: &'static str) -> Result<&mut TracePoint, ProgramError> {
        let program = self.programs.program_mut(name).ok_or(ProgramError::UnexpectedProgramType)?;
        let Program::TracePoint(probe) = program else { return Err(ProgramError::UnexpectedProgramType) };
        if probe.fd().is_err() {
            probe.load()?;
        }
        Ok(probe)
    }

    /// A program for control groups, likewise.
    fn group(&mut self, name: &'static str) -> Result<&mut CgroupSockAddr, ProgramError> {
        let program = self.programs.program_mut(name).ok_or(ProgramError::UnexpectedProgramType)?;
        let Program::CgroupSockAddr(hook) = program else { return Err(ProgramError::UnexpectedProgramType) };
        if hook.fd().is_err() {
            hook.load()?;
        }
        Ok(hook)
    }

    fn keep(&mut self, link: Link) -> Attachment {
        let attachment = Attachment(self.next);
        self.next += 1;
        self.links.insert(attachment, link);
        attachment
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

fn known(programs: &'static [&'static str], name: &str) -> Result<&'static str, String> {
    let found = programs.iter().find(|program| **program == name);
    found.copied().ok_or_else(|| format!("no program {name}"))
}
