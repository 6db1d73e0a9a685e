//! A top-level JSON array that arrives in pieces, its elements being the events of a stream: where one of them ends.
//!
//! It owns depth and strings, as far as that takes. It refuses to know what an element says and whether the JSON is right:
//! whoever scans the document does. Elements that are numbers or words end without a byte of their own and make no boundary.

use crate::json_scan::special::special;

/// What the next byte may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Nothing but white space was seen, or what clients skip before a document: a byte order mark.
    Start,
    /// Inside the array, behind its bracket, a comma, a number or a word.
    Between,
    /// Behind an element: a comma or the closing bracket is due.
    Behind,
    /// Inside an element, at this depth below it.
    Inside(u64),
    /// Inside a string, within this many containers of its element; in none of them it is the element.
    String { depth: u64, escaped: bool },
    /// The array is over, or there was none.
    Over,
}

/// Follows one document.
#[derive(Debug)]
pub struct JsonArray {
    at: At,
}

impl Default for JsonArray {
    fn default() -> Self {
        Self::new()
    }
}

impl JsonArray {
    /// Before the first byte.
    pub fn new() -> Self {
        Self { at: At::Start }
    }

    /// Whether the last thing seen is a complete element: a comma and another one, or the closing bracket, may be put here.
    pub fn at_boundary(&self) -> bool {
        self.at == At::Behind
    }

    /// Follows the next bytes, cut anywhere. Returns the offset in `chunk` just behind the last element that ended here, if one
    /// did.
    pub fn feed(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut boundary = None;
        let mut at = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            if self.at == At::Over {
                break;
            }
            let inside = matches!(self.at, At::Inside(_) | At::String { .. });
            at += self.step(rest);
            if inside && self.at_boundary() {
                boundary = Some(at);
            }
        }
        boundary
    }

    /// Takes bytes up to the next one that changes anything; returns how many.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if let At::String { depth, escaped } = self.at {
            return self.string(depth, escaped, bytes);
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let marked = |byte: &u8| blank(byte) || matches!(byte, 0xef | 0xbb | 0xbf);
        let found = match self.at {
            At::Start => bytes.iter().position(|byte| !marked(byte)),
            At::Behind => bytes.iter().position(|byte| !blank(byte)),
            _ => bytes.iter().position(|byte| matches!(byte, b'{' | b'[' | b'"' | b']' | b'}')),
        };
        let Some(found) = found else { return bytes.len() };
        self.at = match (self.at, bytes.get(found)) {
            (At::Start, Some(b'[')) | (At::Behind, Some(b',')) => At::Between,
            (At::Between, Some(b'{' | b'[')) => At::Inside(0),
            (At::Between, Some(b'"')) => At::String { depth: 0, escaped: false },
            (At::Inside(depth), Some(b'"')) => At::String { depth: depth + 1, escaped: false },
            (At::Inside(depth), Some(b'{' | b'[')) => At::Inside(depth + 1),
            (At::Inside(0), _) => At::Behind,
            (At::Inside(depth), _) => At::Inside(depth - 1),
            _ => At::Over,
        };
        found + 1
    }

    fn string(&mut self, depth: u64, escaped: bool, bytes: &[u8]) -> usize {
        if escaped {
            self.at = At::String { depth, escaped: false };
            return 1;
        }
        let Some(found) = special(bytes) else { return bytes.len() };
        self.at = match (bytes.get(found), depth.checked_sub(1)) {
            (Some(b'\\'), _) => At::String { depth, escaped: true },
            (_, Some(depth)) => At::Inside(depth),
            (_, None) => At::Behind,
        };
        found + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All boundaries as offsets into all bytes when they come one by one, and whether the end stands at one.
    fn boundaries(text: &str) -> (Vec<usize>, bool) {
        let mut array = JsonArray::new();
        let mut found = Vec::new();
        for (index, byte) in text.bytes().enumerate() {
            if array.feed(&[byte]).is_some() {
                found.push(index + 1);
            }
        }
        (found, array.at_boundary())
    }

    #[test]
    fn a_boundary_stands_behind_each_element() {
        let cases: [(&str, &[usize], bool); 15] = [
            ("", &[], false),
            ("[", &[], false),
            ("[{}", &[3], true),
            ("\u{feff} [{\"a\":[1,{}]}\r\n,\r\n{\"b\":\"]},{\\\"\"}", &[17, 36], true),
            ("[{} \n", &[3], true),
            ("[{},", &[3], false),
            ("[{}]", &[3], false),
            ("[{}] [{}", &[3], false),
            ("[[[]],\"x\\\\\",\"", &[5, 11], false),
            ("[1,true,{}", &[10], true),
            ("[1,2", &[], false),
            ("[]", &[], false),
            ("[}{}", &[], false),
            ("{\"a\":[{}", &[], false),
            ("[{} {}", &[3], false),
        ];
        for (text, expected, at_boundary) in cases {
            assert_eq!(boundaries(text), (expected.to_vec(), at_boundary), "{text}");
            let mut array = JsonArray::new();
            assert_eq!(
                (array.feed(text.as_bytes()), array.at_boundary()),
                (expected.last().copied(), at_boundary)
            );
        }
    }

    fn element() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(serde_json::Value::from),
            "[ -~é\\n\"\\\\\\[\\]{}]{0,12}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                proptest::collection::vec(("[a\"\\\\{]{0,3}", inner), 0..4)
                    .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_array_closed_at_any_boundary_is_json(elements in proptest::collection::vec(element(), 0..6)) {
            let text = serde_json::Value::from(elements.clone()).to_string();
            let (found, _) = boundaries(&text);

            let ending = elements.iter().filter(|element| !element.is_number()).count();
            prop_assert_eq!(found.len(), ending);
            for boundary in found {
                let closed = format!("{},{{}}]", &text[..boundary]);
                let value: Vec<serde_json::Value> = serde_json::from_str(&closed).unwrap();
                prop_assert_eq!(&value[..value.len() - 1], &elements[..value.len() - 1]);
            }
        }

        #[test]
        fn any_split_of_any_bytes_says_the_same(
            bytes in proptest::collection::vec(
                prop_oneof![4 => proptest::sample::select(b"[]{}\",\\ 1".to_vec()), 1 => any::<u8>()], 0..80),
            size in 1usize..9,
        ) {
            let mut whole = JsonArray::new();
            let expected = whole.feed(&bytes);
            let mut split = JsonArray::new();
            let mut last = None;
            for (index, piece) in bytes.chunks(size).enumerate() {
                last = split.feed(piece).map(|offset| index * size + offset).or(last);
            }

            prop_assert_eq!((last, split.at), (expected, whole.at));
        }
    }
}
