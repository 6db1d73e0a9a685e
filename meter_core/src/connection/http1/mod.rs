//! One HTTP/1 connection of a client: requests in order, their replies in the same order, and what follows an upgrade.
//!
//! The two directions come each in order, but not in step. So nothing of a reply is read before its request is whole; what comes
//! early is held, within a bound. It refuses to know where bytes come from and what bodies mean.

mod asked;
mod body;
mod head;
mod replies;
mod requests;

use std::collections::VecDeque;

pub(super) use head::{Likeness, is_like_a_request};

use super::desk::{Desk, Till};
use super::place::{Direction, Interest};
use crate::exchange::{CloseReason, Exchange};
use asked::Asked;
use replies::Replies;
use requests::Requests;

/// See above.
#[derive(Default)]
pub(super) struct Http1 {
    requests: Requests,
    replies: Replies,
    /// Requests whose replies are not whole, oldest first.
    asked: VecDeque<Asked>,
    /// What both directions belong to since they have left HTTP.
    session: Option<Exchange>,
    /// Something of it was metered, or its host may change from request to request.
    of_interest: bool,
    /// Nothing more of it can be read.
    over: bool,
}

impl Http1 {
    /// A connection whose replies are not at a known place.
    pub(super) fn late() -> Self {
        Self { replies: Replies::adrift(), ..Self::default() }
    }

    /// Whether what passes on it belongs to nothing that is or may be metered.
    pub(super) fn is_strange(&self) -> bool {
        !self.of_interest && !self.requests.under_way()
    }

    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.requests.held() + self.replies.held()
    }

    /// Takes bytes of one direction, `lost` bytes behind those before.
    pub(super) fn take(
        &mut self,
        direction: Direction,
        lost: u64,
        bytes: &[u8],
        desk: &mut Desk<'_>,
    ) -> Interest {
        if lost > 0 {
            self.lose(direction, lost, desk);
        }
        match (&mut self.session, direction) {
            _ if self.over => {}
            (Some(session), Direction::Sent) => {
                session.sent(bytes, desk.now());
            }
            (Some(session), Direction::Received) => {
                session.feed(bytes, desk.now());
            }
            (None, Direction::Sent) => {
                self.forget_old_replies(desk.now());
                self.sent(bytes, desk);
            }
            (None, Direction::Received) => self.received(bytes, desk),
        }
        if self.over {
            self.close(&mut desk.till, CloseReason::Lost);
            return Interest::Drop;
        }
        Interest::Keep
    }

    fn lose(&mut self, direction: Direction, lost: u64, desk: &mut Desk<'_>) {
        match direction {
            // What a session says behind a gap begins nowhere.
            _ if self.session.is_some() => self.over = true,
            Direction::Sent => self.lose_sent(lost, desk),
            Direction::Received => self.lose_received(lost, desk),
        }
    }

    /// The connection was closed by its process.
    pub(super) fn end(&mut self, till: &mut Till<'_>) {
        // Whoever takes all that comes up to the end has it now.
        if self.replies.end_with_the_connection()
            && let Some(asked) = self.asked.pop_front()
        {
            till.close(asked.exchange, CloseReason::Complete);
        }
        till.close(self.session.take(), CloseReason::Complete);
        self.close(till, CloseReason::ClientGone);
    }

    /// Closes what is open.
    pub(super) fn close(&mut self, till: &mut Till<'_>, reason: CloseReason) {
        till.close(self.session.take(), reason);
        for asked in self.asked.drain(..) {
            till.close(asked.exchange, reason);
        }
    }
}
