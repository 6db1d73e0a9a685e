//! A record of the ring, as `programs/record.h` lays it out.

/// Bytes of the head of a record.
const HEAD_BYTES: usize = 40;
/// Whatever had the connection's handle before is gone.
const FLAG_BEGIN: u8 = 1;

/// Where the plaintext was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// In a call of a TLS library; the handle is the address of its session.
    Tls,
    /// In a system call; the handle is a file descriptor.
    Plain,
}

/// Which way the bytes went, seen from the traced process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the process.
    Sent,
    /// To the process.
    Received,
}

/// What a connection is called in the kernel. The same handle may come again for another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    /// Process id, as the host sees it.
    pub process: u32,
    /// Address of the session or number of the descriptor.
    pub handle: u64,
    /// Which of the two it is.
    pub layer: Layer,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Bytes of one direction of a connection.
    Data {
        /// Which way they went.
        direction: Direction,
        /// Bytes of this direction before these. A jump means that some were lost.
        offset: u64,
        /// The first of a new connection.
        begin: bool,
        /// Plaintext.
        bytes: &'a [u8],
    },
    /// The connection is gone.
    Close,
    /// The process has a child, or another thread.
    Fork {
        /// Its id.
        child: u32,
    },
    /// The process runs another program now.
    Exec {
        /// Its name, filled up with zeros.
        name: &'a [u8],
    },
    /// The process is gone.
    Exit,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it is about. For events of a process only its id says something.
    pub connection: ConnectionKey,
    /// Nanoseconds of the monotonic clock.
    pub instant: u64,
    /// What happened.
    pub event: Event<'a>,
}

impl<'a> Record<'a> {
    /// Reads a record; None if it is not one.
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let (head, data) = raw.split_at_checked(HEAD_BYTES)?;
        let word = |at: usize| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_ne_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let bytes = || data.get(..usize::try_from(word(32)?).ok()?);
        let &[kind, layer, direction, flags, ..] = head else { return None };
        let handle = long(8)?;
        let event = match kind {
            1 => Event::Data {
                direction: if direction == 0 { Direction::Sent } else { Direction::Received },
                offset: long(16)?,
                begin: flags & FLAG_BEGIN != 0,
                bytes: bytes()?,
            },
            2 => Event::Close,
            3 => Event::Fork { child: u32::try_from(handle).ok()? },
            4 => Event::Exec { name: bytes()? },
            5 => Event::Exit,
            _ => return None,
        };
        let layer = if layer == 0 { Layer::Tls } else { Layer::Plain };
        let connection = ConnectionKey { process: word(4)?, handle, layer };
        Some(Self { connection, instant: long(24)?, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the C compiler lays it out.
    fn raw(kind: u8, layer: u8, direction: u8, flags: u8, length: u32, data: &[u8]) -> Vec<u8> {
        let mut raw = vec![kind, layer, direction, flags];
        raw.extend(7_u32.to_ne_bytes());
        raw.extend(9_u64.to_ne_bytes());
        raw.extend(100_u64.to_ne_bytes());
        raw.extend(5_u64.to_ne_bytes());
        raw.extend(length.to_ne_bytes());
        raw.extend(0_u32.to_ne_bytes());
        raw.extend(data);
        raw
    }

    #[test]
    fn data_is_as_long_as_its_head_says() {
        let raw = raw(1, 1, 1, 1, 3, b"abcdef");
        let record = Record::parse(&raw).unwrap();
        assert_eq!(record.connection, ConnectionKey { process: 7, handle: 9, layer: Layer::Plain });
        assert_eq!(record.instant, 5);
        let bytes: &[u8] = b"abc";
        assert_eq!(
            record.event,
            Event::Data { direction: Direction::Received, offset: 100, begin: true, bytes }
        );
    }

    #[test]
    fn a_record_that_is_shorter_than_it_says_is_none() {
        assert_eq!(Record::parse(&raw(1, 0, 0, 0, 7, b"abcdef")), None);
        assert_eq!(Record::parse(&raw(2, 0, 0, 0, 0, b"")[..HEAD_BYTES - 1]), None);
        assert_eq!(Record::parse(&raw(77, 0, 0, 0, 0, b"")), None);
    }

    #[test]
    fn a_fork_tells_the_child() {
        assert_eq!(Record::parse(&raw(3, 0, 0, 0, 0, b"")).unwrap().event, Event::Fork { child: 9 });
    }
}
