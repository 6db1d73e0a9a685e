//! The scanner against a tree parser, in any cut, and what it makes of broken documents.

use proptest::prelude::*;

use super::*;

/// Writes down what it is told, one line each.
#[derive(Default)]
struct Script {
    lines: Vec<String>,
    text: String,
}

impl Visitor for Script {
    fn enter(&mut self, path: &str) -> Interest {
        self.lines.push(format!("> {path}"));
        match path {
            "skip" => Interest::Skip,
            "raw" => Interest::Raw,
            _ => Interest::Walk,
        }
    }
    fn leave(&mut self, path: &str) {
        self.lines.push(format!("< {path}"));
    }
    fn string(&mut self, path: &str) -> Take {
        if path.ends_with("text") {
            Take::Text
        } else if path.ends_with("none") {
            Take::Skip
        } else {
            Take::Value
        }
    }
    fn value(&mut self, path: &str, value: Scalar<'_>) {
        self.lines.push(format!("{path} = {value:?}"));
    }
    fn text(&mut self, _: &str, piece: &str) {
        self.text.push_str(piece);
    }
    fn text_end(&mut self, path: &str) {
        let text = std::mem::take(&mut self.text);
        self.lines.push(format!("{path} ~ {text}"));
    }
}

fn scan(bytes: &[u8], size: usize) -> (Vec<String>, Defects, bool) {
    let mut scanner = Scanner::new();
    let mut script = Script::default();
    for piece in bytes.chunks(size.max(1)) {
        scanner.feed(piece, &mut script);
    }
    scanner.end(&mut script);
    if !script.text.is_empty() {
        script.lines.push(format!("unfinished {}", script.text));
    }
    (script.lines, scanner.defects(), scanner.is_complete())
}

#[test]
fn a_document_is_visited_by_path() {
    let json = br##" {"usage":{"in":12,"x":[1.5e3,null,true,[]]},"text":"a\u00e9\ud83d\ude00\n","none":"\"{",
        "a.b":{"#":"v"},"":0,"skip":{"usage":["}"]},"raw":{"k":["\u00e9]"]}, "\u0075sage":{"in":13}} "##;
    let lines = scan(json, json.len()).0;

    assert_eq!(
        lines,
        [
            "> ",
            "> usage",
            "usage.in = Number(\"12\")",
            "> usage.x",
            "usage.x.# = Number(\"1.5e3\")",
            "usage.x.# = Null",
            "usage.x.# = Bool(true)",
            "> usage.x.#",
            "< usage.x.#",
            "< usage.x",
            "< usage",
            "text ~ a\u{e9}\u{1f600}\n",
            "> a\u{1f}b\u{1f}",
            "a\u{1f}b\u{1f}.\u{1f}\u{1f} = String(\"v\")",
            "< a\u{1f}b\u{1f}",
            "\u{1f} = Number(\"0\")",
            "> skip",
            "> raw",
            r#"raw ~ {"k":["\u00e9]"]}"#,
            "> usage",
            "usage.in = Number(\"13\")",
            "< usage",
            "< ",
        ]
    );
}

#[test]
fn broken_documents_are_malformed() {
    let cases: [&[u8]; 24] = [
        b"{",
        b"{]",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{,}",
        b"{a:1}",
        b"[1,]",
        b"[1 2]",
        b"[01]",
        b"[1.]",
        b"[.5]",
        b"[-]",
        b"[1e]",
        b"[+1]",
        b"[nul]",
        b"[nulll]",
        b"[tru e]",
        b"\"\\x\"",
        b"\"\\u12g4\"",
        b"{} {}",
        b"[}",
        b"}",
        b"\xff",
    ];
    for case in cases {
        let (_, defects, complete) = scan(case, 1);
        let open = case == b"{";

        assert!(!complete || open, "{}", String::from_utf8_lossy(case));
        assert_eq!(defects.contains(Defect::Malformed), !open, "{}", String::from_utf8_lossy(case));
    }
}

#[test]
fn limits_bound_depth_paths_and_scalars() {
    let bomb = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let (lines, defects, complete) = scan(&bomb, 1000);
    assert!(defects.contains(Defect::TooDeep) && complete);
    assert_eq!(lines.len(), 2 * limits::JSON_DEPTH_MAX);

    let key = "k".repeat(limits::JSON_PATH_BYTES_MAX + 1);
    let long = "v".repeat(limits::JSON_SCALAR_BYTES_MAX + 1);
    let json = format!(r#"{{"{key}":{{"usage":1}},"a":"{long}","b":1}}"#);
    assert_eq!(
        scan(json.as_bytes(), 7).0,
        ["> ", "> \u{1f}", "\u{1f}.usage = Number(\"1\")", "< \u{1f}", "b = Number(\"1\")", "< "]
    );
}

#[test]
fn a_key_that_is_no_utf8_is_bounded_as_it_is_told() {
    for (len, path) in [(100, format!("{}\u{1f}", "\u{fffd}".repeat(100))), (400, "\u{1f}".into())] {
        let json = [b"{\"", &*vec![0xFF; len], b"\":1}"].concat();

        assert_eq!(scan(&json, 7).0, ["> ".into(), format!("{path} = Number(\"1\")"), "< ".into()]);
    }
}

#[test]
fn counts_are_whole_and_not_negative() {
    let counts =
        [("12", Some(12)), ("12.0", Some(12)), ("0", Some(0)), ("-1", None), ("1.5", None), ("1e3", None)];
    for (text, count) in counts {
        assert_eq!(Scalar::Number(text).count(), count, "{text}");
    }
    assert_eq!(Scalar::Number("18446744073709551616").count(), None);
}

/// Bytes that are close to JSON.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just(b"{".to_vec()),
        Just(b"}".to_vec()),
        Just(b"[".to_vec()),
        Just(b"]".to_vec()),
        Just(b",".to_vec()),
        Just(b":".to_vec()),
        Just(b"\"text\":\"\\ud83d\\ude00 \\ud83dx \xe2\x82\xac\xe2\x82\"".to_vec()),
        Just(b"\"none\":\"\\\\\\\"\"".to_vec()),
        Just(b"\"skip\":{\"a\":[\"]\\\"\"]}".to_vec()),
        Just(b"\"raw\":[\"\xc3\xa9\",{}]".to_vec()),
        Just(b"\"k\":-1.5e+3".to_vec()),
        Just(b"\"k\":true".to_vec()),
        Just(b" \n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(token, 0..24).prop_map(|tokens| {
        let mut bytes = b"{".to_vec();
        for token in tokens {
            bytes.extend_from_slice(&token);
            bytes.push(b',');
        }
        bytes
    })
}

fn arbitrary_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-z]{0,5}", inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The lines a walk of a parsed document gives.
fn walk(value: &serde_json::Value, path: &str, lines: &mut Vec<String>) {
    use serde_json::Value;
    let join = |segment: &str| if path.is_empty() { segment.to_owned() } else { format!("{path}.{segment}") };
    match value {
        Value::Null => lines.push(format!("{path} = Null")),
        Value::Bool(truth) => lines.push(format!("{path} = Bool({truth})")),
        Value::Number(number) => lines.push(format!("{path} = Number({:?})", number.to_string())),
        Value::String(text) if path.ends_with("text") => lines.push(format!("{path} ~ {text}")),
        Value::String(text) => lines.push(format!("{path} = String({text:?})")),
        Value::Array(elements) => {
            lines.push(format!("> {path}"));
            for element in elements {
                walk(element, &join("#"), lines);
            }
            lines.push(format!("< {path}"));
        }
        Value::Object(members) => {
            lines.push(format!("> {path}"));
            for (key, member) in members {
                walk(member, &join(if key.is_empty() { "\u{1f}" } else { key }), lines);
            }
            lines.push(format!("< {path}"));
        }
    }
}

proptest! {
    #[test]
    fn any_split_of_any_bytes_says_the_same(bytes in nearly_json(), size in 1usize..9) {
        prop_assert_eq!(scan(&bytes, size), scan(&bytes, bytes.len()));
    }

    #[test]
    fn agrees_with_a_whole_parser(value in arbitrary_json(), size in 1usize..40) {
        let mut expected = Vec::new();
        walk(&value, "", &mut expected);

        let (lines, defects, complete) = scan(value.to_string().as_bytes(), size);

        prop_assert_eq!(lines, expected);
        prop_assert!(defects.is_empty() && complete);
    }
}

#[test]
fn the_first_bracket_is_found_wherever_it_stands() {
    for byte in 0..=u8::MAX {
        for length in [1, 511, 512, 513, 1300] {
            for at in [0, length / 2, length - 1] {
                let mut bytes = vec![b'1'; length];
                bytes[at] = byte;
                let expected = b"\"{[}]".contains(&byte).then_some(at);
                assert_eq!(bracket(&bytes), expected, "{byte:#x} at {at} of {length}");
            }
        }
    }
}
