//! Usage that a stream did not ask for: asks the provider in its place, and takes out of the reply what that has added, so
//! that the client sees the bytes it would have seen.
//!
//! It owns which requests may be rewritten so, and what is held back of a reply. It refuses to know where the option stands
//! in JSON (`dialect`) and where events end (`frame`).

use super::decision::{Passage, Rewrite, field};
use crate::budget::Mode;
use crate::detect::{Route, states_usage_on_request};
use crate::dialect::{Addition, RequestFacts, addition, with_usage_asked};
use crate::frame::event_edit::{EventEdit, lone_data};
use crate::headers::Headers;
use crate::meter::{IncludeUsage, Policies, Request};

/// The first version of Azure's API that takes the option, as the query of a request states it; versions are dates.
const FIRST_VERSION: &str = "2024-09-01";

/// What becomes of a request that nothing refuses.
pub(super) struct Passing {
    /// How it is to be sent, if not as it came.
    pub(super) rewrite: Option<Rewrite>,
    /// Decision, mode and reason as they are counted.
    pub(super) counted: (&'static str, &'static str, &'static str),
}

impl Passing {
    /// Lets a request pass as it is.
    pub(super) const fn untouched() -> Self {
        Self { rewrite: None, counted: ("admit", "enforce", "none") }
    }

    /// Lets `request` pass, rewritten where the policies say so and nothing forbids it.
    pub(super) fn of(
        policies: &Policies,
        route: &Route,
        facts: &RequestFacts,
        request: &Request<'_>,
    ) -> Self {
        let rewrite = match (policies.include_usage, policies.mode) {
            (IncludeUsage::Leave, _) | (_, Mode::Off) => None,
            (IncludeUsage::Inject, Mode::Shadow | Mode::Enforce) => asked(route, facts, request),
        };
        match rewrite {
            None => Self::untouched(),
            Some(_) if policies.mode == Mode::Shadow => {
                Self { rewrite: None, counted: ("rewrite", "shadow", "include_usage") }
            }
            rewrite => Self { rewrite, counted: ("rewrite", "enforce", "include_usage") },
        }
    }
}

/// The request with usage asked for; None if it may not or need not be touched.
fn asked(route: &Route, facts: &RequestFacts, request: &Request<'_>) -> Option<Rewrite> {
    let headers = request.headers;
    let suits = facts.stream && route.billable && route.dialect.takes_stream_options();
    // Elsewhere there is little to learn, and what asking adds could not be told from what is always said. Nor is a server
    // asked that nobody named: what it makes of the option is not known.
    let waits = states_usage_on_request(&route.provider) && !route.guessed;
    if !suits || !waits || is_before_option(request.path) || is_coded(headers) || is_signed(request) {
        return None;
    }
    let body = with_usage_asked(request.body?)?;
    // What a provider compresses cannot be edited without decompressing all of it, and the client would wait for that.
    let mut fields = vec![field("accept-encoding", "identity")];
    // A chunked body has no length, and must not get one beside its chunks.
    if headers.get("content-length").is_some() {
        fields.push(field("content-length", &body.len().to_string()));
    }
    Some(Rewrite { body, headers: fields })
}

/// Whether the query names a version of Azure's API from before the option. It refuses what it does not know.
fn is_before_option(path: &str) -> bool {
    let (_, query) = path.split_once('?').unwrap_or_default();
    let mut versions = query.split('&').filter_map(|field| field.strip_prefix("api-version="));
    versions.any(|version| version.starts_with(|c: char| c.is_ascii_digit()) && version < FIRST_VERSION)
}

/// Whether the body of a message is compressed.
fn is_coded(headers: Headers<'_>) -> bool {
    headers.0.iter().any(|(name, value)| {
        let coding = value.trim_ascii();
        name.eq_ignore_ascii_case(b"content-encoding")
            && !coding.is_empty()
            && !coding.eq_ignore_ascii_case(b"identity")
    })
}

/// Whether a request vouches for its own bytes: edited, it would be refused, or taken for forged.
fn is_signed(request: &Request<'_>) -> bool {
    let signed_query = request.path.to_ascii_lowercase().contains("signature=");
    let by_scheme = request.headers.0.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case(b"authorization") && {
            let scheme = value.trim_ascii_start().to_ascii_lowercase();
            [b"aws4-".as_slice(), b"signature", b"hmac"].iter().any(|known| scheme.starts_with(known))
        }
    });
    signed_query || by_scheme || vouches(request.headers)
}

/// Whether a header field names a signature or a digest of the message.
fn vouches(headers: Headers<'_>) -> bool {
    let marks = [b"signature".as_slice(), b"digest", b"content-sha256", b"content-md5"];
    headers.0.iter().any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        marks.iter().any(|mark| memchr::memmem::find(&name, mark).is_some())
    })
}

/// The reply to a request that was rewritten, on its way to a client that asked for less.
#[derive(Debug, Default)]
pub(super) struct Unasked {
    events: EventEdit,
    /// The provider states usage on its own account: from there on nothing is taken out.
    volunteered: bool,
}

impl Unasked {
    /// For the reply of this head; None where nothing was added or nothing can be taken out: an error, no event stream, a
    /// compressed one, or one that is vouched for.
    pub(super) fn of_reply(status: u16, headers: Headers<'_>) -> Option<Self> {
        let stream = headers.media_type().as_deref() == Some("text/event-stream");
        let plain = !is_coded(headers) && !vouches(headers);
        ((200..300).contains(&status) && stream && plain).then(Self::default)
    }

    /// The next piece of the reply as the client is to get it.
    pub(super) fn pass(&mut self, chunk: &[u8]) -> Passage {
        let mut out = Vec::with_capacity(chunk.len());
        self.feed(chunk, &mut out);
        if out == chunk { Passage::Forward } else { Passage::Replace(out) }
    }

    /// Gives up what is held back.
    pub(super) fn release(&mut self) -> Vec<u8> {
        self.events.release()
    }

    /// Appends the next piece of the reply to `out`. Nothing is held back where it ends between two events.
    pub(super) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let Self { events, volunteered } = self;
        events.feed(chunk, out, |event, out| {
            let data = if *volunteered { None } else { lone_data(event) };
            let chunk = data.clone().and_then(|data| event.get(data)).unwrap_or_default();
            let start = data.map_or(0, |data| data.start);
            match addition(chunk) {
                Addition::Chunk => {}
                Addition::Member(place) => {
                    out.extend_from_slice(event.get(..start + place.start).unwrap_or_default());
                    out.extend_from_slice(event.get(start + place.end..).unwrap_or_default());
                }
                Addition::Unasked => {
                    *volunteered = true;
                    out.extend_from_slice(event);
                }
                Addition::None => out.extend_from_slice(event),
            }
        });
    }
}
