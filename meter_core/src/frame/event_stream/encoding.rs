//! Writes one event-stream message: how a stream that was cut is ended in the provider's own words.

use flate2::Crc;

use super::{OVERHEAD_BYTES, PRELUDE_CHECKED_BYTES};
use crate::limits;

/// Text value of a header.
const TEXT: u8 = 7;

/// One message with these text headers and this payload; `None` if it does not fit the lengths of the protocol.
pub fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Option<Vec<u8>> {
    let mut section = Vec::new();
    for (name, value) in headers {
        section.push(u8::try_from(name.len()).ok()?);
        section.extend_from_slice(name.as_bytes());
        section.push(TEXT);
        section.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        section.extend_from_slice(value.as_bytes());
    }
    let headers_bytes = u32::try_from(section.len()).ok()?;
    let total = u32::try_from(payload.len()).ok()?.checked_add(headers_bytes)?.checked_add(OVERHEAD_BYTES)?;
    if headers_bytes > limits::EVENT_STREAM_HEADERS_BYTES_MAX
        || total > limits::EVENT_STREAM_MESSAGE_BYTES_MAX
    {
        return None;
    }
    let mut message = Vec::with_capacity(payload.len() + section.len() + PRELUDE_CHECKED_BYTES * 2);
    message.extend_from_slice(&total.to_be_bytes());
    message.extend_from_slice(&headers_bytes.to_be_bytes());
    message.extend_from_slice(&checksum(&message));
    message.extend_from_slice(&section);
    message.extend_from_slice(payload);
    message.extend_from_slice(&checksum(&message));
    Some(message)
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_laid_out_as_the_protocol_says() {
        // The empty message of the protocol's published test vectors.
        let empty: [u8; 16] = [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];

        assert_eq!(encode(&[], b"").unwrap(), empty);
        let message = encode(&[(":message-type", "exception")], b"{}").unwrap();
        assert_eq!(&message[..8], [0, 0, 0, 44, 0, 0, 0, 26]);
        assert_eq!(&message[12..38], b"\x0d:message-type\x07\x00\x09exception");
        assert_eq!(&message[38..40], b"{}");
        assert_eq!(message.len(), 44);
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let long = "x".repeat(70_000);

        assert_eq!(encode(&[(&long, "")], b""), None);
        assert_eq!(encode(&[("x", &long)], b""), None);
        assert_eq!(encode(&[("x", &long[..60_000]); 3], b""), None);
        assert_eq!(encode(&[], &vec![0; 24 << 20]), None);
    }
}
