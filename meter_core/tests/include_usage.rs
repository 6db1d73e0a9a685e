//! Streams that are asked for their usage in the client's place: which requests, and that the client sees none of it.

#![expect(clippy::unwrap_used, reason = "a test fails")]

mod support;

use std::path::Path;
use std::sync::Arc;

use meter_core::attribution::Attribution;
use meter_core::budget::{Budget, Mode};
use meter_core::detect::{Family, HostRule};
use meter_core::exchange::{CloseReason, Decision, Exchange, Passage, Rewrite};
use meter_core::headers::Headers;
use meter_core::limits;
use meter_core::meter::{IncludeUsage, Meter, Policies, Request, Settings};
use meter_core::price_book::PriceBook;
use meter_core::snapshot::Series;
use meter_core::tokenizer::Tokenizers;
use meter_core::usage::Provenance;
use proptest::prelude::*;
use support::*;

const STREAM: &str = r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const CHAT: &str = "/v1/chat/completions";
const USAGE: &str = r#"{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11}"#;

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

fn inject(mode: Mode) -> Policies {
    Policies { include_usage: IncludeUsage::Inject, mode, ..Policies::default() }
}

/// A meter that injects, which also knows some hosts of no built-in provider.
fn injecting(budgets: Vec<Budget>) -> Meter {
    let own = |provider: &str| HostRule::new(&format!("{provider}.internal"), provider, Family::OpenAi);
    Meter::new(Settings {
        price_book: PriceBook::embedded().unwrap(),
        budgets,
        policies: inject(Mode::Enforce),
        hosts: ["vllm", "mistral"].map(own).to_vec(),
        tokenizers: Tokenizers::default(),
        capture: Arc::from("proxy"),
        seed: 7,
        fingerprint_key: b"secret".to_vec(),
    })
    .unwrap()
}

fn request<'a>(host: &'a str, path: &'a str, fields: &'a Fields<'a>, body: Option<&'a str>) -> Request<'a> {
    let body = body.map(str::as_bytes);
    Request { method: "POST", host, port: 443, path, headers: Headers(fields), body }
}

fn opened(meter: &Meter, request: &Request<'_>) -> Exchange {
    meter.open(request, Attribution::default(), NOW).unwrap()
}

fn rewritten(exchange: &Exchange) -> Option<Arc<Rewrite>> {
    match exchange.decision() {
        Decision::Rewrite(rewrite) => Some(Arc::clone(rewrite)),
        _ => None,
    }
}

/// A stream whose request was rewritten, before its reply.
fn asked(meter: &Meter) -> Exchange {
    let exchange = opened(meter, &request("api.openai.com", CHAT, &JSON.to_vec(), Some(STREAM)));
    assert!(rewritten(&exchange).is_some());
    exchange
}

/// What the client gets of `pieces`, to the end of the reply or to its cut.
fn seen<'a>(exchange: &mut Exchange, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let mut client = Vec::new();
    for piece in pieces {
        match exchange.feed(piece, NOW + SECOND) {
            Passage::Forward => client.extend_from_slice(piece),
            Passage::Replace(data) => client.extend(data),
            Passage::Cut { data, clean } => {
                client.extend(data);
                return (client, clean);
            }
        }
    }
    client.append(&mut exchange.release());
    (client, false)
}

#[test]
fn a_stream_that_does_not_ask_is_asked_for_its_usage() {
    for (host, path, body) in [
        ("api.openai.com", CHAT, STREAM),
        ("vllm.internal", CHAT, STREAM),
        (
            "res.openai.azure.com",
            "/openai/deployments/d/chat/completions?api-version=2024-09-01-preview",
            STREAM,
        ),
        ("res.openai.azure.com", "/openai/v1/chat/completions?x=1&api-version=preview", STREAM),
        (
            "api.openai.com",
            "/v1/completions",
            r#"{"model":"gpt-3.5-turbo-instruct","prompt":"hi","stream":true}"#,
        ),
    ] {
        let meter = injecting(vec![]);
        let fields: Fields<'_> = vec![
            (b"Accept-Encoding", b"gzip, br"),
            (b"Authorization", b"Bearer sk-test"),
            (b"Content-Length", b"1"),
        ];
        let mut exchange = opened(&meter, &request(host, path, &fields, Some(body)));

        let rewrite = rewritten(&exchange).unwrap();
        let expected = body.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
        assert_eq!(String::from_utf8(rewrite.body.clone()).unwrap(), expected);
        let length = expected.len().to_string();
        let fields: Fields<'_> =
            vec![(b"accept-encoding", b"identity"), (b"content-length", length.as_bytes())];
        assert_eq!(rewrite.headers.iter().map(|(a, b)| (&a[..], &b[..])).collect::<Vec<_>>(), fields);
        assert_eq!(series(&meter, Series::Decisions), [("rewrite enforce include_usage".to_owned(), 1)]);

        assert!(exchange.respond(200, Headers(&SSE)));
        assert_eq!(rewritten(&exchange).unwrap().body, b"");
        let usage = format!("data: {{\"choices\":[],\"usage\":{USAGE}}}\n\n");
        assert_eq!(exchange.feed(usage.as_bytes(), NOW), Passage::Replace(Vec::new()));
        assert_eq!(exchange.feed(b"data: [DONE]\n\n", NOW), Passage::Forward);
        let entry = exchange.close(CloseReason::Complete, NOW + SECOND).unwrap();
        assert_eq!((entry.decision, entry.reason, entry.provenance), ("rewrite", None, Provenance::Reported));
        assert_eq!((entry.usage.input_tokens, entry.usage.output_tokens), (Some(8), Some(3)));
    }
}

#[test]
fn a_body_sent_in_chunks_gets_no_length() {
    let fields: Fields<'_> = vec![(b"transfer-encoding", b"chunked")];
    let exchange = opened(&injecting(vec![]), &request("api.openai.com", CHAT, &fields, Some(STREAM)));

    assert_eq!(rewritten(&exchange).unwrap().headers, [(b"accept-encoding".to_vec(), b"identity".to_vec())]);
}

#[test]
fn what_must_not_be_edited_passes_as_it_is() {
    let meter = injecting(vec![]);
    let signed: [(&[u8], &[u8]); 11] = [
        (b"Authorization", b"AWS4-HMAC-SHA256 Credential=x"),
        (b"authorization", b" aws4-ecdsa-p256-sha256 Credential=x"),
        (b"authorization", b"Signature keyId=\"x\""),
        (b"authorization", b"HMAC-SHA256 SignedHeaders=x"),
        (b"X-Amz-Content-SHA256", b"x"),
        (b"signature", b"x"),
        (b"Signature-Input", b"x"),
        (b"content-digest", b"x"),
        (b"Digest", b"x"),
        (b"content-md5", b"x"),
        (b"content-encoding", b"gzip"),
    ];
    let plain: Fields<'_> = vec![(b"authorization", b"Bearer sk-test"), (b"content-encoding", b"identity")];
    let with = |field| [plain.clone(), vec![field]].concat();
    let mut cases: Vec<(&str, &str, Fields<'_>, Option<&str>)> =
        signed.into_iter().map(|field| ("api.openai.com", CHAT, with(field), Some(STREAM))).collect();
    let presigned = "/v1/chat/completions?X-Amz-Signature=x";
    for (host, path, body) in [
        ("api.openai.com", presigned, Some(STREAM)),
        ("api.openai.com", CHAT, None),
        ("api.openai.com", CHAT, Some(r#"{"model":"gpt-4o-mini"}"#)),
        ("api.openai.com", CHAT, Some(r#"{"stream":true,"stream_options":{"include_usage":true}}"#)),
        ("api.openai.com", CHAT, Some(r#"{"stream":true"#)),
        (
            "res.openai.azure.com",
            "/openai/deployments/d/chat/completions?x=1&api-version=2024-06-01",
            Some(STREAM),
        ),
        ("api.openai.com", "/v1/responses", Some(STREAM)),
        ("api.openai.com", "/v1/embeddings", Some(STREAM)),
        ("api.anthropic.com", "/v1/messages", Some(STREAM)),
        ("mistral.internal", CHAT, Some(STREAM)),
        ("openrouter.ai", "/api/v1/chat/completions", Some(STREAM)),
        ("api.deepseek.com", "/chat/completions", Some(STREAM)),
        ("nobody.named.this", CHAT, Some(STREAM)),
    ] {
        cases.push((host, path, plain.clone(), body));
    }
    let count = i128::try_from(cases.len()).unwrap();
    for (host, path, fields, body) in cases {
        let exchange = opened(&meter, &request(host, path, &fields, body));

        assert!(is_admitted(&exchange), "{host} {path} {fields:?} {body:?}");
    }
    assert_eq!(series(&meter, Series::Decisions), [("admit enforce none".to_owned(), count)]);
    let plain = request("api.openai.com", CHAT, &plain, Some(STREAM));
    assert!(rewritten(&opened(&meter, &plain)).is_some());
}

#[test]
fn only_a_policy_that_acts_rewrites() {
    for (policies, counted) in [
        (Policies::default(), "admit enforce none"),
        (inject(Mode::Off), "admit enforce none"),
        (inject(Mode::Shadow), "rewrite shadow include_usage"),
    ] {
        let meter = meter(vec![], policies);
        let mut exchange = chat(&meter, true, 9);

        assert!(is_admitted(&exchange) && !exchange.respond(200, Headers(&SSE)));
        assert_eq!(series(&meter, Series::Decisions), [(counted.to_owned(), 1)]);
        let entry = exchange.close(CloseReason::Complete, NOW).unwrap();
        assert_eq!((entry.decision, entry.would_refuse), ("admit", false));
    }
}

#[test]
fn a_refusal_comes_before_the_rewriting() {
    let meter = injecting(vec![budget("0.000001", Mode::Enforce)]);
    let exchange = opened(&meter, &request("api.openai.com", CHAT, &JSON.to_vec(), Some(STREAM)));

    assert!(matches!(exchange.decision(), Decision::Refuse(_)));
    assert_eq!(series(&meter, Series::Decisions), [("refuse enforce usd".to_owned(), 1)]);
}

#[test]
fn a_reply_that_cannot_be_edited_passes_as_it_is() {
    let meter = injecting(vec![]);
    let sse: (&[u8], &[u8]) = SSE[0];
    let cases: [(u16, Fields<'_>); 6] = [
        (400, vec![sse]),
        (304, vec![sse]),
        (200, JSON.to_vec()),
        (200, vec![]),
        (200, vec![sse, (b"Content-Encoding", b"gzip")]),
        (200, vec![sse, (b"content-digest", b"sha-256=:x:")]),
    ];
    for (status, fields) in cases {
        let mut exchange = asked(&meter);

        assert!(!exchange.respond(status, Headers(&fields)), "{status} {fields:?}");
        let usage = format!("data: {{\"choices\":[],\"usage\":{USAGE}}}\n\ndata: ");
        assert_eq!(exchange.feed(usage.as_bytes(), NOW), Passage::Forward);
        assert_eq!(exchange.release(), b"");
    }
}

#[test]
fn usage_that_nobody_asked_for_stays_with_everything_behind_it() {
    let stream = [
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":null}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":8}}"#,
        r#"{"choices":[{"delta":{}}],"usage":null}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":8}}"#,
        "[DONE]",
    ]
    .map(|data| format!("data: {data}\n\n"));
    let mut exchange = asked(&injecting(vec![]));
    exchange.respond(200, Headers(&SSE));

    let (client, _) = seen(&mut exchange, stream.iter().map(String::as_bytes));

    let expected = stream.concat().replacen(",\"usage\":null", "", 1);
    assert_eq!(String::from_utf8(client).unwrap(), expected);
}

#[test]
fn an_event_is_passed_on_as_soon_as_it_is_whole_and_never_held_beyond_the_limit() {
    let mut exchange = asked(&injecting(vec![]));
    exchange.respond(200, Headers(&SSE));
    let event = delta("a");
    let (start, end) = event.split_at(event.len() - 1);

    assert_eq!(exchange.feed(event.as_bytes(), NOW), Passage::Forward);
    assert_eq!(exchange.feed(start.as_bytes(), NOW), Passage::Replace(Vec::new()));
    assert_eq!(exchange.feed(end.as_bytes(), NOW), Passage::Replace(event.clone().into_bytes()));
    let long = vec![b'x'; limits::EDITED_EVENT_BYTES_MAX - 1];
    assert_eq!(exchange.feed(&long, NOW), Passage::Replace(Vec::new()));
    assert_eq!(exchange.feed(b"yz", NOW), Passage::Replace([long, b"yz".to_vec()].concat()));
    assert_eq!(exchange.feed(b"more", NOW), Passage::Forward);
}

#[test]
fn what_is_held_is_given_out_once_when_the_reply_ends_or_is_no_longer_fed() {
    let mut exchange = asked(&injecting(vec![]));
    exchange.respond(200, Headers(&SSE));
    exchange.feed(b"data: {\"cho", NOW);
    exchange.close(CloseReason::Shutdown, NOW).unwrap();

    assert_eq!((exchange.release(), exchange.release()), (b"data: {\"cho".to_vec(), Vec::new()));
    assert_eq!(exchange.feed(b"ices", NOW), Passage::Forward);
}

/// The stream `reply` as it would be without the option, found by its text alone: recorded JSON is compact.
fn unasked(reply: &str) -> String {
    let volunteers = |event: &&str| event.contains("\"usage\":{") && !event.contains("\"choices\":[]");
    if reply.split("\n\n").any(|event| volunteers(&event)) {
        return reply.to_owned();
    }
    let added = |event: &&str| event.contains("\"usage\":{");
    let kept: Vec<&str> = reply.split("\n\n").filter(|event| !added(event)).collect();
    kept.join("\n\n").replace(",\"usage\":null", "")
}

#[test]
fn recorded_streams_lose_what_the_option_added_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: no recorded corpus at ../shared/recordings");
        return;
    };
    let meter = injecting(vec![]);
    let (mut checked, mut edited) = (0, 0);
    for file in
        files.map(|file| file.unwrap().path()).filter(|file| file.extension().is_some_and(|end| end == "har"))
    {
        for recorded in har::entries(&file) {
            let Ok(reply) = String::from_utf8(recorded.reply) else { continue };
            if !recorded.path.contains("/completions") || !reply.starts_with("data: ") {
                continue;
            }
            let expected = unasked(&reply);
            for size in [1, 7, 1000, reply.len()] {
                let mut exchange = asked(&meter);
                exchange.respond(200, Headers(&SSE));
                let (client, _) = seen(&mut exchange, reply.as_bytes().chunks(size));

                assert!(client == expected.as_bytes(), "{} in pieces of {size}", recorded.path);
            }
            checked += 1;
            edited += usize::from(expected != reply);
        }
    }
    println!("{checked} streams, {edited} of them edited");
    assert!(edited > 0);
}

/// How one provider writes its chunks.
#[derive(Clone, Debug)]
struct Style {
    /// Between members, and behind a key.
    spacing: (&'static str, &'static str),
    /// Where `usage` stands among the members.
    place: usize,
    prefix: &'static str,
    line: &'static str,
    /// Chunks that are not the last say `"usage":null` when usage is asked for.
    null: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    let spacing = prop_oneof![Just((",", ":")), Just((", ", ": ")), Just((" , ", " : "))];
    let prefix = prop_oneof![Just("data: "), Just("data:"), Just("id: 7\ndata: "), Just(": hi\ndata: ")];
    let line = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    // With bare carriage returns, a comment is known to be over only once the next line has begun.
    let framing = (prefix, line).prop_filter("no comment before a bare return", |(prefix, line)| {
        *line != "\r" || !prefix.starts_with(':')
    });
    (spacing, 0..5_usize, framing, any::<bool>()).prop_map(|(spacing, place, (prefix, line), null)| Style {
        spacing,
        place,
        prefix,
        line,
        null,
    })
}

impl Style {
    /// One event with these members, and `usage` among them if given.
    fn event(&self, members: &[(&str, String)], usage: Option<&str>) -> String {
        let (between, behind) = self.spacing;
        let mut written: Vec<String> =
            members.iter().map(|(key, value)| format!("\"{key}\"{behind}{value}")).collect();
        if let Some(usage) = usage {
            written.insert(self.place.min(written.len()), format!("\"usage\"{behind}{usage}"));
        }
        let prefix = self.prefix.replace('\n', self.line);
        format!("{prefix}{{{}}}{line}{line}", written.join(between), line = self.line)
    }

    /// The stream as it is without the option, and as it is with it.
    fn stream(&self, texts: &[String]) -> (String, String) {
        let frame = |choices: String| {
            vec![
                ("id", "\"c\"".to_owned()),
                ("model", "\"gpt-4o-mini\"".to_owned()),
                ("choices", choices),
                ("x", "null".to_owned()),
            ]
        };
        let (mut without, mut with) = (String::new(), String::new());
        for text in texts {
            let content = serde_json::Value::from(text.as_str());
            let members =
                frame(format!("[{{\"index\":0,\"delta\":{{\"content\":{content}}},\"usage\":null}}]"));
            without += &self.event(&members, None);
            with += &self.event(&members, self.null.then_some("null"));
        }
        let comments: String = self.prefix.replace('\n', self.line);
        with += &self.event(&frame("[]".to_owned()), Some(USAGE));
        if comments.starts_with(':') {
            without += &comments[..comments.len() - "data: ".len()];
        }
        let done = format!("data: [DONE]{line}{line}", line = self.line);
        (without + &done, with + &done)
    }
}

fn pieces<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut size, mut pieces) = (bytes, sizes.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let (piece, later) = rest.split_at((*size.next().unwrap()).min(rest.len()));
        pieces.push(piece);
        rest = later;
    }
    pieces
}

proptest! {
    #[test]
    fn the_client_sees_the_bytes_of_a_stream_that_was_not_asked(
        style in styles(),
        texts in prop::collection::vec("[a-z\"{},:\\\\\n é]{0,12}", 0..6),
        sizes in prop::collection::vec(1..80_usize, 1..5),
    ) {
        let (without, with) = style.stream(&texts);
        let mut exchange = asked(&injecting(vec![]));
        exchange.respond(200, Headers(&SSE));

        let (client, _) = seen(&mut exchange, pieces(with.as_bytes(), &sizes).into_iter());

        prop_assert_eq!(String::from_utf8(client).unwrap(), without);
        let entry = exchange.close(CloseReason::Complete, NOW + SECOND).unwrap();
        prop_assert_eq!(entry.usage.output_tokens, Some(3));
        prop_assert_eq!(entry.provenance, Provenance::Reported);
    }

    #[test]
    fn a_cut_stream_ends_behind_a_whole_event_as_the_client_knows_it(
        style in styles(), count in 30..60_usize, sizes in prop::collection::vec(1..900_usize, 1..5),
    ) {
        let (without, with) = style.stream(&vec![" word".repeat(200); count]);
        let mut exchange = asked(&injecting(vec![budget("0.0026", Mode::Enforce)]));
        exchange.respond(200, Headers(&SSE));

        let (client, clean) = seen(&mut exchange, pieces(with.as_bytes(), &sizes).into_iter());

        let client = String::from_utf8(client).unwrap();
        let entry = exchange.close(CloseReason::Complete, NOW + SECOND).unwrap();
        prop_assert!(clean, "{}", entry.decision);
        prop_assert_eq!(entry.decision, "cut");
        let (told, error) = client.split_at(client.rfind("data: {\"error\"").unwrap());
        prop_assert!(error.ends_with("\n\n"));
        prop_assert!(without.starts_with(told));
        // A comment may stand before the next event.
        let blank = style.line.repeat(2);
        prop_assert!(told.ends_with(&blank) || told.ends_with(&format!(": hi{}", style.line)), "{told:?}");
    }

    #[test]
    fn bytes_that_are_no_stream_pass_unchanged(
        bytes in prop::collection::vec(any::<u8>(), 0..300), sizes in prop::collection::vec(1..40_usize, 1..4),
    ) {
        let mut exchange = asked(&injecting(vec![]));
        exchange.respond(200, Headers(&SSE));

        prop_assert_eq!(seen(&mut exchange, pieces(&bytes, &sizes).into_iter()).0, bytes);
    }
}
