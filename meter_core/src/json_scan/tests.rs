use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Writes down everything it is told.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    text: String,
}

impl Visitor for Log {
    fn wants_text(&mut self, path: &str) -> bool {
        path.ends_with("content")
    }
    fn text(&mut self, _path: &str, piece: &str) {
        self.text.push_str(piece);
    }
    fn text_end(&mut self, path: &str) {
        self.lines.push(format!("{path} ~ {}", std::mem::take(&mut self.text)));
    }
    fn scalar(&mut self, path: &str, value: Scalar<'_>) {
        self.lines.push(match value {
            Scalar::Text(text) => format!("{path} = {text:?}"),
            Scalar::Number(number) => format!("{path} = {number}"),
            Scalar::Bool(bool) => format!("{path} = {bool}"),
            Scalar::Null => format!("{path} = null"),
        });
    }
    fn open(&mut self, path: &str) {
        self.lines.push(format!("{path} >"));
    }
}

fn scan(bytes: &[u8], piece: usize) -> (Vec<String>, Defects) {
    let (mut scanner, mut log) = (Scanner::default(), Log::default());
    for chunk in bytes.chunks(piece.max(1)) {
        scanner.feed(chunk, &mut log);
    }
    scanner.end(&mut log);
    (log.lines, scanner.defects())
}

fn only(defect: Defect) -> Defects {
    let mut defects = Defects::default();
    defects.insert(defect);
    defects
}

#[test]
fn values_come_with_their_paths() {
    let (lines, defects) = scan(
        br#" {"a":{"b.c#":1,"d":[]},"e":[{"content":"x\u00e9\ud83d\ude00\n"},-2.5e3,[true]],"f":null, "g":"" } "#,
        3,
    );

    assert_eq!(
        lines,
        [
            " >",
            "a >",
            "a.b\u{fffd}c\u{fffd} = 1",
            "a.d >",
            "e >",
            "e.# >",
            "e.#.content ~ xé😀\n",
            "e.# = -2.5e3",
            "e.# >",
            "e.#.# = true",
            "f = null",
            "g = \"\"",
        ]
    );
    assert!(defects.is_empty());
}

#[test]
fn what_is_broken_is_named_and_stops() {
    for broken in ["{\"a\" 1}", "[1,]", "{,}", "nul ", "]", "{\"a\":1]", "[1 2]", "{1:2}"] {
        assert!(scan(broken.as_bytes(), 1).1.contains(Defect::Malformed), "{broken}");
    }
    for cut in ["", "{", "{\"a\":\"b", "[1", "{\"a\":tru", "\"\\u12"] {
        assert_eq!(scan(cut.as_bytes(), 1).1, only(Defect::Truncated), "{cut}");
    }
    assert_eq!(scan("[".repeat(1 << 20).as_bytes(), 4096).1, only(Defect::TooDeep));
}

#[test]
fn long_strings_are_cut_as_scalars_and_whole_as_text() {
    let long = "é".repeat(50_000);
    let (lines, _) = scan(format!(r#"{{"x":"{long}","content":"{long}"}}"#).as_bytes(), 1001);

    assert!(lines[1].len() < limits::JSON_SCALAR_BYTES_MAX + 20);
    assert_eq!(lines[2], format!("content ~ {long}"));
}

#[test]
fn counts_are_whole_and_not_negative() {
    assert_eq!(Scalar::Number("12").count(), Some(12));
    assert_eq!(Scalar::Number("12.0").count(), Some(12));
    for other in ["12.5", "-1", "1e3", "99999999999999999999"] {
        assert_eq!(Scalar::Number(other).count(), None, "{other}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec(("(content|[a-z.#\"\\\\é]{0,6})", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn walk(path: &str, value: &Value, lines: &mut Vec<String>) {
    let below =
        |segment: &str| if path.is_empty() { segment.to_owned() } else { format!("{path}.{segment}") };
    match value {
        Value::Object(pairs) => {
            lines.push(format!("{path} >"));
            for (key, value) in pairs {
                walk(&below(&key.replace(['.', '#'], "\u{fffd}")), value, lines);
            }
        }
        Value::Array(values) => {
            lines.push(format!("{path} >"));
            values.iter().for_each(|value| walk(&below("#"), value, lines));
        }
        Value::String(text) if path.ends_with("content") => lines.push(format!("{path} ~ {text}")),
        Value::String(text) => lines.push(format!("{path} = {text:?}")),
        other => lines.push(format!("{path} = {other}")),
    }
}

proptest! {
    #[test]
    fn any_document_in_any_cut_reads_as_a_tree_parser_reads_it(value in json(), piece in 1_usize..40) {
        let text = serde_json::to_string(&value).unwrap();
        let mut expected = Vec::new();
        walk("", &value, &mut expected);
        prop_assert_eq!(scan(text.as_bytes(), piece), (expected, Defects::default()));
    }

    #[test]
    fn any_bytes_in_any_cut_give_the_same(noise in "[\\[\\]{},:\"\\\\u0-9a-f é]{0,60}", piece in 1_usize..9) {
        prop_assert_eq!(scan(noise.as_bytes(), piece), scan(noise.as_bytes(), noise.len()));
    }
}
