//! Reads one reply on its way through: decode, frame, scan, and let the dialect read each value.

use super::anthropic_messages::AnthropicMessages;
use super::openai_chat::OpenAiChat;
use super::openai_completions::OpenAiCompletions;
use super::openai_embeddings::OpenAiEmbeddings;
use super::openai_responses::OpenAiResponses;
use super::openai_transcription::OpenAiTranscription;
use super::stated::{Seen, Statements};
use super::{Dialect, RequestFacts};
use crate::decode::Decoder;
use crate::detect::{Headers, Route};
use crate::frame::sse::{Event, Sse};
use crate::json_scan::{Scalar, Scanner, Visitor};
use crate::usage::{Defect, Defects, Provenance, Usage};

/// What a reply states.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// Counts as the provider states them, normalised.
    pub usage: Usage,
    /// Reported, or none.
    pub provenance: Provenance,
    /// Model that answered.
    pub response_model: Option<String>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// The tier that the provider billed.
    pub service_tier: Option<String>,
    /// Whether the reply is a stream of events.
    pub streamed: bool,
    /// Whether the reply's own end was seen.
    pub finished: bool,
    /// Whether the provider works on and states usage in a later reply.
    pub pending: bool,
    /// The provider's code of an error in the reply.
    pub error_code: Option<String>,
    /// What was wrong.
    pub defects: Defects,
}

/// Where a stream stands after one piece of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Offset in the piece just after the last whole event.
    pub boundary: Option<usize>,
    /// Whether events can be put into this stream at all: it is not compressed.
    pub cuttable: bool,
}

enum Framing {
    /// Nothing has come that tells.
    Undecided,
    Events(Box<Sse>),
    Document,
}

/// The reader of one reply.
pub struct Reply {
    billable: bool,
    ok: bool,
    decoder: Decoder,
    framing: Framing,
    scanner: Scanner,
    statements: Option<Box<dyn Statements>>,
    seen: Seen,
    finding: Finding,
}

impl Reply {
    /// A reader for the reply to a request on `route`.
    pub fn new(route: &Route, facts: &RequestFacts, status: u16, headers: Headers<'_>) -> Self {
        let declared = headers.get("content-type").unwrap_or_default();
        let framing = if declared.starts_with(b"text/event-stream") {
            Framing::Events(Box::default())
        } else if declared.starts_with(b"application/json") {
            Framing::Document
        } else {
            Framing::Undecided
        };
        let statements: Option<Box<dyn Statements>> = match route.dialect {
            Dialect::OpenAiChat => Some(Box::new(OpenAiChat::default())),
            Dialect::OpenAiCompletions => Some(Box::new(OpenAiCompletions::default())),
            Dialect::OpenAiEmbeddings => Some(Box::new(OpenAiEmbeddings::default())),
            Dialect::OpenAiResponses => Some(Box::new(OpenAiResponses::default())),
            Dialect::OpenAiTranscription => Some(Box::new(OpenAiTranscription::default())),
            Dialect::AnthropicMessages => Some(Box::new(AnthropicMessages::default())),
            Dialect::Opaque => None,
        };
        let finding = Finding {
            streamed: matches!(framing, Framing::Events(_)) || statements.is_none() && facts.stream,
            ..Finding::default()
        };
        Self {
            billable: route.billable,
            ok: (200..300).contains(&status),
            decoder: Decoder::new(headers.get("content-encoding")),
            framing,
            scanner: Scanner::default(),
            statements,
            seen: Seen::default(),
            finding,
        }
    }

    /// Takes the next piece as it was on the wire; `text` gets what was generated.
    pub fn feed(&mut self, chunk: &[u8], text: &mut dyn FnMut(&str)) -> Progress {
        let Some(statements) = self.statements.as_deref_mut() else { return Progress::default() };
        let identity = self.decoder.is_identity();
        let mut boundary = None;
        let (framing, scanner, seen) = (&mut self.framing, &mut self.scanner, &mut self.seen);
        self.decoder.feed(chunk, |bytes| {
            if let Framing::Undecided = framing
                && let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace())
            {
                let document = matches!(first, b'{' | b'[' | b'"');
                *framing = if document { Framing::Document } else { Framing::Events(Box::default()) };
            }
            let mut reading = Reading { statements: &mut *statements, seen: &mut *seen, text: &mut *text };
            match framing {
                Framing::Undecided => {}
                Framing::Document => scanner.feed(bytes, &mut reading),
                Framing::Events(sse) => boundary = sse.feed(bytes, |event| reading.event(scanner, event)),
            }
        });
        self.collect();
        let streamed = matches!(self.framing, Framing::Events(_));
        Progress { boundary: boundary.filter(|_| identity), cuttable: identity && streamed }
    }

    /// The reply has ended; `complete` is false when the connection was cut.
    pub fn end(&mut self, complete: bool, text: &mut dyn FnMut(&str)) {
        if let Some(statements) = self.statements.as_deref_mut() {
            let (scanner, seen) = (&mut self.scanner, &mut self.seen);
            let mut reading = Reading { statements, seen, text };
            match &mut self.framing {
                Framing::Undecided => {}
                Framing::Document => scanner.end(&mut reading),
                Framing::Events(sse) => sse.end(|event| reading.event(scanner, event)),
            }
        }
        self.collect();
        let document = matches!(self.framing, Framing::Document) && self.scanner.is_done();
        self.finding.finished = self.seen.finished || document || self.statements.is_none() && complete;
        let truncated = !self.finding.finished && self.finding.error_code.is_none() && self.ok;
        if truncated && self.statements.is_some() {
            self.finding.defects.insert(Defect::Truncated);
        }
        let silent = self.finding.provenance == Provenance::None && !self.finding.pending;
        if self.billable && self.ok && silent {
            self.finding.defects.insert(Defect::NoUsage);
        }
        if self.finding.streamed && self.ok && self.finding.error_code.is_some() {
            self.finding.defects.insert(Defect::StreamError);
        }
    }

    /// What the reply states so far.
    pub fn finding(&self) -> &Finding {
        &self.finding
    }

    fn collect(&mut self) {
        let finding = &mut self.finding;
        finding.streamed |= matches!(self.framing, Framing::Events(_));
        finding.finished = self.seen.finished;
        finding.pending = self.seen.pending;
        finding.defects.extend(self.decoder.defects());
        match &self.framing {
            Framing::Events(sse) => finding.defects.extend(sse.defects()),
            Framing::Document | Framing::Undecided => finding.defects.extend(self.scanner.defects()),
        }
        for (slot, value) in [
            (&mut finding.response_model, &self.seen.model),
            (&mut finding.response_id, &self.seen.id),
            (&mut finding.service_tier, &self.seen.service_tier),
            (&mut finding.error_code, &self.seen.error_code),
        ] {
            if slot != value {
                slot.clone_from(value);
            }
        }
        if self.billable
            && let Some(usage) =
                self.statements.as_ref().and_then(|stated| stated.usage(&mut finding.defects))
        {
            finding.usage = usage;
            finding.provenance = Provenance::Reported;
        }
    }
}

/// Hands what the scanner finds to the dialect.
struct Reading<'a, 'b> {
    statements: &'a mut dyn Statements,
    seen: &'a mut Seen,
    text: &'a mut (dyn FnMut(&str) + 'b),
}

impl Reading<'_, '_> {
    fn event(&mut self, scanner: &mut Scanner, event: Event<'_>) {
        if event.data.trim_ascii() == b"[DONE]" {
            self.seen.finished = true;
            return;
        }
        self.statements.frame(event.name);
        scanner.restart();
        scanner.feed(event.data, self);
        scanner.end(self);
    }
}

impl Visitor for Reading<'_, '_> {
    fn wants_text(&mut self, path: &str) -> bool {
        self.statements.is_text(path)
    }

    fn text(&mut self, _path: &str, piece: &str) {
        (self.text)(piece);
    }

    fn text_end(&mut self, _path: &str) {}

    fn scalar(&mut self, path: &str, value: Scalar<'_>) {
        self.statements.scalar(path, value, self.seen);
    }

    fn open(&mut self, path: &str) {
        self.statements.open(path);
    }
}
