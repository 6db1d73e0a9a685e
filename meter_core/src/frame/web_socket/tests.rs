//! Sessions that are whole, cut, forbidden and arbitrary.

use flate2::{Compress, FlushCompress};
use proptest::prelude::*;

use super::*;

#[derive(Debug, Default)]
struct Script {
    lines: Vec<String>,
    message: Vec<u8>,
}

impl Messages for Script {
    fn message_begin(&mut self, kind: Kind) {
        self.lines.push(format!("{kind:?}"));
    }
    fn piece(&mut self, piece: &[u8]) {
        self.message.extend_from_slice(piece);
    }
    fn message_end(&mut self, complete: bool) {
        let message = std::mem::take(&mut self.message);
        self.lines.push(format!("{} {complete}", message.escape_ascii()));
    }
    fn close(&mut self, code: u16) {
        self.lines.push(format!("close {code}"));
    }
}

/// What was told, the defects, the last boundary as an offset into all bytes, and whether the end stands at one.
fn split(
    sender: Sender,
    extensions: Option<&str>,
    bytes: &[u8],
    size: usize,
) -> (Vec<String>, Vec<Defect>, usize, bool) {
    let compression = Compression::agreed(extensions.map(str::as_bytes));
    let (mut socket, mut script, mut boundary) = (WebSocket::new(sender, compression), Script::default(), 0);
    for (index, piece) in bytes.chunks(size.max(1)).enumerate() {
        if let Some(offset) = socket.feed(piece, &mut script) {
            boundary = index * size.max(1) + offset;
        }
    }
    let at_boundary = socket.at_boundary();
    socket.end(&mut script);
    (script.lines, socket.defects().iter().collect(), boundary, at_boundary)
}

fn served(bytes: &[u8]) -> (Vec<String>, Vec<Defect>, usize, bool) {
    let whole = split(Sender::Server, None, bytes, bytes.len());
    for size in [1, 2, 3, 7] {
        assert_eq!(split(Sender::Server, None, bytes, size), whole, "{size}");
    }
    whole
}

/// A frame whose first byte is `first`, masked by `mask` if there is one.
fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(u8::try_from(length).unwrap() | bit),
        length => {
            frame.push(0x7e | bit);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    frame.extend_from_slice(&key[..if mask.is_some() { 4 } else { 0 }]);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

#[test]
fn the_examples_of_the_standard_are_read() {
    let unmasked = b"\x81\x05Hello";
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let pinged = b"\x01\x03Hel\x89\x05Hello\x80\x02lo\x82\x00";

    assert_eq!(served(unmasked), (vec!["Text".into(), "Hello true".into()], vec![], 7, true));
    assert_eq!(split(Sender::Client, None, masked, 3).0, ["Text", "Hello true"]);
    assert_eq!(
        served(pinged),
        (["Text", "Hello true", "Binary", " true"].map(str::to_owned).to_vec(), vec![], pinged.len(), true)
    );
}

#[test]
fn compressed_messages_may_refer_back_if_so_agreed() {
    let hello = frame(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], None);
    let fragments = [frame(0x41, &[0xf2, 0x00, 0x11], None), frame(0x80, &[0x00, 0x00], None)].concat();
    let plain = frame(0x81, b"plain", None);
    let bytes = [hello.clone(), fragments, plain.clone()].concat();
    let expected = ["Text", "Hello true", "Text", "Hello true", "Text", "plain true"];

    for size in [1, 2, 5, bytes.len()] {
        let read =
            split(Sender::Server, Some("permessage-deflate; client_no_context_takeover"), &bytes, size);
        assert_eq!((read.0, read.1, read.2), (expected.map(str::to_owned).to_vec(), vec![], bytes.len()));
    }
    let broken = [hello.clone(), frame(0xc1, &[0x06, 0x00], None), plain].concat();
    let read = split(Sender::Server, Some("permessage-deflate"), &broken, 3);
    assert_eq!(read.0, ["Text", "Hello true", "Text", " false"]);
    assert_eq!((read.1, read.2, read.3), (vec![Defect::Truncated, Defect::Undecodable], hello.len(), false));
    assert_eq!(split(Sender::Server, None, &bytes, 3).1, [Defect::Malformed]);
}

#[test]
fn a_close_frame_ends_the_reading() {
    let text = frame(0x81, b"a", None);
    let after = |close: &[u8]| served(&[text.as_slice(), close, b"\x81\x01b"].concat());

    let (lines, defects, boundary, at_boundary) = after(&close_frame(1008, "budget"));
    assert_eq!(lines, ["Text", "a true", "close 1008"]);
    assert_eq!((defects, boundary, at_boundary), (vec![], text.len(), false));
    assert_eq!(after(b"\x88\x00").0.last().unwrap(), "close 1005");
    assert_eq!(after(b"\x88\x01x").1, [Defect::Malformed]);
    let (lines, defects, ..) = served(b"\x01\x01a\x88\x02\x03\xe8");
    assert_eq!(
        (lines, defects),
        (["Text", "a false", "close 1000"].map(str::to_owned).to_vec(), vec![Defect::Truncated])
    );
}

#[test]
fn what_is_forbidden_is_malformed_and_ends_the_reading() {
    let forbidden: [&[u8]; 8] = [
        b"\x80\x01x",
        b"\x01\x01x\x81\x01y",
        b"\x01\x01x\xc0\x01y",
        b"\x81\x85\x00\x00\x00\x00Hello",
        b"\xc1\x01x",
        b"\xa1\x01x",
        b"\x83\x01x",
        b"\x89\x7e\x00\x7e",
    ];
    for bytes in forbidden {
        let (lines, defects, _, at_boundary) = served(&[bytes, b"\x81\x01z"].concat());

        assert!(defects.contains(&Defect::Malformed) && !at_boundary, "{bytes:x?}");
        assert!(!lines.contains(&"z true".to_owned()), "{bytes:x?}");
    }
    assert_eq!(split(Sender::Client, None, b"\x81\x05Hello", 9).1, [Defect::Malformed]);
    // Whether a message is compressed is said by its first frame.
    let flagged = b"\x01\x01x\xc0\x01y";
    let defects = split(Sender::Server, Some("permessage-deflate"), flagged, 9).1;
    assert_eq!(defects, [Defect::Truncated, Defect::Malformed]);
}

#[test]
fn a_cut_is_truncated_unless_between_messages() {
    let bytes = [frame(0x81, b"first", None), frame(0x01, b"sec", None), frame(0x80, b"ond", None)].concat();
    for cut in 0..bytes.len() {
        let (lines, defects, boundary, at_boundary) = served(&bytes[..cut]);

        let between = cut == 0 || cut == 7;
        assert_eq!((defects.is_empty(), at_boundary), (between, between), "{cut}");
        assert_eq!(boundary, if cut < 7 { 0 } else { 7 });
        assert!(lines.len() % 2 == 0, "{cut} {lines:?}");
    }
}

#[test]
fn an_endless_message_is_cut_and_named() {
    struct Size(usize, Vec<(usize, bool)>);
    impl Messages for Size {
        fn message_begin(&mut self, _: Kind) {
            self.0 = 0;
        }
        fn piece(&mut self, piece: &[u8]) {
            self.0 += piece.len();
        }
        fn message_end(&mut self, complete: bool) {
            self.1.push((self.0, complete));
        }
        fn close(&mut self, _: u16) {}
    }
    let mut socket = WebSocket::new(Sender::Server, None);
    let mut size = Size(0, Vec::new());
    let block = vec![b'x'; 1 << 20];
    let length = (limits::WEB_SOCKET_MESSAGE_BYTES_MAX + (1 << 20)) as u64;
    socket.feed(&[&[0x82, 127], length.to_be_bytes().as_slice()].concat(), &mut size);
    for _ in 0..length >> 20 {
        socket.feed(&block, &mut size);
    }
    socket.feed(b"\x81\x01x", &mut size);

    assert_eq!(size.1, [(limits::WEB_SOCKET_MESSAGE_BYTES_MAX, false), (1, true)]);
    assert_eq!(socket.defects().iter().collect::<Vec<_>>(), [Defect::FrameTooLong]);
}

/// The payload of a compressed message; a compressor that is used again refers back.
fn deflate(compressor: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(message.len() * 2 + 64);
    compressor.compress_vec(message, &mut payload, FlushCompress::Sync).unwrap();
    payload.truncate(payload.len() - 4);
    payload
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in(
        messages in proptest::collection::vec(
            (proptest::collection::vec(prop_oneof![Just(b'a'), any::<u8>()], 0..400), any::<bool>(), 1usize..200, any::<bool>()),
            0..6),
        masks in proptest::collection::vec(any::<[u8; 4]>(), 1..4),
        from_client in any::<bool>(),
        takes_over in any::<bool>(),
        size in 1usize..60,
    ) {
        let (sender, word) = if from_client { (Sender::Client, "client") } else { (Sender::Server, "server") };
        let extensions = if takes_over {
            "permessage-deflate".to_owned()
        } else {
            format!("permessage-deflate; {word}_no_context_takeover")
        };
        let mut compressor = Compress::new(flate2::Compression::default(), false);
        let mut masks = masks.iter().cycle();
        let mut mask = || masks.next().filter(|_| from_client).copied();
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (message, compressed, fragment, pinged) in &messages {
            let payload = if *compressed { deflate(&mut compressor, message) } else { message.clone() };
            if !takes_over {
                compressor.reset();
            }
            let mut first = if *compressed { 0x42 } else { 0x02 };
            let fragments: Vec<_> = payload.chunks(*fragment).collect();
            for (index, fragment) in fragments.iter().enumerate() {
                let last = if index + 1 == fragments.len() { 0x80 } else { 0 };
                bytes.extend(frame(std::mem::take(&mut first) | last, fragment, mask()));
                if *pinged {
                    bytes.extend(frame(0x8a, b"pong", mask()));
                }
            }
            if fragments.is_empty() {
                bytes.extend(frame(first | 0x80, b"", mask()));
            }
            expected.extend(["Binary".to_owned(), format!("{} true", message.escape_ascii())]);
        }

        let read = split(sender, Some(&extensions), &bytes, size);
        prop_assert_eq!(read, (expected, vec![], bytes.len(), true));
    }

    #[test]
    fn any_split_of_any_bytes_says_the_same(
        parts in proptest::collection::vec(
            prop_oneof![
                Just(b"\x81\x02{}".to_vec()), Just(b"\x01\x01{".to_vec()), Just(b"\x80\x01}".to_vec()), Just(b"\x89\x00".to_vec()),
                Just(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec()), Just(b"\xc1\x05\xf2\x00\x11\x00\x00".to_vec()),
                Just(b"\x88\x02\x03\xe8".to_vec()), Just(b"\x81\x82\x01\x02\x03\x04{}".to_vec()), Just(b"\x81\x7e\x00\x05".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..8),
            ], 0..12),
        from_client in any::<bool>(),
        compressed in any::<bool>(),
        size in 1usize..9,
    ) {
        let bytes = parts.concat();
        let sender = if from_client { Sender::Client } else { Sender::Server };
        let extensions = compressed.then_some("permessage-deflate");
        let (lines, defects, boundary, at_boundary) = split(sender, extensions, &bytes, size);
        let whole = split(sender, extensions, &bytes, bytes.len());

        // How much of a broken compressed message comes out may depend on the cuts; that it is broken does not.
        if defects.contains(&Defect::Undecodable) {
            prop_assert_eq!((lines.len(), defects, boundary, at_boundary), (whole.0.len(), whole.1, whole.2, whole.3));
        } else {
            prop_assert_eq!((lines, defects, boundary, at_boundary), whole);
        }
    }
}
