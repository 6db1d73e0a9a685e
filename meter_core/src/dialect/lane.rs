//! The JSON of a body on its way from framing to dialect: one document, or one after another, and what all dialects share.
//!
//! It owns the order of envelope, dialect and text. It refuses to know how documents are told apart.

use super::envelope::{self, Envelope};
use super::reader::Reader;
use crate::frame::json_lines::Documents;
use crate::frame::sse::Events;
use crate::frame::web_socket::{Kind, Messages};
use crate::json_scan::{Interest, Paths, PlaceVisitor, Scalar, Scanner, Take};
use crate::usage::{Defect, Defects};

/// What was read of the JSON so far.
pub(super) struct Json {
    pub(super) scanner: Scanner<Place>,
    pub(super) reader: Box<dyn Reader>,
    pub(super) envelope: Envelope,
    pub(super) text_seen: bool,
    /// `[DONE]` or the close of a session was seen.
    pub(super) done: bool,
    /// No more bytes come: an event that is not whole was cut, not malformed.
    pub(super) closing: bool,
    /// Defects that neither decoder nor scanner nor dialect know.
    pub(super) defects: Defects,
}

impl Json {
    /// Nothing read yet.
    pub(super) fn new(reader: Box<dyn Reader>, envelope: Envelope, defects: Defects) -> Self {
        Self {
            scanner: Scanner::new(),
            reader,
            envelope,
            text_seen: false,
            done: false,
            closing: false,
            defects,
        }
    }

    /// Tells the dialect of what it does not heed too.
    #[cfg(test)]
    pub(super) fn tell_everything(&mut self) {
        let reader = std::mem::replace(&mut self.reader, Box::new(envelope::Nothing));
        self.reader = Box::new(super::heeds_test::All(reader));
    }
}

/// The JSON of a body with the place its text goes to, for one chunk.
pub(super) struct Lane<'a> {
    pub(super) json: &'a mut Json,
    pub(super) text: &'a mut dyn FnMut(&str),
}

impl Lane<'_> {
    /// Takes the next bytes of the current document.
    pub(super) fn scan(&mut self, bytes: &[u8]) {
        let (scanner, mut sink) = self.parts();
        scanner.feed(bytes, &mut sink);
    }

    /// Says that the current document got no more bytes.
    pub(super) fn finish(&mut self) {
        let (scanner, mut sink) = self.parts();
        scanner.end(&mut sink);
    }

    /// Names the event that the next document is.
    pub(super) fn begin(&mut self, event: &str) {
        self.json.reader.event(event);
    }

    /// Takes note of an error that the framing itself names.
    pub(super) fn fail(&mut self, code: &str) {
        self.json.envelope.fail(code);
    }

    /// Ends the current document of several. `intact` is false if some of it was left out.
    pub(super) fn next(&mut self, intact: bool) {
        self.finish();
        let scanner = &mut self.json.scanner;
        if intact && !self.json.closing && !scanner.is_complete() && !scanner.is_blank() {
            self.json.defects.insert(Defect::Malformed);
        }
        scanner.reset();
        self.json.reader.event("");
    }

    fn parts(&mut self) -> (&mut Scanner<Place>, Sink<'_>) {
        let Json { scanner, reader, envelope, text_seen, .. } = &mut *self.json;
        (scanner, Sink { reader: reader.as_mut(), envelope, text_seen, text: self.text })
    }
}

impl Events for Lane<'_> {
    fn name(&mut self, name: &str) {
        self.begin(name);
    }
    fn data(&mut self, piece: &[u8]) {
        self.scan(piece);
    }
    fn done(&mut self) {
        self.json.done = true;
    }
    fn end(&mut self, intact: bool) {
        self.next(intact);
    }
}

impl Documents for Lane<'_> {
    fn begin(&mut self) {}
    fn piece(&mut self, piece: &[u8]) {
        self.scan(piece);
    }
    fn end(&mut self, complete: bool) {
        self.next(complete);
    }
}

impl Messages for Lane<'_> {
    fn message_begin(&mut self, _: Kind) {}
    fn piece(&mut self, piece: &[u8]) {
        self.scan(piece);
    }
    fn message_end(&mut self, complete: bool) {
        self.next(complete);
    }
    fn close(&mut self, _: u16) {
        self.json.done = true;
    }
}

/// What a scanner tells, split between envelope, dialect and text.
struct Sink<'a> {
    reader: &'a mut dyn Reader,
    envelope: &'a mut Envelope,
    text_seen: &'a mut bool,
    text: &'a mut dyn FnMut(&str),
}

/// Who reads what stands at a path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    envelope: envelope::Place,
    /// The dialect does.
    heeded: bool,
}

impl PlaceVisitor for Sink<'_> {
    type Place = Place;

    fn place(&self, path: &str) -> Place {
        Place { envelope: envelope::Place::of(path), heeded: self.reader.heeds(path) }
    }
    fn enter(&mut self, at: &mut Paths<Place>) -> Interest {
        let Place { envelope, heeded } = at.place();
        self.envelope.enter(envelope);
        if heeded { self.reader.enter(at.as_str()) } else { Interest::Walk }
    }
    fn leave(&mut self, at: &mut Paths<Place>) {
        if at.place().heeded {
            self.reader.leave(at.as_str());
        }
    }
    fn string(&mut self, at: &mut Paths<Place>) -> Take {
        let Place { envelope, heeded } = at.place();
        match heeded {
            _ if envelope.wants() => Take::Value,
            true => self.reader.string(at.as_str()),
            false => Take::Skip,
        }
    }
    fn value(&mut self, at: &mut Paths<Place>, value: Scalar<'_>) {
        let Place { envelope, heeded } = at.place();
        self.envelope.value(envelope, value);
        if heeded {
            self.reader.value(at.as_str(), value);
        }
    }
    fn text(&mut self, _: &mut Paths<Place>, piece: &str) {
        *self.text_seen |= !piece.is_empty();
        (self.text)(piece);
    }
    fn text_end(&mut self, _: &mut Paths<Place>) {}
}
