//! Who the traced processes are: asked of Python once for each, and where a process is gone before that, told by what the kernel
//! said of it and by its parent.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;

use super::attribution::Attribution as Told;
use crate::attribution::Attribution;
use crate::limits;

/// Generations that are gone through for a process that nobody can tell of any more.
const GENERATIONS_MAX: usize = 8;

/// What the kernel said of a process.
#[derive(Default)]
struct Birth {
    parent: u32,
    /// Of the program that it runs; None if that is its parent's.
    name: Option<Arc<str>>,
}

/// Processes by their ids.
pub(super) struct People {
    ask: Py<PyAny>,
    known: HashMap<u32, Attribution>,
    /// What was told before: it stands for a process that is gone when it is asked for again.
    former: HashMap<u32, Attribution>,
    births: HashMap<u32, Birth>,
    failure: Option<PyErr>,
}

impl People {
    pub(super) fn new(ask: Py<PyAny>) -> Self {
        Self { ask, known: HashMap::new(), former: HashMap::new(), births: HashMap::new(), failure: None }
    }

    /// Who a process is. All but the program is the same for a parent and its child.
    pub(super) fn who(&mut self, process: u32) -> Attribution {
        let mut told = self.told(process);
        let mut name = self.births.get(&process).and_then(|birth| birth.name.clone());
        let mut at = process;
        for _ in 0..GENERATIONS_MAX {
            if told.process.is_some() {
                break;
            }
            let Some(birth) = self.births.get(&at) else { break };
            name = name.or_else(|| birth.name.clone());
            at = birth.parent;
            told = self.told(at);
        }
        told.pid = Some(process);
        told.process = name.or(told.process);
        told
    }

    /// A process has a child.
    pub(super) fn born(&mut self, child: u32, parent: u32) {
        if self.births.len() >= limits::TRACED_PROCESSES_MAX {
            self.births.clear();
        }
        self.known.remove(&child);
        self.former.remove(&child);
        self.births.insert(child, Birth { parent, name: None });
    }

    /// A process runs another program.
    pub(super) fn renamed(&mut self, process: u32, name: &[u8]) {
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = String::from_utf8_lossy(name.get(..end).unwrap_or_default());
        if let Some(told) = self.known.remove(&process) {
            self.former.insert(process, told);
        }
        self.births.entry(process).or_default().name = Some(Arc::from(name.as_ref()));
    }

    /// From now on everybody is asked for again.
    pub(super) fn forget(&mut self) {
        if self.former.len() >= limits::TRACED_PROCESSES_MAX {
            self.former.clear();
        }
        // One that was gone already has nothing to tell that its parent has not.
        self.former.extend(self.known.drain().filter(|(_, told)| told.process.is_some()));
    }

    /// What asking raised, once.
    pub(super) fn failure(&mut self) -> Option<PyErr> {
        self.failure.take()
    }

    /// What Python tells of a process. A failure there is kept for the caller of Python to see; the exchange goes on.
    fn told(&mut self, process: u32) -> Attribution {
        if let Some(known) = self.known.get(&process) {
            return known.clone();
        }
        let told = Python::attach(|py| -> PyResult<Attribution> {
            let told = self.ask.call1(py, (process,))?;
            Ok(told.bind(py).cast::<Told>()?.get().core.clone())
        });
        let told = told.unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            Attribution { pid: Some(process), ..Attribution::default() }
        });
        let gone = told.process.is_none();
        let told = self.former.get(&process).filter(|_| gone).cloned().unwrap_or(told);
        self.known.insert(process, told.clone());
        told
    }
}
