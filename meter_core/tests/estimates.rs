//! How far counts are from the truth: every recorded exchange that states its usage, metered again with the statement taken
//! out, against what it stated.
//!
//! The recordings stand beside the repository and are not part of it; without them the test says so and passes.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use meter_core::attribution::Attribution;
use meter_core::exchange::{CloseReason, LedgerEntry};
use meter_core::meter::{Meter, Policies, Request};
use meter_core::usage::Provenance;
use serde_json::Value;
use support::har::{self, Recorded};

/// Where providers state usage, and words as long that nobody reads.
const STATEMENTS: [(&[u8], &[u8]); 6] = [
    (b"\"usage\"", b"\"usagX\""),
    (b"\"usageMetadata\"", b"\"usageMetadatX\""),
    (b"\"timings\"", b"\"timingX\""),
    (b"\"prompt_eval_count\"", b"\"prompt_eval_counX\""),
    (b"\"eval_count\"", b"\"eval_counX\""),
    (b"\"total_usage\"", b"\"total_usagX\""),
];

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    folder.join("expected.jsonl").is_file().then_some(folder)
}

fn without_usage(reply: &[u8]) -> Vec<u8> {
    let mut silent = reply.to_vec();
    for (word, other) in STATEMENTS {
        let places: Vec<usize> = silent
            .windows(word.len())
            .enumerate()
            .filter_map(|(at, window)| (window == word).then_some(at))
            .collect();
        for at in places {
            silent.splice(at..at + word.len(), other.iter().copied());
        }
    }
    silent
}

fn metered(meter: &Meter, recorded: &Recorded, reply: &[u8]) -> Option<LedgerEntry> {
    let fields = har::lend(&recorded.headers);
    let request = Request {
        method: &recorded.method,
        host: &recorded.host,
        port: recorded.port,
        path: &recorded.path,
        headers: meter_core::headers::Headers(&fields),
        body: Some(&recorded.body),
    };
    let mut exchange = meter.open(&request, Attribution::default(), support::NOW)?;
    har::with_headers(&recorded.reply_headers, |headers| exchange.respond(recorded.status, headers));
    exchange.feed(reply, support::NOW);
    exchange.close(CloseReason::Complete, support::NOW)
}

/// Off by this share of the truth, in thousandths.
fn error(counted: Option<u64>, stated: Option<u64>) -> Option<u64> {
    let (counted, stated) = (counted?, stated.filter(|stated| *stated > 0)?);
    Some(counted.abs_diff(stated) * 1000 / stated)
}

fn median(errors: &mut [u64]) -> String {
    errors.sort_unstable();
    let middle = errors.get(errors.len() / 2);
    middle.map_or("-".to_owned(), |middle| format!("{}.{} %", middle / 10, middle % 10))
}

#[test]
fn what_is_not_stated_is_counted() {
    let Some(folder) = folder() else {
        println!("skipped: no recordings at ../shared/recordings");
        return;
    };
    let mut archives: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    let mut errors: BTreeMap<String, (usize, Vec<u64>, Vec<u64>)> = BTreeMap::new();
    let mut unknown = Vec::new();
    let text = std::fs::read_to_string(folder.join("expected.jsonl")).unwrap();
    for line in text.lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        if expected["scored"] != true || expected["billable"] != true {
            continue;
        }
        let name = expected["har"].as_str().unwrap();
        let archive = archives.entry(name.to_owned()).or_insert_with(|| har::entries(&folder.join(name)));
        let recorded = &archive[usize::try_from(expected["index"].as_u64().unwrap()).unwrap()];
        // A meter of its own: nothing is learned from one exchange for the next.
        let meter = support::meter(Vec::new(), Policies::default());
        if expected["usage_present"] != true {
            let entry = metered(&meter, recorded, &recorded.reply).unwrap();
            let known = matches!(entry.provenance, Provenance::Counted | Provenance::Estimated);
            if entry.stream && !known {
                unknown.push(format!("{name} {}: {:?}", expected["index"], entry.provenance));
            }
            continue;
        }
        let entry = metered(&meter, recorded, &without_usage(&recorded.reply)).unwrap();
        if !matches!(entry.provenance, Provenance::Counted | Provenance::Estimated) {
            continue;
        }
        let provider = expected["provider"].as_str().unwrap();
        let (seen, input, output) = errors.entry(provider.to_owned()).or_default();
        *seen += 1;
        input.extend(error(entry.usage.input_tokens, expected["usage"]["input_tokens"].as_u64()));
        // Hidden reasoning cannot be counted.
        if expected["usage"]["reasoning_tokens"].as_u64().unwrap_or(0) == 0 {
            output.extend(error(entry.usage.output_tokens, expected["usage"]["output_tokens"].as_u64()));
        }
    }
    println!("median error of counts, by provider: input, output (without hidden reasoning)");
    for (provider, (seen, input, output)) in &mut errors {
        println!("{provider:20} {seen:4} exchanges  {:>8}  {:>8}", median(input), median(output));
    }
    assert!(unknown.is_empty(), "streams without usage that are not counted:\n{}", unknown.join("\n"));
    assert!(errors.values().any(|(seen, ..)| *seen > 0), "nothing was counted");
}
