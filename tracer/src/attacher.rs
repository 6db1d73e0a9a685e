//! Where the programs are attached: functions of files, tracepoints, control groups.
//!
//! Owns the links. A program is loaded into the kernel when it is first needed.

use std::collections::HashMap;
use std::fs::File;
use std::num::NonZeroU32;
use std::path::Path;

use aya::Ebpf;
use aya::programs::cgroup_sock_addr::CgroupSockAddrLinkId;
use aya::programs::raw_trace_point::RawTracePointLinkId;
use aya::programs::trace_point::TracePointLinkId;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeLinkId, UProbeScope};
use aya::programs::{
    CgroupAttachMode, CgroupSockAddr, Program, ProgramError, RawTracePoint, TracePoint, UProbe,
};

use crate::error::TracerError;

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

enum Link {
    Function(&'static str, UProbeLinkId),
    Event(&'static str, TracePointLinkId),
    Birth(RawTracePointLinkId),
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
/// Of these, the one that has another in its place where ids are those of a process namespace: the event tells the machine's.
const FORK: &str = "process_fork";
const FORK_WITHIN_NAMESPACE: &str = "process_born";
/// Programs that can be attached to a control group.
const GROUP_PROGRAMS: [&str; 2] = ["stop_connect4", "stop_connect6"];

/// Where the programs are attached. Dropping it detaches all.
pub struct Attacher {
    programs: Ebpf,
    within_namespace: bool,
    links: HashMap<Attachment, Link>,
    next: u64,
}

impl Attacher {
    /// Of programs that were loaded; `within_namespace` if ids are those of a process namespace.
    pub(crate) fn new(programs: Ebpf, within_namespace: bool) -> Self {
        Self { programs, within_namespace, links: HashMap::new(), next: 1 }
    }

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
        if name == FORK && self.within_namespace {
            let probe = self.birth().map_err(|error| TracerError::new(doing(), error))?;
            let link = probe.attach(event).map_err(|error| TracerError::new(doing(), error))?;
            return Ok(self.keep(Link::Birth(link)));
        }
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
            Link::Birth(link) => self.birth().and_then(|probe| probe.detach(link)),
            Link::Group(name, link) => self.group(name).and_then(|hook| hook.detach(link)),
        };
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

    /// The program for new processes of a namespace, likewise.
    fn birth(&mut self) -> Result<&mut RawTracePoint, ProgramError> {
        let program =
            self.programs.program_mut(FORK_WITHIN_NAMESPACE).ok_or(ProgramError::UnexpectedProgramType)?;
        let Program::RawTracePoint(probe) = program else { return Err(ProgramError::UnexpectedProgramType) };
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

fn known(programs: &'static [&'static str], name: &str) -> Result<&'static str, String> {
    let found = programs.iter().find(|program| **program == name);
    found.copied().ok_or_else(|| format!("no program {name}"))
}
