//! Keyed fingerprints of API keys: enough to tell keys apart, useless to anybody without the fingerprint key.
//! This file is the only one that looks at a credential, and it keeps nothing of it.

use std::fmt::Write as _;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::headers::Headers;

/// Header fields that carry a credential, in the order they are tried.
const CREDENTIAL_FIELDS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
/// The scheme that stands before most keys.
const BEARER: &[u8] = b"bearer ";
/// Bytes of the digest shown; 48 bits tell thousands of keys apart.
const SHOWN_BYTES: usize = 6;

/// Makes fingerprints under one secret key.
#[derive(Clone)]
pub struct Fingerprints {
    mac: Hmac<Sha256>,
}

impl Fingerprints {
    /// Fingerprints under `key`, of any length; the same key gives the same fingerprints.
    pub fn new(key: &[u8]) -> Option<Self> {
        Hmac::<Sha256>::new_from_slice(key).ok().map(|mac| Self { mac })
    }

    /// The fingerprint of the credential among `headers`, as twelve hexadecimal digits; None without a credential.
    pub fn credential(&self, headers: Headers<'_>) -> Option<Arc<str>> {
        let fields = CREDENTIAL_FIELDS.iter().filter_map(|name| headers.get(name));
        let token = fields.map(token).find(|token| !token.is_empty())?;
        let mut shown = String::with_capacity(SHOWN_BYTES * 2);
        for byte in &self.digest(token)[..SHOWN_BYTES] {
            // Writing to a String cannot fail.
            let _ = write!(shown, "{byte:02x}");
        }
        Some(shown.into())
    }

    /// 64 bits that stand for `bytes` in sets of things already seen.
    pub fn short(&self, bytes: &[u8]) -> u64 {
        let digest = self.digest(bytes);
        digest[..8].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

/// The credential in a field's value: without the scheme, which is spelled in any case.
fn token(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_start();
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => token.trim_ascii(),
        _ => value.trim_ascii_end(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &[u8], field: &str, value: &str) -> Option<Arc<str>> {
        let fields = [(field.as_bytes(), value.as_bytes())];
        Fingerprints::new(key).unwrap().credential(Headers(&fields))
    }

    #[test]
    fn the_same_credential_has_one_fingerprint_under_any_header() {
        let bearer = of(b"k", "Authorization", "Bearer abc").unwrap();

        assert_eq!(of(b"k", "x-api-key", "abc").unwrap(), bearer);
        assert_eq!(of(b"k", "authorization", "bearer abc").unwrap(), bearer);
        assert_eq!(bearer.len(), 12);
        assert!(!bearer.contains("abc"));
    }

    #[test]
    fn another_key_or_credential_gives_another_fingerprint() {
        assert_ne!(of(b"k", "x-api-key", "abc"), of(b"l", "x-api-key", "abc"));
        assert_ne!(of(b"k", "x-api-key", "abc"), of(b"k", "x-api-key", "abd"));
        assert_eq!(of(b"k", "x-api-key", " "), None);
        assert_eq!(of(b"k", "accept", "abc"), None);
    }

    #[test]
    fn an_empty_field_does_not_hide_the_credential_in_another() {
        let fields: [(&[u8], &[u8]); 2] = [(b"authorization", b"Bearer "), (b"x-api-key", b"abc")];
        let found = Fingerprints::new(b"k").unwrap().credential(Headers(&fields));

        assert_eq!(found, of(b"k", "x-api-key", "abc"));
    }
}
