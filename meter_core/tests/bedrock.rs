//! Exchanges with Amazon Bedrock through the public interface: prices by profile, streams that are cut, refusals.

#![expect(clippy::unwrap_used, reason = "a broken case fails the test, also in its helpers")]

mod support;

use meter_core::exchange::{Decision, LedgerEntry, Outcome, Passage};
use meter_core::frame::event_stream::encode;
use meter_core::headers::Headers;
use meter_core::meter::{Meter, Policies};
use meter_core::money::Nano;

const HOST: &str = "bedrock-runtime.us-east-1.amazonaws.com";
const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const MESSAGES: &str =
    r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":100000}}"#;
const EVENTS: [(&[u8], &[u8]); 1] = [(b"content-type", b"application/vnd.amazon.eventstream")];

/// The entry of a document from `model`, which is percent-encoded in the path as SDKs do.
fn document(meter: &Meter, model: &str, action: &str, body: &str) -> LedgerEntry {
    let escaped = model.replace(':', "%3A").replace('/', "%2F");
    let mut exchange = support::post(meter, HOST, &format!("/model/{escaped}/{action}"), MESSAGES);
    support::reply(&mut exchange, 200, &support::JSON, body.as_bytes())
}

fn event(name: &str, payload: &str) -> Vec<u8> {
    let headers = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
    encode(&headers, payload.as_bytes()).unwrap()
}

#[test]
fn the_profile_asked_for_says_the_price_and_the_reply_where_it_is_hidden() {
    let meter = support::meter(Vec::new(), Policies::default());
    let claude = r#"{"type":"message","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":"end_turn",
        "usage":{"input_tokens":1000,"output_tokens":100}}"#;
    let converse = r#"{"output":{"message":{"content":[]}},"stopReason":"end_turn",
        "usage":{"inputTokens":1000,"outputTokens":100,"totalTokens":1100}}"#;
    let own = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd1234efgh";
    let cost = |model: &str, action: &str, body: &str| document(&meter, model, action, body).cost;

    let regional = cost(SONNET, "converse", converse).unwrap();
    let global = cost(&format!("global.{SONNET}"), "converse", converse).unwrap();
    assert!(Nano::ZERO < global && global < regional);
    for (region, expected) in [("us.", regional), ("apac.", regional), ("ca.", regional), ("global.", global)]
    {
        assert_eq!(cost(&format!("{region}{SONNET}"), "invoke", claude), Some(expected), "{region}");
        let arn = format!("arn:aws:bedrock:us-east-1:1:inference-profile/{region}{SONNET}");
        assert_eq!(cost(&arn, "converse", converse), Some(expected), "{arn}");
    }
    assert_eq!(cost(own, "invoke", claude), Some(regional));
    assert_eq!(cost(own, "converse", converse), None);
}

#[test]
fn a_stream_that_outgrows_its_budget_ends_with_an_exception_at_a_message() {
    let meter = support::capped("0.08");
    let mut exchange = support::post(&meter, HOST, &format!("/model/us.{SONNET}/converse-stream"), MESSAGES);
    assert!(support::is_admitted(&exchange));
    exchange.respond(200, Headers(&EVENTS));

    let delta = event("contentBlockDelta", &format!(r#"{{"delta":{{"text":"{}"}}}}"#, "word ".repeat(40)));
    let (half, rest) = delta.split_at(delta.len() / 2);
    let mut forwarded = Vec::new();
    let mut cut = None;
    for round in 0..400 {
        for piece in [half, rest] {
            match exchange.feed(piece, support::NOW + round) {
                Passage::Forward | Passage::Replace(_) => forwarded.extend_from_slice(piece),
                Passage::Cut { data, clean } => {
                    cut.get_or_insert((data, clean));
                }
            }
        }
    }
    let (data, clean) = cut.expect("never cut");
    let entry = exchange.close(meter_core::exchange::CloseReason::Complete, support::NOW).unwrap();

    assert!(clean);
    forwarded.extend_from_slice(&data);
    let mut rest = forwarded.as_slice();
    while let Some(behind) = rest.strip_prefix(delta.as_slice()) {
        rest = behind;
    }
    let budget = r#"{"message":"tokmeter: budget \"cap\" cannot cover this request (usd)"}"#;
    let exception = [
        (":exception-type", "throttlingException"),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    assert_eq!(rest, encode(&exception, budget.as_bytes()).unwrap());
    assert_eq!(entry.outcome, Outcome::Cut);
    let state = support::state(&meter);
    assert!(Nano::ZERO < state.spent.usd && state.spent.usd <= state.limit.usd.unwrap());
}

#[test]
fn a_refusal_has_the_status_that_stops_its_clients() {
    let exchange =
        support::post(&support::capped("0"), HOST, &format!("/model/us.{SONNET}/invoke"), MESSAGES);
    let Decision::Refuse(answer) = exchange.decision() else { panic!("admitted") };

    assert_eq!(answer.status, 402);
    let named = (b"x-amzn-errortype".to_vec(), b"ServiceQuotaExceededException".to_vec());
    assert!(answer.headers.contains(&named));
    assert!(answer.body.starts_with(br#"{"message":"#));
}
