//! Plaintext connections as a tracer sees them, put together again into exchanges like those of the proxy.
//!
//! It owns the table of connections. A tracer observes: exchanges are opened by `Meter::watch`, so nothing is refused, rewritten
//! or cut, and what it sees is charged like what passes the proxy. What was lost on the way makes an exchange truncated, never
//! wrong. It refuses to know how bytes are captured, and who runs: that is asked when an exchange opens.

mod asking;
mod desk;
mod following;
mod hpack;
mod http1;
mod http2;
mod place;

use rustc_hash::FxHashMap;

pub use place::{Direction, Interest, Layer, Piece, Place};

use crate::attribution::Attribution;
use crate::exchange::{CloseReason, LedgerEntry};
use crate::limits;
use crate::meter::Meter;
use desk::{Desk, Till};
use following::Following;

/// What there was to tell of connections so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Gaps in what was captured.
    pub gaps: u64,
    /// Connections put out of a full table.
    pub evicted: u64,
    /// Connections that nothing more was wanted of.
    pub dropped: u64,
}

/// All connections that are followed.
pub struct Connections {
    meter: Meter,
    following: FxHashMap<Place, Following>,
    /// Bytes they hold.
    held: usize,
    counters: Counters,
}

impl Connections {
    /// Follows nothing yet. Exchanges are metered by `meter`, which may serve others beside.
    pub fn new(meter: Meter) -> Self {
        Self { meter, following: FxHashMap::default(), held: 0, counters: Counters::default() }
    }

    /// Reads a piece. `who` is asked who a process is when an exchange opens; entries of exchanges that end go to `entries`.
    pub fn piece(
        &mut self,
        piece: &Piece<'_>,
        who: &mut dyn FnMut(u32) -> Attribution,
        entries: &mut Vec<LedgerEntry>,
    ) -> Interest {
        let till = Till { now: piece.now, entries };
        self.make_room(piece.place, till.now, till.entries);
        let following = self.following.entry(piece.place).or_default();
        let (held, gaps) = (following.held(), following.gaps);
        let room = limits::CONNECTIONS_BYTES_MAX.saturating_sub(self.held);
        let till = Till { now: piece.now, entries };
        let mut desk = Desk { meter: &self.meter, who, place: piece.place, room, till };
        let interest = following.take(piece, &mut desk);
        self.held = (self.held + following.held()).saturating_sub(held);
        self.counters.gaps += following.gaps.saturating_sub(gaps);
        self.counters.dropped += u64::from(interest == Interest::Drop);
        interest
    }

    /// The process has closed a connection.
    pub fn close(&mut self, place: Place, now: i64, entries: &mut Vec<LedgerEntry>) {
        if let Some(mut following) = self.following.remove(&place) {
            self.held = self.held.saturating_sub(following.held());
            following.end(&mut Till { now, entries });
        }
    }

    /// A process has ended.
    pub fn process_gone(&mut self, process: u32, now: i64, entries: &mut Vec<LedgerEntry>) {
        self.close_where(|place, _| place.process == process, CloseReason::ClientGone, now, entries);
    }

    /// Forgets connections that have been silent for too long.
    pub fn sweep(&mut self, now: i64, entries: &mut Vec<LedgerEntry>) {
        let idle = |_: &Place, following: &Following| {
            now.saturating_sub(following.last_ns) > limits::CONNECTION_IDLE_NS
        };
        self.close_where(idle, CloseReason::Lost, now, entries);
    }

    /// Closes everything: the tracer stops.
    pub fn close_all(&mut self, now: i64, entries: &mut Vec<LedgerEntry>) {
        self.close_where(|_, _| true, CloseReason::Shutdown, now, entries);
    }

    /// Connections that are followed, those included that are only remembered as of no interest.
    pub fn len(&self) -> usize {
        self.following.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.following.is_empty()
    }

    /// Bytes that are held of all of them.
    pub const fn held(&self) -> usize {
        self.held
    }

    /// What there was to tell so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn close_where(
        &mut self,
        chosen: impl Fn(&Place, &Following) -> bool,
        reason: CloseReason,
        now: i64,
        entries: &mut Vec<LedgerEntry>,
    ) {
        let all = self.following.iter();
        let chosen = all.filter(|(place, following)| chosen(place, following)).map(|(place, _)| *place);
        let chosen = chosen.collect();
        self.close_these(chosen, reason, now, entries);
    }

    fn close_these(
        &mut self,
        mut places: Vec<Place>,
        reason: CloseReason,
        now: i64,
        entries: &mut Vec<LedgerEntry>,
    ) {
        let mut till = Till { now, entries };
        // In order of place: what is written must not depend on how a table lies in memory.
        places.sort_unstable();
        for place in places {
            if let Some(mut following) = self.following.remove(&place) {
                self.held = self.held.saturating_sub(following.held());
                following.close(&mut till, reason);
            }
        }
    }

    /// Puts out a sixteenth of a full table, those that were idle longest, so that a new connection finds a place.
    fn make_room(&mut self, place: Place, now: i64, entries: &mut Vec<LedgerEntry>) {
        if self.following.len() < limits::CONNECTIONS_MAX || self.following.contains_key(&place) {
            return;
        }
        let evicted = limits::CONNECTIONS_MAX / 16;
        let all = self.following.iter();
        let mut last: Vec<(i64, Place)> = all.map(|(place, following)| (following.last_ns, *place)).collect();
        last.select_nth_unstable(evicted);
        last.truncate(evicted);
        self.close_these(last.into_iter().map(|(_, place)| place).collect(), CloseReason::Lost, now, entries);
        self.counters.evicted += u64::try_from(evicted).unwrap_or(0);
    }
}
