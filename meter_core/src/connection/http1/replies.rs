//! The replies of a connection: each is read for the oldest request without one, and passed to its exchange as it comes.

use super::Http1;
use super::body::{Body, Step};
use super::head::{Head, ReplyHead, Taken, reply};
use super::requests::Requests;
use crate::connection::asking::with_headers;
use crate::connection::desk::Desk;
use crate::exchange::CloseReason;
use crate::limits;

/// How every reply begins.
const START: &[u8] = b"HTTP/1.";
const SWITCHING_PROTOCOLS: u16 = 101;

/// The received direction.
#[derive(Default)]
pub(super) struct Replies {
    at: At,
    /// What came before its request was whole.
    early: Vec<u8>,
    /// When the first of it came.
    early_since: i64,
}

/// Where it is.
enum At {
    /// In a head, or before one.
    Head(Head),
    /// In a body.
    Body(Body),
    /// Nobody knows: the next piece that begins with a reply is one.
    Adrift,
}

impl Default for At {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Replies {
    /// At a place that is not known.
    pub(super) fn adrift() -> Self {
        Self { at: At::Adrift, ..Self::default() }
    }

    pub(super) fn is_adrift(&self) -> bool {
        matches!(self.at, At::Adrift)
    }

    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        let head = if let At::Head(head) = &self.at { head.held() } else { 0 };
        self.early.capacity() + head
    }

    /// Whether a reply is on its way that ends when its connection does.
    pub(super) fn end_with_the_connection(&self) -> bool {
        matches!(self.at, At::Body(Body::UntilClose))
    }
}

impl Http1 {
    /// Reads what the client receives.
    pub(super) fn received(&mut self, mut bytes: &[u8], desk: &mut Desk<'_>) {
        if self.replies.is_adrift() {
            let awaited = !self.asked.is_empty() || self.requests.under_way();
            if !awaited || !bytes.starts_with(START) {
                return;
            }
            self.replies.at = At::default();
        }
        while !bytes.is_empty() && !self.over {
            if let Some(session) = &mut self.session {
                session.feed(bytes, desk.now());
                return;
            }
            match &mut self.replies.at {
                At::Head(_) if self.asked.is_empty() => return self.hold(bytes, desk),
                At::Head(head) => match head.take(&mut bytes) {
                    Taken::Part => {}
                    Taken::TooLong => self.lose_replies(desk),
                    Taken::Whole(whole) => match reply(&whole) {
                        Some(head) => self.answer(head, desk),
                        None => self.lose_replies(desk),
                    },
                },
                At::Body(body) => match body.step(&mut bytes) {
                    Step::Data(data) => self.feed(data, desk.now()),
                    Step::End => self.finish_reply(desk),
                    Step::More => {}
                    Step::Broken => self.lose_replies(desk),
                },
                At::Adrift => return,
            }
            self.finish_whole_reply(desk);
        }
    }

    /// Keeps what came before its request was whole.
    fn hold(&mut self, bytes: &[u8], desk: &mut Desk<'_>) {
        if matches!(self.requests, Requests::Adrift) {
            // It answers a request that was not seen.
            self.replies = Replies::adrift();
            return;
        }
        if self.replies.early.is_empty() {
            self.replies.early_since = desk.now();
        }
        let fits = self.replies.early.len() + bytes.len() <= limits::EARLY_BYTES_MAX;
        if fits && desk.hold(bytes.len()) {
            self.replies.early.extend_from_slice(bytes);
            return;
        }
        let was_open = self.asked.len();
        self.give_up_body(desk);
        if self.asked.len() > was_open {
            self.receive_held(desk);
            self.received(bytes, desk);
        } else {
            self.replies = Replies::adrift();
        }
    }

    /// Reads what was held, now that a request is whole.
    pub(super) fn receive_held(&mut self, desk: &mut Desk<'_>) {
        if !self.asked.is_empty() && !self.replies.early.is_empty() {
            let early = std::mem::take(&mut self.replies.early);
            self.received(&early, desk);
        }
    }

    /// What was held for longer than directions are apart answers no request that is still to come.
    pub(super) fn forget_old_replies(&mut self, now: i64) {
        let old = now.saturating_sub(self.replies.early_since) > limits::EARLY_NS_MAX;
        if old && !self.replies.early.is_empty() && !self.requests.under_way() {
            self.replies = Replies::adrift();
        }
    }

    fn answer(&mut self, head: ReplyHead, desk: &mut Desk<'_>) {
        let ReplyHead { status, fields, body } = head;
        let Some(asked) = self.asked.front_mut() else { return };
        let interim = (100..200).contains(&status) && status != SWITCHING_PROTOCOLS;
        if interim {
            return;
        }
        if let Some(exchange) = &mut asked.exchange {
            with_headers(&fields, |headers| exchange.respond(status, headers));
        }
        if status == SWITCHING_PROTOCOLS {
            return self.leave_http(desk);
        }
        let upgrades = asked.upgrades;
        let bodiless = asked.bodiless || matches!(status, 204 | 304);
        self.replies.at = At::Body(if bodiless { Body::Length(0) } else { body });
        if upgrades {
            self.stay(desk);
        }
    }

    /// Both sides have agreed to leave HTTP.
    fn leave_http(&mut self, desk: &mut Desk<'_>) {
        let exchange = self.asked.pop_front().and_then(|asked| asked.exchange);
        self.over = exchange.as_ref().is_none_or(|exchange| !exchange.reads_session());
        if self.over {
            if exchange.is_some() {
                desk.meter.unmetered("upgraded");
            }
            return desk.till.close(exchange, CloseReason::Complete);
        }
        let Some(mut session) = exchange else { return };
        if let Requests::Waiting(held) = &self.requests {
            session.sent(held, desk.now());
        }
        self.requests = Requests::Adrift;
        self.session = Some(session);
    }

    fn feed(&mut self, data: &[u8], now: i64) {
        if let Some(exchange) = self.asked.front_mut().and_then(|asked| asked.exchange.as_mut()) {
            exchange.feed(data, now);
        }
    }

    /// Ends the reply on its way if no byte of its body is left.
    fn finish_whole_reply(&mut self, desk: &mut Desk<'_>) {
        if matches!(self.replies.at, At::Body(Body::Length(0))) {
            self.finish_reply(desk);
        }
    }

    fn finish_reply(&mut self, desk: &mut Desk<'_>) {
        self.replies.at = At::default();
        if let Some(asked) = self.asked.pop_front() {
            desk.till.close(asked.exchange, CloseReason::Complete);
        }
    }

    /// Bytes of the received direction were lost.
    pub(super) fn lose_received(&mut self, lost: u64, desk: &mut Desk<'_>) {
        let At::Body(body) = &mut self.replies.at else { return self.lose_replies(desk) };
        if body.skip(lost) {
            let exchange = self.asked.front_mut().and_then(|asked| asked.exchange.take());
            desk.till.close(exchange, CloseReason::Lost);
            self.finish_whole_reply(desk);
        } else {
            self.lose_replies(desk);
        }
    }
}
