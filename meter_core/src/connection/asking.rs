//! The head of a request as either version of HTTP gives it, and where it goes. It refuses to know how it was written.

use super::desk::Desk;
use crate::exchange::Exchange;
use crate::headers::Headers;
use crate::meter::{Meter, Request};

/// Names and values of header fields.
pub(super) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Calls `read` with `fields` as headers.
pub(super) fn with_headers<T>(fields: &Fields, read: impl FnOnce(Headers<'_>) -> T) -> T {
    let lent: Vec<(&[u8], &[u8])> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    read(Headers(&lent))
}

/// See above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asking {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
    pub(super) fields: Fields,
}

impl Asking {
    /// Whether its host is metered by name.
    pub(super) fn goes_to_a_known_host(&self, meter: &Meter) -> bool {
        meter.knows_host(&self.host, Some(self.port))
    }

    /// Whether it may be metered, as far as its head tells.
    pub(super) fn may_be_metered(&self, meter: &Meter) -> bool {
        self.goes_to_a_known_host(meter) || meter.knows_path(&self.method, &self.path)
    }

    /// Opens its exchange. `body` is None if it was not seen whole.
    pub(super) fn open(&self, body: Option<&[u8]>, desk: &mut Desk<'_>) -> Option<Box<Exchange>> {
        with_headers(&self.fields, |headers| {
            desk.open(&Request {
                method: &self.method,
                host: &self.host,
                port: self.port,
                path: &self.path,
                headers,
                body,
            })
        })
    }
}

/// Host and port of an authority: `host`, `host:port`, `[address]:port`, in lower case and without a last dot.
pub(super) fn split_authority(authority: &str, default_port: u16) -> (String, u16) {
    let bare = authority.rsplit_once('@').map_or(authority, |(_, bare)| bare);
    let (host, digits) = match bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, tail)) => (address, tail.strip_prefix(':')),
        None => match bare.split_once(':') {
            Some((host, digits)) if !digits.contains(':') => (host, Some(digits)),
            _ => (bare, None),
        },
    };
    let port = digits.and_then(|digits| digits.parse().ok()).unwrap_or(default_port);
    (host.trim_end_matches('.').to_ascii_lowercase(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_taken_apart() {
        let cases = [
            ("api.openai.com", ("api.openai.com", 443)),
            ("API.OpenAI.com.:8443", ("api.openai.com", 8443)),
            ("[::1]:11434", ("::1", 11434)),
            ("[::1]", ("::1", 443)),
            ("::1", ("::1", 443)),
            ("user:secret@host:1", ("host", 1)),
            ("host:nonsense", ("host", 443)),
            ("", ("", 443)),
        ];
        for (authority, (host, port)) in cases {
            assert_eq!(split_authority(authority, 443), (host.to_owned(), port), "{authority}");
        }
    }
}
