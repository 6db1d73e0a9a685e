//! The WebSocket extension `permessage-deflate` (RFC 7692): whether it was agreed, and its messages inflated within bounds.

use flate2::{Decompress, FlushDecompress, Status};

use super::Sender;
use crate::limits;
use crate::usage::Defect;

/// What a sender leaves off the end of each message.
const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

/// What two peers agreed on. Window sizes are of no interest: the largest reads them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    client_takes_over: bool,
    server_takes_over: bool,
}

impl Compression {
    /// What the value of the response's `sec-websocket-extensions` agrees to; `None` if that is no compression.
    pub fn agreed(extensions: Option<&[u8]>) -> Option<Self> {
        extensions?.split(|byte| *byte == b',').find_map(|extension| {
            let mut words = extension.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            if !words.next()?.eq_ignore_ascii_case(b"permessage-deflate") {
                return None;
            }
            let mut agreed = Self { client_takes_over: true, server_takes_over: true };
            for word in words {
                agreed.client_takes_over &= !word.eq_ignore_ascii_case(b"client_no_context_takeover");
                agreed.server_takes_over &= !word.eq_ignore_ascii_case(b"server_no_context_takeover");
            }
            Some(agreed)
        })
    }

    /// The inflater of what `sender` sends.
    pub(super) fn inflater(self, sender: Sender) -> Inflater {
        Inflater {
            deflated: Decompress::new(false),
            takes_over: match sender {
                Sender::Client => self.client_takes_over,
                Sender::Server => self.server_takes_over,
            },
            piece: vec![0; limits::DECODE_PIECE_BYTES],
            read: 0,
            written: 0,
        }
    }
}

/// Inflates one message after another.
#[derive(Debug)]
pub(super) struct Inflater {
    deflated: Decompress,
    /// A message may refer to what the ones before it said.
    takes_over: bool,
    /// What one step writes into.
    piece: Vec<u8>,
    /// Bytes of the current message, compressed and inflated.
    read: u64,
    written: u64,
}

impl Inflater {
    /// Inflates the next bytes of a message; `Undecodable` or `DecodeLimit` ends the reading.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), Defect> {
        let mut rest = bytes;
        loop {
            let (read, written) = (self.deflated.total_in(), self.deflated.total_out());
            let status = self.deflated.decompress(rest, &mut self.piece, FlushDecompress::None);
            let (read, written) = (self.deflated.total_in() - read, self.deflated.total_out() - written);
            (self.read, self.written) = (self.read + read, self.written + written);
            let moved = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
            rest = rest.get(moved(read)..).unwrap_or_default();
            let inflated = self.piece.get(..moved(written)).unwrap_or_default();
            if !inflated.is_empty() {
                out(inflated);
            }
            if self.written.saturating_sub(limits::DECODE_RATIO_GRACE_BYTES)
                > self.read.saturating_mul(limits::DECODE_RATIO_MAX)
            {
                return Err(Defect::DecodeLimit);
            }
            let full = inflated.len() == self.piece.len();
            match status {
                Err(_) => return Err(Defect::Undecodable),
                // A message may end a deflate stream in its middle; another one begins behind it.
                Ok(Status::StreamEnd) => self.deflated.reset(false),
                Ok(_) if !rest.is_empty() && read == 0 && written == 0 => return Err(Defect::Undecodable),
                Ok(_) => {}
            }
            if rest.is_empty() && !full {
                return Ok(());
            }
        }
    }

    /// Gives what is left of a message that is complete.
    pub(super) fn message_end(&mut self, out: &mut dyn FnMut(&[u8])) -> Result<(), Defect> {
        // Some senders mark an empty message as compressed and send nothing at all.
        let ended = if self.read > 0 { self.feed(TAIL, out) } else { Ok(()) };
        if !self.takes_over {
            self.deflated.reset(false);
        }
        (self.read, self.written) = (0, 0);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agreement_is_read_in_any_spelling() {
        let agreed = |value: &[u8]| {
            Compression::agreed(Some(value))
                .map(|agreed| (agreed.client_takes_over, agreed.server_takes_over))
        };
        assert_eq!(agreed(b"permessage-deflate"), Some((true, true)));
        assert_eq!(agreed(b"foo, Permessage-Deflate; server_no_context_takeover"), Some((true, false)));
        assert_eq!(
            agreed(b"permessage-deflate;client_no_context_takeover ; client_max_window_bits=\"10\""),
            Some((false, true))
        );
        assert_eq!(agreed(b"permessage-deflate-2; client_no_context_takeover"), None);
        assert_eq!(agreed(b";;,,="), None);
        assert_eq!(Compression::agreed(None), None);
    }

    /// The messages of these compressed payloads, as a server sends them.
    fn inflate(agreement: &[u8], payloads: &[&[u8]]) -> Result<Vec<String>, Defect> {
        let mut inflater = Compression::agreed(Some(agreement)).unwrap().inflater(Sender::Server);
        payloads
            .iter()
            .map(|payload| {
                let mut message = Vec::new();
                inflater.feed(payload, &mut |piece| message.extend_from_slice(piece))?;
                inflater.message_end(&mut |piece| message.extend_from_slice(piece))?;
                Ok(String::from_utf8(message).unwrap())
            })
            .collect()
    }

    #[test]
    fn the_examples_of_the_standard_are_inflated() {
        let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
        let stored: &[u8] = &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        let last: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two: &[u8] = &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];

        let all = [hello, again, &[0x00], stored, b"", two, last, hello];
        let expected = ["Hello", "Hello", "", "Hello", "", "Hello", "Hello", "Hello"];
        assert_eq!(inflate(b"permessage-deflate", &all).unwrap(), expected);
        let forgetful = b"permessage-deflate; server_no_context_takeover";
        assert_eq!(inflate(forgetful, &[hello, stored, last, hello]).unwrap(), ["Hello"; 4]);
        assert_ne!(inflate(forgetful, &[hello, again]).unwrap()[1], "Hello");
        // There is no block of type three.
        assert_eq!(inflate(forgetful, &[hello, &[0x06]]), Err(Defect::Undecodable));
    }

    #[test]
    fn a_message_longer_than_a_piece_comes_out_whole_and_at_once() {
        for length in [limits::DECODE_PIECE_BYTES, limits::DECODE_PIECE_BYTES + 1, 200_000] {
            let message = "x".repeat(length);
            let mut compressed = Vec::with_capacity(4096);
            flate2::Compress::new(flate2::Compression::best(), false)
                .compress_vec(message.as_bytes(), &mut compressed, flate2::FlushCompress::Sync)
                .unwrap();
            compressed.truncate(compressed.len() - TAIL.len());
            let mut inflater =
                Compression::agreed(Some(b"permessage-deflate")).unwrap().inflater(Sender::Server);
            let mut given = Vec::new();
            inflater.feed(&compressed, &mut |piece| given.extend_from_slice(piece)).unwrap();

            assert_eq!(given.len(), length);
            assert_eq!(inflate(b"permessage-deflate", &[&compressed]).unwrap(), [message]);
        }
    }

    #[test]
    fn a_bomb_is_stopped() {
        let mut bomb = Vec::with_capacity(1 << 20);
        let mut encoder = flate2::Compress::new(flate2::Compression::best(), false);
        let block = vec![0; 64 << 20];
        while encoder.total_in() < 64 << 20 {
            let from = usize::try_from(encoder.total_in()).unwrap();
            encoder.compress_vec(&block[from..], &mut bomb, flate2::FlushCompress::Sync).unwrap();
            bomb.reserve(1 << 16);
        }

        assert_eq!(inflate(b"permessage-deflate", &[&bomb]), Err(Defect::DecodeLimit));
    }
}
