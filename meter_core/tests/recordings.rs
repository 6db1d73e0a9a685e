//! Real recorded provider traffic, read in place: every OpenAI and Anthropic exchange yields the usage it is known for,
//! however its bytes are cut. Skips by name where the recordings are not beside the repository.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use meter_core::detect::{Detector, Headers};
use meter_core::dialect::{Finding, Reply, read_request};
use meter_core::usage::{Defect, Provenance, Usage};
use serde_json::Value;

fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    let found = folder.join("expected.jsonl").exists();
    if !found {
        println!("skipped: no recordings beside the repository");
    }
    found.then_some(folder)
}

fn fields(headers: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let list = headers.as_array().cloned().unwrap_or_default();
    let text = |field: &Value, key: &str| field[key].as_str().unwrap_or_default().as_bytes().to_vec();
    list.iter().map(|field| (text(field, "name"), text(field, "value"))).collect()
}

/// The body of a HAR message; base64 bodies hold forms and sounds, of which only the model's name matters here.
fn body(message: &Value) -> Vec<u8> {
    let text = message["text"].as_str().unwrap_or_default();
    if message["encoding"].as_str() == Some("base64") { base64(text) } else { text.as_bytes().to_vec() }
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.bytes().filter_map(|byte| ALPHABET.iter().position(|known| *known == byte)) {
        bits = bits << 6 | u32::try_from(digit).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

struct Read {
    finding: Finding,
    text: String,
    provider: String,
    operation: &'static str,
    request_model: Option<String>,
}

fn read(entry: &Value, piece: usize) -> Read {
    let (request, response) = (&entry["request"], &entry["response"]);
    let url = request["url"].as_str().unwrap().split_once("://").unwrap().1;
    let (host, path) = url.split_at(url.find('/').unwrap_or(url.len()));
    let (sent, got) = (fields(&request["headers"]), fields(&response["headers"]));
    let slices = |list: &'static [(Vec<u8>, Vec<u8>)]| {
        list.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect::<Vec<_>>()
    };
    let (sent, got) = (slices(sent.leak()), slices(got.leak()));
    let method = request["method"].as_str().unwrap();
    let route = Detector::new(vec![]).detect(method, host, None, path, Headers(&sent)).unwrap();
    let facts = read_request(&route, Headers(&sent), &body(&request["postData"]));
    let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
    let plain: Vec<_> =
        got.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"content-encoding")).collect();
    let mut reply = Reply::new(&route, &facts, status, Headers(&plain));
    let mut text = String::new();
    for chunk in body(&response["content"]).chunks(piece.max(1)) {
        reply.feed(chunk, &mut |part| text.push_str(part));
    }
    reply.end(true, &mut |part| text.push_str(part));
    Read {
        finding: reply.finding().clone(),
        text,
        provider: route.provider.to_string(),
        operation: route.operation.as_str(),
        request_model: facts.model,
    }
}

fn counts(usage: &Usage) -> HashMap<&'static str, u64> {
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
    .into_iter()
    .map(|(name, count)| (name, count.unwrap_or(0)))
    .collect()
}

fn agrees(expected: &Value, unscored: &[Value], counts: &HashMap<&'static str, u64>) -> bool {
    counts.iter().all(|(name, count)| {
        unscored.iter().any(|field| field.as_str() == Some(name))
            || expected[*name].as_u64().unwrap_or(0) == *count
    })
}

#[test]
fn every_recorded_exchange_yields_its_known_usage_in_any_cut() {
    let Some(folder) = recordings() else { return };
    let mut archives: HashMap<String, Value> = HashMap::new();
    let mut checked = 0;
    for line in fs::read_to_string(folder.join("expected.jsonl")).unwrap().lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        let provider = expected["provider"].as_str().unwrap();
        if !matches!(provider, "openai" | "anthropic") || expected["scored"] != true {
            continue;
        }
        let name = expected["har"].as_str().unwrap();
        let archive = archives
            .entry(name.to_owned())
            .or_insert_with(|| serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap());
        let index = usize::try_from(expected["index"].as_u64().unwrap()).unwrap();
        let entry = &archive["log"]["entries"][index];
        let whole = read(entry, usize::MAX);
        let place = format!("{name} {index}");
        assert_eq!(whole.provider, provider, "{place}");
        assert_eq!(whole.operation, expected["operation"].as_str().unwrap(), "{place}");
        assert_eq!(whole.request_model.as_deref(), expected["request_model"].as_str(), "{place}");
        assert_eq!(whole.finding.response_model.as_deref(), expected["response_model"].as_str(), "{place}");
        assert_eq!(whole.finding.streamed, expected["stream"] == true, "{place}");
        let stated = expected["usage_present"] == true;
        assert_eq!(whole.finding.provenance == Provenance::Reported, stated, "{place}");
        let counts = counts(&whole.finding.usage);
        let unscored = expected["unscored_fields"].as_array().cloned().unwrap_or_default();
        let readings = expected["alternatives"].as_array().into_iter().flatten().chain([&expected["usage"]]);
        assert!(
            readings.into_iter().any(|reading| agrees(reading, &unscored, &counts)),
            "{place}: {counts:?}"
        );
        let missing = stated || expected["billable"] != true;
        assert_eq!(whole.finding.defects.contains(Defect::NoUsage), !missing, "{place}");
        for piece in [1, 7, 4096] {
            let cut = read(entry, piece);
            assert_eq!(cut.finding.usage, whole.finding.usage, "{place} in pieces of {piece}");
            assert_eq!(cut.finding.defects, whole.finding.defects, "{place} in pieces of {piece}");
            assert_eq!(cut.text, whole.text, "{place} in pieces of {piece}");
        }
        checked += 1;
    }
    println!("{checked} exchanges");
    assert!(checked > 150);
}
