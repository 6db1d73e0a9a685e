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
    session: Option<Box<Exchange>>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::desk::tests::at_a_desk;
    use crate::usage::Defect;

    const ASKED: &[u8] =
        b"POST /v1/embeddings HTTP/1.1\r\nHost: api.openai.com\r\nContent-Length: 9\r\n\r\n{\"a\": 1 }";
    const ANSWERED: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{\"usage\":{\"prompt_tokens\":5},\"b\":1}";

    /// One exchange behind which `work` goes on; the inputs of all, and whether they were seen whole.
    fn behind_one(work: impl FnOnce(&mut Http1, &mut Desk<'_>)) -> Vec<(Option<u64>, bool)> {
        let entries = at_a_desk(1 << 20, |desk| {
            let mut http1 = Http1::default();
            http1.take(Direction::Sent, 0, ASKED, desk);
            http1.take(Direction::Received, 0, ANSWERED, desk);
            work(&mut http1, desk);
            http1.end(&mut desk.till);
        });
        let whole = |defect| move |entry: &crate::exchange::LedgerEntry| !entry.defects.contains(defect);
        let whole = |entry| whole(Defect::Truncated)(entry) && whole(Defect::RequestIncomplete)(entry);
        entries.iter().map(|entry| (entry.usage.input_tokens, whole(entry))).collect()
    }

    #[test]
    fn a_gap_in_a_body_of_known_length_touches_no_other_exchange() {
        let told = behind_one(|http1, desk| {
            http1.take(Direction::Sent, 0, ASKED, desk);
            http1.take(Direction::Received, 0, &ANSWERED[..50], desk);
            http1.take(Direction::Received, 10, &ANSWERED[60..], desk);
            http1.take(Direction::Sent, 0, &ASKED[..76], desk);
            http1.take(Direction::Sent, ASKED.len() as u64 - 76, ASKED, desk);
            http1.take(Direction::Received, 0, &[ANSWERED, ANSWERED].concat(), desk);
        });

        assert_eq!(told, [(Some(5), true), (None, false), (Some(5), false), (Some(5), true)]);
    }

    #[test]
    fn a_gap_beyond_a_body_is_overcome_at_the_next_request() {
        let told = behind_one(|http1, desk| {
            http1.take(Direction::Sent, 0, ASKED, desk);
            http1.take(Direction::Received, 300, b"the end of something", desk);
            http1.take(Direction::Received, 0, ANSWERED, desk);
            http1.take(Direction::Sent, 300, b"the end of something", desk);
            http1.take(Direction::Sent, 0, ASKED, desk);
            http1.take(Direction::Received, 0, ANSWERED, desk);
        });

        assert_eq!(told, [(Some(5), true), (None, false), (Some(5), true)]);
    }

    #[test]
    fn a_client_that_does_not_wait_behind_a_gap_is_given_up() {
        let told = behind_one(|http1, desk| {
            http1.take(Direction::Received, 300, b"x", desk);
            assert_eq!(http1.take(Direction::Sent, 0, ASKED, desk), Interest::Keep);
            assert_eq!(http1.take(Direction::Sent, 0, ASKED, desk), Interest::Drop);
        });

        assert_eq!(told, [(Some(5), true), (None, false)]);
    }

    #[test]
    fn nothing_is_held_beyond_the_room_there_is() {
        let entries = at_a_desk(4, |desk| {
            let mut http1 = Http1::default();
            http1.take(Direction::Sent, 0, ASKED, desk);
            http1.take(Direction::Received, 0, ANSWERED, desk);
        });

        assert!(entries.iter().all(|entry| entry.defects.contains(Defect::RequestIncomplete)));
        assert_eq!(entries.len(), 1);
    }
}
