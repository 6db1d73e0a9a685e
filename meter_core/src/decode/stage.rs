//! One content coding, stepped over caller-owned buffers; refuses to know limits and stacking.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation, OutBuffer};

use super::gzip::Gzip;
use crate::limits;

/// What one step did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// Bytes of input consumed.
    pub(super) read: usize,
    /// Bytes of output written.
    pub(super) written: usize,
    /// The coding is broken; nothing more can be decoded.
    pub(super) broken: bool,
}

/// A coding in progress.
pub(super) enum Stage {
    Gzip(Box<Gzip>),
    Deflate(Box<Deflate>),
    Brotli(Box<Brotli>),
    Zstd(Box<ZstdFrames>),
}

impl Stage {
    /// The stage that undoes `coding`; `None` if the name is unknown.
    pub(super) fn new(coding: &[u8]) -> Option<Self> {
        Some(match coding.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Self::Gzip(Box::new(Gzip::new())),
            b"deflate" => Self::Deflate(Box::new(Deflate::Unknown(None))),
            b"br" => Self::Brotli(Box::new(Brotli::new())),
            b"zstd" => Self::Zstd(Box::new(ZstdFrames::new()?)),
            _ => return None,
        })
    }

    /// Decodes some of `input` into `output`.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        match self {
            Self::Gzip(gzip) => gzip.step(input, output),
            Self::Deflate(deflate) => deflate.step(input, output),
            Self::Brotli(brotli) => brotli.step(input, output),
            Self::Zstd(zstd) => zstd.step(input, output),
        }
    }

    /// Whether the input may stop here: before its first byte or after a complete stream.
    pub(super) fn may_end(&self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.may_end(),
            Self::Deflate(deflate) => matches!(**deflate, Deflate::Unknown(None) | Deflate::Done),
            Self::Brotli(brotli) => brotli.done || !brotli.begun,
            Self::Zstd(zstd) => zstd.between_frames,
        }
    }
}

/// Steps an inflater; the flag says whether its stream ended.
pub(super) fn inflate(inflater: &mut Decompress, input: &[u8], output: &mut [u8]) -> (Step, bool) {
    let (read, written) = (inflater.total_in(), inflater.total_out());
    let status = inflater.decompress(input, output, FlushDecompress::None);
    let moved = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(0);
    let step = Step {
        read: moved(inflater.total_in(), read),
        written: moved(inflater.total_out(), written),
        broken: status.is_err(),
    };
    (step, matches!(status, Ok(Status::StreamEnd)))
}

/// `deflate` is zlib by the letter of HTTP and raw deflate in the wild; the first two bytes tell.
pub(super) enum Deflate {
    Unknown(Option<u8>),
    Running(Decompress),
    Done,
}

impl Deflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        match self {
            Self::Done => Step { read: input.len(), ..Step::default() },
            Self::Unknown(first) => {
                let Some(byte) = input.first() else { return Step::default() };
                let Some(first) = *first else {
                    *self = Self::Unknown(Some(*byte));
                    return Step { read: 1, ..Step::default() };
                };
                let zlib = first & 0x0f == 8 && (u16::from(first) << 8 | u16::from(*byte)) % 31 == 0;
                let mut inflater = Decompress::new(zlib);
                // The byte held back was counted as read then, and one byte alone decodes to nothing.
                let (replayed, _) = inflate(&mut inflater, &[first], output);
                *self = Self::Running(inflater);
                if replayed.broken {
                    return Step { broken: true, ..Step::default() };
                }
                self.step(input, output)
            }
            Self::Running(inflater) => {
                let (step, ended) = inflate(inflater, input, output);
                if ended {
                    *self = Self::Done;
                }
                step
            }
        }
    }
}

/// A brotli stream; bytes behind its end are ignored, as browsers do.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    begun: bool,
    done: bool,
}

impl Brotli {
    fn new() -> Self {
        let allocator = StandardAlloc::default;
        // Strict: no large windows, so that a stream cannot ask for more than 16 MiB.
        Self {
            state: BrotliState::new_strict(allocator(), allocator(), allocator()),
            begun: false,
            done: false,
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        if self.done {
            return Step { read: input.len(), ..Step::default() };
        }
        self.begun |= !input.is_empty();
        let (mut left, mut read, mut room, mut written, mut total) = (input.len(), 0, output.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut written,
            output,
            &mut total,
            &mut self.state,
        );
        self.done = matches!(result, BrotliResult::ResultSuccess);
        Step { read, written, broken: matches!(result, BrotliResult::ResultFailure) }
    }
}

/// Any number of zstd frames.
pub(super) struct ZstdFrames {
    decoder: Zstd<'static>,
    between_frames: bool,
}

impl ZstdFrames {
    /// `None` if the library cannot allocate a context.
    fn new() -> Option<Self> {
        let mut decoder = Zstd::new().ok()?;
        decoder.set_parameter(DParameter::WindowLogMax(limits::ZSTD_WINDOW_LOG_MAX)).ok()?;
        Some(Self { decoder, between_frames: true })
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        if input.is_empty() && self.between_frames {
            return Step::default();
        }
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(output);
        let hint = self.decoder.run(&mut source, &mut target);
        self.between_frames = matches!(hint, Ok(0));
        Step { read: source.pos(), written: target.pos(), broken: hint.is_err() }
    }
}
