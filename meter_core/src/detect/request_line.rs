//! Method and path of a request, taken apart for the shapes; refuses to know what they mean.

use std::borrow::Cow;

/// Segments looked at; longer paths are nobody's API.
const SEGMENTS_MAX: usize = 16;

/// Method, path segments and query of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLine<'a> {
    method: &'a str,
    segments: [&'a str; SEGMENTS_MAX],
    count: usize,
    query: &'a str,
}

impl<'a> RequestLine<'a> {
    /// Takes `path` apart, which may carry a query or be an absolute URL. Empty segments are none.
    pub(super) fn new(method: &'a str, path: &'a str) -> Self {
        let path = path
            .split_once("://")
            .map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, rest)| rest));
        let path = path.split('#').next().unwrap_or(path);
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let mut segments = [""; SEGMENTS_MAX];
        let mut count = 0;
        for (slot, segment) in segments.iter_mut().zip(bare.split('/').filter(|segment| !segment.is_empty()))
        {
            *slot = segment;
            count += 1;
        }
        Self { method, segments, count, query }
    }

    /// Whether the method is `name`, in whatever case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.method.eq_ignore_ascii_case(name)
    }

    /// The segments of the path.
    pub(super) fn segments(&self) -> &[&'a str] {
        self.segments.get(..self.count).unwrap_or_default()
    }

    /// The segment after the first one called `name`.
    pub(super) fn after(&self, name: &str) -> Option<&'a str> {
        let at = self.segments().iter().position(|segment| *segment == name)?;
        self.segments().get(at + 1).copied()
    }

    /// The value of the query parameter `name`, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let pair = self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(decoded(pair))
    }
}

/// `text` with its percent-escapes undone; broken ones stay as they are.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = tail
            .get(..2)
            .filter(|hex| first == b'%' && hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    match String::from_utf8_lossy(&bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_whatever_its_form() {
        for path in ["/v1//chat?key=a%20b&x=1#f", "https://host/v1/chat?key=a%20b", "v1/chat/?key=a%20b"] {
            let line = RequestLine::new("post", path);
            assert_eq!(line.segments(), ["v1", "chat"], "{path}");
            assert_eq!(line.parameter("key").as_deref(), Some("a b"), "{path}");
        }
        let line = RequestLine::new("GET", "/a/b");
        assert!(line.is("get") && line.parameter("a").is_none());
        assert_eq!((line.after("a"), line.after("b")), (Some("b"), None));
    }

    #[test]
    fn escapes_are_undone_and_broken_ones_kept() {
        let cases = [("a%3A0", "a:0"), ("%zz%4", "%zz%4"), ("%ff", "\u{fffd}"), ("", ""), ("%+1", "%+1")];
        for (text, expected) in cases {
            assert_eq!(decoded(text), expected);
        }
    }
}
