//! Event streams that are whole, cut, wrong and arbitrary.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Default, PartialEq, Eq)]
struct Script {
    lines: Vec<String>,
    payload: Vec<u8>,
}

impl Messages for Script {
    fn message(&mut self, event_type: &str, message_type: &str, exception_type: &str) {
        self.lines.push(format!("{message_type}/{event_type}/{exception_type}"));
    }
    fn payload(&mut self, piece: &[u8]) {
        self.payload.extend_from_slice(piece);
    }
    fn end(&mut self, intact: bool) {
        let payload = std::mem::take(&mut self.payload);
        self.lines.push(format!("{} {intact}", String::from_utf8_lossy(&payload)));
    }
}

fn event(name: &str, payload: &str) -> Vec<u8> {
    let headers = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
    encode(&headers, payload.as_bytes()).unwrap()
}

/// What was told, the defects, the last boundary as an offset into all bytes, and whether the end stands at one.
fn split(bytes: &[u8], size: usize) -> (Vec<String>, Defects, usize, bool) {
    let mut stream = EventStream::new();
    let mut script = Script::default();
    let mut boundary = 0;
    for (index, piece) in bytes.chunks(size.max(1)).enumerate() {
        if let Some(offset) = stream.feed(piece, &mut script) {
            boundary = index * size.max(1) + offset;
        }
    }
    let at_boundary = stream.at_boundary();
    stream.end(&mut script);
    (script.lines, stream.defects(), boundary, at_boundary)
}

#[test]
fn messages_are_told_with_their_names_and_payloads() {
    let exception = [(":message-type", "exception"), (":exception-type", "throttlingException")];
    let error = [(":message-type", "error"), (":error-code", "InternalError")];
    let first = [event("messageStart", "{\"a\":1}"), event("metadata", "")].concat();
    let stream = [
        first.clone(),
        encode(&exception, b"{\"message\":\"slow\"}").unwrap(),
        encode(&error, b"").unwrap(),
        encode(&[], b"bare").unwrap(),
    ]
    .concat();

    for size in [1, 2, 3, 7, 16, stream.len()] {
        let (lines, defects, boundary, at_boundary) = split(&stream, size);

        assert_eq!(
            lines,
            [
                "event/messageStart/",
                "{\"a\":1} true",
                "event/metadata/",
                " true",
                "exception//throttlingException",
                "{\"message\":\"slow\"} true",
                "error//InternalError",
                " true",
                "//",
                "bare true"
            ]
        );
        assert!(defects.is_empty());
        assert_eq!((boundary, at_boundary), (stream.len(), true));
    }
    let part = [first.as_slice(), &stream[first.len()..first.len() + 5]].concat();
    let (_, defects, boundary, at_boundary) = split(&part, part.len());
    assert_eq!((boundary, at_boundary), (first.len(), false));
    assert!(defects.contains(Defect::Truncated));
}

#[test]
fn a_cut_anywhere_is_truncated_and_ends_what_it_began() {
    let whole = event("chunk", "{\"bytes\":\"\"}");
    for cut in 1..whole.len() {
        let (lines, defects, boundary, at_boundary) = split(&whole[..cut], 5);

        assert_eq!(defects.iter().collect::<Vec<_>>(), [Defect::Truncated], "{cut}");
        assert_eq!((boundary, at_boundary), (0, false));
        assert!(lines.is_empty() || lines.len() == 2 && lines[1].ends_with(" false"), "{cut} {lines:?}");
    }
    assert_eq!(split(b"", 1), (vec![], Defects::default(), 0, true));
}

#[test]
fn any_flipped_bit_is_malformed_and_ends_the_reading() {
    let (first, second) = (event("first", "{}"), event("second", "{\"x\":[1,2]}"));
    let stream = [first.clone(), second, event("third", "{}")].concat();
    for bit in 0..event("second", "{\"x\":[1,2]}").len() * 8 {
        let mut broken = stream.clone();
        broken[first.len() + bit / 8] ^= 1 << (bit % 8);

        let (lines, defects, boundary, at_boundary) = split(&broken, broken.len());

        assert_eq!(defects.iter().collect::<Vec<_>>(), [Defect::Malformed], "{bit}");
        assert_eq!((boundary, at_boundary), (first.len(), false), "{bit}");
        assert!(!lines.iter().any(|line| line.contains("third")), "{bit}");
        assert!(lines.len() == 2 || lines.last().is_some_and(|line| line.ends_with(" false")), "{bit}");
    }
}

/// A prelude with a right checksum, whatever it says.
fn prelude(total: u32, headers: u32) -> Vec<u8> {
    let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    let mut crc = Crc::new();
    crc.update(&bytes);
    bytes.extend_from_slice(&crc.sum().to_be_bytes());
    bytes
}

#[test]
fn absurd_lengths_are_malformed_before_anything_is_awaited() {
    let (message, headers) = (limits::EVENT_STREAM_MESSAGE_BYTES_MAX, limits::EVENT_STREAM_HEADERS_BYTES_MAX);
    let absurd =
        [(15, 0), (16, 1), (0, 0), (u32::MAX, 0), (message + 1, 0), (message, headers + 1), (20, u32::MAX)];
    for (total, section) in absurd {
        let mut stream = EventStream::new();
        stream.feed(&prelude(total, section), &mut Script::default());
        assert!(stream.defects().contains(Defect::Malformed), "{total} {section}");
    }
    let mut stream = EventStream::new();
    stream.feed(&prelude(message, headers), &mut Script::default());
    assert!(stream.defects().is_empty());
}

#[test]
fn a_header_that_outgrows_its_section_is_malformed() {
    let mut bytes = prelude(16 + 4, 4);
    bytes.extend_from_slice(b"\x09:eve");

    assert_eq!(split(&bytes, 3).1.iter().collect::<Vec<_>>(), [Defect::Malformed]);
}

proptest! {
    #[test]
    fn any_split_of_any_stream_says_the_same(
        events in proptest::collection::vec(("[a-z]{0,20}", "[ -~]{0,60}"), 0..6),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..2),
        size in 1usize..40,
    ) {
        let mut bytes: Vec<u8> = events.iter().flat_map(|(name, payload)| event(name, payload)).collect();
        bytes.extend_from_slice(&noise);
        let length = bytes.len();
        for (at, mask) in flips {
            if let Some(byte) = bytes.get_mut(at.checked_rem(length).unwrap_or(0)) {
                *byte ^= mask;
            }
        }

        prop_assert_eq!(split(&bytes, size), split(&bytes, bytes.len()));
    }

    #[test]
    fn what_is_encoded_is_read_back(name in ".{0,30}", payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut script = Script::default();
        let mut stream = EventStream::new();
        let bytes = encode(&[(":event-type", &name)], &payload).unwrap();
        stream.feed(&bytes[..bytes.len() - 1], &mut script);

        prop_assert_eq!(&script.payload, &payload);
        prop_assert_eq!(stream.feed(&bytes[bytes.len() - 1..], &mut script), Some(1));
        prop_assert!(stream.at_boundary());
    }
}
