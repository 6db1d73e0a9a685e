//! `stream_options.include_usage` of `OpenAI`-shaped streams: asks for it in a request, and says what a provider added to its
//! chunks because of it.
//!
//! It owns where the option stands and what it brings. Text is edited, never written anew: what is not the option stays byte
//! for byte.

use std::ops::Range;

use memchr::memmem;

use super::Dialect;
use crate::json_scan::{Member, Members, members};

const OPTION: &[u8] = br#""include_usage":true"#;
const OPTIONS: &[u8] = br#""stream_options":{"include_usage":true}"#;

impl Dialect {
    /// Whether its streams state usage when `stream_options` ask for it.
    pub const fn takes_stream_options(self) -> bool {
        matches!(self, Self::OpenAiChat | Self::OpenAiCompletions)
    }
}

/// The request `body` with the option added; None if it does not ask for a stream, asks for usage already, or is not what
/// could be edited: no JSON object, or an option of a strange type, which is the provider's to judge.
pub(crate) fn with_usage_asked(body: &[u8]) -> Option<Vec<u8>> {
    let (mut stream, mut options) = (None, None);
    // Of a key given twice the last one counts, here as everywhere.
    for member in members(body)? {
        if member.is("stream") {
            stream = Some(member);
        } else if member.is("stream_options") {
            options = Some(member);
        }
    }
    if stream?.written() != b"true" {
        return None;
    }
    let Some(options) = options else { return Some(with_member(body, members(body)?, OPTIONS)) };
    match options.written() {
        b"null" => Some(replaced(body, options.value.clone(), &[b"{", OPTION, b"}"].concat())),
        [b'{', ..] => {
            let inside = members(options.written())?;
            let edited = match inside.clone().filter(|member| member.is("include_usage")).last() {
                None => with_member(options.written(), inside, OPTION),
                Some(given) if matches!(given.written(), b"false" | b"null") => {
                    replaced(options.written(), given.value.clone(), b"true")
                }
                Some(_) => return None,
            };
            Some(replaced(body, options.value.clone(), &edited))
        }
        _ => None,
    }
}

/// The object `text` with one more member at its start.
fn with_member(text: &[u8], mut inside: Members<'_>, member: &[u8]) -> Vec<u8> {
    let start = inside.place();
    let comma: &[u8] = if inside.next().is_some() { b"," } else { b"" };
    replaced(text, start..start, &[member, comma].concat())
}

fn replaced(text: &[u8], place: Range<usize>, with: &[u8]) -> Vec<u8> {
    let before = text.get(..place.start).unwrap_or_default();
    let behind = text.get(place.end..).unwrap_or_default();
    [before, with, behind].concat()
}

/// What the option has brought about in one chunk of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Addition {
    /// Nothing.
    None,
    /// The whole chunk: usage beside no choices.
    Chunk,
    /// These bytes of it: a `usage` that is null, with its comma.
    Member(Range<usize>),
    /// Usage beside choices. That is no place of the option's: the provider states usage on its own.
    Unasked,
}

/// What the option has brought about in the JSON of one chunk.
pub(crate) fn addition(chunk: &[u8]) -> Addition {
    if memmem::find(chunk, b"\"usage\"").is_none() {
        return Addition::None;
    }
    found(chunk).unwrap_or(Addition::None)
}

fn found(chunk: &[u8]) -> Option<Addition> {
    let all = members(chunk)?;
    let choices = all.clone().filter(|member| member.is("choices")).last()?;
    let mut usages = all.clone().filter(|member| member.is("usage"));
    let usage = usages.next()?;
    if usages.next().is_some() {
        return None;
    }
    match usage.written() {
        b"null" => Some(Addition::Member(with_comma(all, &usage))),
        [b'{', ..] if is_empty(choices.written()) => Some(Addition::Chunk),
        [b'{', ..] => Some(Addition::Unasked),
        _ => None,
    }
}

fn is_empty(array: &[u8]) -> bool {
    matches!(array, [b'[', inside @ .., b']'] if inside.trim_ascii().is_empty())
}

/// The place of `member` with the comma that comes and goes with it: the one before it, or behind it where it is the first.
fn with_comma(mut all: Members<'_>, member: &Member<'_>) -> Range<usize> {
    let before = all.clone().take_while(|other| other.key.start < member.key.start).last();
    let behind = all.find(|other| other.key.start > member.key.start);
    match (before, behind) {
        (Some(before), _) => before.value.end..member.value.end,
        (None, Some(behind)) => member.key.start..behind.key.start,
        (None, None) => member.key.start..member.value.end,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn asked(body: &str) -> Option<String> {
        with_usage_asked(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_option_is_added_where_it_belongs() {
        for (body, expected) in [
            (r#"{"stream":true}"#, r#"{"stream_options":{"include_usage":true},"stream":true}"#),
            (
                "\n{ \"stream\" : true }\n",
                "\n{\"stream_options\":{\"include_usage\":true}, \"stream\" : true }\n",
            ),
            (
                r#"{"stream":true,"stream_options":null}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{ }}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true }}"#,
            ),
            (
                r#"{"stream_options":{"include_obfuscation":false},"stream":true}"#,
                r#"{"stream_options":{"include_usage":true,"include_obfuscation":false},"stream":true}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"a":[{"include_usage":1}], "include_usage" : false}}"#,
                r#"{"stream":true,"stream_options":{"a":[{"include_usage":1}], "include_usage" : true}}"#,
            ),
            (
                r#"{"stream":false,"stream_options":{"include_usage":true},"stream":true,"stream_options":{"include_usage":true,"include_usage":null}}"#,
                r#"{"stream":false,"stream_options":{"include_usage":true},"stream":true,"stream_options":{"include_usage":true,"include_usage":true}}"#,
            ),
            (
                r#"{"stream":true,"messages":[{"content":"\"stream_options\":{}"}],"metadata":{"stream_options":{}}}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true,"messages":[{"content":"\"stream_options\":{}"}],"metadata":{"stream_options":{}}}"#,
            ),
        ] {
            assert_eq!(asked(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn what_asks_already_or_cannot_be_edited_stays() {
        for body in [
            "",
            "null",
            "[true]",
            r#"{"stream":true"#,
            r#"{"stream":true} {}"#,
            r#"{"stream":true,"messages":[}"#,
            "{}",
            r#"{"stream":false}"#,
            r#"{"stream":1}"#,
            r#"{"stream":"true"}"#,
            r#"{"stream":true,"stream":false}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":"yes"}}"#,
            r#"{"stream":true,"stream_options":[]}"#,
            r#"{"stream":true,"stream_options":"include_usage"}"#,
        ] {
            assert_eq!(asked(body), None, "{body}");
        }
    }

    #[test]
    fn an_addition_is_told_from_what_the_provider_says_itself() {
        let member = |chunk: &str| match addition(chunk.as_bytes()) {
            Addition::Member(place) => format!("{}{}", &chunk[..place.start], &chunk[place.end..]),
            other => format!("{other:?}"),
        };
        for (chunk, expected) in [
            (r#"{"choices":[{}],"usage":null}"#, r#"{"choices":[{}]}"#),
            (
                r#"{"choices": [{}], "usage": null, "obfuscation": "x"}"#,
                r#"{"choices": [{}], "obfuscation": "x"}"#,
            ),
            (r#"{"usage":null,"choices":[{}]}"#, r#"{"choices":[{}]}"#),
            (r#"{ "usage" : null , "choices" : [] }"#, r#"{ "choices" : [] }"#),
            (r#"{"choices":[],"usage":{"prompt_tokens":1}}"#, "Chunk"),
            (r#"{"usage": {}, "choices": [ ]}"#, "Chunk"),
            (r#"{"choices":[{"index":0}],"usage":{"prompt_tokens":1}}"#, "Unasked"),
            (r#"{"choices":[{"usage":null,"delta":{"content":"\"usage\":null"}}]}"#, "None"),
            (r#"{"choices":[],"usage":7}"#, "None"),
            (r#"{"choices":[],"usage":null,"usage":{}}"#, "None"),
            (r#"{"error":{},"usage":null}"#, "None"),
            (r#"{"choices":[],"usage":{}"#, "None"),
            ("[DONE]", "None"),
        ] {
            assert_eq!(member(chunk), expected, "{chunk}");
        }
    }

    fn options() -> impl Strategy<Value = Option<Value>> {
        let given = prop_oneof![
            Just(None),
            Just(Some(json!(false))),
            Just(Some(Value::Null)),
            Just(Some(json!(true)))
        ];
        let object = (given, any::<bool>(), any::<bool>()).prop_map(|(given, more, first)| {
            let mut object = Map::new();
            if more && first {
                object.insert("include_obfuscation".into(), json!(false));
            }
            if let Some(given) = given {
                object.insert("include_usage".into(), given);
            }
            if more && !first {
                object.insert("x".into(), json!([{"include_usage": false}]));
            }
            Some(Value::from(object))
        });
        prop_oneof![Just(None), Just(Some(Value::Null)), object]
    }

    proptest! {
        #[test]
        fn the_request_means_the_same_but_for_the_option(
            keys in prop::collection::vec("[a-c\u{e9}\"\\\\ ]{0,3}", 0..5), text in ".{0,12}", options in options(),
            place in 0..6_usize, pretty in any::<bool>(), stream in any::<bool>(),
        ) {
            let mut body: Map<String, Value> = keys.into_iter().map(|key| (key, json!([{"text": text}]))).collect();
            body.insert("stream".into(), stream.into());
            if let Some(options) = options {
                body.shift_insert(place.min(body.len()), "stream_options".into(), options);
            }
            let text = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) }.unwrap();
            let already = body.get("stream_options").is_some_and(|options| options["include_usage"] == true);

            let Some(edited) = with_usage_asked(&text) else {
                prop_assert!(already || !stream);
                return Ok(());
            };

            prop_assert!(stream && !already);
            let mut parsed: Value = serde_json::from_slice(&edited).unwrap();
            prop_assert_eq!(&parsed["stream_options"]["include_usage"], &json!(true));
            // Every byte of the client's but the value that was replaced is there, in its order.
            let kept = edited.iter().zip(&text).take_while(|(a, b)| a == b).count();
            let tail = edited.iter().rev().zip(text.iter().rev()).take_while(|(a, b)| a == b).count();
            prop_assert!(kept + tail + b"false".len() >= text.len());
            // And without the option it is the request that it was.
            match body.get("stream_options").cloned() {
                None => drop(parsed.as_object_mut().unwrap().remove("stream_options")),
                Some(given) => parsed["stream_options"] = given,
            }
            prop_assert_eq!(parsed, Value::from(body));
        }
    }
}
