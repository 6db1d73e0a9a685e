//! A record of the ring, as `programs/record.h` lays it out.

/// Bytes of the head of a record.
const HEAD_BYTES: usize = 40;
/// Whatever had the connection's handle before is gone.
const FLAG_BEGIN: u8 = 1;
/// `enum stage` of the programs: no plaintext was seen of the connection, or some was.
const STAGE_GREETED: u64 = 3;
const STAGE_COVERED: u64 = 4;

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
    /// TLS with an LLM begins on a descriptor.
    Greeting {
        /// The name that was asked for.
        name: &'a [u8],
        /// What was connected to; 0 where that is not known.
        port: u16,
    },
    /// A connection that began with a greeting is gone.
    Traffic(Traffic),
}

/// What went over a connection that began with a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the process after the greeting, as they were encrypted.
    pub sent: u64,
    /// Bytes to the process.
    pub received: u64,
    /// Plaintext was seen of it.
    pub covered: bool,
}

impl Traffic {
    /// Of `struct connection` of the programs.
    pub(crate) fn of(connection: [u64; 5]) -> Option<Self> {
        let [sent, received, _, states, _] = connection;
        // The lower half where little comes first, which is where the programs are made for.
        let covered = match states & u64::from(u32::MAX) {
            STAGE_GREETED => false,
            STAGE_COVERED => true,
            _ => return None,
        };
        Some(Self { sent, received, covered })
    }
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
            6 => Event::Greeting { name: bytes()?, port: u16::from_be(u16::try_from(long(16)?).ok()?) },
            7 => {
                let mut connection = [0; 5];
                let words = bytes()?.as_chunks().0;
                for (part, word) in connection.iter_mut().zip(words) {
                    *part = u64::from_ne_bytes(*word);
                }
                Event::Traffic(Traffic::of(connection)?)
            }
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

    #[test]
    fn traffic_is_told_of_what_was_greeted_alone() {
        let told = |stage: u32| {
            let mut connection = Vec::new();
            for word in [3_u64, 4, 5] {
                connection.extend(word.to_ne_bytes());
            }
            connection.extend(stage.to_ne_bytes());
            connection.extend(1_u32.to_ne_bytes());
            connection.extend(0_u64.to_ne_bytes());
            match Record::parse(&raw(7, 1, 0, 0, 40, &connection))?.event {
                Event::Traffic(traffic) => Some(traffic),
                _ => None,
            }
        };
        let traffic = |covered| Some(Traffic { sent: 3, received: 4, covered });
        assert_eq!((told(3), told(4), told(1)), (traffic(false), traffic(true), None));
        let name: &[u8] = b"api";
        assert_eq!(
            Record::parse(&raw(6, 1, 0, 0, 3, b"api")).unwrap().event,
            Event::Greeting { name, port: 100_u16.to_be() }
        );
    }
}
