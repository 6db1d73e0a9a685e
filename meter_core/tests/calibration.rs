//! Estimates of models whose vocabulary is not public come near to what their provider states, and only by what can teach.

#![expect(clippy::unwrap_used, reason = "a test fails")]

mod support;

use meter_core::exchange::{CloseReason, Exchange};
use meter_core::headers::Headers;
use meter_core::meter::{Meter, Policies};
use meter_core::snapshot::Series;
use meter_core::usage::Provenance;
use support::*;

const WORDS: usize = 400;
/// What one of our estimated prompts of [`WORDS`] words is stated as.
const STATED: u64 = 700;

fn free() -> Meter {
    meter(Vec::new(), Policies::default())
}

fn ask(meter: &Meter, rest: &str) -> Exchange {
    let text = " word".repeat(WORDS);
    let body = format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{{"role":"user","content":"{text}"}}]{rest}}}"#
    );
    post(meter, "api.anthropic.com", "/v1/messages", &body)
}

/// A whole reply of a hundred words, for which `output` tokens are stated.
fn teach(meter: &Meter, rest: &str, status: u16, output: u64) {
    let text = " word".repeat(100);
    let usage = format!(r#"{{"input_tokens":{STATED},"output_tokens":{output}}}"#);
    let body = format!(
        r#"{{"type":"message","id":"m","model":"claude-sonnet-4-5","stop_reason":"end_turn",
        "content":[{{"type":"text","text":"{text}"}}],"usage":{usage}}}"#
    );
    reply(&mut ask(meter, rest), status, &JSON, body.as_bytes());
}

/// What is estimated where nothing is stated.
fn estimated(meter: &Meter) -> (Option<u64>, Option<u64>) {
    let mut exchange = ask(meter, "");
    exchange.respond(200, Headers(&JSON));
    let body = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]"#, " word".repeat(100));
    exchange.feed(body.as_bytes(), NOW);
    let entry = exchange.close(CloseReason::UpstreamGone, NOW).unwrap();
    assert_eq!(entry.provenance, Provenance::Estimated);
    (entry.usage.input_tokens, entry.usage.output_tokens)
}

#[test]
fn estimates_come_near_to_what_is_stated_and_survive_a_restart() {
    let meter = free();
    let (input, output) = estimated(&meter);
    // Of the replies only one in sixteen is counted.
    (0..600).for_each(|_| teach(&meter, "", 200, 250));
    let learned = estimated(&meter);
    let later = free();
    meter.calibrations().iter().for_each(|kept| later.restore_calibration(kept));

    assert_eq!((input, output), (Some(545), Some(135)));
    assert!((695..=705).contains(&learned.0.unwrap()), "{learned:?}");
    assert!((247..=253).contains(&learned.1.unwrap()), "{learned:?}");
    assert_eq!(estimated(&later), learned);
}

#[test]
fn media_failures_and_what_the_provider_adds_teach_nothing() {
    let meter = free();
    let picture = r#","system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":[
        {"type":"image","source":{"type":"url","url":"https://example.org/a.png"}}]}]"#;
    for _ in 0..40 {
        teach(&meter, picture, 200, 1);
        teach(&meter, "", 500, 1);
        teach(&meter, r#","previous_response_id":"r""#, 200, 1);
    }
    let mut cut = ask(&meter, "");
    cut.respond(200, Headers(&JSON));
    cut.close(CloseReason::ClientGone, NOW);

    assert_eq!(meter.calibrations(), []);
}

#[test]
fn exact_counts_are_left_alone() {
    let meter = free();
    for _ in 0..40 {
        answer(&mut chat(&meter, false, 10), r#"{"prompt_tokens":900,"completion_tokens":300}"#);
    }

    assert_eq!(meter.calibrations(), []);
}

/// Counted and stated tokens by the last label.
fn compared(meter: &Meter) -> Vec<(String, i128, i128)> {
    let snapshot = meter.snapshot(NOW);
    let stated = |key: &_| {
        let mut found = snapshot.tally.series(Series::StatedInputTokens);
        found.find(|(other, _)| *other == key).map_or(0, |(_, tokens)| tokens)
    };
    let counted = snapshot.tally.series(Series::CountedInputTokens);
    let mut rows: Vec<_> =
        counted.map(|(key, tokens)| (key.last().unwrap().to_string(), tokens, stated(key))).collect();
    rows.sort();
    rows
}

#[test]
fn what_was_counted_stands_beside_what_is_stated_of_the_same_prompts() {
    let meter = free();
    teach(&meter, "", 200, 250);
    answer(&mut chat(&meter, false, 10), r#"{"prompt_tokens":900,"completion_tokens":300}"#);

    let [estimate, exact] = &*compared(&meter) else { panic!("{:?}", compared(&meter)) };

    // The first estimate is corrected by nothing.
    assert_eq!(estimate, &("estimated".to_owned(), 545, STATED.into()));
    assert_eq!((&*exact.0, exact.2), ("exact", 900));
    assert!((1..900).contains(&exact.1), "{exact:?}");
}

#[test]
fn corrected_estimates_are_compared_as_corrected() {
    let meter = free();
    (0..100).for_each(|_| teach(&meter, "", 200, 250));
    let before = compared(&meter);
    teach(&meter, "", 200, 250);
    let after = compared(&meter);

    assert!((695..=705).contains(&(after[0].1 - before[0].1)), "{before:?} {after:?}");
}

#[test]
fn what_is_stated_for_more_than_was_counted_is_not_compared() {
    let meter = free();
    teach(&meter, r#","previous_response_id":"r""#, 200, 1);
    teach(&meter, "", 500, 1);
    let picture = r#","system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":[
        {"type":"image","source":{"type":"url","url":"https://example.org/a.png"}}]}]"#;
    teach(&meter, picture, 200, 1);
    answer(&mut chat(&meter, false, 10), "{}");

    assert_eq!(compared(&meter), []);
}
