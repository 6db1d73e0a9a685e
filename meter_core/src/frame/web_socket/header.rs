//! The header of one WebSocket frame (RFC 6455 section 5.2) and what is wrong with it on its own, whatever came before.

/// A header is this long at most: flags, 64-bit length, mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;
/// The first two bytes say how long it is.
pub(super) const HEADER_BYTES_MIN: usize = 2;
const CONTROL_PAYLOAD_BYTES_MAX: u64 = 125;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// One frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) last: bool,
    pub(super) compressed: bool,
    pub(super) opcode: Opcode,
    pub(super) payload_bytes: u64,
    pub(super) mask: Option<[u8; 4]>,
}

/// How long a header with this second byte is.
pub(super) fn header_bytes(second: u8) -> usize {
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    HEADER_BYTES_MIN + length + if second & 0x80 == 0 { 0 } else { 4 }
}

/// The header in these bytes, of which `header_bytes` are meant; `None` for one that must not be: a reserved opcode or bit, or
/// a control frame that is fragmented, compressed or long.
pub(super) fn parse(bytes: &[u8; HEADER_BYTES_MAX]) -> Option<Header> {
    let [first, second, rest @ ..] = *bytes;
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11] = rest;
    let (payload_bytes, mask) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes([b0, b1])), [b2, b3, b4, b5]),
        127 => (u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]), [b8, b9, b10, b11]),
        short => (u64::from(short), [b0, b1, b2, b3]),
    };
    let opcode = Opcode::of(first & 0x0f)?;
    let (last, compressed, reserved) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x30 != 0);
    let control = opcode.is_control() && (!last || compressed || payload_bytes > CONTROL_PAYLOAD_BYTES_MAX);
    if reserved || control || payload_bytes > u64::MAX >> 1 {
        return None;
    }
    Some(Header { last, compressed, opcode, payload_bytes, mask: (second & 0x80 != 0).then_some(mask) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Header> {
        let mut padded = [0; HEADER_BYTES_MAX];
        padded[..bytes.len()].copy_from_slice(bytes);
        assert_eq!(header_bytes(bytes[1]), bytes.len());
        parse(&padded)
    }

    #[test]
    fn lengths_and_masks_are_read_in_all_their_forms() {
        let header = |payload_bytes, mask| {
            Some(Header { last: true, compressed: false, opcode: Opcode::Text, payload_bytes, mask })
        };
        assert_eq!(read(&[0x81, 125]), header(125, None));
        assert_eq!(read(&[0x81, 0x85, 1, 2, 3, 4]), header(5, Some([1, 2, 3, 4])));
        assert_eq!(read(&[0x81, 126, 1, 0]), header(256, None));
        assert_eq!(read(&[0x81, 0xfe, 1, 0, 1, 2, 3, 4]), header(256, Some([1, 2, 3, 4])));
        assert_eq!(read(&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]), header(65_536, None));
        assert_eq!(
            read(&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 5, 6, 7, 8]),
            header(65_536, Some([5, 6, 7, 8]))
        );
        assert!(read(&[0x42, 0]).is_some_and(|header| header.compressed && !header.last));
    }

    #[test]
    fn what_must_not_be_is_refused() {
        let refused: [&[u8]; 9] = [
            &[0xa1, 0],
            &[0x91, 0],
            &[0x83, 0],
            &[0x8b, 0],
            &[0x09, 0],
            &[0xc9, 0],
            &[0x89, 126, 0, 126],
            &[0x88, 127, 0, 0, 0, 0, 0, 0, 0, 126],
            &[0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ];
        for bytes in refused {
            assert_eq!(read(bytes), None, "{bytes:x?}");
        }
        assert!(read(&[0x89, 125]).is_some());
    }
}
