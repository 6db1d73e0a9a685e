//! One request and its reply on a stream of HTTP/2. As with HTTP/1, a reply is read when its request is whole, and what comes
//! before is held within a bound.

use crate::connection::asking::{Asking, Fields, with_headers};
use crate::connection::desk::{Desk, Till};
use crate::exchange::{CloseReason, Exchange};
use crate::limits;

/// See above.
#[derive(Default)]
pub(super) struct Stream {
    /// The head of the request, until its exchange is open.
    asking: Option<Asking>,
    /// The body of the request so far.
    body: Vec<u8>,
    /// The exchange was opened, or need not be.
    asked: bool,
    /// It was metered, and may be closed by now.
    metered: bool,
    exchange: Option<Box<Exchange>>,
    /// The head of the reply has come.
    answered: bool,
    early: Early,
}

/// What came of a reply before its request was whole.
#[derive(Default)]
struct Early {
    head: Option<(u16, Fields)>,
    body: Vec<u8>,
    ended: bool,
}

/// Whether a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Open,
    Over,
}

impl Stream {
    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.body.capacity() + self.early.body.capacity()
    }

    /// Whether it is or was metered.
    pub(super) fn is_metered(&self) -> bool {
        self.metered
    }

    /// Whether its request has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.asked || self.asking.is_some()
    }

    /// Whether its reply has begun.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// The head of its request has come.
    pub(super) fn begin(&mut self, asking: Asking) {
        self.asking = Some(asking);
    }

    /// More of its request's body has come.
    pub(super) fn gather(&mut self, data: &[u8], desk: &mut Desk<'_>) -> Course {
        if self.asking.is_none() {
            return Course::Open;
        }
        let fits = self.body.len() + data.len() <= limits::REQUEST_BODY_BYTES_MAX;
        if fits && desk.hold(data.len()) {
            self.body.extend_from_slice(data);
            return Course::Open;
        }
        self.ask(false, desk)
    }

    /// Opens its exchange, without the body if that is not `whole`; then reads what was held of the reply.
    pub(super) fn ask(&mut self, whole: bool, desk: &mut Desk<'_>) -> Course {
        let Some(asking) = self.asking.take() else { return Course::Open };
        let body = std::mem::take(&mut self.body);
        self.asked = true;
        self.exchange = asking.open(Some(&*body).filter(|_| whole), desk);
        self.metered = self.exchange.is_some();
        if !self.metered {
            return Course::Over;
        }
        let Early { head, body, ended } = std::mem::take(&mut self.early);
        if let Some((status, fields)) = head {
            self.answer(status, fields, false, desk);
        }
        if !body.is_empty() {
            self.feed(&body, desk);
        }
        if ended { self.finish(desk) } else { Course::Open }
    }

    /// The head of its reply has come.
    pub(super) fn answer(&mut self, status: u16, fields: Fields, ends: bool, desk: &mut Desk<'_>) -> Course {
        if self.answered || (100..200).contains(&status) {
            // A trailer, or an interim reply.
        } else if let Some(exchange) = &mut self.exchange {
            self.answered = true;
            with_headers(&fields, |headers| exchange.respond(status, headers));
        } else if self.early.head.is_none() {
            self.early.head = Some((status, fields));
        }
        if ends { self.finish(desk) } else { Course::Open }
    }

    /// More of its reply has come.
    pub(super) fn feed(&mut self, data: &[u8], desk: &mut Desk<'_>) -> Course {
        if let Some(exchange) = &mut self.exchange {
            exchange.feed(data, desk.now());
            return Course::Open;
        }
        let fits = self.early.body.len() + data.len() <= limits::EARLY_BYTES_MAX;
        if fits && desk.hold(data.len()) {
            self.early.body.extend_from_slice(data);
            return Course::Open;
        }
        if self.asking.is_none() || self.ask(false, desk) == Course::Over {
            return Course::Over;
        }
        self.feed(data, desk)
    }

    /// Its reply has ended.
    pub(super) fn finish(&mut self, desk: &mut Desk<'_>) -> Course {
        if !self.asked {
            self.early.ended = true;
            return Course::Open;
        }
        // Without its head a reply was not read.
        let reason = if self.answered { CloseReason::Complete } else { CloseReason::Lost };
        self.close(reason, &mut desk.till);
        Course::Over
    }

    /// Part of its reply was lost.
    pub(super) fn lose_reply(&mut self, desk: &mut Desk<'_>) {
        self.early = Early::default();
        self.ask(false, desk);
        self.close(CloseReason::Lost, &mut desk.till);
    }

    pub(super) fn close(&mut self, reason: CloseReason, till: &mut Till<'_>) {
        till.close(self.exchange.take(), reason);
    }
}
