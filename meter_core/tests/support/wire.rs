//! Writes exchanges as a client and a server would write them on a connection: HTTP/1 and HTTP/2.

use super::har::{Fields, Recorded};

/// The bytes of both directions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    pub(crate) sent: Vec<u8>,
    pub(crate) received: Vec<u8>,
}

/// How an HTTP/1 body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    /// In chunks of so many bytes, with extensions and a trailer.
    Chunks(usize),
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Fields that say how a message is framed, which its writer decides.
const FRAMING: [&[u8]; 4] = [b"content-length", b"transfer-encoding", b"connection", b"host"];

fn kept(fields: &Fields) -> impl Iterator<Item = &(Vec<u8>, Vec<u8>)> {
    fields.iter().filter(|(name, _)| {
        !name.starts_with(b":") && !FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing))
    })
}

impl Wire {
    /// `exchange` behind what is there, in HTTP/1.
    pub(crate) fn http1(&mut self, exchange: &Recorded, framing: Framing) {
        let Recorded { method, path, host, port, .. } = exchange;
        let start = format!("{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        self.sent.extend(message(&start, &exchange.headers, &exchange.body, framing));
        let start = format!("HTTP/1.1 {} Whatever\r\n", exchange.status);
        self.received.extend(message(&start, &exchange.reply_headers, &exchange.reply, framing));
    }

    /// `exchange` as the stream `id`, in HTTP/2.
    pub(crate) fn http2(&mut self, exchange: &Recorded, id: u32, request: &mut Encoder, reply: &mut Encoder) {
        if self.sent.is_empty() {
            self.sent = [PREFACE, &*frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])].concat();
            self.received = frame(SETTINGS, 0, 0, &[]);
        }
        let authority = format!("{}:{}", exchange.host, exchange.port);
        let pseudo = [
            (":method", &*exchange.method),
            (":scheme", "https"),
            (":authority", &authority),
            (":path", &exchange.path),
        ];
        self.sent.extend(stream(id, &request.block(&pseudo, &exchange.headers), &exchange.body));
        let status = exchange.status.to_string();
        let block = reply.block(&[(":status", &status)], &exchange.reply_headers);
        self.received.extend(stream(id, &block, &exchange.reply));
    }
}

/// One message of HTTP/1.
pub(crate) fn message(start: &str, fields: &Fields, body: &[u8], framing: Framing) -> Vec<u8> {
    let mut out = start.as_bytes().to_vec();
    for (name, value) in kept(fields) {
        out.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
    }
    match framing {
        Framing::Length => {
            out.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
            out.extend_from_slice(body);
        }
        Framing::Chunks(size) => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(size) {
                out.extend(format!("{:X};name=value\r\n", chunk.len()).into_bytes());
                out.extend([chunk, b"\r\n"].concat());
            }
            out.extend_from_slice(b"0\r\nx-trailer: yes\r\n\r\n");
        }
    }
    out
}

/// One frame of HTTP/2.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers in two frames, data in several, some of them padded.
fn stream(id: u32, block: &[u8], body: &[u8]) -> Vec<u8> {
    let (first, rest) = block.split_at(block.len() / 2);
    let ends = if body.is_empty() { END_STREAM } else { 0 };
    let mut out = frame(HEADERS, ends, id, first);
    out.extend(frame(CONTINUATION, END_HEADERS, id, rest));
    let count = body.len().div_ceil(10_000);
    for (at, chunk) in body.chunks(10_000).enumerate() {
        let ends = if at + 1 == count { END_STREAM } else { 0 };
        if at % 2 == 0 {
            out.extend(frame(DATA, ends | PADDED, id, &[&[3], chunk, &[0; 3]].concat()));
        } else {
            out.extend(frame(DATA, ends, id, chunk));
        }
    }
    out
}

/// Writes header blocks: a field it has sent before is one index.
#[derive(Default)]
pub(crate) struct Encoder {
    /// Newest first.
    table: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Encoder {
    pub(crate) fn block(&mut self, pseudo: &[(&str, &str)], fields: &Fields) -> Vec<u8> {
        let pseudo = pseudo.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        let fields = kept(fields).map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let mut out = Vec::new();
        for field in pseudo.chain(fields) {
            if let Some(at) = self.table.iter().position(|known| *known == field) {
                integer(&mut out, 0x80, 7, 62 + at);
                continue;
            }
            // Without Huffman's code, which the unit tests have.
            out.push(0x40);
            for part in [&field.0, &field.1] {
                integer(&mut out, 0, 7, part.len());
                out.extend_from_slice(part);
            }
            self.table.insert(0, field);
            let size = |table: &[(Vec<u8>, Vec<u8>)]| -> usize {
                table.iter().map(|(name, value)| name.len() + value.len() + 32).sum()
            };
            while size(&self.table) > 4096 {
                self.table.pop();
            }
        }
        out
    }
}

fn integer(out: &mut Vec<u8>, first: u8, prefix: u8, value: usize) {
    let mask = (1_usize << prefix) - 1;
    if value < mask {
        return out.push(first | u8::try_from(value).unwrap());
    }
    out.push(first | u8::try_from(mask).unwrap());
    let mut rest = value - mask;
    while rest >= 128 {
        out.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap());
}
