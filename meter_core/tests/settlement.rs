//! What an exchange is charged when its usage is stated in part, elsewhere, by other models, or not at all.

mod support;

use meter_core::attribution::Attribution;
use meter_core::budget::{Budget, Dimension, Mode, Scope};
use meter_core::exchange::{CloseReason, Exchange, LedgerEntry, Outcome, Passage};
use meter_core::headers::Headers;
use meter_core::meter::{Meter, Policies, Request, Settings, Unpriced};
use meter_core::money::Nano;
use meter_core::price_book::{ConfiguredRates, PriceBook};
use meter_core::snapshot::Series;
use meter_core::usage::{Defect, Provenance, Usage};
use support::*;

const RESPONSE: &str = r#"{"id":"resp_1","status":"completed","model":"gpt-4o-mini","usage":{"input_tokens":1000000,"output_tokens":100000,"total_tokens":1100000}}"#;
const DONE: &[u8] = b"data: [DONE]\n\n";

fn free() -> Meter {
    meter(vec![], Policies::default())
}

fn usd(entry: &LedgerEntry) -> Option<String> {
    entry.cost.map(|cost| cost.to_string())
}

fn messages(meter: &Meter) -> Exchange {
    let body =
        r#"{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}"#;
    post(meter, "api.anthropic.com", "/v1/messages", body)
}

#[test]
fn work_in_the_background_is_charged_to_its_budget_when_it_is_first_read() {
    let meter = capped("10");
    let body = r#"{"model":"gpt-4o-mini","background":true,"input":"hi"}"#;
    let mut created = post(&meter, "api.openai.com", "/v1/responses", body);
    let queued = br#"{"id":"resp_1","status":"queued","model":"gpt-4o-mini","usage":null}"#;
    assert_eq!(usd(&reply(&mut created, 200, &JSON, queued)).as_deref(), Some("0.00"));
    assert_eq!((state(&meter).spent.usd, state(&meter).held.usd), (Nano::ZERO, Nano::ZERO));

    let polled = |path| usd(&reply(&mut get(&meter, path), 200, &JSON, RESPONSE.as_bytes()));
    let costs: Vec<_> = (0..3).map(|_| polled("/v1/responses/resp_1").unwrap()).collect();

    assert_eq!(costs, ["0.21", "0.00", "0.00"]);
    assert_eq!(state(&meter).spent.usd.to_string(), "0.21");
    assert_eq!(state(&meter).spent.requests, 1);
}

#[test]
fn reading_a_response_that_was_answered_at_once_costs_nothing_more() {
    let meter = capped("10");
    let mut created =
        post(&meter, "api.openai.com", "/v1/responses", r#"{"model":"gpt-4o-mini","input":"hi"}"#);
    reply(&mut created, 200, &JSON, RESPONSE.as_bytes());

    let entry = reply(&mut get(&meter, "/v1/responses/resp_1"), 200, &JSON, RESPONSE.as_bytes());

    assert_eq!((usd(&entry).as_deref(), entry.usage), (Some("0.00"), Usage::default()));
    assert_eq!(state(&meter).spent.usd.to_string(), "0.21");
}

#[test]
fn reading_is_never_refused() {
    let meter = capped("0");
    assert!(!is_admitted(&chat(&meter, false, 10)));

    for path in ["/v1/responses/resp_1", "/v1/models", "/v1/files/f"] {
        assert!(is_admitted(&get(&meter, path)), "{path}");
    }
    for path in ["/v1/messages/count_tokens", "/v1/moderations", "/v1/responses/input_tokens"] {
        assert!(is_admitted(&post(&meter, "api.openai.com", path, r#"{"model":"gpt-4o"}"#)), "{path}");
    }
}

#[test]
fn each_sub_call_is_priced_by_its_own_model() {
    let body = |sage: &str| {
        format!(
            r#"{{"id":"m1","model":"claude-sonnet-4-5","stop_reason":"end_turn","usage":{{"input_tokens":1000,"output_tokens":100,"iterations":[
            {{"type":"message","model":"claude-sonnet-4-5","input_tokens":1000,"output_tokens":100}},
            {{"type":"advisor_message","model":"{sage}","input_tokens":3000,"output_tokens":500}}]}}}}"#
        )
    };
    let priced = reply(&mut messages(&free()), 200, &JSON, body("claude-opus-4-1").as_bytes());
    let unknown = reply(&mut messages(&free()), 200, &JSON, body("claude-nobody-9").as_bytes());

    let book = PriceBook::embedded().unwrap();
    let price = |model: &str, input: u64, output: u64| {
        let usage = Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() };
        book.charge("anthropic", model, &usage, None, NOW).unwrap().total
    };
    assert_eq!(priced.usage.input_tokens, Some(4000));
    assert_eq!(
        priced.cost,
        Some(price("claude-sonnet-4-5", 1000, 100) + price("claude-opus-4-1", 3000, 500))
    );
    assert_ne!(priced.cost, Some(price("claude-sonnet-4-5", 4000, 600)));
    assert_eq!((unknown.cost, unknown.priced), (None, false));
}

#[test]
fn a_run_is_charged_when_it_is_first_read_after_its_end() {
    let meter = capped("10");
    let run = |status: &str, usage: &str| {
        format!(
            r#"{{"id":"run_1","object":"thread.run","status":"{status}","model":"gpt-4o-mini","usage":{usage}}}"#
        )
    };
    let mut created =
        post(&meter, "api.openai.com", "/v1/threads/t/runs", r#"{"assistant_id":"a","model":"gpt-4o-mini"}"#);
    let queued = reply(&mut created, 200, &JSON, run("queued", "null").as_bytes());
    assert_eq!((usd(&queued).as_deref(), queued.defects.is_empty()), (Some("0.00"), true));

    let polled = |status: &str, usage: &str| {
        usd(&reply(&mut get(&meter, "/v1/threads/t/runs/run_1"), 200, &JSON, run(status, usage).as_bytes()))
    };
    let costs = [polled("in_progress", "null"), polled("completed", MILLION), polled("completed", MILLION)];

    assert_eq!(costs.map(Option::unwrap), ["0.00", "0.21", "0.00"]);
    assert_eq!(state(&meter).spent.usd.to_string(), "0.21");
}

#[test]
fn the_results_of_a_batch_cost_half_and_only_once() {
    let openai = |model: &str| {
        format!(
            r#"{{"id":"b","response":{{"status_code":200,"body":{{"model":"{model}","usage":{MILLION}}}}},"error":null}}"#
        ) + "\n"
    };
    let body = [openai("gpt-4o-mini"), openai("gpt-4o"), openai("gpt-4o-mini")].concat();
    let meter = capped("10");
    let lines: [(&[u8], &[u8]); 1] = [(b"content-type", b"application/octet-stream")];
    let costs = [1, 2].map(|_| {
        usd(&reply(&mut get(&meter, "/v1/files/file-1/content"), 200, &lines, body.as_bytes())).unwrap()
    });

    // Twice 0.21 and once 3.50, at half the price.
    assert_eq!(costs, ["1.96", "0.00"]);
    assert_eq!(state(&meter).spent.usd.to_string(), "1.96");
    let plain = reply(&mut get(&meter, "/v1/files/file-2/content"), 200, &lines, b"{\"messages\":[]}\n");
    assert_eq!((usd(&plain).as_deref(), plain.defects.is_empty()), (Some("0.00"), true));
}

#[test]
fn what_a_tool_spends_beside_the_usage_is_priced_by_its_own_model() {
    let body = |model: &str| {
        format!(
            r#"{{"id":"r","status":"completed","model":"gpt-4o-mini","tools":[{{"type":"image_generation","model":"{model}"}}],
            "tool_usage":{{"image_gen":{{"input_tokens":100000,"output_tokens":10000}}}},
            "usage":{{"input_tokens":1000000,"output_tokens":100000,"total_tokens":1100000}}}}"#
        )
    };
    let answer = |model: &str| {
        let asked = r#"{"model":"gpt-4o-mini","input":"draw"}"#;
        let mut exchange = post(&free(), "api.openai.com", "/v1/responses", asked);
        reply(&mut exchange, 200, &JSON, body(model).as_bytes())
    };

    // 0.21 of text, 0.1 M at 5 USD and 0.01 M at 40 USD of images.
    let priced = answer("gpt-image-1");
    assert_eq!((usd(&priced).as_deref(), priced.usage.input_tokens), (Some("1.11"), Some(1_000_000)));
    assert_eq!(answer("nobody-draws").cost, None);
}

#[test]
fn configured_rates_win_over_a_stated_cost_and_that_over_the_book() {
    let rates = ConfiguredRates::parse("1", "1").unwrap();
    let configured = PriceBook::embedded().unwrap().with_rates("openai", rates);
    let answer = |price_book: PriceBook, model: &str, cost: &str| {
        let price_as = Unpriced::PriceAs("gpt-4o".to_owned());
        let policies = Policies { unpriced: price_as, ..Policies::default() };
        let meter = Meter::new(Settings { price_book, policies, ..settings() }).unwrap();
        let body = format!(r#"{{"model":"{model}","messages":[]}}"#);
        let mut exchange = post(&meter, "api.openai.com", "/v1/chat/completions", &body);
        let usage = format!(r#"{{"prompt_tokens":1000000,"completion_tokens":100000{cost}}}"#);
        let body = format!(r#"{{"model":"{model}","usage":{usage}}}"#);
        usd(&reply(&mut exchange, 200, &JSON, body.as_bytes())).unwrap()
    };
    let book = || PriceBook::embedded().unwrap();

    for model in ["gpt-4o-mini", "nobody-knows-me"] {
        assert_eq!(answer(configured.clone(), model, r#","cost":0.5"#), "1.10");
        assert_eq!(answer(book(), model, r#","cost":0.5"#), "0.50");
    }
    assert_eq!(answer(book(), "gpt-4o-mini", ""), "0.21");
    assert_eq!(answer(book(), "nobody-knows-me", ""), "3.50");
    // Under a key of one's own the fee of a gateway is not the price.
    assert_eq!(answer(book(), "gpt-4o-mini", r#","cost":0.01,"is_byok":true"#), "0.21");
}

#[test]
fn usage_without_its_input_is_completed() {
    let mut exchange = chat(&free(), false, 100);
    let entry = reply(
        &mut exchange,
        200,
        &JSON,
        br#"{"model":"gpt-4o-mini","choices":[],"usage":{"completion_tokens":7}}"#,
    );

    assert_eq!((entry.usage.input_tokens, entry.usage.output_tokens), (Some(8), Some(7)));
    assert_eq!(entry.provenance, Provenance::Estimated);
}

#[test]
fn what_nobody_knows_is_unpriced_and_never_free() {
    let meter = free();
    for (host, path, body) in [
        ("api.openai.com", "/v1/audio/speech", r#"{"model":"gpt-4o-mini-tts","input":"hello"}"#),
        ("api.openai.com", "/v1/images/generations", r#"{"model":"gpt-image-1","prompt":"a cat"}"#),
        ("api.anthropic.com", "/v1/complete", r#"{"model":"claude-2","prompt":"hello"}"#),
        ("api.openai.com", "/v1/brand_new", r#"{"model":"gpt-4o"}"#),
    ] {
        let entry = reply(&mut post(&meter, host, path, body), 200, &JSON, br#"{"data":[]}"#);
        assert_eq!((entry.cost, entry.priced, entry.provenance), (None, false, Provenance::None), "{path}");
    }

    assert_eq!(series(&meter, Series::UnmeteredExchanges), [("unknown_operation".to_owned(), 1)]);
    assert_eq!(series(&meter, Series::UnpricedExchanges), [(String::new(), 3)]);
}

#[test]
fn handing_in_a_batch_counts_as_unmetered() {
    let meter = free();
    for (path, status) in [("/v1/batches", 200), ("/v1/batches", 400), ("/v1/batches/b1/cancel", 200)] {
        reply(&mut post(&meter, "api.openai.com", path, "{}"), status, &JSON, b"{}");
    }
    reply(&mut get(&meter, "/v1/batches"), 200, &JSON, b"{}");

    assert_eq!(series(&meter, Series::UnmeteredExchanges), [("batch".to_owned(), 1)]);
}

#[test]
fn a_redirect_costs_nothing() {
    let entry = reply(&mut chat(&free(), false, 100), 307, &JSON, b"");

    assert_eq!((usd(&entry).as_deref(), entry.usage.input_tokens), (Some("0.00"), None));
}

#[test]
fn an_error_inside_a_stream_costs_what_was_generated_before_it() {
    let error = b"data: {\"error\":{\"message\":\"x\"}}\n\n";
    let meter = capped("1");
    let first = reply(&mut chat(&meter, true, 100), 200, &SSE, error);
    assert_eq!((first.outcome, usd(&first).as_deref()), (Outcome::Error, Some("0.00")));
    assert_eq!(state(&meter).held.usd, Nano::ZERO);

    let late = [delta("one two three").as_bytes(), error].concat();
    let late = reply(&mut chat(&meter, true, 100), 200, &SSE, &late);

    assert_eq!((late.outcome, late.usage.output_tokens), (Outcome::Error, Some(3)));
    assert!(late.cost.unwrap() > Nano::ZERO);
    assert_eq!(state(&meter).spent.usd, late.cost.unwrap());
    assert_eq!(series(&meter, Series::ProviderErrors), [("openai stream".to_owned(), 2)]);
}

#[test]
fn a_reply_that_cannot_be_read_is_charged_to_its_budget_as_held() {
    let meter = capped("1");
    let mut exchange = chat(&meter, false, 10_000);
    let held = state(&meter).held;
    let headers = [JSON[0], (b"content-encoding".as_slice(), b"unheard-of".as_slice())];

    let entry = reply(&mut exchange, 200, &headers, b"\x01\x02\x03");

    assert!(entry.defects.contains(Defect::Undecodable));
    assert_eq!((entry.usage.input_tokens, entry.usage.output_tokens), (Some(8), None));
    assert_eq!(entry.provenance, Provenance::Estimated);
    assert_eq!((state(&meter).spent.usd, state(&meter).spent.tokens), (held.usd, held.tokens));
}

#[test]
fn a_request_that_was_not_read_is_refused_once_nothing_is_left() {
    let opened = |usd: &str| {
        let meter = capped(usd);
        let headers = Headers(&JSON);
        let path = "/v1/chat/completions";
        let request =
            Request { method: "POST", host: "api.openai.com", port: 443, path, headers, body: None };
        is_admitted(&meter.open(&request, Attribution::default(), NOW).unwrap())
    };

    assert_eq!((opened("0"), opened("1")), (false, true));
}

#[test]
fn a_long_lived_cache_write_is_held_at_its_own_rate() {
    let text = "word ".repeat(10_000);
    let admitted = |control: &str| {
        let body = format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"text","text":"{text}"{control}}}]}}]}}"#
        );
        is_admitted(&post(&capped("0.08"), "api.anthropic.com", "/v1/messages", &body))
    };

    // 17,560 tokens with headroom: 6.6 cents at 3.75 USD a million, 10.5 cents at 6.
    assert!(admitted(""));
    assert!(admitted(r#","cache_control":{"type":"ephemeral"}"#));
    assert!(!admitted(r#","cache_control":{"type":"ephemeral","ttl":"1h"}"#));
}

#[test]
fn a_cheaper_tier_that_is_asked_for_is_held_at_the_standard_rate() {
    let held = |tier: &str| {
        let meter = capped("10");
        let body =
            format!(r#"{{"model":"gpt-4.1","service_tier":"{tier}","max_tokens":1000,"messages":[]}}"#);
        let exchange = post(&meter, "api.openai.com", "/v1/chat/completions", &body);
        assert!(is_admitted(&exchange));
        state(&meter).held.usd
    };

    let book = PriceBook::embedded().unwrap();
    let output = |tier| book.rates("openai", "gpt-4.1", tier, NOW, 1).unwrap().output;
    assert_eq!(output(Some("flex")) * 2, output(None));
    assert_eq!(held("flex"), held("default"));
    assert!(held("default") > Nano::ZERO);
}

#[test]
fn a_lost_exchange_settles_itself() {
    let meter = capped("1");
    let mut exchange = chat(&meter, true, 1000);
    exchange.respond(200, Headers(&SSE));
    exchange.feed(delta("one two three").as_bytes(), NOW);
    assert!(state(&meter).held.usd > Nano::ZERO);

    drop(exchange);

    assert_eq!(meter.snapshot(NOW).open_exchanges, 0);
    assert_eq!((state(&meter).held.usd, state(&meter).spent.tokens), (Nano::ZERO, 8 + 3));
    assert_eq!(series(&meter, Series::UnmeteredExchanges), [("abandoned".to_owned(), 1)]);
}

#[test]
fn a_closed_exchange_is_not_lost() {
    let meter = capped("1");
    let mut exchange = chat(&meter, false, 100);
    answer(&mut exchange, MILLION);

    drop(exchange);

    assert!(series(&meter, Series::UnmeteredExchanges).is_empty());
}

#[test]
fn a_reply_that_was_broken_off_stays_so() {
    let mut exchange = chat(&capped("0.0026"), true, 100_000);
    exchange.respond(200, Headers(&[SSE[0], (b"content-encoding", b"deflate")]));
    // Without a coding that can be undone nothing is seen, and nothing is cut.
    assert_eq!(exchange.feed(&[0xff; 64], NOW), Passage::Forward);

    let mut exchange = chat(&capped("0.0026"), true, 100_000);
    exchange.respond(200, Headers(&[SSE[0], (b"content-encoding", b"gzip")]));
    let text: String = (0..400).map(|_| delta(&"word ".repeat(20))).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    let cuts: Vec<Passage> = encoder
        .finish()
        .unwrap()
        .chunks(64)
        .map(|chunk| exchange.feed(chunk, NOW))
        .filter(|passage| *passage != Passage::Forward)
        .collect();

    assert!(cuts.len() > 1);
    assert!(cuts.iter().all(|cut| *cut == Passage::Cut { data: Vec::new(), clean: false }));
}

#[test]
fn users_named_by_the_application_have_accounts_and_no_label() {
    let scope = Scope::new([(Dimension::User, "*")]).unwrap();
    let meter = meter(vec![Budget { scope, ..budget("1", Mode::Enforce) }], Policies::default());
    for user in ["ana", "bo"] {
        let body = format!(
            r#"{{"model":"gpt-4o-mini","user":"{user}","messages":[{{"role":"user","content":"hi"}}]}}"#
        );
        let mut exchange = post(&meter, "api.openai.com", "/v1/chat/completions", &body);
        let kept = answer(&mut exchange, MILLION).who.user.unwrap();
        assert!(kept.starts_with("user-") && !kept.contains(user));
    }

    let snapshot = meter.snapshot(NOW);
    assert_eq!(snapshot.budgets.len(), 2);
    assert!(snapshot.budgets.iter().all(|state| state.account.starts_with("user=user-")));
    let [total] = &*snapshot.budget_totals() else { panic!("not one total") };
    assert_eq!((&*total.name, total.window), ("cap", "day"));
    assert_eq!((total.limit.usd, total.spent.usd), (Nano::parse_usd("1"), Nano::parse_usd("0.42").unwrap()));
    // Both have spent a fifth of what each may: neither is nearer to its limit because there are two.
    assert_eq!((total.accounts, total.spent_ppm, total.used_ppm), (2, 210_000, 210_000));
}

#[test]
fn names_that_clients_invent_do_not_become_labels() {
    let meter = free();
    for index in 0..200 {
        let body = format!(r#"{{"model":"nonsense-{index}","messages":[]}}"#);
        let mut exchange = post(&meter, "api.openai.com", "/v1/chat/completions", &body);
        reply(&mut exchange, if index < 100 { 404 } else { 200 }, &JSON, b"{}");
    }
    answer(&mut chat(&meter, false, 10), MILLION);

    let rows = series(&meter, Series::Exchanges);
    let count = |label: &str| {
        rows.iter().filter(|(key, _)| key.contains(label)).map(|(_, count)| count).sum::<i128>()
    };
    assert_eq!((count(" nonsense-"), count(" other "), count(" gpt-4o-mini ")), (20, 180, 1));
}

#[test]
fn a_header_does_not_turn_a_call_into_a_session() {
    let meter = capped("0.0001");
    let body = br#"{"model":"gpt-4o-mini","max_tokens":100000,"messages":[]}"#;
    let headers = Headers(&[(b"upgrade", b"websocket")]);
    let path = "/v1/chat/completions";
    let request =
        Request { method: "POST", host: "api.openai.com", port: 443, path, headers, body: Some(body) };

    assert!(!is_admitted(&meter.open(&request, Attribution::default(), NOW).unwrap()));
}

#[test]
fn a_stream_that_ends_after_its_last_event_is_charged_as_stated() {
    let usage = b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";
    let body = [delta("hello").as_bytes(), usage, DONE].concat();
    let mut exchange = chat(&free(), true, 100);
    exchange.respond(200, Headers(&SSE));
    exchange.feed(&body, NOW);

    let entry = exchange.close(CloseReason::ClientGone, NOW - 5 * SECOND).unwrap();

    assert_eq!((entry.outcome, entry.provenance), (Outcome::Ok, Provenance::Reported));
    // The clock went back: no duration is negative.
    assert_eq!((entry.duration_ns, entry.first_chunk_ns), (0, Some(0)));
}
