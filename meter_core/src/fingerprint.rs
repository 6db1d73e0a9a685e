//! Keyed fingerprints of API keys and other names that are not kept: enough to tell them apart, useless to anybody without
//! the fingerprint key.
//! This file is the only one that looks at a credential, and it keeps nothing of it.

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::headers::Headers;

/// Header fields that carry a credential, in the order they are tried.
const CREDENTIAL_FIELDS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
/// The scheme that stands before most keys.
const BEARER: &[u8] = b"bearer ";
/// What an AWS signature begins with.
const AWS_SCHEME: &str = "AWS4-HMAC-SHA256 ";
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

    /// The fingerprint of the credential among `headers` or in the query of `path`, as twelve hexadecimal digits; None
    /// without a credential. Of a signed request it is that of the access key's id.
    pub fn credential(&self, headers: Headers<'_>, path: &str) -> Option<Arc<str>> {
        let fields = CREDENTIAL_FIELDS.iter().filter_map(|name| headers.get(name));
        let token = fields.map(token).find(|token| !token.is_empty()).or_else(|| in_query(path))?;
        Some(self.shown("", token).into())
    }

    /// The fingerprint of a name of this `kind`: `user-1f2e3d4c5b6a`. The same name of another kind has another one.
    pub fn name(&self, kind: &str, name: &str) -> Arc<str> {
        self.shown(&format!("{kind}-"), format!("{kind}\0{name}").as_bytes()).into()
    }

    fn shown(&self, prefix: &str, bytes: &[u8]) -> String {
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 0xf)]);
        let mut shown = String::with_capacity(prefix.len() + 2 * SHOWN_BYTES);
        shown.push_str(prefix);
        for byte in &self.digest(&[bytes])[..SHOWN_BYTES] {
            shown.push(digit(byte >> 4));
            shown.push(digit(*byte));
        }
        shown
    }

    /// 64 bits that stand for `bytes` in sets of things already seen.
    pub fn short(&self, bytes: &[u8]) -> u64 {
        let digest = self.digest(&[bytes]);
        digest[..8].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    /// 64 bits that stand for `parts` in this order; no other division of the same bytes has the same.
    pub fn joined(&self, parts: &[&[u8]]) -> u64 {
        let lengths: Vec<u8> = parts.iter().flat_map(|part| (part.len() as u64).to_be_bytes()).collect();
        let mut all = vec![lengths.as_slice()];
        all.extend(parts);
        let digest = self.digest(&all);
        digest[..8].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// The credential in a field's value: without the scheme, which is spelled in any case.
fn token(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_start();
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => token.trim_ascii(),
        _ => access_key(value).unwrap_or_else(|| value.trim_ascii_end()),
    }
}

/// The id of the access key that an AWS signature names; the signature itself differs with each request.
fn access_key(value: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(value).ok()?;
    let signature = text.strip_prefix(AWS_SCHEME)?;
    let scope = signature.split(',').find_map(|pair| pair.trim().strip_prefix("Credential="))?;
    scope.split('/').next().map(str::as_bytes)
}

/// The credential in a query: of Gemini, or of a request to AWS that is signed in its URL.
fn in_query(path: &str) -> Option<&[u8]> {
    let (_, query) = path.split('#').next()?.split_once('?')?;
    let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
    let key = pairs().find_map(|(name, value)| (name == "key").then_some(value));
    let signed = || pairs().find_map(|(name, value)| (name == "X-Amz-Credential").then_some(value));
    let access = || signed().and_then(|scope| scope.split(['/', '%']).next());
    key.or_else(access).filter(|key| !key.is_empty()).map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &[u8], field: &str, value: &str) -> Option<Arc<str>> {
        let fields = [(field.as_bytes(), value.as_bytes())];
        Fingerprints::new(key).unwrap().credential(Headers(&fields), "/v1/x")
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
        let found = Fingerprints::new(b"k").unwrap().credential(Headers(&fields), "/?key=other");

        assert_eq!(found, of(b"k", "x-api-key", "abc"));
    }

    #[test]
    fn a_signature_is_known_by_its_access_key_and_a_query_may_carry_the_key() {
        let signed = |key: &str, signature: &str| {
            let scope = format!("Credential={key}/20260101/us-east-1/bedrock/aws4_request");
            of(
                b"k",
                "authorization",
                &format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature={signature}"),
            )
        };
        let asked = |path: &str| Fingerprints::new(b"k").unwrap().credential(Headers(&[]), path);

        assert_eq!(signed("AKIA1", "aa"), signed("AKIA1", "bb"));
        assert_eq!(signed("AKIA1", "aa"), of(b"k", "x-api-key", "AKIA1"));
        assert_ne!(signed("AKIA1", "aa"), signed("AKIA2", "aa"));
        assert_eq!(asked("/v1beta/models/m:generateContent?alt=sse&key=abc"), of(b"k", "x-api-key", "abc"));
        assert_eq!(asked("/model/m/converse?X-Amz-Credential=AKIA1%2F2026"), signed("AKIA1", "aa"));
        assert_eq!((asked("/v1?key="), asked("/v1?monkey=abc"), asked("/v1")), (None, None, None));
    }

    #[test]
    fn a_name_is_told_from_the_same_name_of_another_kind_and_parts_from_their_sum() {
        let fingerprints = Fingerprints::new(b"k").unwrap();
        let user = fingerprints.name("user", "ana");

        assert_eq!((user.len(), &user[..5]), (17, "user-"));
        assert_ne!(user[5..], fingerprints.name("session", "ana")[8..]);
        assert_eq!(fingerprints.joined(&[b"a", b"b"]), fingerprints.joined(&[b"a", b"b"]));
        assert_ne!(fingerprints.joined(&[b"ab", b""]), fingerprints.joined(&[b"a", b"b"]));
    }
}
