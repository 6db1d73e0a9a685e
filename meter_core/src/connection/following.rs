//! One connection from its first bytes on: which protocol it speaks, and whether it may be of interest. It refuses to know what
//! either protocol does.

use super::desk::{Desk, Till};
use super::http1::{Http1, Likeness, is_like_a_request};
use super::http2::{Http2, PREFACE, is_like_a_frame};
use super::place::{Course, Direction, Interest, Piece};
use crate::exchange::CloseReason;
use crate::limits;

/// See above.
#[derive(Default)]
pub(super) struct Following {
    protocol: Protocol,
    sent: Course,
    received: Course,
    /// Bytes that belonged to nothing.
    strange: usize,
    /// Gaps so far.
    pub(super) gaps: u64,
    /// When it was last seen.
    pub(super) last_ns: i64,
}

/// What it speaks.
enum Protocol {
    /// Nobody knows yet: what was sent as far as it may be a beginning, and what was received; `late` if that came first, or
    /// behind what was no request: it answers something that was not seen.
    Unsure {
        sent: Vec<u8>,
        received: Vec<u8>,
        late: bool,
    },
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    /// Nothing of interest; remembered, because more of it may be on its way.
    Other,
}

/// Whether a client begins a connection like this.
fn is_a_beginning(bytes: &[u8]) -> bool {
    bytes.starts_with(PREFACE) || is_like_a_request(bytes) == Likeness::Yes
}

impl Default for Protocol {
    fn default() -> Self {
        Self::Unsure { sent: Vec::new(), received: Vec::new(), late: false }
    }
}

impl Following {
    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        match &self.protocol {
            Protocol::Unsure { sent, received, .. } => sent.capacity() + received.capacity(),
            Protocol::Http1(http1) => http1.held(),
            Protocol::Http2(http2) => http2.held(),
            Protocol::Other => 0,
        }
    }

    /// Reads a piece.
    pub(super) fn take(&mut self, piece: &Piece<'_>, desk: &mut Desk<'_>) -> Interest {
        self.last_ns = piece.now;
        if matches!(self.protocol, Protocol::Other) {
            if piece.offset > 0 || piece.direction == Direction::Received {
                return Interest::Drop;
            }
            // The handle is another connection's now.
            *self = Self { last_ns: piece.now, ..Self::default() };
        }
        if piece.direction == Direction::Sent
            && self.sent.has_left_behind(piece)
            && is_a_beginning(piece.bytes)
        {
            // Its end was not seen, and the handle is another connection's now.
            self.close(&mut desk.till, CloseReason::Lost);
            *self = Self { last_ns: piece.now, gaps: self.gaps + 1, ..Self::default() };
        }
        let course = match piece.direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        };
        let advance = course.advance(piece.offset, piece.bytes);
        self.gaps += u64::from(advance.lost > 0);
        if advance.bytes.is_empty() {
            return Interest::Keep;
        }
        let interest = match &mut self.protocol {
            Protocol::Unsure { .. } => self.recognise(piece, advance.lost, advance.bytes, desk),
            Protocol::Http1(http1) => http1.take(piece.direction, advance.lost, advance.bytes, desk),
            Protocol::Http2(http2) => http2.take(piece.direction, advance.lost, advance.bytes, desk),
            Protocol::Other => Interest::Drop,
        };
        self.judge(interest, advance.bytes.len())
    }

    /// Gives up what is not, or not in time, of interest.
    fn judge(&mut self, interest: Interest, bytes: usize) -> Interest {
        let strange = match &self.protocol {
            Protocol::Unsure { .. } => true,
            Protocol::Http1(http1) => http1.is_strange(),
            Protocol::Http2(http2) => http2.is_strange(),
            Protocol::Other => false,
        };
        self.strange = if strange { self.strange.saturating_add(bytes) } else { 0 };
        if interest == Interest::Drop || self.strange > limits::STRANGE_BYTES_MAX {
            self.protocol = Protocol::Other;
            return Interest::Drop;
        }
        Interest::Keep
    }

    /// Looks for the beginning of a protocol.
    fn recognise(&mut self, piece: &Piece<'_>, lost: u64, bytes: &[u8], desk: &mut Desk<'_>) -> Interest {
        let Protocol::Unsure { sent, received, late } = &mut self.protocol else { return Interest::Keep };
        if piece.direction == Direction::Received {
            *late |= sent.is_empty() || lost > 0;
            let fits = received.len() + bytes.len() <= limits::EARLY_BYTES_MAX && desk.hold(bytes.len());
            if lost > 0 || !fits {
                received.clear();
            }
            if fits {
                received.extend_from_slice(bytes);
            }
            // Whoever is asked is a server.
            let served = is_like_a_request(received) == Likeness::Yes || received.starts_with(PREFACE);
            return if served { Interest::Drop } else { Interest::Keep };
        }
        if lost > 0 {
            sent.clear();
        }
        let at_start = sent.is_empty();
        // The beginning of a connection is short: a few pieces, each behind the one before.
        let whole = usize::try_from(piece.offset).is_ok_and(|before| before <= sent.len());
        sent.extend_from_slice(bytes);
        if PREFACE.starts_with(sent) && sent.len() < PREFACE.len() {
            return Interest::Keep;
        }
        let (sent, received, late) = (std::mem::take(sent), std::mem::take(received), *late);
        if sent.starts_with(PREFACE) {
            return self.speak_http2(Http2::default(), &sent, &received, desk);
        }
        match is_like_a_request(&sent) {
            Likeness::Yes => return self.speak_http1(&sent, &received, late, desk),
            Likeness::Yet => {
                self.protocol = Protocol::Unsure { sent, received, late };
                return Interest::Keep;
            }
            Likeness::No => {}
        }
        if at_start && is_like_a_frame(&sent) {
            return self.speak_http2(Http2::late(), &sent, &[], desk);
        }
        // From its first byte on it is something else; in its middle, a request may still come.
        if whole {
            return Interest::Drop;
        }
        self.protocol = Protocol::Unsure { sent: Vec::new(), received: Vec::new(), late: true };
        Interest::Keep
    }

    fn speak_http1(&mut self, sent: &[u8], received: &[u8], late: bool, desk: &mut Desk<'_>) -> Interest {
        let mut http1 = Box::new(if late { Http1::late() } else { Http1::default() });
        let mut interest = http1.take(Direction::Sent, 0, sent, desk);
        if !late && !received.is_empty() && interest == Interest::Keep {
            interest = http1.take(Direction::Received, 0, received, desk);
        }
        self.protocol = Protocol::Http1(http1);
        interest
    }

    fn speak_http2(
        &mut self,
        mut http2: Http2,
        sent: &[u8],
        received: &[u8],
        desk: &mut Desk<'_>,
    ) -> Interest {
        let mut interest = http2.take(Direction::Sent, 0, sent, desk);
        if !received.is_empty() && interest == Interest::Keep {
            interest = http2.take(Direction::Received, 0, received, desk);
        }
        self.protocol = Protocol::Http2(Box::new(http2));
        interest
    }

    /// The connection was closed by its process.
    pub(super) fn end(&mut self, till: &mut Till<'_>) {
        match &mut self.protocol {
            Protocol::Http1(http1) => http1.end(till),
            Protocol::Http2(http2) => http2.close(till, CloseReason::ClientGone),
            Protocol::Unsure { .. } | Protocol::Other => {}
        }
    }

    /// Closes what is open on it.
    pub(super) fn close(&mut self, till: &mut Till<'_>, reason: CloseReason) {
        match &mut self.protocol {
            Protocol::Http1(http1) => http1.close(till, reason),
            Protocol::Http2(http2) => http2.close(till, reason),
            Protocol::Unsure { .. } | Protocol::Other => {}
        }
    }
}
