//! Frames of HTTP/2 in one direction: data is passed on as slices of what came, without its padding; what else is read is
//! gathered whole, within a bound. It refuses to know what streams are.

use crate::limits;

/// What a client sends before its first frame.
pub(in crate::connection) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

const HEAD_BYTES: usize = 9;
/// The longest frame that anybody sends unasked.
const USUAL_BYTES_MAX: usize = 16_384;

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl FrameHead {
    fn read(bytes: [u8; HEAD_BYTES]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        Self {
            length: usize::try_from(length).unwrap_or(usize::MAX),
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        }
    }

    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether such a frame may come from anybody who keeps to the standard.
    const fn is_likely(self) -> bool {
        let Self { length, kind, flags, stream } = self;
        if length > USUAL_BYTES_MAX {
            return false;
        }
        let (known, fits) = match kind {
            DATA => (END_STREAM | PADDED, stream % 2 == 1),
            HEADERS => (END_STREAM | END_HEADERS | PADDED | PRIORITY, stream % 2 == 1 && length > 0),
            2 => (0, length == 5 && stream > 0),
            RST_STREAM => (0, length == 4 && stream > 0),
            4 => (1, length.is_multiple_of(6) && stream == 0),
            PUSH_PROMISE => (END_HEADERS | PADDED, stream % 2 == 1 && length > 4),
            6 => (1, length == 8 && stream == 0),
            GOAWAY => (0, length >= 8 && stream == 0),
            8 => (0, length == 4),
            CONTINUATION => (END_HEADERS, stream > 0),
            _ => (0, false),
        };
        fits && flags & !known == 0
    }
}

/// Whether bytes begin with a frame, and with others behind it as far as they go.
pub(in crate::connection) fn is_like_a_frame(mut bytes: &[u8]) -> bool {
    let mut first = true;
    loop {
        let Some((head, behind)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return !first };
        let frame = FrameHead::read(*head);
        // The bit beside the number of a stream is never set.
        if !frame.is_likely() || head[5] & 0x80 != 0 {
            return false;
        }
        let Some(next) = behind.get(frame.length..) else { return true };
        (bytes, first) = (next, false);
    }
}

/// Where a direction is.
#[derive(Debug)]
pub(super) enum Frames {
    /// In the head of a frame.
    Head([u8; HEAD_BYTES], usize),
    /// Before the length of a frame's padding.
    PadLength(FrameHead),
    /// In data: what is left of it and of the padding behind it.
    Data { stream: u32, left: usize, padding: usize, ends: bool },
    /// In a frame that is gathered.
    Gather(FrameHead, Vec<u8>),
    /// In a frame that is not read.
    Skip(usize),
    /// Nobody knows: the next piece that begins with a frame does.
    Adrift,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Data of a stream.
    Data(u32, &'a [u8]),
    /// The end of a stream, behind data.
    End(u32),
    /// A whole frame.
    Frame(FrameHead, Vec<u8>),
    /// A frame that should have been gathered is too long for that.
    TooLong(FrameHead),
    /// Nothing, until more bytes come.
    More,
    /// It is no frame.
    Broken,
}

/// What a gap hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hit {
    /// Nothing that is read.
    Nothing,
    /// Data of this stream.
    Data(u32),
    /// Nobody knows what.
    Anything,
}

impl Default for Frames {
    fn default() -> Self {
        Self::Head([0; HEAD_BYTES], 0)
    }
}

impl Frames {
    pub(super) fn is_adrift(&self) -> bool {
        matches!(self, Self::Adrift)
    }

    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Gather(_, bytes) => bytes.capacity(),
            _ => 0,
        }
    }

    /// Takes the next step off the front of `bytes`.
    pub(super) fn step<'a>(&mut self, bytes: &mut &'a [u8]) -> Step<'a> {
        loop {
            match self {
                Self::Adrift => {
                    *bytes = &[];
                    return Step::More;
                }
                Self::Head(head, have) => {
                    for byte in split(bytes, HEAD_BYTES - *have) {
                        if let Some(place) = head.get_mut(*have) {
                            *place = *byte;
                        }
                        *have += 1;
                    }
                    if *have < HEAD_BYTES {
                        return Step::More;
                    }
                    let frame = FrameHead::read(*head);
                    let gathered = is_gathered(frame.kind);
                    *self = Self::begin(frame);
                    if gathered && frame.length > limits::HTTP_HEAD_BYTES_MAX {
                        return Step::TooLong(frame);
                    }
                }
                Self::PadLength(frame) => {
                    let Some(length) = split(bytes, 1).first() else { return Step::More };
                    let padding = usize::from(*length);
                    let Some(left) = frame.length.checked_sub(padding + 1) else { return Step::Broken };
                    *self = Self::Data { stream: frame.stream, left, padding, ends: frame.has(END_STREAM) };
                }
                Self::Data { stream, left, padding, ends } => {
                    if *left > 0 {
                        let data = split(bytes, *left);
                        *left -= data.len();
                        return if data.is_empty() { Step::More } else { Step::Data(*stream, data) };
                    }
                    *padding -= split(bytes, *padding).len();
                    if *padding > 0 {
                        return Step::More;
                    }
                    let (stream, ends) = (*stream, *ends);
                    *self = Self::default();
                    if ends {
                        return Step::End(stream);
                    }
                }
                Self::Gather(frame, payload) => {
                    payload.extend_from_slice(split(bytes, frame.length - payload.len()));
                    if payload.len() < frame.length {
                        return Step::More;
                    }
                    let (frame, payload) = (*frame, std::mem::take(payload));
                    *self = Self::default();
                    return Step::Frame(frame, payload);
                }
                Self::Skip(left) => {
                    *left -= split(bytes, *left).len();
                    if *left > 0 {
                        return Step::More;
                    }
                    *self = Self::default();
                }
            }
        }
    }

    fn begin(frame: FrameHead) -> Self {
        match frame.kind {
            DATA if frame.has(PADDED) => Self::PadLength(frame),
            DATA => Self::Data {
                stream: frame.stream,
                left: frame.length,
                padding: 0,
                ends: frame.has(END_STREAM),
            },
            kind if is_gathered(kind) && frame.length <= limits::HTTP_HEAD_BYTES_MAX => {
                Self::Gather(frame, Vec::new())
            }
            _ => Self::Skip(frame.length),
        }
    }

    /// Passes over `lost` bytes.
    pub(super) fn skip(&mut self, lost: u64) -> Hit {
        let lost = usize::try_from(lost).unwrap_or(usize::MAX);
        match self {
            Self::Data { stream, left, padding, .. } if lost <= *left + *padding => {
                let data = lost.min(*left);
                *left -= data;
                *padding -= lost - data;
                if data > 0 { Hit::Data(*stream) } else { Hit::Nothing }
            }
            Self::Skip(left) if lost <= *left => {
                *left -= lost;
                Hit::Nothing
            }
            _ => {
                *self = Self::Adrift;
                Hit::Anything
            }
        }
    }
}

const fn is_gathered(kind: u8) -> bool {
    matches!(kind, HEADERS | RST_STREAM | PUSH_PROMISE | GOAWAY | CONTINUATION)
}

/// Takes up to `most` bytes off the front.
fn split<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, behind) = bytes.split_at(most.min(bytes.len()));
    *bytes = behind;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as bytes.
    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// What is read: data joined, in words.
    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::default();
        let mut told: Vec<String> = Vec::new();
        let mut data = String::new();
        for piece in pieces {
            let mut rest = *piece;
            loop {
                match frames.step(&mut rest) {
                    Step::Data(_, bytes) => data.push_str(std::str::from_utf8(bytes).unwrap()),
                    Step::More => break,
                    Step::Broken => {
                        told.push("broken".to_owned());
                        return told;
                    }
                    step => told.push(format!("{data}{step:?}")),
                }
            }
        }
        told
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let wire = [
            frame(4, 0, 0, &[0; 12]),
            frame(HEADERS, END_HEADERS, 1, b"abc"),
            frame(DATA, PADDED, 1, b"\x02hello  "),
            frame(DATA, 0, 1, b""),
            frame(99, 0xff, 7, b"whatever"),
            frame(DATA, PADDED | END_STREAM, 1, b"\x01, you."),
            frame(GOAWAY, 0, 0, &[0; 8]),
        ]
        .concat();
        let whole = read(&[&wire]);
        assert_eq!(whole.len(), 3);
        assert!(whole[1].starts_with("hello, you") && whole[1].ends_with("End(1)"));
        for size in 1..wire.len() {
            assert_eq!(read(&wire.chunks(size).collect::<Vec<_>>()), whole, "{size}");
        }
    }

    #[test]
    fn more_padding_than_data_is_no_frame() {
        assert_eq!(read(&[&frame(DATA, PADDED, 1, b"\x03ab")]), ["broken"]);
        assert_eq!(read(&[&frame(DATA, PADDED, 1, b"")]), Vec::<String>::new());
    }

    #[test]
    fn a_gap_hits_data_or_anything() {
        let mut frames = Frames::default();
        let mut rest = &frame(DATA, 0, 5, &[b'x'; 100])[..50];
        assert_eq!(frames.step(&mut rest), Step::Data(5, &[b'x'; 41]));
        assert_eq!(frames.skip(59), Hit::Data(5));
        assert_eq!(frames.skip(1), Hit::Anything);
        assert!(frames.is_adrift());
    }

    #[test]
    fn the_first_bytes_tell_a_frame() {
        let some = frame(DATA, END_STREAM, 1, b"{}");
        assert!(is_like_a_frame(&some) && is_like_a_frame(&[&*some, &some].concat()));
        for other in [
            b"POST / HTTP/1.1".as_slice(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
            b"\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00",
            b"short",
            b"data: {\"choices\"",
            &[&*some, b"no frame at all"].concat(),
        ] {
            assert!(!is_like_a_frame(other), "{other:?}");
        }
    }
}
