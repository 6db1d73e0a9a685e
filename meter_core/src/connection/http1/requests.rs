//! The requests of a connection: each is gathered whole up to a bound and given to the meter, as the proxy does.

use super::Http1;
use super::asked::Asked;
use super::body::{Body, Step};
use super::head::{Head, Likeness, RequestHead, Taken, is_like_a_request, request};
use super::replies::Replies;
use crate::connection::desk::Desk;
use crate::exchange::{CloseReason, Exchange};
use crate::limits;

/// Where the sent direction is.
pub(super) enum Requests {
    /// In a head, or before one.
    Head(Head),
    /// In a body.
    Body(Box<Pending>),
    /// Behind a request to leave HTTP, whose answer decides what these bytes are.
    Waiting(Vec<u8>),
    /// Nobody knows: the next piece that begins with a request is one.
    Adrift,
}

/// A request whose body is on its way.
pub(super) struct Pending {
    head: RequestHead,
    /// The body so far; None once its exchange has been opened, or need not be.
    gathered: Option<Vec<u8>>,
}

impl Default for Requests {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Requests {
    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Head(head) => head.held(),
            Self::Body(pending) => pending.gathered.as_ref().map_or(0, Vec::capacity),
            Self::Waiting(held) => held.capacity(),
            Self::Adrift => 0,
        }
    }

    /// Whether part of a request has come.
    pub(super) fn under_way(&self) -> bool {
        match self {
            Self::Head(head) => !head.is_empty(),
            Self::Body(_) => true,
            Self::Waiting(_) | Self::Adrift => false,
        }
    }
}

impl Http1 {
    /// Reads what the client sends.
    pub(super) fn sent(&mut self, mut bytes: &[u8], desk: &mut Desk<'_>) {
        if matches!(self.requests, Requests::Adrift) {
            if is_like_a_request(bytes) != Likeness::Yes {
                return;
            }
            // How many requests were missed is not known, nor whose the next reply is.
            self.lose_replies(desk);
            self.requests = Requests::default();
        }
        while !bytes.is_empty() && !self.over {
            match &mut self.requests {
                Requests::Head(head) => match head.take(&mut bytes) {
                    Taken::Part => {}
                    Taken::TooLong => self.misread(desk),
                    Taken::Whole(whole) => match request(&whole, desk.place.default_port()) {
                        Some(head) => self.begin(head, desk),
                        None => self.misread(desk),
                    },
                },
                Requests::Body(pending) => match pending.head.body.step(&mut bytes) {
                    Step::Data(data) => self.gather(data, desk),
                    Step::End => self.finish_request(desk),
                    Step::More => {}
                    Step::Broken => self.lose_requests(desk),
                },
                Requests::Waiting(held) => {
                    let fits = held.len() + bytes.len() <= limits::EARLY_BYTES_MAX;
                    if fits && desk.hold(bytes.len()) {
                        held.extend_from_slice(bytes);
                    } else {
                        self.over = true;
                    }
                    return;
                }
                Requests::Adrift => return,
            }
            self.finish_whole_request(desk);
        }
    }

    fn begin(&mut self, head: RequestHead, desk: &mut Desk<'_>) {
        if head.asking.method == "CONNECT" {
            // What follows is somebody else's protocol, and seen elsewhere if it is TLS.
            self.over = true;
            return;
        }
        if self.replies.is_adrift() && !self.asked.is_empty() {
            // The reply to the last one was missed, or the client does not wait for it: whose the next one is cannot be told.
            self.over = true;
            return;
        }
        self.of_interest |= head.to_proxy;
        let gathered = Some(Vec::new()).filter(|_| head.asking.may_be_metered(desk.meter));
        let wanted = gathered.is_some();
        let too_long =
            matches!(head.body, Body::Length(length) if length > limits::REQUEST_BODY_BYTES_MAX as u64);
        let mut pending = Pending { head, gathered };
        if !wanted {
            self.ask(&pending.head, None, desk);
        } else if too_long {
            pending.gathered = None;
            self.open(&pending.head, None, desk);
        }
        self.requests = Requests::Body(Box::new(pending));
    }

    fn gather(&mut self, data: &[u8], desk: &mut Desk<'_>) {
        let Requests::Body(pending) = &mut self.requests else { return };
        let Some(gathered) = &mut pending.gathered else { return };
        let fits = gathered.len() + data.len() <= limits::REQUEST_BODY_BYTES_MAX;
        if fits && desk.hold(data.len()) {
            gathered.extend_from_slice(data);
        } else {
            self.give_up_body(desk);
        }
    }

    /// Opens the exchange of the request on its way without its body.
    pub(super) fn give_up_body(&mut self, desk: &mut Desk<'_>) {
        let Requests::Body(pending) = &mut self.requests else { return };
        if pending.gathered.take().is_none() {
            return;
        }
        let Requests::Body(pending) = std::mem::take(&mut self.requests) else { return };
        self.open(&pending.head, None, desk);
        self.requests = Requests::Body(pending);
    }

    /// Ends the request on its way if no byte of its body is left, so that its reply need not wait for another piece.
    fn finish_whole_request(&mut self, desk: &mut Desk<'_>) {
        let Requests::Body(pending) = &mut self.requests else { return };
        if pending.head.body == Body::Length(0) {
            self.finish_request(desk);
        }
    }

    fn finish_request(&mut self, desk: &mut Desk<'_>) {
        let Requests::Body(pending) = std::mem::take(&mut self.requests) else { return };
        let Pending { head, gathered } = *pending;
        if let Some(body) = gathered {
            self.open(&head, Some(&body), desk);
        }
        if head.upgrades && !self.over {
            self.requests = Requests::Waiting(Vec::new());
        }
        self.receive_held(desk);
    }

    fn open(&mut self, head: &RequestHead, body: Option<&[u8]>, desk: &mut Desk<'_>) {
        let exchange = head.asking.open(body, desk);
        self.ask(head, exchange, desk);
    }

    /// Waits for the reply to a request; gives the connection up if there is nothing on it for us.
    fn ask(&mut self, head: &RequestHead, exchange: Option<Box<Exchange>>, desk: &Desk<'_>) {
        self.of_interest |= exchange.is_some() || head.asking.goes_to_a_known_host(desk.meter);
        self.asked.push_back(Asked::new(head, exchange));
        self.over |= !self.of_interest || self.asked.len() > limits::PIPELINED_REQUESTS_MAX;
    }

    /// Bytes of the sent direction were lost.
    pub(super) fn lose_sent(&mut self, lost: u64, desk: &mut Desk<'_>) {
        match &mut self.requests {
            Requests::Body(pending) => {
                let known = pending.head.body.skip(lost);
                self.give_up_body(desk);
                if known {
                    self.finish_whole_request(desk);
                } else {
                    self.lose_requests(desk);
                }
            }
            Requests::Waiting(_) => self.over = true,
            Requests::Head(_) | Requests::Adrift => self.lose_requests(desk),
        }
    }

    /// What came is no request.
    fn misread(&mut self, desk: &mut Desk<'_>) {
        self.over |= !self.of_interest;
        self.lose_requests(desk);
    }

    /// Where the sent direction is can no longer be told.
    fn lose_requests(&mut self, desk: &mut Desk<'_>) {
        self.give_up_body(desk);
        self.requests = Requests::Adrift;
        self.receive_held(desk);
    }

    /// The answer to a request to leave HTTP was no: what follows is requests.
    pub(super) fn stay(&mut self, desk: &mut Desk<'_>) {
        if let Requests::Waiting(held) = &mut self.requests {
            let held = std::mem::take(held);
            self.requests = Requests::default();
            self.sent(&held, desk);
        }
    }

    /// Closes all whose replies can no longer be told apart.
    pub(super) fn lose_replies(&mut self, desk: &mut Desk<'_>) {
        for asked in self.asked.drain(..) {
            desk.till.close(asked.exchange, CloseReason::Lost);
        }
        self.replies = Replies::adrift();
    }
}
