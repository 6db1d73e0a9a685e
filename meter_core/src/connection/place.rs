//! What a tracer tells of a connection: where it is, which way the bytes go, and how many came before. It refuses to know what
//! the bytes mean.

/// Where in a process plaintext was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Inside a TLS library.
    Tls,
    /// On a socket.
    Plain,
}

/// One connection of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Process id.
    pub process: u32,
    /// What the process calls it: the address of the TLS library's object, or a file descriptor.
    pub handle: u64,
    /// Which of these it is.
    pub layer: Layer,
}

impl Place {
    /// The port that a request without one is for.
    pub(super) const fn default_port(self) -> u16 {
        match self.layer {
            Layer::Tls => 443,
            Layer::Plain => 80,
        }
    }
}

/// Which way bytes go, as the traced process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It wrote them.
    Sent,
    /// It read them.
    Received,
}

/// Bytes of one direction of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Of which connection.
    pub place: Place,
    /// Which way.
    pub direction: Direction,
    /// Bytes of this direction that came before, whether they were seen or not.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// When, in ns since the epoch.
    pub now: i64,
}

/// Whether more of a connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// It carries, or may carry, traffic of a model.
    Keep,
    /// It does not: nothing more of it need be captured.
    Drop,
}

/// How far one direction has been seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    next: Option<u64>,
}

/// What a piece adds to its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advance<'a> {
    /// Bytes that were lost before it.
    pub(super) lost: u64,
    /// What of it is new.
    pub(super) bytes: &'a [u8],
}

impl Course {
    /// Whether a piece from the very beginning comes so late that it is not the first one again.
    pub(super) fn has_left_behind(self, piece: &Piece<'_>) -> bool {
        let length = u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX);
        piece.offset == 0 && self.next.is_some_and(|next| next > length)
    }

    /// Takes the next piece. The first one begins the course wherever it stands.
    pub(super) fn advance<'a>(&mut self, offset: u64, bytes: &'a [u8]) -> Advance<'a> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let next = self.next.unwrap_or(offset);
        let end = offset.saturating_add(length);
        self.next = Some(next.max(end));
        let known = usize::try_from(next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let bytes = bytes.get(known..).unwrap_or_default();
        Advance { lost: if bytes.is_empty() { 0 } else { offset.saturating_sub(next) }, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_left_out_and_gaps_are_told() {
        let mut course = Course::default();
        let steps: [(u64, &[u8], u64, &[u8]); 7] = [
            (10, b"abc", 0, b"abc"),
            (13, b"de", 0, b"de"),
            (10, b"abc", 0, b""),
            (14, b"efg", 0, b"fg"),
            (20, b"h", 3, b"h"),
            (0, b"x", 0, b""),
            (u64::MAX, b"yz", u64::MAX - 21, b"yz"),
        ];
        for (offset, bytes, lost, new) in steps {
            assert_eq!(course.advance(offset, bytes), Advance { lost, bytes: new }, "{offset}");
        }
    }
}
