//! Synthetic replies for this folder's tests: builds a route, feeds a body in pieces, gives what was found.

use std::sync::Arc;

use super::{Dialect, Finding, Reply, RequestFacts};
use crate::detect::{Operation, Reasoning, Route};
use crate::frame::web_socket::text_frame;
use crate::headers::Headers;

/// A billable route of `dialect`.
pub(super) fn route(dialect: Dialect) -> Route {
    Route {
        provider: Arc::from("sample"),
        operation: Operation::Chat,
        dialect,
        billable: true,
        poll: false,
        stream: false,
        model: None,
        result: None,
        reasoning: Reasoning::ByTotal,
        self_hosted: false,
        guessed: false,
    }
}

/// A text message each, as a server sends them in a session.
pub(super) fn frames(messages: &[&str]) -> Vec<u8> {
    messages.iter().flat_map(|message| text_frame(message)).collect()
}

/// One reply to be read.
#[derive(Clone)]
pub(super) struct Sample<'a> {
    pub(super) route: Route,
    pub(super) status: u16,
    pub(super) headers: Vec<(&'a [u8], &'a [u8])>,
    pub(super) body: &'a [u8],
    pub(super) complete: bool,
}

impl<'a> Sample<'a> {
    /// A successful JSON document.
    pub(super) fn document(dialect: Dialect, body: &'a str) -> Self {
        Self {
            route: route(dialect),
            status: 200,
            headers: vec![(b"content-type", b"application/json")],
            body: body.as_bytes(),
            complete: true,
        }
    }

    /// A successful event stream.
    pub(super) fn stream(dialect: Dialect, body: &'a str) -> Self {
        Self {
            headers: vec![(b"content-type", b"text/event-stream; charset=utf-8")],
            ..Self::document(dialect, body)
        }
    }

    /// A successful AWS event stream.
    pub(super) fn messages(dialect: Dialect, body: &'a [u8]) -> Self {
        Self {
            headers: vec![(b"content-type", b"application/vnd.amazon.eventstream")],
            body,
            ..Self::document(dialect, "")
        }
    }

    /// What a provider says in a session, as [`frames`].
    pub(super) fn session(dialect: Dialect, body: &'a [u8]) -> Self {
        let headers = vec![(b"upgrade".as_slice(), b"websocket".as_slice())];
        Self { status: 101, headers, body, ..Self::document(dialect, "") }
    }

    /// What is found when the body comes in pieces of `size` bytes, and its text.
    pub(super) fn read_in(&self, size: usize) -> (Finding, String) {
        let mut reply =
            Reply::new(&self.route, &RequestFacts::default(), self.status, Headers(&self.headers));
        let mut text = String::new();
        for chunk in self.body.chunks(size.max(1)) {
            reply.feed(chunk, &mut |piece| text.push_str(piece));
        }
        reply.end(self.complete, &mut |piece| text.push_str(piece));
        (reply.finding().clone(), text)
    }

    /// What is found, however the body is cut.
    pub(super) fn read(&self) -> (Finding, String) {
        let whole = self.read_in(self.body.len());
        for size in [1, 2, 3, 17] {
            assert_eq!(self.read_in(size), whole, "in pieces of {size}");
        }
        whole
    }
}
