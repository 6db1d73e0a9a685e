//! Writes the frames that end a WebSocket session towards its client: one message of ours, and the close.

/// The payload of a control frame is no longer.
const CONTROL_PAYLOAD_BYTES_MAX: usize = 125;
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// A text message in one unmasked frame.
pub fn text_frame(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes())
}

/// An unmasked close frame; a reason that does not fit is cut between characters.
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    let code = code.to_be_bytes();
    let room = CONTROL_PAYLOAD_BYTES_MAX - code.len();
    let reason = reason.get(..reason.floor_char_boundary(room)).unwrap_or_default();
    frame(CLOSE, &[&code, reason.as_bytes()].concat())
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_shortest_length_that_fits() {
        assert_eq!(text_frame("Hello"), b"\x81\x05Hello");
        assert_eq!(text_frame(&"x".repeat(126))[..4], [0x81, 126, 0, 126]);
        assert_eq!(text_frame(&"x".repeat(65_536))[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_reason_fits_a_control_frame() {
        assert_eq!(close_frame(1008, "budget"), b"\x88\x08\x03\xf0budget");
        let long = close_frame(1008, &"\u{e9}".repeat(100));
        assert_eq!((long.len(), long[1]), (2 + 2 + 122, 124));
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }
}
