//! Every bound on what is read of an executable, with unit and reason. Any process that is traced can be of any file.

/// Bytes of the function table of a Go program. The largest programs in use have about half of that.
pub(crate) const FUNCTION_TABLE_BYTES_MAX: u64 = 128 << 20;

/// Bytes of a function that is looked through for its return instructions. Those that are looked for have about 2,000.
pub(crate) const FUNCTION_BYTES_MAX: u64 = 64 << 10;

/// Return instructions of a function: each takes a file descriptor. Those that are looked for have about 10.
pub(crate) const RETURNS_MAX: usize = 64;

/// Bytes of the description of a Go module. It has about 600.
pub(crate) const MODULE_BYTES_MAX: u64 = 64 << 10;
