//! Where the body of an HTTP/1 message ends: a length, chunks, or the end of the connection. Passes the bytes of the body on as
//! slices of what came.

/// How far a body has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are left.
    Length(u64),
    /// Chunks, at this place in one.
    Chunked(Chunk),
    /// All that comes.
    UntilClose,
}

/// A place in the framing of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the digits of a size: its value so far, and how many.
    Size(u64, u8),
    /// In what follows the digits, up to the end of the line.
    Extension(u64),
    /// So many bytes of data are left.
    Data(u64),
    /// In the end of the line behind the data.
    DataEnd,
    /// In a line of the trailer, of so many bytes so far (no more than two are told apart).
    Trailer(u8),
}

/// Where a byte of the framing leads.
enum Next {
    Place(Chunk),
    /// Behind the last chunk and its trailer.
    End,
    /// It cannot stand there.
    Nowhere,
}

/// What comes next in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Bytes of the body.
    Data(&'a [u8]),
    /// The end of the body; what is left of the bytes is behind it.
    End,
    /// Nothing, until more bytes come.
    More,
    /// It is not in this framing.
    Broken,
}

/// Digits of a chunk's size: more than these overflow.
const DIGITS_MAX: u8 = 15;

impl Body {
    /// A body in chunks, at its beginning.
    pub(super) const fn chunked() -> Self {
        Self::Chunked(Chunk::Size(0, 0))
    }

    /// Takes the next step off the front of `bytes`.
    pub(super) fn step<'a>(&mut self, bytes: &mut &'a [u8]) -> Step<'a> {
        match self {
            Self::Length(0) => Step::End,
            Self::Length(left) => data(left, bytes),
            Self::UntilClose if bytes.is_empty() => Step::More,
            Self::UntilClose => Step::Data(std::mem::take(bytes)),
            Self::Chunked(chunk) => chunk.step(bytes),
        }
    }

    /// Passes over `lost` bytes. False if it is not known where that leads.
    pub(super) fn skip(&mut self, lost: u64) -> bool {
        let left = match self {
            Self::Length(left) | Self::Chunked(Chunk::Data(left)) => left,
            Self::UntilClose => return true,
            Self::Chunked(_) => return false,
        };
        let behind = left.checked_sub(lost);
        *left = behind.unwrap_or(*left);
        behind.is_some()
    }
}

fn data<'a>(left: &mut u64, bytes: &mut &'a [u8]) -> Step<'a> {
    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    let (data, behind) = bytes.split_at(most);
    *bytes = behind;
    *left -= u64::try_from(most).unwrap_or(0);
    if data.is_empty() { Step::More } else { Step::Data(data) }
}

impl Chunk {
    fn step<'a>(&mut self, bytes: &mut &'a [u8]) -> Step<'a> {
        loop {
            if let Self::Data(left) = self {
                if *left > 0 {
                    return data(left, bytes);
                }
                *self = Self::DataEnd;
            }
            let Some((byte, behind)) = bytes.split_first() else { return Step::More };
            *bytes = behind;
            match self.behind(*byte) {
                Next::Place(next) => *self = next,
                Next::End => return Step::End,
                Next::Nowhere => return Step::Broken,
            }
        }
    }

    fn behind(self, byte: u8) -> Next {
        Next::Place(match self {
            Self::Size(size, digits) => match (char::from(byte).to_digit(16), byte) {
                (Some(digit), _) if digits < DIGITS_MAX => {
                    Self::Size(size << 4 | u64::from(digit), digits + 1)
                }
                (None, b'\n') if digits > 0 => Self::of(size),
                (None, b'\r' | b';' | b' ' | b'\t') if digits > 0 => Self::Extension(size),
                _ => return Next::Nowhere,
            },
            Self::Extension(size) if byte == b'\n' => Self::of(size),
            Self::DataEnd if byte == b'\n' => Self::Size(0, 0),
            Self::Extension(_) => self,
            Self::DataEnd if byte == b'\r' => self,
            Self::Data(_) | Self::DataEnd => return Next::Nowhere,
            Self::Trailer(0) if byte == b'\n' => return Next::End,
            Self::Trailer(0) if byte == b'\r' => self,
            Self::Trailer(_) => Self::Trailer(u8::from(byte != b'\n')),
        })
    }

    const fn of(size: u64) -> Self {
        if size == 0 { Self::Trailer(0) } else { Self::Data(size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in a body, what is behind it if it ended, and whether it broke.
    fn read(mut body: Body, pieces: &[&[u8]]) -> (Vec<u8>, Option<Vec<u8>>, bool) {
        let (mut inside, mut behind) = (Vec::new(), None::<Vec<u8>>);
        for piece in pieces {
            let mut rest = *piece;
            if let Some(behind) = &mut behind {
                behind.extend_from_slice(rest);
                continue;
            }
            loop {
                match body.step(&mut rest) {
                    Step::Data(data) => inside.extend_from_slice(data),
                    Step::More => break,
                    Step::End => {
                        behind = Some(rest.to_vec());
                        break;
                    }
                    Step::Broken => return (inside, None, true),
                }
            }
        }
        (inside, behind, false)
    }

    #[test]
    fn chunks_with_extensions_and_trailers_are_read_however_they_are_cut() {
        let wire = b"5;a=\"b\"\r\nhello\r\n00a \r\n, 12345678\r\n0\r\nx: y\r\nz: \r\n\r\nHTTP/1.1";
        let expected = (b"hello, 12345678".to_vec(), Some(b"HTTP/1.1".to_vec()), false);
        for size in 1..wire.len() {
            assert_eq!(read(Body::chunked(), &wire.chunks(size).collect::<Vec<_>>()), expected);
        }
        let bare = b"5\nhello\n0\n\n";
        assert_eq!(read(Body::chunked(), &[bare]), (b"hello".to_vec(), Some(Vec::new()), false));
    }

    #[test]
    fn what_is_no_chunk_is_broken() {
        for wire in [b"x".as_slice(), b"\r\n", b"-1\r\n", b"1111111111111111\r\n", b"1\r\nab\r\n"] {
            assert!(read(Body::chunked(), &[wire]).2, "{wire:?}");
        }
    }

    #[test]
    fn a_length_ends_where_it_says() {
        assert_eq!(read(Body::Length(3), &[b"ab", b"cdef"]), (b"abc".to_vec(), Some(b"def".to_vec()), false));
        assert_eq!(read(Body::Length(0), &[b"a"]), (Vec::new(), Some(b"a".to_vec()), false));
        assert_eq!(read(Body::UntilClose, &[b"ab", b"c"]), (b"abc".to_vec(), None, false));
    }

    #[test]
    fn what_is_lost_is_passed_over_where_the_length_is_known() {
        let mut body = Body::Length(10);
        assert!(body.skip(10) && body == Body::Length(0));
        assert!(!body.skip(1));
        assert!(!Body::chunked().skip(1));
        let mut chunk = Body::Chunked(Chunk::Data(3));
        assert!(chunk.skip(2) && !chunk.skip(2) && chunk == Body::Chunked(Chunk::Data(1)));
        assert!(Body::UntilClose.skip(u64::MAX));
    }
}
