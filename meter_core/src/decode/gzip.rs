//! Gzip members (RFC 1952): header, deflate stream, checksum and length, over and over; refuses to know limits.

use flate2::{Crc, Decompress};

use super::stage::{Step, inflate};

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;

/// Where in a member the next byte belongs.
enum Part {
    /// Fixed header; how many bytes of it were seen.
    Header(usize),
    /// Length of the extra field, low byte first, if seen.
    ExtraLength(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    HeaderCrc(u8),
    Body,
    /// Checksum and length, and how many bytes of them were seen.
    Trailer([u8; TRAILER_BYTES], usize),
    /// Padding or garbage behind the last member, ignored as by common clients.
    Tail,
}

/// A sequence of members.
pub(super) struct Gzip {
    part: Part,
    flags: u8,
    members: u64,
    inflater: Decompress,
    crc: Crc,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Header(0),
            flags: 0,
            members: 0,
            inflater: Decompress::new(false),
            crc: Crc::new(),
        }
    }

    pub(super) fn may_end(&self) -> bool {
        matches!(self.part, Part::Header(0) | Part::Tail)
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        if matches!(self.part, Part::Body) {
            return self.body(input, output);
        }
        for (read, byte) in input.iter().enumerate() {
            if matches!(self.part, Part::Body) {
                return Step { read, ..Step::default() };
            }
            if matches!(self.part, Part::Tail) {
                break;
            }
            if !self.framing(*byte) {
                return Step { read, broken: true, ..Step::default() };
            }
        }
        Step { read: input.len(), ..Step::default() }
    }

    fn body(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let (step, ended) = inflate(&mut self.inflater, input, output);
        self.crc.update(output.get(..step.written).unwrap_or_default());
        if ended {
            self.part = Part::Trailer([0; TRAILER_BYTES], 0);
        }
        step
    }

    /// Takes one byte outside of the deflate stream; false if it breaks the format.
    fn framing(&mut self, byte: u8) -> bool {
        match &mut self.part {
            Part::Header(seen) => {
                let expected = match *seen {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    2 => byte == 8,
                    _ => true,
                };
                if !expected {
                    // Only a first member must be one.
                    let tail = self.members > 0 && *seen == 0;
                    self.part = Part::Tail;
                    return tail;
                }
                if *seen == 3 {
                    self.flags = byte;
                }
                *seen += 1;
                if *seen == HEADER_BYTES {
                    self.next_field(FLAG_EXTRA);
                }
            }
            Part::ExtraLength(None) => self.part = Part::ExtraLength(Some(byte)),
            Part::ExtraLength(Some(low)) => match u16::from_le_bytes([*low, byte]) {
                0 => self.next_field(FLAG_NAME),
                length => self.part = Part::Extra(length),
            },
            Part::Extra(left) => {
                *left -= 1;
                if *left == 0 {
                    self.next_field(FLAG_NAME);
                }
            }
            Part::Name if byte == 0 => self.next_field(FLAG_COMMENT),
            Part::Comment if byte == 0 => self.next_field(FLAG_HEADER_CRC),
            Part::HeaderCrc(1) => self.part = Part::Body,
            Part::HeaderCrc(_) => self.part = Part::HeaderCrc(1),
            Part::Trailer(trailer, seen) => {
                if let Some(slot) = trailer.get_mut(*seen) {
                    *slot = byte;
                }
                *seen += 1;
                if *seen == TRAILER_BYTES {
                    let [c0, c1, c2, c3, l0, l1, l2, l3] = *trailer;
                    let stated = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([l0, l1, l2, l3]));
                    let intact = stated == (self.crc.sum(), self.crc.amount());
                    self.inflater.reset(false);
                    self.crc.reset();
                    self.members += 1;
                    self.part = Part::Header(0);
                    return intact;
                }
            }
            Part::Name | Part::Comment | Part::Body | Part::Tail => {}
        }
        true
    }

    /// Moves to the first optional header field that is present, from `flag` on, or to the body.
    fn next_field(&mut self, flag: u8) {
        let fields = [
            (FLAG_EXTRA, Part::ExtraLength(None)),
            (FLAG_NAME, Part::Name),
            (FLAG_COMMENT, Part::Comment),
            (FLAG_HEADER_CRC, Part::HeaderCrc(0)),
        ];
        let after = fields.into_iter().skip_while(|(field, _)| *field != flag);
        self.part =
            after.into_iter().find(|(field, _)| self.flags & field != 0).map_or(Part::Body, |(_, part)| part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_header_fields_are_stepped_over() {
        let mut encoder = flate2::GzBuilder::new()
            .filename("name")
            .comment("comment")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, b"text").unwrap();
        let bytes = encoder.finish().unwrap();
        let mut gzip = Gzip::new();
        let mut out = Vec::new();
        let mut buffer = [0; 64];

        for byte in bytes {
            let mut rest: &[u8] = &[byte];
            while !rest.is_empty() {
                let step = gzip.step(rest, &mut buffer);
                assert!(!step.broken);
                out.extend_from_slice(&buffer[..step.written]);
                rest = &rest[step.read..];
            }
        }

        assert_eq!(out, b"text");
        assert!(gzip.may_end());
    }
}
