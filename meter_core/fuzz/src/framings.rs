//! Framings: any cut tells the same events and the same boundaries, and what begins ends.

use meter_core::frame::event_stream::{self, EventStream};
use meter_core::frame::json_array::JsonArray;
use meter_core::frame::json_lines::{Documents, JsonLines};
use meter_core::frame::sse::{Events, Sse};
use meter_core::frame::web_socket::{self, Compression, Kind, Sender, WebSocket};
use meter_core::usage::{Defect, Defects};

use super::input::{Input, pieces};

/// What was told, with the pieces of each event joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Transcript {
    told: Vec<String>,
    pieces: Vec<u8>,
    open: bool,
}

impl Transcript {
    fn begin(&mut self, what: String) {
        assert!(!std::mem::replace(&mut self.open, true), "two at once");
        self.told.push(what);
    }

    fn piece(&mut self, piece: &[u8]) {
        assert!(!piece.is_empty(), "an empty piece");
        self.pieces.extend_from_slice(piece);
    }

    fn end(&mut self, whole: bool) {
        assert!(std::mem::take(&mut self.open), "an end of nothing");
        let pieces = std::mem::take(&mut self.pieces);
        self.told.push(format!("{} {whole}", pieces.escape_ascii()));
    }
}

impl Events for Transcript {
    fn name(&mut self, name: &str) {
        self.told.push(format!("name {name}"));
    }
    fn data(&mut self, piece: &[u8]) {
        Transcript::piece(self, piece);
    }
    fn done(&mut self) {
        self.told.push("done".to_owned());
    }
    fn end(&mut self, intact: bool) {
        self.open = true;
        Transcript::end(self, intact);
    }
}

impl Documents for Transcript {
    fn begin(&mut self) {
        Transcript::begin(self, "document".to_owned());
    }
    fn piece(&mut self, piece: &[u8]) {
        Transcript::piece(self, piece);
    }
    fn end(&mut self, complete: bool) {
        Transcript::end(self, complete);
    }
}

impl event_stream::Messages for Transcript {
    fn message(&mut self, event_type: &str, message_type: &str, exception_type: &str) {
        Transcript::begin(self, format!("{event_type}/{message_type}/{exception_type}"));
    }
    fn payload(&mut self, piece: &[u8]) {
        Transcript::piece(self, piece);
    }
    fn end(&mut self, intact: bool) {
        Transcript::end(self, intact);
    }
}

impl web_socket::Messages for Transcript {
    fn message_begin(&mut self, kind: Kind) {
        Transcript::begin(self, format!("{kind:?}"));
    }
    fn piece(&mut self, piece: &[u8]) {
        Transcript::piece(self, piece);
    }
    fn message_end(&mut self, complete: bool) {
        Transcript::end(self, complete);
    }
    fn close(&mut self, code: u16) {
        self.told.push(format!("close {code}"));
    }
}

/// Everything that a framing said of one stream.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    told: Vec<String>,
    defects: Defects,
    /// Offset of the last boundary in the whole stream.
    boundary: usize,
    at_boundary: bool,
}

/// One framing behind one surface.
trait Framing {
    fn feed(&mut self, chunk: &[u8], transcript: &mut Transcript) -> Option<usize>;
    fn end(&mut self, transcript: &mut Transcript);
    fn defects(&self) -> Defects;
    fn at_boundary(&self) -> bool;
}

macro_rules! framing {
    ($kind:ty) => {
        impl Framing for $kind {
            fn feed(&mut self, chunk: &[u8], transcript: &mut Transcript) -> Option<usize> {
                self.feed(chunk, transcript)
            }
            fn end(&mut self, transcript: &mut Transcript) {
                self.end(transcript);
            }
            fn defects(&self) -> Defects {
                self.defects()
            }
            fn at_boundary(&self) -> bool {
                self.at_boundary()
            }
        }
    };
}

framing!(Sse);
framing!(EventStream);
framing!(JsonLines);
framing!(WebSocket);

impl Framing for JsonArray {
    fn feed(&mut self, chunk: &[u8], _: &mut Transcript) -> Option<usize> {
        self.feed(chunk)
    }
    fn end(&mut self, _: &mut Transcript) {}
    fn defects(&self) -> Defects {
        Defects::default()
    }
    fn at_boundary(&self) -> bool {
        self.at_boundary()
    }
}

fn said<'a>(mut framing: impl Framing, chunks: impl Iterator<Item = &'a [u8]>) -> Said {
    let (mut transcript, mut boundary, mut before) = (Transcript::default(), 0, 0);
    for chunk in chunks {
        if let Some(offset) = framing.feed(chunk, &mut transcript) {
            assert!(offset <= chunk.len(), "a boundary beyond the chunk");
            boundary = before + offset;
        }
        before += chunk.len();
    }
    let at_boundary = framing.at_boundary();
    framing.end(&mut transcript);
    assert!(!transcript.open && transcript.pieces.is_empty(), "something began and did not end");
    Said { told: transcript.told, defects: framing.defects(), boundary, at_boundary }
}

/// The same for any cut; what it said.
fn same<F: Framing>(framing: impl Fn() -> F, bytes: &[u8], cuts: u8) -> Said {
    let whole = said(framing(), std::iter::once(bytes));
    let mut split = said(framing(), pieces(bytes, cuts));
    if whole.defects.contains(Defect::Undecodable) || whole.defects.contains(Defect::DecodeLimit) {
        // How much of a broken compressed message comes out in front of the break may depend on the cuts.
        assert_eq!(whole.told.len(), split.told.len());
        split.told.clone_from(&whole.told);
    }
    assert_eq!(whole, split);
    whole
}

/// Any bytes as server-sent events.
pub fn sse(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = input.byte();
    let bytes = input.rest();
    let said = same(Sse::new, bytes, cuts);

    // An event put at the last boundary is read, whatever came before.
    let ended = [&bytes[..said.boundary], b"data: last words\n\n"].concat();
    let told = same(Sse::new, &ended, cuts).told;
    assert!(told.last().is_some_and(|last| last == "last words true"), "{told:?}");
}

/// Any bytes as an AWS event stream, and as the headers and payload of a message that is right otherwise.
pub fn event_stream(data: &[u8]) {
    let mut input = Input::new(data);
    let (cuts, framed) = (input.byte(), input.byte());
    if framed & 1 == 0 {
        same(EventStream::new, input.rest(), cuts);
        return;
    }
    let mut bytes = Vec::new();
    for _ in 0..framed >> 6 {
        bytes.extend(message(input.part(), input.part()));
    }
    let whole = bytes.len();
    bytes.extend_from_slice(input.rest());
    let said = same(EventStream::new, &bytes, cuts);

    let words = event_stream::encode(&[(":event-type", "last")], b"words").expect("fits");
    let ended = [&bytes[..said.boundary], words.as_slice()].concat();
    let told = same(EventStream::new, &ended, cuts).told;
    assert!(told.ends_with(&["last//".to_owned(), "words true".to_owned()]), "{told:?} of {whole}");
}

/// A message of these headers with right lengths and checksums.
fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).expect("fits").to_be_bytes();
    let mut message = [length(16 + headers.len() + payload.len()), length(headers.len())].concat();
    message.extend_from_slice(&checksum(&message));
    message.extend_from_slice(headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&checksum(&message));
    message
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}

/// Any bytes as newline-separated JSON.
pub fn json_lines(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = input.byte();
    let bytes = input.rest();
    let said = same(JsonLines::new, bytes, cuts);

    let ended = [&bytes[..said.boundary], b"{}\n"].concat();
    let told = same(JsonLines::new, &ended, cuts).told;
    assert!(told.last().is_some_and(|last| last == "{} true"), "{told:?}");
}

/// Any bytes as a JSON array; where they are one, it can be closed at its last boundary.
pub fn json_array(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = input.byte();
    let bytes = input.rest();
    let said = same(JsonArray::new, bytes, cuts);

    if said.boundary > 0 && serde_json::from_slice::<Vec<serde_json::Value>>(bytes).is_ok() {
        let ended = [&bytes[..said.boundary], b",{}]"].concat();
        assert!(serde_json::from_slice::<Vec<serde_json::Value>>(&ended).is_ok());
    }
}

/// Any bytes as one direction of a WebSocket session.
pub fn web_socket(data: &[u8]) {
    const AGREED: [&[u8]; 4] = [
        b"",
        b"permessage-deflate",
        b"permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        b"permessage-deflate; server_max_window_bits=10; client_max_window_bits",
    ];
    let mut input = Input::new(data);
    let (cuts, choice) = (input.byte(), input.byte());
    let sender = if choice & 1 == 0 { Sender::Server } else { Sender::Client };
    let compression = Compression::agreed(Some(AGREED[usize::from(choice >> 1) % AGREED.len()]));
    let bytes = input.rest();
    let socket = || WebSocket::new(sender, compression);
    let said = same(socket, bytes, cuts);

    if sender == Sender::Server {
        let words = [web_socket::text_frame("last words"), web_socket::close_frame(1008, "over")].concat();
        let ended = [&bytes[..said.boundary], words.as_slice()].concat();
        let told = same(socket, &ended, cuts).told;
        let expected = ["Text", "last words true", "close 1008"].map(str::to_owned);
        assert!(told.ends_with(&expected), "{told:?}");
    }
}
