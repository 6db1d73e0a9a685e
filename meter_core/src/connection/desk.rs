//! What a connection needs of the world while it reads a piece: a meter, the time, and where entries go.
//!
//! It owns how an exchange is opened and closed, and how much may be held. It refuses to know protocols.

use super::place::Place;
use crate::attribution::Attribution;
use crate::exchange::{CloseReason, Exchange, LedgerEntry};
use crate::meter::{Meter, Request};

/// Where exchanges end.
pub(super) struct Till<'a> {
    pub(super) now: i64,
    pub(super) entries: &'a mut Vec<LedgerEntry>,
}

impl Till<'_> {
    /// Closes an exchange, if there is one.
    pub(super) fn close(&mut self, exchange: Option<Exchange>, reason: CloseReason) {
        if let Some(entry) = exchange.and_then(|mut exchange| exchange.close(reason, self.now)) {
            self.entries.push(entry);
        }
    }
}

/// Where they begin.
pub(super) struct Desk<'a> {
    pub(super) meter: &'a Meter,
    pub(super) who: &'a mut dyn FnMut(u32) -> Attribution,
    pub(super) place: Place,
    /// Bytes that all connections together may still hold.
    pub(super) room: usize,
    pub(super) till: Till<'a>,
}

impl Desk<'_> {
    pub(super) fn now(&self) -> i64 {
        self.till.now
    }

    /// Whether so many bytes more may be held.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    /// Opens an exchange; None where the request is nothing to meter.
    pub(super) fn open(&mut self, request: &Request<'_>) -> Option<Exchange> {
        // Who runs is asked for what is metered only: it may mean to read files of the process.
        let may_be = self.meter.knows_host(request.host, Some(request.port))
            || self.meter.knows_path(request.method, request.path);
        let who = may_be.then(|| (self.who)(self.place.process))?;
        self.meter.watch(request, who, self.now())
    }
}
