//! The search for what ends or begins a value; refuses to know where a document stands.

use memchr::{memchr2, memchr3};

/// Where the first bracket or quote stands: mostly next to where one stood. Where it does not, two searches share the work, for
/// none knows five bytes, a window at a time lest one run far ahead of the other.
pub(super) fn bracket(bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 8;
    const WINDOW: usize = 512;
    let is_one = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
    if let Some(near) = bytes.iter().take(NEAR).position(is_one) {
        return Some(near);
    }
    bytes.chunks(WINDOW).enumerate().find_map(|(at, window)| {
        let first = memchr3(b'"', b'{', b'[', window);
        let before = window.get(..first.unwrap_or(window.len())).unwrap_or_default();
        memchr2(b'}', b']', before).or(first).map(|found| at * WINDOW + found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_is_found_wherever_it_stands() {
        for distance in [0, 1, 7, 8, 9, 511, 512, 513, 2000] {
            for one in [b'"', b'{', b'[', b'}', b']'] {
                let mut text = vec![b'x'; distance];
                assert_eq!(bracket(&text), None);
                text.extend([one, b'"', b']']);

                assert_eq!(bracket(&text), Some(distance));
            }
        }
    }
}
