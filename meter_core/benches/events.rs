//! What an event of a stream and an exchange of 2 KB cost inside the core, by dialect, without the Python surface.
//!
//!     cargo bench -p meter_core --bench events                     nanoseconds, the best of several rounds
//!     cargo bench -p meter_core --bench events -- event gemini     only figures whose name begins so
//!
//! The measured work stands in [`events`] and [`exchanges`], so that instructions can be counted in them alone, with
//! `valgrind --tool=callgrind --toggle-collect='*events::events*'` and `--once` behind the name. Inputs are those of `bench/wire`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that reads the corpus, takes the time and prints its figures"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Instant;

use meter_core::attribution::Attribution;
use meter_core::budget::Mode;
use meter_core::exchange::{CloseReason, Exchange};
use meter_core::meter::{Meter, Request};
use support::har::{Recorded, entries, with_headers};
use support::{NOW, budget, meter};

const EVENTS: usize = 400;
const EXCHANGES: usize = 200;
const REPLY_BYTES: usize = 2048;
const ROUNDS: usize = 15;
const UNARY: [(&str, &str, usize); 8] = [
    ("openai chat", "openai-chat", 0),
    ("openai responses", "openai-responses", 0),
    ("anthropic", "anthropic-messages", 0),
    ("gemini", "gemini-generate", 0),
    ("bedrock converse", "bedrock-unary", 0),
    ("cohere", "cohere-more", 1),
    ("mistral", "mistral", 0),
    ("ollama", "ollama-odd", 0),
];
const STREAMS: [(&str, &str, usize); 8] = [
    ("openai chat", "openai-stream-without-usage", 0),
    ("openai responses", "openai-responses", 1),
    ("anthropic", "anthropic-messages", 1),
    ("gemini, SSE", "gemini-generate", 3),
    ("gemini, JSON array", "gemini-generate", 4),
    ("bedrock, event stream", "bedrock-invoke-stream-metrics-differ", 0),
    ("cohere", "cohere-more", 0),
    ("ollama, NDJSON", "ollama-odd", 1),
];

fn recorded(case: &str, entry: usize) -> Recorded {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/cases");
    entries(&cases.join(case).join("exchange.har")).swap_remove(entry)
}

/// The exchange with its reply brought to [`REPLY_BYTES`] by a longer text.
fn unary(case: &str, entry: usize) -> Recorded {
    let mut found = recorded(case, entry);
    let reply = String::from_utf8(found.reply).unwrap();
    let more = "And so on. ".repeat(REPLY_BYTES.saturating_sub(reply.len()) / 11);
    found.reply = reply.replacen("It is so.", &format!("It is so. {more}"), 1).into_bytes();
    found
}

/// The events of a stream, the one that says most in its middle, and its place.
fn pieces(name: &str, reply: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let mut events = Vec::new();
    if name.contains("event stream") {
        let mut rest = reply;
        while let Some(size) = rest.first_chunk::<4>() {
            let (event, behind) = rest.split_at(u32::from_be_bytes(*size) as usize);
            events.push(event.to_vec());
            rest = behind;
        }
    } else {
        let text = std::str::from_utf8(reply).unwrap();
        let (end, kept) = match name {
            _ if name.contains("array") => ("\n,", ","),
            _ if name.contains("NDJSON") => ("\n", "\n"),
            _ => ("\n\n", "\n\n"),
        };
        // What opens an array belongs to no element.
        let text = text
            .strip_prefix('[')
            .filter(|_| kept == ",")
            .inspect(|_| events.push(b"[".to_vec()))
            .unwrap_or(text);
        let parts = text.split(end).filter(|part| !part.is_empty());
        events.extend(parts.map(|part| format!("{part}{kept}").into_bytes()));
        if kept == "," {
            events.last_mut().unwrap().pop();
        }
    }
    let says = |event: &[u8]| {
        let text = String::from_utf8_lossy(event);
        let words = ["delta", "text", "content", "bytes"];
        words.iter().map(|word| text.matches(word).count()).sum::<usize>()
    };
    let middle = 1..events.len().saturating_sub(1);
    let at = middle.rev().max_by_key(|at| says(&events[*at])).unwrap_or(0);
    (events, at)
}

fn open(meter: &Meter, given: &Recorded) -> Exchange {
    with_headers(&given.headers, |headers| {
        let request = Request {
            method: &given.method,
            host: &given.host,
            port: given.port,
            path: &given.path,
            headers,
            body: Some(&given.body),
        };
        let mut exchange = meter.open(&request, Attribution::default(), NOW).unwrap();
        with_headers(&given.reply_headers, |headers| exchange.respond(200, headers));
        exchange
    })
}

/// Feeds one event again and again.
#[inline(never)]
fn events(exchange: &mut Exchange, event: &[u8]) {
    for _ in 0..EVENTS {
        exchange.feed(event, NOW);
    }
}

/// Exchanges from request to entry.
#[inline(never)]
fn exchanges(meter: &Meter, given: &Recorded) {
    for _ in 0..EXCHANGES {
        let mut exchange = open(meter, given);
        exchange.feed(&given.reply, NOW);
        exchange.close(CloseReason::Complete, NOW).unwrap();
    }
}

/// Nanoseconds of one piece of work that `run` does `times` times, the best of several rounds.
fn best(rounds: usize, times: usize, mut run: impl FnMut() -> u128) -> u128 {
    (0..rounds).map(|_| run()).min().unwrap() / u128::try_from(times).unwrap()
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |figure: &str| figure.starts_with(&given.join(" "));
    let rounds = if std::env::args().any(|word| word == "--once") { 1 } else { ROUNDS };
    let meter = meter(vec![budget("1000000", Mode::Enforce)], meter_core::meter::Policies::default());
    for (name, case, entry) in STREAMS.into_iter().filter(|(name, ..)| wanted(&format!("event {name}"))) {
        let given = recorded(case, entry);
        let (pieces, at) = pieces(name, &given.reply);
        let best = best(rounds, EVENTS, || {
            let mut exchange = open(&meter, &given);
            pieces[..at].iter().for_each(|piece| drop(exchange.feed(piece, NOW)));
            let start = Instant::now();
            events(&mut exchange, &pieces[at]);
            start.elapsed().as_nanos()
        });
        println!("event {name}: {best} ns, {} bytes", pieces[at].len());
    }
    for (name, case, entry) in UNARY.into_iter().filter(|(name, ..)| wanted(&format!("exchange {name}"))) {
        let given = unary(case, entry);
        // Tables and vocabularies are read the first time.
        let mut first = open(&meter, &given);
        first.feed(&given.reply, NOW);
        first.close(CloseReason::Complete, NOW).unwrap();
        let best = best(rounds, EXCHANGES, || {
            let start = Instant::now();
            exchanges(&meter, &given);
            start.elapsed().as_nanos()
        });
        println!("exchange {name}: {best} ns, {} bytes", given.reply.len());
    }
}
