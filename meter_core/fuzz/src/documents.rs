//! The JSON scan: any cut tells the same, and what is JSON is read to its end, value for value.

use meter_core::json_scan::{Interest, Scalar, Scanner, Take, Visitor};
use meter_core::limits;
use meter_core::usage::Defects;
use serde_json::Value;

use super::input::{Input, pieces};

/// Writes down what it is told; what it asks for is decided by `tastes` and the path.
#[derive(Debug, PartialEq, Eq)]
struct Witness {
    tastes: u8,
    told: Vec<String>,
    text: String,
}

impl Witness {
    /// One of four answers, the same for the same path; without tastes always the first.
    fn taste(&self, path: &str) -> u8 {
        let sum = path.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        if self.tastes == 0 { 0 } else { (sum ^ self.tastes) % 4 }
    }
}

impl Visitor for Witness {
    fn enter(&mut self, path: &str) -> Interest {
        assert!(path.len() <= limits::JSON_PATH_BYTES_MAX + 2 * limits::JSON_DEPTH_MAX, "a long path");
        match self.taste(path) {
            3 => Interest::Skip,
            2 => Interest::Raw,
            _ => Interest::Walk,
        }
    }
    fn leave(&mut self, path: &str) {
        if self.tastes > 0 {
            self.told.push(format!("leave {path}"));
        }
    }
    fn string(&mut self, path: &str) -> Take {
        match self.taste(path) {
            3 => Take::Skip,
            2 => Take::Text,
            _ => Take::Value,
        }
    }
    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if let Scalar::String(text) = value {
            assert!(text.len() <= 3 * limits::JSON_SCALAR_BYTES_MAX, "a long value");
        }
        self.told.push(format!("{path}={value:?}"));
    }
    fn text(&mut self, _: &str, piece: &str) {
        self.text.push_str(piece);
    }
    fn text_end(&mut self, path: &str) {
        let text = std::mem::take(&mut self.text);
        self.told.push(format!("{path}~{text}"));
    }
}

/// What was told, the defects, and whether the document was complete, broken, blank.
fn scan<'a>(tastes: u8, chunks: impl Iterator<Item = &'a [u8]>) -> (Witness, Defects, [bool; 3]) {
    let mut scanner = Scanner::new();
    let mut witness = Witness { tastes, told: Vec::new(), text: String::new() };
    for chunk in chunks {
        scanner.feed(chunk, &mut witness);
    }
    scanner.end(&mut witness);
    (witness, scanner.defects(), [scanner.is_complete(), scanner.is_broken(), scanner.is_blank()])
}

/// Any bytes as JSON.
pub fn json_scan(data: &[u8]) {
    let mut input = Input::new(data);
    let (cuts, tastes) = (input.byte(), input.byte());
    let bytes = input.rest();

    let whole = scan(tastes, std::iter::once(bytes));
    assert_eq!(whole, scan(tastes, pieces(bytes, cuts)));

    // A number that we take for broken JSON, and the other parser's private way to write one.
    let of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let giant = bytes.split(|byte| !of_number(byte)).any(|run| run.len() > limits::JSON_NUMBER_BYTES_MAX);
    let private = bytes.windows(6).any(|window| window == b"$serde");
    if let Ok(value) = serde_json::from_slice::<Value>(bytes)
        && !giant
        && !private
    {
        let (witness, defects, [complete, broken, _]) = scan(0, std::iter::once(bytes));
        assert!(complete && !broken && defects.is_empty(), "{defects:?}");
        let mut leaves = Vec::new();
        collect(&value, "", &mut leaves);
        // A key given twice is told twice, and long scalars and paths are not kept.
        if leaves.len() == witness.told.len() && bytes.len() < limits::JSON_PATH_BYTES_MAX / 2 {
            // Exponents are spelt `e+5` on one side.
            let spelt = |told: &[String]| told.join("\n").to_lowercase().replace("e+", "e");
            assert_eq!(spelt(&witness.told), spelt(&leaves));
        }
        assert!(leaves.len() <= witness.told.len() + long(&value), "a value is missing");
    }
}

/// The scalars of `value` as the witness writes them.
fn collect(value: &Value, path: &str, leaves: &mut Vec<String>) {
    let below = |segment: &str| {
        if path.is_empty() { segment.to_owned() } else { format!("{path}.{segment}") }
    };
    match value {
        Value::Null => leaves.push(format!("{path}={:?}", Scalar::Null)),
        Value::Bool(truth) => leaves.push(format!("{path}={:?}", Scalar::Bool(*truth))),
        Value::Number(number) => leaves.push(format!("{path}={:?}", Scalar::Number(number.as_str()))),
        Value::String(text) => leaves.push(format!("{path}={:?}", Scalar::String(text))),
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, &below("#"), leaves)),
        Value::Object(members) => {
            for (key, member) in members {
                let mapped = key.replace(['.', '#'], "\u{1f}");
                let plain = mapped == *key && !key.is_empty();
                collect(member, &below(&if plain { mapped } else { mapped + "\u{1f}" }), leaves);
            }
        }
    }
}

/// How many strings are too long to be kept.
fn long(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => usize::from(text.len() > limits::JSON_SCALAR_BYTES_MAX),
        Value::Array(elements) => elements.iter().map(long).sum(),
        Value::Object(members) => members.values().map(long).sum(),
    }
}
