//! The life of an exchange through the public interface of the core: admission, metering, cutting, settlement.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says where"
)]

mod support;

use std::io::Write as _;

use meter_core::attribution::Attribution;
use meter_core::budget::Mode;
use meter_core::exchange::{CloseReason, Decision, Exchange, Outcome, Passage};
use meter_core::headers::Headers;
use meter_core::meter::{Policies, Request, Unpriced};
use meter_core::money::Nano;
use meter_core::snapshot::Series;
use meter_core::usage::{Defect, Provenance};
use support::*;

#[test]
fn reported_usage_is_priced_to_the_nano_dollar() {
    let mut exchange = chat(&meter(vec![], Policies::default()), false, 100);

    let entry = answer(&mut exchange, MILLION);

    assert_eq!((entry.usage.input_tokens, entry.usage.output_tokens), (Some(1_000_000), Some(100_000)));
    assert_eq!(entry.provenance, Provenance::Reported);
    assert_eq!(entry.cost.unwrap().to_string(), "0.21");
    assert_eq!((entry.outcome, entry.decision, entry.status), (Outcome::Ok, "admit", 200));
    assert_eq!((entry.duration_ns, entry.first_chunk_ns), (2 * SECOND, Some(SECOND)));
    assert_eq!(entry.response_model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
}

#[test]
fn an_exchange_closes_exactly_once() {
    let meter = capped("10");
    let mut exchange = chat(&meter, false, 100);
    answer(&mut exchange, MILLION);

    assert!(exchange.close(CloseReason::ClientGone, NOW).is_none());

    assert!(exchange.closed());
    let snapshot = meter.snapshot(NOW);
    assert_eq!(snapshot.open_exchanges, 0);
    assert_eq!(snapshot.budgets[0].spent.usd.to_string(), "0.21");
    assert_eq!(snapshot.budgets[0].held.usd, Nano::ZERO);
}

#[test]
fn a_request_is_counted_as_its_admission_counts_it() {
    let meter = meter(vec![], Policies::default());
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello there"}]}"#;
    let request = |body| Request {
        method: "POST",
        host: "api.openai.com",
        port: 443,
        path: "/v1/chat/completions",
        headers: Headers(&[]),
        body,
    };
    let mut exchange = post(&meter, "api.openai.com", "/v1/chat/completions", body);
    let entry = reply(&mut exchange, 200, &JSON, br#"{"choices":[{"message":{"content":"hi"}}]}"#);
    let count = meter.count(&request(Some(body.as_bytes()))).unwrap();

    assert_eq!((entry.usage.input_tokens, count.exact), (Some(count.tokens), true));
    assert!(
        [None, Some(&b"{"[..]), Some(b"{}")].into_iter().all(|body| meter.count(&request(body)).is_none())
    );
}

#[test]
fn the_keys_of_the_json_contract_are_all_there() {
    let mut exchange = chat(&meter(vec![], Policies::default()), false, 100);
    let entry = answer(&mut exchange, MILLION);

    let event: serde_json::Value = serde_json::from_str(&entry.to_json()).unwrap();
    let replay: serde_json::Value = serde_json::from_str(&entry.to_replay_json(3)).unwrap();

    for key in
        ["id", "time", "duration_s", "first_chunk_s", "capture", "service", "pid", "process", "container"]
    {
        assert!(event.get(key).is_some(), "{key}");
        assert!(replay.get(key).is_none(), "{key}");
    }
    for key in ["pod", "namespace", "user", "decision", "budget"] {
        assert!(event.get(key).is_some(), "{key}");
    }
    assert_eq!(event["time"], "2025-10-09T08:53:20Z");
    assert_eq!(event["duration_s"].to_string(), "2.000000000");
    assert_eq!(replay["index"], 3);
    assert_eq!(replay["usage"].as_object().unwrap().len(), 11);
    assert_eq!(replay["cost_usd"], "0.21");
    assert!(!entry.to_json().contains("sk-test"));
}

#[test]
fn a_refused_request_gets_the_providers_own_error_and_costs_nothing() {
    let meter = capped("0.0001");
    let mut exchange = chat(&meter, false, 100_000);

    let Decision::Refuse(answer) = exchange.decision().clone() else { panic!("admitted") };
    let entry = exchange.close(CloseReason::Complete, NOW).unwrap();

    assert_eq!(answer.status, 429);
    assert_eq!(answer.cause.budget.as_deref(), Some("cap"));
    assert_eq!((entry.outcome, entry.decision, entry.reason), (Outcome::Refused, "refuse", Some("usd")));
    assert_eq!(entry.cost, Some(Nano::ZERO));
    let snapshot = meter.snapshot(NOW);
    assert_eq!(snapshot.budgets[0].spent.usd, Nano::ZERO);
    assert_eq!(snapshot.budgets[0].spent.requests, 0);
}

#[test]
fn a_budget_in_shadow_mode_counts_and_never_acts() {
    let meter = meter(vec![budget("0.0001", Mode::Shadow)], Policies::default());
    let mut exchange = chat(&meter, false, 100_000);

    assert!(matches!(exchange.decision(), Decision::Admit));
    let entry = answer(&mut exchange, MILLION);

    assert!(entry.would_refuse);
    assert_eq!((entry.decision, entry.budget.as_deref()), ("admit", Some("cap")));
    let snapshot = meter.snapshot(NOW);
    let decisions: Vec<Vec<String>> = snapshot
        .tally
        .series(Series::Decisions)
        .map(|(key, _)| key.iter().map(ToString::to_string).collect())
        .collect();
    assert_eq!(decisions, [["refuse", "shadow", "usd"]]);
}

#[test]
fn sixty_four_callers_cannot_spend_more_than_the_cap() {
    let meter = capped("1");
    let mut callers: Vec<Exchange> = (0..64).map(|_| chat(&meter, false, 100_000)).collect();
    let admitted = callers.iter().filter(|exchange| is_admitted(exchange)).count();

    for exchange in callers.iter_mut().filter(|exchange| is_admitted(exchange)) {
        answer(exchange, r#"{"prompt_tokens":8,"completion_tokens":100000}"#);
    }

    // 100,000 output tokens of gpt-4o-mini cost 6 cents.
    assert_eq!(admitted, 16);
    let state = &meter.snapshot(NOW).budgets[0];
    assert!(state.spent.usd <= Nano::parse_usd("1").unwrap());
    assert_eq!(state.overrun.usd, Nano::ZERO);
}

#[test]
fn a_stream_that_outgrows_its_budget_is_cut_at_an_event_with_the_providers_error() {
    let meter = capped("0.0026");
    let mut exchange = chat(&meter, true, 100_000);
    assert!(matches!(exchange.decision(), Decision::Admit));
    exchange.respond(200, Headers(&SSE));

    let event = delta(&"word ".repeat(20));
    let (half, rest) = event.split_at(event.len() / 2);
    let mut forwarded = Vec::new();
    let mut cut = None;
    for round in 0..400 {
        for piece in [half, rest] {
            match exchange.feed(piece.as_bytes(), NOW + round) {
                Passage::Forward => forwarded.extend_from_slice(piece.as_bytes()),
                Passage::Replace(data) => forwarded.extend(data),
                Passage::Cut { data, clean } => {
                    cut.get_or_insert((data, clean, round));
                }
            }
        }
    }
    let (data, clean, round) = cut.expect("never cut");
    let entry = exchange.close(CloseReason::Complete, NOW).unwrap();

    assert!(clean);
    forwarded.extend_from_slice(&data);
    let text = String::from_utf8(forwarded).unwrap();
    let events: Vec<&str> = text.trim_end().split("\n\n").collect();
    assert!(events.len() > usize::try_from(round).unwrap());
    assert!(events[..=usize::try_from(round).unwrap()].iter().all(|passed| *passed == event.trim_end()));
    assert!(text.contains("insufficient_quota"));
    assert_eq!((entry.outcome, entry.decision), (Outcome::Cut, "cut"));
    assert_eq!(entry.provenance, Provenance::Estimated);
    let state = &meter.snapshot(NOW).budgets[0];
    assert!(state.spent.usd <= state.limit.usd.unwrap(), "{}", state.spent.usd);
    assert!(state.spent.usd > Nano::ZERO);
}

#[test]
fn a_compressed_stream_cannot_be_ended_in_words_and_is_reset() {
    let mut exchange = chat(&capped("0.0026"), true, 100_000);
    exchange.respond(200, Headers(&[SSE[0], (b"content-encoding", b"gzip")]));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut cut = None;
    for _ in 0..400 {
        encoder.write_all(delta(&"word ".repeat(20)).as_bytes()).unwrap();
        encoder.flush().unwrap();
        let chunk = std::mem::take(encoder.get_mut());
        if let Passage::Cut { data, clean } = exchange.feed(&chunk, NOW) {
            cut.get_or_insert((data, clean));
        }
    }

    assert_eq!(cut, Some((Vec::new(), false)));
}

#[test]
fn a_stream_without_usage_is_counted() {
    let mut exchange = chat(&meter(vec![], Policies::default()), true, 300);
    exchange.respond(200, Headers(&SSE));
    for text in ["Hel", "lo wor", "ld"] {
        exchange.feed(delta(text).as_bytes(), NOW);
    }
    exchange.feed(b"data: [DONE]\n\n", NOW);

    let entry = exchange.close(CloseReason::Complete, NOW).unwrap();

    assert_eq!((entry.usage.input_tokens, entry.usage.output_tokens), (Some(8), Some(2)));
    assert_eq!(entry.provenance, Provenance::Counted);
    assert!(entry.defects.contains(Defect::NoUsage));
    assert!(entry.cost.unwrap() > Nano::ZERO);
}

#[test]
fn a_client_that_hangs_up_pays_for_what_was_generated() {
    let meter = capped("1");
    let mut exchange = chat(&meter, true, 300);
    exchange.respond(200, Headers(&SSE));
    exchange.feed(delta("one two three").as_bytes(), NOW);

    let entry = exchange.close(CloseReason::ClientGone, NOW).unwrap();

    assert_eq!(entry.outcome, Outcome::ClientGone);
    assert_eq!((entry.usage.input_tokens, entry.usage.output_tokens), (Some(8), Some(3)));
    assert_eq!(entry.provenance, Provenance::Estimated);
    assert!(entry.defects.contains(Defect::Truncated));
    assert_eq!(meter.snapshot(NOW).budgets[0].spent.usd, entry.cost.unwrap());
}

#[test]
fn a_provider_that_was_never_reached_costs_nothing() {
    let meter = capped("1");
    let mut exchange = chat(&meter, false, 300);

    let entry = exchange.close(CloseReason::UpstreamGone, NOW).unwrap();

    assert_eq!((entry.cost, entry.provenance), (Some(Nano::ZERO), Provenance::None));
    let state = &meter.snapshot(NOW).budgets[0];
    assert_eq!((state.spent.usd, state.held.usd, state.spent.requests), (Nano::ZERO, Nano::ZERO, 0));
}

#[test]
fn an_error_of_the_provider_costs_nothing_and_is_counted_by_code() {
    let meter = capped("1");
    let mut exchange = chat(&meter, false, 300);
    exchange.respond(503, Headers(&JSON));
    exchange.feed(br#"{"error":{"message":"overloaded","type":"server_error"}}"#, NOW);

    let entry = exchange.close(CloseReason::Complete, NOW).unwrap();

    assert_eq!((entry.outcome, entry.cost), (Outcome::Error, Some(Nano::ZERO)));
    let snapshot = meter.snapshot(NOW);
    let (key, count) = snapshot.tally.series(Series::ProviderErrors).next().unwrap();
    assert_eq!((&*key[0], &*key[1], count), ("openai", "503", 1));
    assert_eq!(snapshot.budgets[0].spent.usd, Nano::ZERO);
}

#[test]
fn an_anthropic_stream_cut_off_after_its_start_keeps_the_input_it_stated() {
    let body = r#"{"model":"claude-sonnet-4-5","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"hi"}]}"#;
    let mut exchange = post(&meter(vec![], Policies::default()), "api.anthropic.com", "/v1/messages", body);
    exchange.respond(200, Headers(&SSE));
    exchange.feed(
        b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":11,\"cache_read_input_tokens\":100,\"output_tokens\":1}}}\n\n",
        NOW,
    );
    exchange.feed(
        b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"one two three four\"}}\n\n",
        NOW,
    );

    let entry = exchange.close(CloseReason::UpstreamGone, NOW).unwrap();

    assert_eq!((entry.usage.input_tokens, entry.usage.cache_read_tokens), (Some(111), Some(100)));
    // Four words, at Claude's tokens per token that can be counted.
    assert_eq!(entry.usage.output_tokens, Some(5));
    assert_eq!(entry.provenance, Provenance::Estimated);
    assert_eq!(entry.outcome, Outcome::UpstreamGone);
}

#[test]
fn an_unpriced_model_is_refused_only_where_the_policy_says_so() {
    let body = r#"{"model":"nobody-knows-me","messages":[]}"#;
    let under = |unpriced: Unpriced| {
        let policies = Policies { unpriced, ..Policies::default() };
        post(&meter(vec![], policies), "api.openai.com", "/v1/chat/completions", body)
    };

    assert_eq!(under(Unpriced::Refuse).close(CloseReason::Complete, NOW).unwrap().reason, Some("unpriced"));
    for (policy, cost) in [(Unpriced::Allow, None), (Unpriced::PriceAs("gpt-4o-mini".into()), Some("0.21"))] {
        let mut exchange = under(policy);
        exchange.respond(200, Headers(&JSON));
        exchange.feed(format!(r#"{{"model":"nobody-knows-me","usage":{MILLION}}}"#).as_bytes(), NOW);
        let entry = exchange.close(CloseReason::Complete, NOW).unwrap();
        assert_eq!(entry.cost.map(|cost| cost.to_string()).as_deref(), cost);
        assert_eq!(entry.priced, cost.is_some());
    }
}

#[test]
fn polling_a_finished_response_again_costs_nothing() {
    let meter = meter(vec![], Policies::default());
    let mut costs = Vec::new();
    for _ in 0..3 {
        let request = Request {
            method: "GET",
            host: "api.openai.com",
            port: 443,
            path: "/v1/responses/resp_1",
            headers: Headers(&[]),
            body: Some(b""),
        };
        let mut exchange = meter.open(&request, Attribution::default(), NOW).unwrap();
        exchange.respond(200, Headers(&JSON));
        exchange.feed(
            br#"{"id":"resp_1","object":"response","status":"completed","model":"gpt-4o-mini","usage":{"input_tokens":1000000,"output_tokens":100000,"total_tokens":1100000}}"#,
            NOW,
        );
        costs.push(exchange.close(CloseReason::Complete, NOW).unwrap().cost.unwrap().to_string());
    }

    assert_eq!(costs, ["0.21", "0.00", "0.00"]);
}

#[test]
fn a_host_that_is_not_metered_opens_nothing() {
    let headers = Headers(&[]);
    let request =
        Request { method: "GET", host: "example.org", port: 443, path: "/", headers, body: Some(b"") };

    assert!(meter(vec![], Policies::default()).open(&request, Attribution::default(), NOW).is_none());
}

#[test]
fn any_bytes_are_acceptable() {
    let meter = capped("1");
    for body in ["", "{", "null", "[[[[", "{\"model\":7,\"messages\":\"x\",\"max_tokens\":-1}", "\u{0}\u{1}"]
    {
        let mut exchange = post(&meter, "api.openai.com", "/v1/chat/completions", body);
        exchange.respond(200, Headers(&SSE));
        exchange.feed(b"\xff\xfe{]}data: {\"usage\":{\"prompt_tokens\":1e999}}\n\n", NOW);

        assert!(exchange.close(CloseReason::Complete, NOW).is_some());
    }
}

#[test]
fn an_applications_own_chat_is_not_taken_for_a_model() {
    let meter = capped("1");
    let open = |path: &str, body: &str| {
        let headers = Headers(&JSON);
        let request = Request {
            method: "POST",
            host: "shop.internal",
            port: 80,
            path,
            headers,
            body: Some(body.as_bytes()),
        };
        meter.open(&request, Attribution::default(), NOW).is_some()
    };
    let messages = r#""messages":[{"role":"user","content":"hi"}]"#;

    assert!(!open("/api/chat", &format!("{{{messages}}}")));
    assert!(!open("/api/completion", r#"{"prompt":"hi"}"#));
    assert!(open("/api/chat", &format!(r#"{{"model":"qwen3",{messages}}}"#)));
    assert!(open("/v1/chat/completions", &format!("{{{messages}}}")));
}

#[test]
fn a_deployment_is_held_at_the_price_of_the_model_that_answered_to_it() {
    let meter = capped("0.001");
    let path = "/openai/deployments/prod/chat/completions?api-version=2024-10-21";
    let ask = || {
        let body = r#"{"max_tokens":2000,"messages":[{"role":"user","content":"hi"}]}"#;
        post(&meter, "res.openai.azure.com", path, body)
    };

    let mut first = ask();
    assert!(is_admitted(&first), "nobody knows yet what answers to this name");
    let entry = answer(&mut first, r#"{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}"#);
    assert!(entry.cost.is_some_and(|cost| cost > Nano::ZERO));

    assert!(!is_admitted(&ask()), "2000 tokens of output cost more than the budget has");
}
