//! How fast large replies are read: gigabytes a second through a [`Reply`], fed in pieces of 64 KB, best of several rounds.
//!
//! One JSON object on standard output; `bench/wire/run.py` reads it.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a program that takes the time and prints its figures"
)]

use std::time::Instant;

use meter_core::detect::{Detector, Route};
use meter_core::dialect::{Reply, read_request};
use meter_core::headers::Headers;

const JSON: [(&[u8], &[u8]); 1] = [(b"content-type", b"application/json")];
const SIZE: usize = 32 << 20;
const PIECE: usize = 64 << 10;
const ROUNDS: usize = 7;
const USAGE: &str = r#""usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}"#;

/// A reply of about [`SIZE`] bytes: `item` again and again between `head` and `tail`.
fn body(head: &str, item: &str, tail: &str) -> String {
    let mut body = head.to_owned();
    while body.len() < SIZE {
        body.push_str(item);
    }
    body + tail + USAGE
}

fn chat(item: &str) -> String {
    body(r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":""#, item, r#""}}],"#)
}

fn vectors() -> String {
    let numbers = ["-0.0123456789", "0.0987654321", "0.5", "-1.25e-05"].repeat(384).join(",");
    let vector = format!(r#"{{"object":"embedding","index":0,"embedding":[{numbers}]}},"#);
    body(r#"{"object":"list","model":"m","data":["#, &vector, r#"{"embedding":[0]}],"#)
}

/// Seconds to read `body` once, and the input tokens it states.
fn read(route: &Route, body: &[u8]) -> (f64, Option<u64>) {
    let facts = read_request(route, Headers(&JSON), br#"{"model":"m"}"#);
    let mut seen = 0;
    let start = Instant::now();
    let mut reply = Reply::new(route, &facts, 200, Headers(&JSON));
    for piece in body.chunks(PIECE) {
        reply.feed(piece, &mut |text| seen += text.len());
    }
    reply.end(true, &mut |text| seen += text.len());
    (start.elapsed().as_secs_f64(), reply.finding().usage.input_tokens)
}

fn main() {
    let detector = Detector::new(Vec::new());
    let route = |path: &str| detector.detect("POST", "api.openai.com", None, path, Headers(&JSON)).unwrap();
    let base64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ".repeat(16);
    let bodies = [
        ("embeddings", "/v1/embeddings", vectors()),
        ("chat text", "/v1/chat/completions", chat(&"It is so, and it was so before. ".repeat(16))),
        (
            "chat text, escapes",
            "/v1/chat/completions",
            chat(r#"It \"is\" so,\n\u00e9 \ud83d\ude00 it is.\t"#),
        ),
        (
            "chat text, one line feed in 80",
            "/v1/chat/completions",
            chat(&format!("{}\\n", "It is so. ".repeat(8))),
        ),
        ("base64 image", "/v1/images/generations", body(r#"{"data":[{"b64_json":""#, &base64, r#""}],"#)),
    ];
    let mut lines = Vec::new();
    for (name, path, body) in &bodies {
        let route = route(path);
        let runs: Vec<(f64, Option<u64>)> = (0..ROUNDS).map(|_| read(&route, body.as_bytes())).collect();
        assert!(runs.iter().all(|(_, input)| *input == Some(7)), "{name}");
        let best = runs.iter().map(|(seconds, _)| *seconds).fold(f64::INFINITY, f64::min);
        lines.push(format!("{name:?}: {:.2}", body.len() as f64 / best / 1e9));
    }
    println!("{{{}}}", lines.join(", "));
}
