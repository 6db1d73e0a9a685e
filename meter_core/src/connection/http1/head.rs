//! The head of an HTTP/1 message: gathered up to its empty line, then read by `httparse`. It owns how long a head may be and
//! which framing of the body follows from it.

use httparse::{EMPTY_HEADER, Header};

use super::body::Body;
use crate::connection::asking::{Asking, Fields, split_authority};
use crate::headers::Headers;
use crate::limits;

/// A head on its way.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    line: usize,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Its end has not come.
    Part,
    /// All of it.
    Whole(Vec<u8>),
    /// It is longer than any head is.
    TooLong,
}

/// What the first bytes of a message tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connection) enum Likeness {
    Yes,
    No,
    /// As far as they go.
    Yet,
}

/// The methods of HTTP. A connection may be seen from the middle of a word: anything in capitals would not do.
const METHODS: [&[u8]; 9] =
    [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE"];

/// Whether a request may begin like this: a method, a space, and the beginning of a target.
pub(in crate::connection) fn is_like_a_request(bytes: &[u8]) -> Likeness {
    let Some(end) = memchr::memchr(b' ', bytes.get(..LONGEST + 1).unwrap_or(bytes)) else {
        let begun = METHODS.iter().any(|method| method.starts_with(bytes));
        return if begun { Likeness::Yet } else { Likeness::No };
    };
    let known = bytes.get(..end).is_some_and(|method| METHODS.contains(&method));
    match bytes.get(end + 1) {
        _ if !known => Likeness::No,
        None => Likeness::Yet,
        Some(target) if is_of_a_target(*target) => Likeness::Yes,
        Some(_) => Likeness::No,
    }
}

/// Bytes of the longest of them.
const LONGEST: usize = 7;

fn is_of_a_target(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'*' | b'[')
}

impl Head {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Takes bytes off the front of `bytes` up to the end of the head.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Taken {
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes);
            let (line, behind) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            *bytes = behind;
            if self.bytes.len() + line.len() > limits::HTTP_HEAD_BYTES_MAX {
                return Taken::TooLong;
            }
            self.bytes.extend_from_slice(line);
            if end.is_none() {
                return Taken::Part;
            }
            let empty = matches!(self.bytes.get(self.line..), Some(b"\n" | b"\r\n"));
            match (empty, self.line) {
                // An empty line before a head is none of it.
                (true, 0) => self.bytes.clear(),
                (true, _) => {
                    self.line = 0;
                    return Taken::Whole(std::mem::take(&mut self.bytes));
                }
                (false, _) => self.line = self.bytes.len(),
            }
        }
        Taken::Part
    }
}

/// A request's head, and how its body is framed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestHead {
    pub(super) asking: Asking,
    pub(super) body: Body,
    /// It names the scheme and host of its target, as a client of a proxy does.
    pub(super) to_proxy: bool,
    /// It asks to leave HTTP.
    pub(super) upgrades: bool,
}

/// A reply's head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReplyHead {
    pub(super) status: u16,
    pub(super) fields: Fields,
    /// How a body is framed, if the status and the request allow for one.
    pub(super) body: Body,
}

/// Reads the head of a request; None if it is none.
pub(super) fn request(head: &[u8], default_port: u16) -> Option<RequestHead> {
    let mut headers = [EMPTY_HEADER; limits::HTTP_FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(head).ok().filter(httparse::Status::is_complete)?;
    let target = parsed.path?;
    let (scheme, rest) =
        target.split_once("://").map_or((None, target), |(scheme, rest)| (Some(scheme), rest));
    let to_proxy = scheme.is_some() && !target.starts_with('/');
    lend(parsed.headers, |headers| {
        let stated = headers.get("host").and_then(|host| std::str::from_utf8(host).ok()).unwrap_or_default();
        let ((host, port), path) = if to_proxy {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let port = if scheme == Some("https") { 443 } else { 80 };
            (split_authority(authority, port), if path.is_empty() { "/" } else { path })
        } else {
            (split_authority(stated.trim(), default_port), target)
        };
        Some(RequestHead {
            to_proxy,
            upgrades: headers.get("upgrade").is_some(),
            // A request that lasts until its connection ends could not be answered.
            body: framing(headers, Body::Length(0)).filter(|body| *body != Body::UntilClose)?,
            asking: Asking {
                method: parsed.method?.to_owned(),
                host,
                port,
                path: path.to_owned(),
                fields: owned(headers),
            },
        })
    })
}

/// Reads the head of a reply; None if it is none.
pub(super) fn reply(head: &[u8]) -> Option<ReplyHead> {
    let mut headers = [EMPTY_HEADER; limits::HTTP_FIELDS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    let mut rules = httparse::ParserConfig::default();
    rules.allow_spaces_after_header_name_in_responses(true);
    rules.allow_obsolete_multiline_headers_in_responses(true);
    rules.parse_response(&mut parsed, head).ok().filter(httparse::Status::is_complete)?;
    let status = parsed.code?;
    lend(parsed.headers, |headers| {
        Some(ReplyHead { status, body: framing(headers, Body::UntilClose)?, fields: owned(headers) })
    })
}

fn lend<T>(headers: &[Header<'_>], read: impl FnOnce(Headers<'_>) -> T) -> T {
    let lent: Vec<(&[u8], &[u8])> =
        headers.iter().map(|header| (header.name.as_bytes(), header.value)).collect();
    read(Headers(&lent))
}

fn owned(headers: Headers<'_>) -> Fields {
    headers.0.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

/// How the body is framed; `otherwise` where no field says. None if a length is stated that is none.
fn framing(headers: Headers<'_>, otherwise: Body) -> Option<Body> {
    if let Some(codings) = headers.get("transfer-encoding") {
        let last = codings.rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
        let chunked = last.eq_ignore_ascii_case(b"chunked");
        return Some(if chunked { Body::chunked() } else { Body::UntilClose });
    }
    let Some(stated) = headers.get("content-length") else { return Some(otherwise) };
    // The same length twice is one length, and anything else is none.
    let mut lengths = stated.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let first = lengths.next()?;
    let digits =
        !first.is_empty() && first.iter().all(u8::is_ascii_digit) && lengths.all(|other| other == first);
    let length = std::str::from_utf8(first).ok().filter(|_| digits)?;
    length.parse().ok().map(Body::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pieces: &[&[u8]]) -> (Taken, usize) {
        let mut head = Head::default();
        let mut left = 0;
        for piece in pieces {
            let mut rest = *piece;
            match head.take(&mut rest) {
                Taken::Part => {}
                taken => return (taken, rest.len()),
            }
            left = rest.len();
        }
        (Taken::Part, left)
    }

    #[test]
    fn a_head_ends_at_its_empty_line_however_it_is_cut() {
        let wire = b"\r\nGET / HTTP/1.1\r\na: b\r\n\r\nrest";
        for size in 1..=wire.len() {
            let (taken, _) = taken(&wire.chunks(size).collect::<Vec<_>>());
            assert_eq!(taken, Taken::Whole(b"GET / HTTP/1.1\r\na: b\r\n\r\n".to_vec()), "{size}");
        }
        assert_eq!(taken(&[b"GET / HTTP/1.1\n\nrest"]), (Taken::Whole(b"GET / HTTP/1.1\n\n".to_vec()), 4));
        assert_eq!(taken(&[&vec![b'a'; limits::HTTP_HEAD_BYTES_MAX + 1]]).0, Taken::TooLong);
    }

    #[test]
    fn targets_in_either_form_give_host_port_and_path() {
        let cases = [
            (
                "GET /v1/x?y HTTP/1.1\r\nHost: Api.example:8080\r\n\r\n",
                ("api.example", 8080, "/v1/x?y", false),
            ),
            ("GET /a://b HTTP/1.1\r\nHost: api.example\r\n\r\n", ("api.example", 443, "/a://b", false)),
            ("GET http://h/p HTTP/1.1\r\nHost: other\r\n\r\n", ("h", 80, "/p", true)),
            ("GET https://h HTTP/1.1\r\n\r\n", ("h", 443, "/", true)),
            ("GET / HTTP/1.0\r\n\r\n", ("", 443, "/", false)),
        ];
        for (text, (host, port, path, to_proxy)) in cases {
            let head = request(text.as_bytes(), 443).unwrap();
            let found = (&*head.asking.host, head.asking.port, &*head.asking.path, head.to_proxy);
            assert_eq!(found, (host, port, path, to_proxy), "{text}");
        }
    }

    #[test]
    fn the_framing_of_a_body_is_what_its_fields_say() {
        let cases = [
            ("content-length: 5\r\n", Some(Body::Length(5))),
            ("content-length: 5, 5\r\n", Some(Body::Length(5))),
            ("content-length: 5, 6\r\n", None),
            ("content-length: +5\r\n", None),
            ("content-length: \r\n", None),
            ("Transfer-Encoding: gzip, Chunked\r\ncontent-length: 5\r\n", Some(Body::chunked())),
            ("transfer-encoding: gzip\r\n", Some(Body::UntilClose)),
            ("", Some(Body::UntilClose)),
        ];
        for (fields, body) in cases {
            let head = reply(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes());
            assert_eq!(head.map(|head| head.body), body, "{fields}");
        }
        assert_eq!(reply(b"HTTP/1.1 200\r\n\r\n").map(|head| head.status), Some(200));
    }

    #[test]
    fn the_first_bytes_tell_a_request() {
        let cases: [(&[u8], Likeness); 10] = [
            (b"POST /v1", Likeness::Yes),
            (b"CONNECT a:1", Likeness::Yes),
            (b"GET http", Likeness::Yes),
            (b"", Likeness::Yet),
            (b"PO", Likeness::Yet),
            (b"POST ", Likeness::Yet),
            (b"HTTP/1.1 200", Likeness::No),
            (b"\x16\x03\x01", Likeness::No),
            (b"OST /v1", Likeness::No),
            (b" /", Likeness::No),
        ];
        for (bytes, likeness) in cases {
            assert_eq!(is_like_a_request(bytes), likeness, "{bytes:?}");
        }
    }
}
