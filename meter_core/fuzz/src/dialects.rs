//! Dialects: whatever a request or a reply says on whatever route, any cut finds the same in it.

use std::sync::OnceLock;

use meter_core::detect::{COVERAGE, Detector, Operation, Route};
use meter_core::dialect::{Finding, Reply, RequestFacts, read_request};
use meter_core::headers::Headers;
use meter_core::usage::Defect;

use super::input::{Input, pieces};

/// A header field.
pub(crate) type Field = (&'static [u8], &'static [u8]);

/// One host of each family whose paths are covered.
const HOSTS: [(&str, u16); 8] = [
    ("api.openai.com", 443),
    ("api.anthropic.com", 443),
    ("generativelanguage.googleapis.com", 443),
    ("us-central1-aiplatform.googleapis.com", 443),
    ("bedrock-runtime.us-east-1.amazonaws.com", 443),
    ("api.cohere.com", 443),
    ("api.mistral.ai", 443),
    ("localhost", 11434),
];

const MEDIA: [&[u8]; 9] = [
    b"application/json",
    b"text/event-stream; charset=utf-8",
    b"application/x-ndjson",
    b"application/vnd.amazon.eventstream",
    b"multipart/form-data; boundary=x",
    b"text/plain",
    b"audio/mpeg",
    b"application/octet-stream",
    b"",
];

const CODINGS: [&[u8]; 6] = [b"", b"gzip", b"br", b"zstd", b"deflate", b"gzip, zstd"];

/// Where a request goes.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) method: &'static str,
    pub(crate) host: &'static str,
    pub(crate) port: u16,
    pub(crate) path: &'static str,
    pub(crate) route: Route,
}

/// Every operation that is known, and a path that is not.
pub(crate) fn places() -> &'static [Place] {
    static PLACES: OnceLock<Vec<Place>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let detector = Detector::new(Vec::new());
        let lines = COVERAGE.iter().map(|line| (line.method, line.path, Some(line.operation)));
        let strange = [("POST", "/v1/unheard-of", None)];
        lines
            .chain(strange)
            .flat_map(|(method, path, operation)| {
                let detector = &detector;
                HOSTS.into_iter().filter_map(move |(host, port)| {
                    let route = detector.detect(method, host, Some(port), path, Headers(&[]))?;
                    let wanted = operation.unwrap_or(Operation::Unknown);
                    (route.operation == wanted).then_some(Place { method, host, port, path, route })
                })
            })
            .collect()
    })
}

/// Media type, content coding, and whether messages of a session are compressed.
pub(crate) fn fields(input: &mut Input<'_>) -> Vec<Field> {
    let (media, coding) = (*input.pick(&MEDIA), input.byte());
    let extension: &[u8] = if coding < 0x80 { b"" } else { b"permessage-deflate" };
    let fields: [Field; 3] = [
        (b"content-type", media),
        (b"content-encoding", CODINGS[usize::from(coding) % CODINGS.len()]),
        (b"sec-websocket-extensions", extension),
    ];
    fields.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Any bytes as the body of a request.
pub fn request(data: &[u8]) {
    let mut input = Input::new(data);
    let place = input.pick(places());
    let fields = fields(&mut input);
    let facts = read_request(&place.route, Headers(&fields), input.rest());

    assert!(facts.choices > 0, "nothing is asked for");
    assert_eq!(facts, read_request(&place.route, Headers(&fields), data_body(data)), "not the same twice");
}

/// What is behind the three choices of [`request`].
fn data_body(data: &[u8]) -> &[u8] {
    data.get(3..).unwrap_or_default()
}

/// Any bytes as the body of a reply.
pub fn reply(data: &[u8]) {
    let mut input = Input::new(data);
    let place = input.pick(places());
    let fields = fields(&mut input);
    let (cuts, choice) = (input.byte(), input.byte());
    let facts = RequestFacts { stream: choice & 1 == 1, choices: 1, ..RequestFacts::default() };
    let status = *[200, 200, 101, 429, 500, 204].get(usize::from(choice >> 2) % 6).expect("one of six");
    let body = input.rest();
    let find = |chunks: &mut dyn Iterator<Item = &[u8]>| -> (Finding, String) {
        let mut reply = Reply::new(&place.route, &facts, status, Headers(&fields));
        let mut text = String::new();
        for chunk in chunks {
            let progress = reply.feed(chunk, &mut |piece| text.push_str(piece));
            assert!(progress.boundary.is_none_or(|offset| offset <= chunk.len()));
            assert!(reply.is_plain() || !progress.at_boundary, "a boundary in compressed bytes");
        }
        reply.end(choice & 2 == 0, &mut |piece| text.push_str(piece));
        (reply.finding().clone(), text)
    };

    let whole = find(&mut std::iter::once(body));
    let split = find(&mut pieces(body, cuts));

    assert_eq!(whole.0.defects.contains(Defect::Undecodable), split.0.defects.contains(Defect::Undecodable));
    if !whole.0.defects.contains(Defect::Undecodable) && !whole.0.defects.contains(Defect::DecodeLimit) {
        assert_eq!(whole, split, "{}", place.path);
    }
}
