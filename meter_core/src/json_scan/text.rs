//! Turns bytes cut anywhere into valid text pieces; invalid UTF-8 becomes U+FFFD exactly as if it had come whole.

/// What stands for bytes that are no UTF-8 and for escaped surrogates without a partner.
pub(super) const REPLACEMENT: &str = "\u{fffd}";

/// The unfinished character between two pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8 {
    held: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// Hands on all complete characters of `bytes`, and of what was held before, to `out`.
    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut impl FnMut(&str)) {
        while self.len > 0 {
            let Some((byte, rest)) = bytes.split_first() else { return };
            self.held[self.len] = *byte;
            match std::str::from_utf8(&self.held[..=self.len]) {
                Ok(text) => {
                    out(text);
                    self.len = 0;
                    bytes = rest;
                }
                Err(flaw) if flaw.error_len().is_none() => {
                    self.len += 1;
                    bytes = rest;
                }
                // The held bytes are broken by this one, which starts anew.
                Err(_) => self.flush(out),
            }
        }
        loop {
            match std::str::from_utf8(bytes) {
                Ok("") => return,
                Ok(text) => return out(text),
                Err(flaw) => {
                    let (valid, rest) = bytes.split_at(flaw.valid_up_to());
                    if let Ok(text) = std::str::from_utf8(valid)
                        && !text.is_empty()
                    {
                        out(text);
                    }
                    let Some(broken) = flaw.error_len() else {
                        self.len = rest.len();
                        self.held[..rest.len()].copy_from_slice(rest);
                        return;
                    };
                    out(REPLACEMENT);
                    bytes = rest.get(broken..).unwrap_or_default();
                }
            }
        }
    }

    /// Says that the text ends or goes on with something else; a held beginning becomes U+FFFD.
    pub(super) fn flush(&mut self, out: &mut impl FnMut(&str)) {
        if self.len > 0 {
            self.len = 0;
            out(REPLACEMENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_split_is_the_lossy_whole(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(0xe2), Just(0x82), Just(0xac), Just(0xf0), Just(0x9f), Just(0x98)], 0..60),
            size in 1usize..7,
        ) {
            let mut utf8 = Utf8::default();
            let mut text = String::new();

            for piece in bytes.chunks(size) {
                utf8.push(piece, &mut |part| text.push_str(part));
            }
            utf8.flush(&mut |part| text.push_str(part));

            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
