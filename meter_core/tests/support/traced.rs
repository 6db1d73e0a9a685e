//! A tracer without a kernel: cuts the bytes of a connection into pieces and tells a meter of them.

use meter_core::attribution::Attribution;
use meter_core::connection::{Connections, Direction, Interest, Layer, Piece, Place};
use meter_core::exchange::LedgerEntry;
use meter_core::meter::Meter;

use super::wire::Wire;

pub(crate) const PLACE: Place = Place { process: 7, handle: 0xbeef, layer: Layer::Tls };

/// One connection and what came of it.
pub(crate) struct Traced {
    pub(crate) connections: Connections,
    pub(crate) entries: Vec<LedgerEntry>,
    pub(crate) place: Place,
    pub(crate) now: i64,
    sent: u64,
    received: u64,
}

impl Traced {
    pub(crate) fn new(meter: &Meter) -> Self {
        let connections = Connections::new(meter.clone());
        Self { connections, entries: Vec::new(), place: PLACE, now: super::NOW, sent: 0, received: 0 }
    }

    /// A piece behind those before.
    pub(crate) fn piece(&mut self, direction: Direction, bytes: &[u8]) -> Interest {
        let course = match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        };
        let offset = *course;
        *course += bytes.len() as u64;
        let piece = Piece { place: self.place, direction, offset, bytes, now: self.now };
        let who = &mut |process| Attribution { pid: Some(process), ..Attribution::default() };
        self.connections.piece(&piece, who, &mut self.entries)
    }

    pub(crate) fn sent(&mut self, bytes: impl AsRef<[u8]>) -> Interest {
        self.piece(Direction::Sent, bytes.as_ref())
    }

    pub(crate) fn received(&mut self, bytes: impl AsRef<[u8]>) -> Interest {
        self.piece(Direction::Received, bytes.as_ref())
    }

    /// Bytes that were not captured.
    pub(crate) fn lose(&mut self, direction: Direction, bytes: usize) {
        match direction {
            Direction::Sent => self.sent += bytes as u64,
            Direction::Received => self.received += bytes as u64,
        }
    }

    /// All of `wire` in pieces of `size`, each request before its reply as far as that goes.
    pub(crate) fn all(mut self, wire: &Wire, size: usize) -> Vec<LedgerEntry> {
        for piece in wire.sent.chunks(size) {
            assert_eq!(self.sent(piece), Interest::Keep);
        }
        for piece in wire.received.chunks(size) {
            assert_eq!(self.received(piece), Interest::Keep);
        }
        self.close()
    }

    /// The entries, the connection closed.
    pub(crate) fn close(mut self) -> Vec<LedgerEntry> {
        self.connections.close(self.place, self.now, &mut self.entries);
        assert!(self.connections.is_empty());
        assert_eq!(self.connections.held(), 0, "bytes are held for nobody");
        self.entries
    }
}

/// What an entry says, without its id and its times.
pub(crate) fn told(entry: &LedgerEntry) -> String {
    let LedgerEntry { provider, operation, request_model, response_model, usage, cost, .. } = entry;
    let LedgerEntry { stream, status, provenance, outcome, decision, priced, .. } = entry;
    let defects: Vec<_> = entry.defects.iter().collect();
    format!(
        "{provider} {operation} {request_model:?} {response_model:?} {stream} {status} {usage:?} {provenance:?} {defects:?} \
         {cost:?} {priced} {decision} {outcome:?}"
    )
}

/// The same of all, in an order of their own.
pub(crate) fn all_told(entries: &[LedgerEntry]) -> Vec<String> {
    let mut all: Vec<String> = entries.iter().map(told).collect();
    all.sort();
    all
}
