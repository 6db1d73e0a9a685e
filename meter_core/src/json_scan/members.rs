//! The members of one whole JSON object with their places in its text, for edits that leave every other byte alone; refuses
//! to know what any member means.

use std::ops::Range;

use memchr::memchr2;
use serde::de::IgnoredAny;

/// One member of an object. Places are offsets in the text that was searched.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    text: &'a [u8],
    /// The key with its quotation marks, as written.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

impl Member<'_> {
    /// Whether the key means `name`, however it is escaped.
    pub fn is(&self, name: &str) -> bool {
        let Some([b'"', key @ .., b'"']) = self.text.get(self.key.clone()) else { return false };
        if key.contains(&b'\\') {
            let quoted = self.text.get(self.key.clone()).unwrap_or_default();
            return serde_json::from_slice::<String>(quoted).is_ok_and(|key| key == name);
        }
        key == name.as_bytes()
    }

    /// The value as written.
    pub fn written(&self) -> &[u8] {
        self.text.get(self.value.clone()).unwrap_or_default()
    }
}

/// The members of the object that `text` is, in order and with those given twice; None unless `text` is one whole JSON
/// object and nothing else.
pub fn members(text: &[u8]) -> Option<Members<'_>> {
    serde_json::from_slice::<IgnoredAny>(text).ok()?;
    let start = blank_end(text, 0);
    (text.get(start) == Some(&b'{')).then_some(Members { text, at: start + 1 })
}

/// Iterates over the members of an object whose syntax has been checked.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl Members<'_> {
    /// Where the next member would be looked for: before the first one, just behind the brace that opens the object.
    pub fn place(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let text = self.text;
        let mut at = blank_end(text, self.at);
        if text.get(at) == Some(&b',') {
            at = blank_end(text, at + 1);
        }
        if text.get(at) != Some(&b'"') {
            return None;
        }
        let key = at..string_end(text, at);
        let colon = blank_end(text, key.end);
        let start = blank_end(text, colon + 1);
        let value = start..value_end(text, start);
        self.at = value.end;
        Some(Member { text, key, value })
    }
}

/// Where the white space from `at` on ends.
fn blank_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    rest.iter().position(|byte| !blank(byte)).map_or(text.len(), |blanks| at + blanks)
}

/// Where the string that begins at `at` ends, behind its quotation mark.
fn string_end(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(found) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found + 1;
        if text.get(at - 1) == Some(&b'"') {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Where the value that begins at `at` ends.
fn value_end(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'"') => string_end(text, at),
        Some(b'{' | b'[') => container_end(text, at),
        _ => {
            let rest = text.get(at..).unwrap_or_default();
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            rest.iter().position(ends).map_or(text.len(), |length| at + length)
        }
    }
}

fn container_end(text: &[u8], at: usize) -> usize {
    let (mut at, mut depth) = (at, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn found(text: &str) -> Option<Vec<(&str, &str)>> {
        let members = members(text.as_bytes())?;
        Some(members.map(|member| (&text[member.key], &text[member.value])).collect())
    }

    #[test]
    fn members_are_found_as_they_are_written() {
        let text = " {\n\"a\" : {\"b\":[1,\"}\\\"\"]} ,\"\" :-1e3\t, \"a\":\"\\\\\", \"c\":[] ,\"d\":null} ";

        let expected = [
            (r#""a""#, r#"{"b":[1,"}\""]}"#),
            (r#""""#, "-1e3"),
            (r#""a""#, r#""\\""#),
            (r#""c""#, "[]"),
            (r#""d""#, "null"),
        ];
        assert_eq!(found(text).unwrap(), expected);
        assert_eq!(found("{ }").unwrap(), []);
    }

    #[test]
    fn what_is_no_whole_object_has_no_members() {
        for text in [
            "",
            " ",
            "[]",
            "1",
            "null",
            "{",
            "{\"a\":1",
            "{\"a\":1}}",
            "{\"a\":1} x",
            "{\"a\":1,}",
            "{\"a\":{]}",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(found(&format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200))), None);
    }

    #[test]
    fn a_key_is_known_however_it_is_escaped() {
        let member = members(b"{\"str\\u0065am\":1}").and_then(|mut members| members.next()).unwrap();

        assert!(member.is("stream") && !member.is("str"));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,5}", inner), 0..4)
                    .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn members_are_those_a_parser_finds(
            object in prop::collection::vec((".{0,5}", value()), 0..6), pretty in any::<bool>(),
        ) {
            let object: Map<String, Value> = object.into_iter().collect();
            let text = if pretty { serde_json::to_vec_pretty(&object) } else { serde_json::to_vec(&object) }.unwrap();

            let found: Vec<(String, Value)> = members(&text).unwrap().map(|member| {
                let key = serde_json::from_slice(&text[member.key.clone()]).unwrap();
                (key, serde_json::from_slice(member.written()).unwrap())
            }).collect();

            prop_assert_eq!(found, object.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_accepted(text in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(members(&text).is_none_or(|members| members.count() < text.len()));
        }
    }
}
