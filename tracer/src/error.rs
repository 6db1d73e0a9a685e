//! What went wrong in the kernel, in its own words.

use std::fmt;

use aya::EbpfError;
use aya::maps::MapError;

/// Why the kernel, or the file to be attached to, does not do what is asked.
#[derive(Debug)]
pub struct TracerError {
    doing: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl TracerError {
    pub(crate) fn new(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
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
