//! Every exchange of these providers in the recorded corpus, read whole and in small pieces, against its expected usage.
//!
//! The corpus stands beside the repository and is not part of it; without it the test says so and passes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken corpus fails the test, also in its helpers")]

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use meter_core::detect::{Detector, Route};
use meter_core::dialect::{Finding, Reply, RequestFacts, read_request};
use meter_core::headers::Headers;
use meter_core::meter::{Policies, Request};
use meter_core::money::Nano;
use meter_core::usage::{Provenance, Usage};
use serde_json::Value;
use support::har;

const PROVIDERS: [&str; 8] =
    ["openai", "anthropic", "azure", "bedrock", "gemini", "openrouter", "pydantic-gateway", "vertex"];

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    folder.join("expected.jsonl").is_file().then_some(folder)
}

fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|flaw| panic!("{}: {flaw}", path.display()))
}

/// Where a body is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Into pieces of so many bytes.
    Every(usize),
    /// Behind every event or line.
    Events,
    /// Into pieces of up to so many bytes, as many each as this seed says.
    Random(u64, usize),
}

fn pieces(body: &[u8], cut: Cut) -> Vec<&[u8]> {
    let mut state = if let Cut::Random(seed, _) = cut { seed } else { 0 };
    let mut pieces = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let size = match cut {
            Cut::Every(size) => size,
            Cut::Events => rest.windows(2).position(|pair| pair == b"\n\n").map_or(rest.len(), |at| at + 2),
            Cut::Random(_, most) => {
                // Knuth's multiplier: any generator does, as long as it repeats.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap() % most + 1
            }
        };
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn read_reply(route: &Route, facts: &RequestFacts, entry: &Value, cut: Cut) -> (Finding, String) {
    let status = u16::try_from(entry["response"]["status"].as_u64().unwrap()).unwrap();
    let owned = har::fields(&entry["response"]["headers"]);
    let borrowed: Vec<(&[u8], &[u8])> = owned.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut reply = Reply::new(route, facts, status, Headers(&borrowed));
    let mut text = String::new();
    for chunk in pieces(&har::body(&entry["response"]["content"]), cut) {
        reply.feed(chunk, &mut |piece| text.push_str(piece));
    }
    reply.end(true, &mut |piece| text.push_str(piece));
    (reply.finding().clone(), text)
}

fn fields(usage: &Usage) -> [(&'static str, Option<u64>); 11] {
    [
        ("input_tokens", usage.input_tokens),
        ("output_tokens", usage.output_tokens),
        ("cache_read_tokens", usage.cache_read_tokens),
        ("cache_write_5m_tokens", usage.cache_write_5m_tokens),
        ("cache_write_1h_tokens", usage.cache_write_1h_tokens),
        ("reasoning_tokens", usage.reasoning_tokens),
        ("audio_input_tokens", usage.audio_input_tokens),
        ("audio_output_tokens", usage.audio_output_tokens),
        ("image_input_tokens", usage.image_input_tokens),
        ("image_output_tokens", usage.image_output_tokens),
        ("web_search_requests", usage.web_search_requests),
    ]
}

fn matches(usage: &Usage, expected: &Value, unscored: &Value) -> bool {
    let skipped =
        |name: &str| unscored.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    // Null and zero compare equal, as the corpus asks.
    fields(usage)
        .iter()
        .all(|(name, count)| skipped(name) || count.unwrap_or(0) == expected[*name].as_u64().unwrap_or(0))
}

#[test]
fn every_recorded_exchange_is_read_exactly() {
    let Some(folder) = corpus() else {
        println!("skipped: no recorded corpus at ../shared/recordings");
        return;
    };
    let detector = Detector::new(Vec::new());
    // One for all, so that what it counted of one prompt is used for the next.
    let meter = support::meter(Vec::new(), Policies::default());
    let mut archives: HashMap<String, Value> = HashMap::new();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in read_text(&folder.join("expected.jsonl")).lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        if !PROVIDERS.iter().any(|provider| expected["provider"] == *provider) {
            continue;
        }
        let har = expected["har"].as_str().unwrap().to_owned();
        let archive = archives
            .entry(har.clone())
            .or_insert_with(|| serde_json::from_str(&read_text(&folder.join(&har))).unwrap());
        let index = usize::try_from(expected["index"].as_u64().unwrap()).unwrap();
        let entry = &archive["log"]["entries"][index];

        let url = entry["request"]["url"].as_str().unwrap();
        let (host, path) = url.split_once("://").unwrap().1.split_once('/').unwrap();
        let owned = har::fields(&entry["request"]["headers"]);
        let borrowed: Vec<(&[u8], &[u8])> = owned.iter().map(|(name, value)| (&**name, &**value)).collect();
        let headers = Headers(&borrowed);
        let method = entry["request"]["method"].as_str().unwrap();
        let path = &format!("/{path}");
        let body = har::body(&entry["request"]["postData"]);
        let route = detector.detect(method, host, None, path, headers).unwrap();
        let facts = read_request(&route, headers, &body);
        let (finding, text) = read_reply(&route, &facts, entry, Cut::Every(usize::MAX));

        checked += 1;
        let mut check = |what: &str, holds: bool| {
            if !holds {
                wrong.push(format!("{har} {index} {what}: {finding:?}"));
            }
        };
        let name = |name: &Option<String>| name.clone().map_or(Value::Null, Value::from);
        let seed = u64::try_from(checked).unwrap();
        for cut in [
            Cut::Every(1),
            Cut::Every(7),
            Cut::Every(1000),
            Cut::Events,
            Cut::Random(seed, 40),
            Cut::Random(seed, 2000),
        ] {
            check(
                &format!("{cut:?}"),
                read_reply(&route, &facts, entry, cut) == (finding.clone(), text.clone()),
            );
        }
        check("provider", expected["provider"] == *route.provider);
        check("operation", expected["operation"] == route.operation.as_str());
        check("stream", expected["stream"] == finding.streamed);
        check("request model", expected["request_model"] == name(&facts.model));
        check("response model", expected["response_model"] == name(&finding.response_model));
        let failed = expected["status"].as_u64().unwrap() >= 400;
        check("billable", expected["billable"] == (route.billable && !failed));
        check("request body", facts.defects.is_empty());
        let prompted = !facts.prompt.texts().collect::<String>().is_empty()
            || facts.prompt.token_ids > 0
            || !facts.prompt.images.is_empty()
            || facts.prompt.media > 0;
        let paid = expected["billable"] == true;
        check("prompt", prompted || expected["operation"] == "transcription" || !paid);
        if let (Provenance::Reported, Some(stated)) = (finding.provenance, finding.usage.input_tokens) {
            // A hold for an exact count must cover the prompt; completions have been seen to save a token.
            let count = meter.count(&Request { method, host, port: 443, path, headers, body: Some(&body) });
            let slack = u64::from(expected["operation"] == "completions");
            let covers = |tokens: u64| (stated..=stated + slack).contains(&tokens);
            check("prompt count", count.is_none_or(|count| !count.exact || covers(count.tokens)));
        }
        if expected["scored"] == true {
            let alternatives = expected["alternatives"].as_array().into_iter().flatten();
            let mut accepted = std::iter::once(&expected["usage"]).chain(alternatives);
            check(
                "usage",
                accepted.any(|usage| matches(&finding.usage, usage, &expected["unscored_fields"])),
            );
            check("usage present", expected["usage_present"] == (finding.provenance == Provenance::Reported));
            check("defects", finding.defects.is_empty() != (expected["usage_present"] == false && paid));
            let stated = expected["stated_cost_usd"].as_str().map(Nano::parse_usd);
            check("stated cost", stated.is_none_or(|stated| stated == finding.stated_cost));
            check("finished", finding.finished);
            check("text", finding.text_seen != text.is_empty());
        }
    }
    println!("{checked} exchanges");
    assert!(checked > 0);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
