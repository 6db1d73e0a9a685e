//! Meters, requests and replies that the tests of exchanges share.

#![allow(dead_code, reason = "each test file uses its share")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken helper fails the test")]

pub(crate) mod har;
pub(crate) mod traced;
pub(crate) mod wire;

use std::sync::Arc;

use meter_core::attribution::Attribution;
use meter_core::budget::{Budget, BudgetState, Limit, Mode, OnExceed, Period, Scope, Window};
use meter_core::exchange::{CloseReason, Decision, Exchange, LedgerEntry, Passage};
use meter_core::headers::Headers;
use meter_core::meter::{Meter, Policies, Request, Settings};
use meter_core::money::Nano;
use meter_core::price_book::PriceBook;
use meter_core::snapshot::Series;
use meter_core::tokenizer::Tokenizers;

/// 2025-10-09T08:53:20Z.
pub(crate) const NOW: i64 = 1_760_000_000_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const JSON: [(&[u8], &[u8]); 1] = [(b"content-type", b"application/json")];
pub(crate) const SSE: [(&[u8], &[u8]); 1] = [(b"content-type", b"text/event-stream; charset=utf-8")];
pub(crate) const MILLION: &str =
    r#"{"prompt_tokens":1000000,"completion_tokens":100000,"total_tokens":1100000}"#;

pub(crate) fn budget(usd: &str, mode: Mode) -> Budget {
    Budget {
        name: Arc::from("cap"),
        scope: Scope::default(),
        limit: Limit { usd: Nano::parse_usd(usd), tokens: None, requests: None },
        window: Window::new(Period::Day, "UTC").unwrap(),
        mode,
        alert_at: vec![500],
        on_exceed: OnExceed::Refuse,
        remembers: true,
    }
}

pub(crate) fn meter(budgets: Vec<Budget>, policies: Policies) -> Meter {
    Meter::new(Settings { budgets, policies, ..settings() }).unwrap()
}

/// Settings without budgets and policies.
pub(crate) fn settings() -> Settings {
    Settings {
        price_book: PriceBook::embedded().unwrap(),
        budgets: Vec::new(),
        policies: Policies::default(),
        hosts: Vec::new(),
        tokenizers: Tokenizers::default(),
        capture: Arc::from("proxy"),
        seed: 7,
        fingerprint_key: b"secret".to_vec(),
    }
}

pub(crate) fn capped(usd: &str) -> Meter {
    meter(vec![budget(usd, Mode::Enforce)], Policies::default())
}

pub(crate) fn post(meter: &Meter, host: &str, path: &str, body: &str) -> Exchange {
    let request = Request {
        method: "POST",
        host,
        port: 443,
        path,
        headers: Headers(&[(b"content-type", b"application/json"), (b"authorization", b"Bearer sk-test")]),
        body: Some(body.as_bytes()),
    };
    meter.open(&request, Attribution::default(), NOW).unwrap()
}

pub(crate) fn chat(meter: &Meter, stream: bool, max_tokens: u64) -> Exchange {
    let body = format!(
        r#"{{"model":"gpt-4o-mini","stream":{stream},"max_tokens":{max_tokens},"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    post(meter, "api.openai.com", "/v1/chat/completions", &body)
}

pub(crate) fn delta(text: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

pub(crate) fn answer(exchange: &mut Exchange, usage: &str) -> LedgerEntry {
    exchange.respond(200, Headers(&JSON));
    let body = format!(
        r#"{{"id":"c1","model":"gpt-4o-mini-2024-07-18","choices":[{{"message":{{"content":"hello"}}}}],"usage":{usage}}}"#
    );
    for piece in body.as_bytes().chunks(7) {
        assert_eq!(exchange.feed(piece, NOW + SECOND), Passage::Forward);
    }
    exchange.close(CloseReason::Complete, NOW + 2 * SECOND).unwrap()
}

pub(crate) fn is_admitted(exchange: &Exchange) -> bool {
    matches!(exchange.decision(), Decision::Admit)
}

/// The whole reply in one piece, and the entry.
pub(crate) fn reply(
    exchange: &mut Exchange,
    status: u16,
    headers: &[(&[u8], &[u8])],
    body: &[u8],
) -> LedgerEntry {
    exchange.respond(status, Headers(headers));
    exchange.feed(body, NOW + SECOND);
    exchange.close(CloseReason::Complete, NOW + 2 * SECOND).unwrap()
}

pub(crate) fn get(meter: &Meter, path: &str) -> Exchange {
    let headers = Headers(&[]);
    let request =
        Request { method: "GET", host: "api.openai.com", port: 443, path, headers, body: Some(b"") };
    meter.open(&request, Attribution::default(), NOW).unwrap()
}

/// The state of the only account.
pub(crate) fn state(meter: &Meter) -> BudgetState {
    let mut states = meter.snapshot(NOW).budgets;
    assert_eq!(states.len(), 1);
    states.remove(0)
}

/// The series with these labels and their values, in order of the labels.
pub(crate) fn series(meter: &Meter, series: Series) -> Vec<(String, i128)> {
    let snapshot = meter.snapshot(NOW);
    let counters = snapshot.tally.series(series);
    let mut rows: Vec<_> = counters.map(|(key, value)| (key.join(" "), value)).collect();
    rows.sort();
    rows
}
