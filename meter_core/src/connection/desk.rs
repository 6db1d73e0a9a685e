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
    pub(super) fn close(&mut self, exchange: Option<Box<Exchange>>, reason: CloseReason) {
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
    pub(super) fn open(&mut self, request: &Request<'_>) -> Option<Box<Exchange>> {
        // Who runs is asked for what is metered only: it may mean to read files of the process.
        let may_be = self.meter.knows_host(request.host, Some(request.port))
            || self.meter.knows_path(request.method, request.path);
        let who = may_be.then(|| (self.who)(self.place.process))?;
        self.meter.watch(request, who, self.now()).map(Box::new)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::super::place::Layer;
    use super::*;
    use crate::meter::{Policies, Settings};
    use crate::price_book::PriceBook;
    use crate::tokenizer::Tokenizers;

    /// Calls `work` with a desk where `room` bytes may be held; what was closed there.
    pub(in crate::connection) fn at_a_desk(
        room: usize,
        work: impl FnOnce(&mut Desk<'_>),
    ) -> Vec<LedgerEntry> {
        let meter = Meter::new(Settings {
            price_book: PriceBook::embedded().unwrap(),
            budgets: Vec::new(),
            policies: Policies::default(),
            hosts: Vec::new(),
            tokenizers: Tokenizers::default(),
            capture: Arc::from("tracer"),
            seed: 7,
            fingerprint_key: Vec::new(),
        });
        let mut entries = Vec::new();
        work(&mut Desk {
            meter: &meter.unwrap(),
            who: &mut |pid| Attribution { pid: Some(pid), ..Attribution::default() },
            place: Place { process: 1, handle: 1, layer: Layer::Tls },
            room,
            till: Till { now: 0, entries: &mut entries },
        });
        entries
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        at_a_desk(10, |desk| {
            assert!(desk.hold(6) && !desk.hold(5) && desk.hold(4) && !desk.hold(1));
        });
    }

    #[test]
    fn who_runs_is_asked_for_what_is_metered_alone() {
        let mut asked = 0;
        let entries = at_a_desk(0, |desk| {
            let mut who = |pid| {
                asked += 1;
                Attribution { pid: Some(pid), ..Attribution::default() }
            };
            let mut desk = Desk {
                who: &mut who,
                meter: desk.meter,
                place: desk.place,
                room: 0,
                till: Till { now: 0, entries: desk.till.entries },
            };
            for host in ["example.com", "api.openai.com"] {
                let headers = crate::headers::Headers(&[]);
                let request =
                    Request { method: "GET", host, port: 443, path: "/v1/models", headers, body: Some(b"") };
                let exchange = desk.open(&request);
                desk.till.close(exchange, CloseReason::Complete);
            }
        });

        assert_eq!((asked, entries.len(), entries[0].who.pid), (1, 1, Some(1)));
    }
}
