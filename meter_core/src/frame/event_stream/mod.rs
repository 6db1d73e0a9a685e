//! AWS event streams (`application/vnd.amazon.eventstream`): binary messages of a stated length, with headers and checksums.
//!
//! It owns lengths, headers, checksums and where a message ends. It refuses to know what a payload means. A payload is handed
//! on as it arrives, before its checksum; a wrong checksum or an impossible length ends the reading, because no byte behind
//! it has a known place.

mod encoding;
mod headers;

use flate2::Crc;

pub use encoding::encode;

use crate::limits;
use crate::usage::{Defect, Defects};
use headers::Headers;

/// Who is told what the stream says.
pub trait Messages {
    /// A message begins. Each name is empty where the message does not state it; `exception_type` is also the code of a
    /// message of the type `error`.
    fn message(&mut self, event_type: &str, message_type: &str, exception_type: &str);
    /// A piece of the current message's payload.
    fn payload(&mut self, piece: &[u8]);
    /// The current message is over. `intact` is false if it was cut off or its checksum is wrong.
    fn end(&mut self, intact: bool);
}

/// Total length, headers length and their checksum.
const PRELUDE_BYTES: usize = 12;
/// What of the prelude its checksum is over.
const PRELUDE_CHECKED_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;
/// Bytes of a message without headers and payload.
const OVERHEAD_BYTES: u32 = 16;

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Prelude,
    Headers,
    Payload,
    Checksum,
    /// Something was wrong; nothing more is read.
    Shut,
}

/// Splits one stream.
#[derive(Debug)]
pub struct EventStream {
    at: At,
    /// Prelude or checksum in progress.
    fixed: [u8; PRELUDE_BYTES],
    /// Bytes of it that were seen.
    fixed_seen: usize,
    headers: Headers,
    headers_left: usize,
    payload_left: usize,
    /// Over all bytes of the current message so far.
    crc: Crc,
    defects: Defects,
}

impl Default for EventStream {
    fn default() -> Self {
        Self::new()
    }
}

impl EventStream {
    /// A splitter before the first byte.
    pub fn new() -> Self {
        Self {
            at: At::Prelude,
            fixed: [0; PRELUDE_BYTES],
            fixed_seen: 0,
            headers: Headers::default(),
            headers_left: 0,
            payload_left: 0,
            crc: Crc::new(),
            defects: Defects::default(),
        }
    }

    /// What was wrong so far: `Malformed`, and `Truncated` after the end.
    pub fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether everything so far belongs to complete messages: bytes put here start a new one.
    pub fn at_boundary(&self) -> bool {
        self.at == At::Prelude && self.fixed_seen == 0
    }

    /// Splits the next bytes, cut anywhere. Returns the offset in `chunk` just behind the last complete message, if one ended here.
    pub fn feed(&mut self, chunk: &[u8], messages: &mut (impl Messages + ?Sized)) -> Option<usize> {
        let mut boundary = None;
        let mut rest = chunk;
        while !rest.is_empty() && self.at != At::Shut {
            let taken = match self.at {
                At::Prelude => self.prelude(rest, messages),
                At::Headers => self.headers(rest, messages),
                At::Payload => self.payload(rest, messages),
                At::Checksum | At::Shut => self.checksum(rest, messages),
            };
            rest = rest.get(taken..).unwrap_or_default();
            if self.at_boundary() {
                boundary = Some(chunk.len() - rest.len());
            }
        }
        boundary
    }

    /// Says that the stream ended. A message in progress is `Truncated`.
    pub fn end(&mut self, messages: &mut (impl Messages + ?Sized)) {
        if self.at != At::Shut && !self.at_boundary() {
            self.shut(Defect::Truncated, messages);
        }
    }

    fn shut(&mut self, defect: Defect, messages: &mut (impl Messages + ?Sized)) {
        self.defects.insert(defect);
        if matches!(self.at, At::Payload | At::Checksum) {
            messages.end(false);
        }
        self.at = At::Shut;
    }

    /// Takes bytes of the prelude; returns how many.
    fn prelude(&mut self, bytes: &[u8], messages: &mut (impl Messages + ?Sized)) -> usize {
        let taken = self.fixed(PRELUDE_BYTES, bytes);
        if self.fixed_seen < PRELUDE_BYTES {
            return taken;
        }
        self.fixed_seen = 0;
        let [t0, t1, t2, t3, h0, h1, h2, h3, checksum @ ..] = self.fixed;
        let (total, headers) = (u32::from_be_bytes([t0, t1, t2, t3]), u32::from_be_bytes([h0, h1, h2, h3]));
        self.crc.reset();
        self.crc.update(self.fixed.get(..PRELUDE_CHECKED_BYTES).unwrap_or_default());
        let intact = self.crc.sum() == u32::from_be_bytes(checksum);
        self.crc.update(&checksum);
        let payload = total.checked_sub(OVERHEAD_BYTES).and_then(|rest| rest.checked_sub(headers));
        match payload.and_then(|payload| usize::try_from(payload).ok()) {
            Some(payload)
                if intact
                    && total <= limits::EVENT_STREAM_MESSAGE_BYTES_MAX
                    && headers <= limits::EVENT_STREAM_HEADERS_BYTES_MAX =>
            {
                self.headers_left = usize::try_from(headers).unwrap_or(0);
                self.payload_left = payload;
                self.headers.reset();
                self.at = At::Headers;
                if self.headers_left == 0 {
                    self.headers_end(messages);
                }
            }
            _ => self.shut(Defect::Malformed, messages),
        }
        taken
    }

    fn headers(&mut self, bytes: &[u8], messages: &mut (impl Messages + ?Sized)) -> usize {
        let bytes = bytes.get(..self.headers_left).unwrap_or(bytes);
        self.crc.update(bytes);
        self.headers_left -= bytes.len();
        if !self.headers.feed(bytes) {
            self.shut(Defect::Malformed, messages);
        } else if self.headers_left == 0 {
            self.headers_end(messages);
        }
        bytes.len()
    }

    fn headers_end(&mut self, messages: &mut (impl Messages + ?Sized)) {
        if !self.headers.is_between() {
            return self.shut(Defect::Malformed, messages);
        }
        let headers = &self.headers;
        messages.message(&headers.event_type(), &headers.message_type(), &headers.exception_type());
        self.at = if self.payload_left == 0 { At::Checksum } else { At::Payload };
    }

    fn payload(&mut self, bytes: &[u8], messages: &mut (impl Messages + ?Sized)) -> usize {
        let bytes = bytes.get(..self.payload_left).unwrap_or(bytes);
        self.crc.update(bytes);
        messages.payload(bytes);
        self.payload_left -= bytes.len();
        if self.payload_left == 0 {
            self.at = At::Checksum;
        }
        bytes.len()
    }

    fn checksum(&mut self, bytes: &[u8], messages: &mut (impl Messages + ?Sized)) -> usize {
        let taken = self.fixed(CHECKSUM_BYTES, bytes);
        if self.fixed_seen < CHECKSUM_BYTES {
            return taken;
        }
        self.fixed_seen = 0;
        let [c0, c1, c2, c3, ..] = self.fixed;
        if self.crc.sum() == u32::from_be_bytes([c0, c1, c2, c3]) {
            messages.end(true);
            self.at = At::Prelude;
        } else {
            self.shut(Defect::Malformed, messages);
        }
        taken
    }

    /// Collects bytes of a part of `length` bytes; returns how many were taken.
    fn fixed(&mut self, length: usize, bytes: &[u8]) -> usize {
        let room = self.fixed.get_mut(self.fixed_seen..length).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        for (slot, byte) in room.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.fixed_seen += taken;
        taken
    }
}

#[cfg(test)]
mod tests;
