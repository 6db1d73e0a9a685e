//! Every case of the corpus, metered whole and in pieces: what is expected must come out, whatever the pieces.
//!
//! A case is a folder of `tests/corpus/cases`: the exchanges, and what is expected of each, field by field.

#![expect(clippy::unwrap_used, reason = "a broken case fails the test, also in its helpers")]

mod support;

use std::path::{Path, PathBuf};

use meter_core::attribution::Attribution;
use meter_core::exchange::CloseReason;
use meter_core::meter::{Meter, Policies, Request};
use serde_json::{Value, json};
use support::har::{self, Recorded};

/// 2026-11-10 UTC, within what the price book covers.
const NOW: i64 = 1_794_268_800_000_000_000;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/cases");
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// What the replay contract says of one exchange, its reply fed in pieces of `size`.
fn metered(meter: &Meter, recorded: &Recorded, size: usize) -> Value {
    let fields = har::lend(&recorded.headers);
    let request = Request {
        method: &recorded.method,
        host: &recorded.host,
        port: recorded.port,
        path: &recorded.path,
        headers: meter_core::headers::Headers(&fields),
        body: Some(&recorded.body),
    };
    let Some(mut exchange) = meter.open(&request, Attribution::default(), NOW) else {
        return json!({"llm": false, "cost_usd": null});
    };
    if recorded.status != 0 {
        har::with_headers(&recorded.reply_headers, |headers| exchange.respond(recorded.status, headers));
        for piece in recorded.reply.chunks(size) {
            exchange.feed(piece, NOW);
        }
    }
    for (sent, frame) in &recorded.messages {
        for piece in frame.chunks(size) {
            if *sent {
                exchange.sent(piece, NOW);
            } else {
                exchange.feed(piece, NOW);
            }
        }
    }
    let gone = recorded.status == 0 || recorded.broke_off;
    let reason = if gone { CloseReason::UpstreamGone } else { CloseReason::Complete };
    serde_json::from_str(&exchange.close(reason, NOW).unwrap().to_replay_json(0)).unwrap()
}

/// The fields of `expected` that `found` has otherwise.
fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, value) in expected.as_object().unwrap() {
        if name == "usage" {
            for (count, value) in value.as_object().unwrap() {
                if found["usage"][count] != *value {
                    wrong.push(format!("{count}: {value} expected, {} found", found["usage"][count]));
                }
            }
        } else if found[name] != *value {
            wrong.push(format!("{name}: {value} expected, {} found", found[name]));
        }
    }
    wrong
}

#[test]
fn every_case_gives_what_is_expected_however_it_is_cut() {
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(case.join("expected.jsonl"))
            .unwrap_or_else(|flaw| panic!("{name}: {flaw}"));
        let expected: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let recorded = har::entries(&case.join("exchange.har"));
        assert_eq!(expected.len(), recorded.len(), "{name}: one line an exchange");
        for size in [usize::MAX, 1, 7, 1000] {
            let meter = support::meter(Vec::new(), Policies::default());
            for (at, (expected, recorded)) in expected.iter().zip(&recorded).enumerate() {
                let found = metered(&meter, recorded, size);
                wrong.extend(
                    differences(expected, &found).iter().map(|flaw| format!("{name} {at} in {size}: {flaw}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
