//! What a prompt's way from JSON to a number costs: reading the request, copying its texts, counting them.
//!
//! One line for each kind of text, nanoseconds for a kilobyte of it, best of several rounds. It says what counting inside of
//! the JSON, without the copy, could save at most.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a program that takes the time and prints its figures"
)]

use std::hint::black_box;
use std::time::Instant;

use meter_core::detect::Detector;
use meter_core::dialect::read_request;
use meter_core::headers::Headers;
use meter_core::tokenizer::get;

const JSON: [(&[u8], &[u8]); 1] = [(b"content-type", b"application/json")];
const SIZE: usize = 256 << 10;
const ROUNDS: usize = 40;

const PROSE: &str =
    "The river came down from the hills in the night, and nobody had heard it until the bridge was gone. ";
const CODE: &str =
    "    if let Some(entry) = entries.get(\"name\") {\n        return Ok(entry.clone());\n    }\n\n";
const CHINESE: &str = "\u{6cb3}\u{6c34}\u{5728}\u{591c}\u{91cc}\u{4ece}\u{5c71}\u{4e0a}\u{4e0b}\u{6765}\u{ff0c}\u{6ca1}\u{6709}\u{4eba}\u{542c}\u{89c1}\u{3002}";

/// Nanoseconds for a kilobyte of `bytes`, the least of all rounds.
fn least(bytes: usize, mut run: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    rounds.fold(f64::INFINITY, f64::min) * 1e9 / (bytes as f64 / 1024.0)
}

fn main() {
    let tokenizer = get("o200k_base").unwrap();
    let route = Detector::new(Vec::new())
        .detect("POST", "api.openai.com", None, "/v1/chat/completions", Headers(&JSON))
        .unwrap();
    for (name, item) in [("prose", PROSE), ("code", CODE), ("chinese", CHINESE)] {
        let text = item.repeat(SIZE / item.len());
        let quoted = serde_json::to_string(&text).unwrap();
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{quoted}}}]}}"#);
        let facts = read_request(&route, Headers(&JSON), body.as_bytes());
        assert_eq!(facts.prompt.texts().last(), Some(text.as_str()));

        let reading = least(text.len(), || {
            black_box(read_request(&route, Headers(&JSON), black_box(body.as_bytes())));
        });
        let copying = least(text.len(), || {
            let mut copy = String::new();
            for line in black_box(&text).split_inclusive('\n') {
                copy.push_str(line);
            }
            black_box(copy);
        });
        let counting = least(text.len(), || {
            black_box(tokenizer.count(black_box(text.as_bytes())));
        });
        println!("{name}: read {reading:.0}, of which copied {copying:.0}; counted {counting:.0}");
    }
}
