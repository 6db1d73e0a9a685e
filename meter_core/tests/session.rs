//! Sessions over a WebSocket: read in both directions, priced by what they state, ended by their budget.

#![expect(clippy::unwrap_used, reason = "a test fails")]

mod support;

use meter_core::attribution::Attribution;
use meter_core::exchange::{CloseReason, Exchange, Outcome, Passage};
use meter_core::frame::web_socket::text_frame;
use meter_core::headers::Headers;
use meter_core::meter::{Meter, Policies, Request};
use meter_core::usage::Provenance;
use support::*;

const UPGRADE: [(&[u8], &[u8]); 2] = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")];
const REALTIME: &str = "/v1/realtime?model=gpt-realtime";
const LIVE: &str = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

/// A session that the provider has agreed to.
fn session(meter: &Meter, host: &str, path: &str) -> Exchange {
    let headers = Headers(&UPGRADE);
    let request = Request { method: "GET", host, port: 443, path, headers, body: Some(b"") };
    let mut exchange = meter.open(&request, Attribution::default(), NOW).unwrap();
    assert!(is_admitted(&exchange) && exchange.reads_session());
    exchange.respond(101, Headers(&UPGRADE));
    exchange
}

fn free() -> Meter {
    meter(vec![], Policies::default())
}

/// A client's text message, masked with zeros.
fn said(text: &str) -> Vec<u8> {
    let mut frame = text_frame(text);
    let header = if frame[1] < 126 { 2 } else { 4 };
    frame[1] |= 0x80;
    frame.splice(header..header, [0; 4]);
    frame
}

fn done(input: u64, output: u64) -> Vec<u8> {
    text_frame(&format!(
        r#"{{"type":"response.done","response":{{"usage":{{"input_tokens":{input},"output_tokens":{output},"total_tokens":{},
        "output_token_details":{{"text_tokens":0,"audio_tokens":{output}}}}}}}}}"#,
        input + output
    ))
}

#[test]
fn a_session_costs_what_its_responses_state() {
    let meter = free();
    let mut exchange = session(&meter, "api.openai.com", REALTIME);
    for piece in said(r#"{"type":"response.create"}"#).chunks(3) {
        assert_eq!(exchange.sent(piece, NOW + SECOND), Passage::Forward);
    }
    for piece in [done(1000, 500), done(2000, 500)].concat().chunks(7) {
        assert_eq!(exchange.feed(piece, NOW + SECOND), Passage::Forward);
    }
    let entry = exchange.close(CloseReason::Complete, NOW + 2 * SECOND).unwrap();

    assert_eq!((entry.usage.input_tokens, entry.usage.audio_output_tokens), (Some(3000), Some(1000)));
    // 3000 at 4 USD a million and 1000 at 64.
    assert_eq!(entry.cost.map(|cost| cost.to_string()).as_deref(), Some("0.076"));
    assert_eq!((entry.provenance, entry.outcome, entry.stream), (Provenance::Reported, Outcome::Ok, true));
    assert!(entry.defects.is_empty());
}

#[test]
fn the_model_that_a_client_sets_up_prices_the_session() {
    let meter = free();
    let turn = r#"{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":1000000,"totalTokenCount":1000000}}"#;
    let cost = |setup: &str| {
        let mut exchange = session(&meter, "generativelanguage.googleapis.com", LIVE);
        exchange.sent(&said(setup), NOW);
        exchange.feed(&text_frame(turn), NOW);
        let entry = exchange.close(CloseReason::Complete, NOW).unwrap();
        (entry.request_model, entry.cost.map(|cost| cost.to_string()))
    };

    let (model, priced) = cost(r#"{"setup":{"model":"models/gemini-2.5-flash"}}"#);
    assert_eq!((model.as_deref(), priced.as_deref()), (Some("gemini-2.5-flash"), Some("0.30")));
    assert_eq!(cost("{}"), (None, None));
}

#[test]
fn a_session_without_a_response_is_estimated_by_its_text() {
    let mut exchange = session(&free(), "api.openai.com", REALTIME);
    exchange.sent(&said(r#"{"type":"session.update","session":{"instructions":"one two three"}}"#), NOW);
    exchange.feed(&text_frame(r#"{"type":"response.output_text.delta","delta":"one two"}"#), NOW);
    let entry = exchange.close(CloseReason::ClientGone, NOW).unwrap();

    assert_eq!((entry.usage.input_tokens, entry.usage.output_tokens), (Some(3), Some(2)));
    assert_eq!(entry.provenance, Provenance::Estimated);
}

#[test]
fn a_session_is_ended_in_its_own_words_when_its_budget_is_spent() {
    // The first hold is 4096 tokens at 16 USD a million.
    let meter = capped("0.10");
    let mut exchange = session(&meter, "api.openai.com", REALTIME);
    assert_eq!(exchange.feed(&done(100, 100), NOW), Passage::Forward);
    let last = [done(100, 1500), done(100, 100)].concat();
    let Passage::Cut { data, clean } = exchange.feed(&last, NOW) else { panic!("not cut") };

    assert!(clean && data.starts_with(&last));
    let words = data.get(last.len()..).unwrap();
    assert!(words.starts_with(b"\x81\x7e"));
    assert!(words.windows(18).any(|piece| piece == b"insufficient_quota"));
    assert!(words.windows(2).any(|piece| piece == [0x03, 0xf0]));
    for passage in [exchange.feed(&done(1, 1), NOW), exchange.sent(&said("{}"), NOW)] {
        assert_eq!(passage, Passage::Cut { data: Vec::new(), clean: true });
    }
    let entry = exchange.close(CloseReason::Complete, NOW).unwrap();
    assert_eq!((entry.outcome, entry.usage.audio_output_tokens), (Outcome::Cut, Some(1700)));
    assert_eq!(state(&meter).spent.usd, entry.cost.unwrap());
}

#[test]
fn the_hold_of_a_session_grows_with_what_it_states() {
    let meter = capped("10");
    let mut exchange = session(&meter, "api.openai.com", REALTIME);
    let before = state(&meter).held.usd;
    assert_eq!(exchange.feed(&done(1000, 10_000), NOW), Passage::Forward);

    let entry_cost = 4_000_000 + 640_000_000;
    assert!(state(&meter).held.usd > before);
    assert!(state(&meter).held.usd.nano() >= entry_cost);
}

#[test]
fn what_nobody_reads_is_passed_on() {
    let headers = Headers(&UPGRADE);
    let path = "/v1/audio/speech";
    let request =
        Request { method: "GET", host: "api.openai.com", port: 443, path, headers, body: Some(b"") };
    let mut exchange = free().open(&request, Attribution::default(), NOW).unwrap();
    assert!(!exchange.reads_session());
    exchange.respond(101, Headers(&UPGRADE));

    assert_eq!(exchange.sent(b"anything", NOW), Passage::Forward);
    assert_eq!(exchange.feed(b"\xff\xff", NOW), Passage::Forward);
}
