//! WebSocket messages (RFC 6455) out of the raw bytes of one direction, from the first byte behind the 101.
//!
//! It owns frames, masks, fragments, control frames and `permessage-deflate`. It refuses to know what a message says, and does
//! not check that text is UTF-8. Payload is handed on as it arrives. What the protocol forbids ends the reading, because the
//! peers will not go on either.

mod compression;
mod encoding;
mod header;

pub use compression::Compression;
pub use encoding::{close_frame, text_frame};

use crate::limits;
use crate::usage::{Defect, Defects};
use compression::Inflater;
use header::{HEADER_BYTES_MAX, HEADER_BYTES_MIN, Header, Opcode, header_bytes};

/// Who sends what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Its frames are masked.
    Client,
    /// Its frames are not.
    Server,
}

/// What a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Anything.
    Binary,
}

/// Who is told what the session says.
pub trait Messages {
    /// A message begins.
    fn message_begin(&mut self, kind: Kind);
    /// A piece of the current message: unmasked, inflated, its fragments joined.
    fn piece(&mut self, piece: &[u8]);
    /// The current message is over. `complete` is false if it was cut off, or if some of it was beyond the limit and left out.
    fn message_end(&mut self, complete: bool);
    /// The sender closes the session and says why; [`NO_CODE`] if it does not say. Nothing follows.
    fn close(&mut self, code: u16);
}

/// The code of a close frame without one (RFC 6455 section 7.1.5).
pub const NO_CODE: u16 = 1005;

/// Bytes unmasked at a time.
const UNMASKED_BYTES: usize = 1024;

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Header,
    Payload,
    /// The sender has closed, or something was wrong; nothing more is read.
    Over,
}

/// A message in progress.
#[derive(Clone, Copy, Debug)]
struct Message {
    compressed: bool,
    /// Bytes of its content so far.
    bytes: usize,
}

/// Splits one direction of one session.
#[derive(Debug)]
pub struct WebSocket {
    sender: Sender,
    at: At,
    /// Header in progress.
    header: [u8; HEADER_BYTES_MAX],
    header_seen: usize,
    opcode: Opcode,
    /// The current frame is the last of its message.
    last: bool,
    /// Bytes of the current frame's payload that are to come.
    payload_left: u64,
    /// The mask of the next bytes, turned to where they stand.
    mask: Option<[u8; 4]>,
    message: Option<Message>,
    inflater: Option<Inflater>,
    /// The first bytes of a close frame's payload, and how many there are.
    code: [u8; 2],
    code_seen: usize,
    defects: Defects,
}

impl WebSocket {
    /// A splitter of what `sender` sends, before the first byte behind the response that switched protocols.
    pub fn new(sender: Sender, compression: Option<Compression>) -> Self {
        Self {
            sender,
            at: At::Header,
            header: [0; HEADER_BYTES_MAX],
            header_seen: 0,
            opcode: Opcode::Continuation,
            last: true,
            payload_left: 0,
            mask: None,
            message: None,
            inflater: compression.map(|compression| compression.inflater(sender)),
            code: [0; 2],
            code_seen: 0,
            defects: Defects::default(),
        }
    }

    /// What was wrong so far: `Malformed`, `Undecodable`, `DecodeLimit`, `FrameTooLong`, and `Truncated` in the end.
    pub fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether everything so far belongs to complete messages and the sender has not closed: a message may be put here.
    pub fn at_boundary(&self) -> bool {
        self.at == At::Header && self.header_seen == 0 && self.message.is_none()
    }

    /// Splits the next bytes, cut anywhere. Returns the offset in `chunk` just behind the last complete message or control frame
    /// between messages, if one ended here.
    pub fn feed(&mut self, chunk: &[u8], messages: &mut (impl Messages + ?Sized)) -> Option<usize> {
        let mut boundary = None;
        let mut rest = chunk;
        while !rest.is_empty() && self.at != At::Over {
            let taken = match self.at {
                At::Header => self.header(rest, messages),
                At::Payload | At::Over => self.payload(rest, messages),
            };
            rest = rest.get(taken..).unwrap_or_default();
            if self.at_boundary() {
                boundary = Some(chunk.len() - rest.len());
            }
        }
        boundary
    }

    /// Says that the connection ended. A message or frame in progress is `Truncated`.
    pub fn end(&mut self, messages: &mut (impl Messages + ?Sized)) {
        if self.at != At::Over && !self.at_boundary() {
            self.over(Some(Defect::Truncated), messages);
        }
    }

    fn over(&mut self, defect: Option<Defect>, messages: &mut (impl Messages + ?Sized)) {
        if let Some(defect) = defect {
            self.defects.insert(defect);
        }
        if self.message.take().is_some() {
            self.defects.insert(Defect::Truncated);
            messages.message_end(false);
        }
        self.at = At::Over;
    }

    /// Takes bytes of a header; returns how many.
    fn header(&mut self, bytes: &[u8], messages: &mut (impl Messages + ?Sized)) -> usize {
        let length = match self.header {
            [_, second, ..] if self.header_seen >= HEADER_BYTES_MIN => header_bytes(second),
            _ => HEADER_BYTES_MIN,
        };
        let room = self.header.get_mut(self.header_seen..length).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        for (slot, byte) in room.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.header_seen += taken;
        let [_, second, ..] = self.header;
        if self.header_seen >= HEADER_BYTES_MIN && self.header_seen == header_bytes(second) {
            self.header_seen = 0;
            match header::parse(&self.header) {
                Some(header) if self.may_come(header) => self.begin(header, messages),
                _ => self.over(Some(Defect::Malformed), messages),
            }
        }
        taken
    }

    /// Whether a frame may come from this sender now.
    fn may_come(&self, header: Header) -> bool {
        let in_place = match header.opcode {
            Opcode::Text | Opcode::Binary => self.message.is_none(),
            Opcode::Continuation => self.message.is_some() && !header.compressed,
            Opcode::Close | Opcode::Ping | Opcode::Pong => true,
        };
        in_place
            && header.mask.is_some() == (self.sender == Sender::Client)
            && (!header.compressed || self.inflater.is_some())
    }

    fn begin(&mut self, header: Header, messages: &mut (impl Messages + ?Sized)) {
        self.opcode = header.opcode;
        self.last = header.last;
        self.payload_left = header.payload_bytes;
        self.mask = header.mask;
        self.code_seen = 0;
        let kind = match header.opcode {
            Opcode::Text => Some(Kind::Text),
            Opcode::Binary => Some(Kind::Binary),
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => None,
        };
        if let Some(kind) = kind {
            self.message = Some(Message { compressed: header.compressed, bytes: 0 });
            messages.message_begin(kind);
        }
        self.at = At::Payload;
        if self.payload_left == 0 {
            self.frame_end(messages);
        }
    }

    /// Takes bytes of a payload; returns how many.
    fn payload(&mut self, bytes: &[u8], messages: &mut (impl Messages + ?Sized)) -> usize {
        let left = usize::try_from(self.payload_left).unwrap_or(usize::MAX);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        self.payload_left -= bytes.len() as u64;
        if let Some(mut mask) = self.mask {
            let mut unmasked = [0; UNMASKED_BYTES];
            for masked in bytes.chunks(UNMASKED_BYTES) {
                for ((slot, byte), key) in unmasked.iter_mut().zip(masked).zip(mask.iter().cycle()) {
                    *slot = byte ^ key;
                }
                let turn = masked.len() % mask.len();
                mask.rotate_left(turn);
                self.content(unmasked.get(..masked.len()).unwrap_or_default(), messages);
            }
            self.mask = Some(mask);
        } else {
            self.content(bytes, messages);
        }
        if self.payload_left == 0 && self.at == At::Payload {
            self.frame_end(messages);
        }
        bytes.len()
    }

    fn content(&mut self, bytes: &[u8], messages: &mut (impl Messages + ?Sized)) {
        match self.opcode {
            Opcode::Text | Opcode::Binary | Opcode::Continuation => {
                self.data(messages, |inflater, out| {
                    if let Some(inflater) = inflater {
                        return inflater.feed(bytes, out);
                    }
                    out(bytes);
                    Ok(())
                });
            }
            Opcode::Close => {
                for byte in bytes {
                    if let Some(slot) = self.code.get_mut(self.code_seen) {
                        *slot = *byte;
                        self.code_seen += 1;
                    }
                }
            }
            Opcode::Ping | Opcode::Pong => {}
        }
    }

    /// Hands on what `give` makes of the current message, through the inflater if it is compressed; a flaw ends the reading.
    fn data<M: Messages + ?Sized>(
        &mut self,
        messages: &mut M,
        give: impl FnOnce(Option<&mut Inflater>, &mut dyn FnMut(&[u8])) -> Result<(), Defect>,
    ) {
        let Some(message) = &mut self.message else { return };
        let defects = &mut self.defects;
        let inflater = self.inflater.as_mut().filter(|_| message.compressed);
        let given = give(inflater, &mut |piece| {
            let room = limits::WEB_SOCKET_MESSAGE_BYTES_MAX.saturating_sub(message.bytes);
            let kept = piece.get(..room).unwrap_or(piece);
            message.bytes = message.bytes.saturating_add(piece.len());
            if kept.len() < piece.len() {
                defects.insert(Defect::FrameTooLong);
            }
            if !kept.is_empty() {
                messages.piece(kept);
            }
        });
        if let Err(defect) = given {
            self.over(Some(defect), messages);
        }
    }

    fn frame_end(&mut self, messages: &mut (impl Messages + ?Sized)) {
        self.at = At::Header;
        match self.opcode {
            Opcode::Close => {
                let code = match self.code_seen {
                    0 => NO_CODE,
                    1 => return self.over(Some(Defect::Malformed), messages),
                    _ => u16::from_be_bytes(self.code),
                };
                self.over(None, messages);
                messages.close(code);
            }
            Opcode::Text | Opcode::Binary | Opcode::Continuation if self.last => {
                self.data(messages, |inflater, out| {
                    inflater.map_or(Ok(()), |inflater| inflater.message_end(out))
                });
                if let Some(message) = self.message.take() {
                    messages.message_end(message.bytes <= limits::WEB_SOCKET_MESSAGE_BYTES_MAX);
                }
            }
            Opcode::Text | Opcode::Binary | Opcode::Continuation | Opcode::Ping | Opcode::Pong => {}
        }
    }
}

#[cfg(test)]
mod tests;
