//! Token counts: every way of counting a text gives the number of its tokens.

use meter_core::tokenizer::{ENCODINGS, StreamCounter, get};

use super::input::{Input, pieces};

/// The name of an encoding and a text to count by it.
pub fn text(data: &[u8]) -> (&'static str, String) {
    let mut input = Input::new(data);
    let name = *input.pick(&ENCODINGS);
    let _cuts = input.byte();
    (name, String::from_utf8_lossy(input.rest()).into_owned())
}

/// Any text under any encoding, whole, in pieces and with a limit.
pub fn tokens(data: &[u8]) {
    let (name, text) = text(data);
    let cuts = data.get(1).copied().unwrap_or(0);
    let tokenizer = get(name).expect("an encoding");
    let count = tokenizer.encode(text.as_bytes()).len();

    assert_eq!(tokenizer.count(text.as_bytes()), count, "{name}");
    assert_eq!(tokenizer.count_until(text.as_bytes(), count), Some(count), "{name} up to its count");
    if count > 0 {
        assert_eq!(tokenizer.count_until(text.as_bytes(), count - 1), None, "{name} up to less");
        assert_eq!(tokenizer.count(text.as_bytes()), count, "{name} after it was given up");
    }
    let mut counter = StreamCounter::new(tokenizer);
    let mut waiting = Vec::new();
    for piece in pieces(text.as_bytes(), cuts) {
        waiting.extend_from_slice(piece);
        if let Ok(text) = std::str::from_utf8(&waiting) {
            counter.push(text);
            waiting.clear();
        }
    }
    assert_eq!(usize::try_from(counter.total()), Ok(count), "{name} in pieces");
}
