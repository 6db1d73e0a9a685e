//! Tests of [`Reader::heeds`]: it covers all that the other methods of a dialect read, which nothing else checks.
//!
//! A path that is not heeded must be one that its reader makes nothing of. The paths tried are put together from the words in
//! the sources of this folder, so a path that is added to a dialect is tried without being named here. The replies of the corpus
//! are read as every dialect, as they are and with their words exchanged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::reader::{Head, Outcome, Reader};
use super::sample::route;
use super::{Dialect, Finding, Reply, RequestFacts, envelope, read_request};
use crate::detect::{Detector, Route};
use crate::headers::Headers;
use crate::json_scan::{Interest, Scalar, Take};

#[allow(dead_code, reason = "only the replies are read")]
#[path = "../../tests/support/har.rs"]
mod har;

const ALL: [Dialect; Dialect::Opaque as usize + 1] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiCompletions,
    Dialect::OpenAiEmbeddings,
    Dialect::OpenAiResponses,
    Dialect::OpenAiMedia,
    Dialect::OpenAiRealtime,
    Dialect::OpenAiRuns,
    Dialect::OpenAiBatchResults,
    Dialect::AnthropicMessages,
    Dialect::AnthropicBatchResults,
    Dialect::GeminiGenerate,
    Dialect::GeminiEmbeddings,
    Dialect::GeminiInteractions,
    Dialect::GeminiLive,
    Dialect::BedrockConverse,
    Dialect::BedrockInvoke,
    Dialect::CohereChat,
    Dialect::CohereEmbed,
    Dialect::CohereRerank,
    Dialect::MistralOcr,
    Dialect::OllamaChat,
    Dialect::OllamaEmbed,
    Dialect::TgiGenerate,
    Dialect::LlamaCppCompletion,
    Dialect::Opaque,
];
/// Replies that are longer show nothing new and take long.
const REPLY_BYTES_MAX: usize = 64 << 10;
/// Paths between two looks at what a reader remembers, which take longer than telling it.
const TOLD_AT_ONCE: usize = 64;
/// Copies of a reply with words exchanged.
const COPIES: u64 = 4;

/// A reader that is told everything.
#[derive(Debug)]
pub(super) struct All(pub(super) Box<dyn Reader>);

impl Reader for All {
    fn enter(&mut self, path: &str) -> Interest {
        self.0.enter(path)
    }
    fn leave(&mut self, path: &str) {
        self.0.leave(path);
    }
    fn string(&mut self, path: &str) -> Take {
        self.0.string(path)
    }
    fn value(&mut self, path: &str, value: Scalar<'_>) {
        self.0.value(path, value);
    }
    fn event(&mut self, name: &str) {
        self.0.event(name);
    }
    fn outcome(&self) -> Outcome {
        self.0.outcome()
    }
}

/// The words of one source file that can be paths, parts of them or values.
fn words_of(file: &Path) -> BTreeSet<String> {
    let source = std::fs::read_to_string(file).unwrap();
    let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    let plain = |word: &&str| {
        let part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-#".contains(&byte);
        !word.is_empty() && word.bytes().all(part)
    };
    let google = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("gemini"));
    let spellings = |word: &str| [Some(word.to_owned()), google.then(|| snake(word))];
    quoted.filter(plain).flat_map(spellings).flatten().collect()
}

/// The other spelling of Google's names.
fn snake(word: &str) -> String {
    word.chars().fold(String::new(), |mut snake, character| {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
        snake
    })
}

fn words() -> Vec<BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dialect");
    let sources = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    sources.filter(|path| !path.to_string_lossy().ends_with("_test.rs")).map(|path| words_of(&path)).collect()
}

/// Words that can be keys, or values such as the names of events.
fn values(words: &[BTreeSet<String>]) -> Vec<&str> {
    let every: BTreeSet<&str> = words.iter().flatten().map(String::as_str).collect();
    every.into_iter().filter(|word| !word.contains('#') && !word.ends_with('.')).collect()
}

/// Words, words behind every beginning, and words below those of the same file.
fn paths(words: &[BTreeSet<String>]) -> BTreeSet<String> {
    let every: BTreeSet<&String> = words.iter().flatten().collect();
    let beginnings = every.iter().filter(|word| word.ends_with('.')).map(|word| word.as_str());
    let beginnings: Vec<&str> = beginnings.chain(["", "#."]).collect();
    let mut paths: BTreeSet<String> = BTreeSet::from([String::new()]);
    for beginning in beginnings {
        paths.extend(every.iter().map(|word| format!("{beginning}{word}")));
    }
    for file in words {
        for upper in file.iter().filter(|word| !word.ends_with('.')) {
            paths.extend(file.iter().map(|word| format!("{upper}.{word}")));
        }
    }
    paths.into_iter().map(|path| path.trim_end_matches('.').to_owned()).collect()
}

fn reader(dialect: Dialect) -> Box<dyn Reader> {
    let (route, facts) = (route(dialect), RequestFacts::default());
    dialect.reader(&Head { route: &route, facts: &facts, headers: Headers(&[]) })
}

/// Tells `reader` all that can stand at `path`; whether it asked for any of it.
fn tell(reader: &mut dyn Reader, path: &str, words: &[&str]) -> bool {
    let asked = reader.enter(path) != Interest::Walk || reader.string(path) != Take::Skip;
    for value in [Scalar::Null, Scalar::Bool(true), Scalar::Bool(false), Scalar::Number("7")] {
        reader.value(path, value);
    }
    // The strings that the envelope asks for are told without a question; in a usage object they are counts.
    let wanted = envelope::Place::of(path).wants() && !path.contains("usage.");
    for word in words.iter().filter(|_| wanted).chain(&["x"]) {
        reader.value(path, Scalar::String(word));
    }
    reader.leave(path);
    asked
}

/// Whether `reader` asks for what stands at any of `paths` or remembers any of it.
fn reads(reader: &mut dyn Reader, paths: &[&String], words: &[&str]) -> bool {
    let before = format!("{reader:?}");
    let asked = paths.iter().filter(|path| tell(reader, path, words)).count() > 0;
    asked || format!("{reader:?}") != before
}

#[test]
fn a_reader_makes_nothing_of_what_it_does_not_heed() {
    let words = words();
    let paths = paths(&words);
    let values = values(&words);
    let mut dropped = BTreeSet::new();
    for (at, dialect) in ALL.into_iter().enumerate() {
        assert_eq!(dialect as usize, at, "each dialect once");
        let (heeded, not): (Vec<&String>, Vec<&String>) = {
            let reader = reader(dialect);
            paths.iter().partition(|path| reader.heeds(path))
        };
        // As it begins, and behind all that it reads.
        for full in [false, true] {
            let started = || {
                let mut reader = reader(dialect);
                heeded.iter().filter(|_| full).for_each(|path| {
                    tell(reader.as_mut(), path, &["7"]);
                });
                reader
            };
            let mut reader = started();
            for some in not.chunks(TOLD_AT_ONCE) {
                if reads(reader.as_mut(), some, &values) {
                    let one = some.iter().filter(|path| reads(started().as_mut(), &[path], &values));
                    dropped.extend(one.map(|path| format!("{dialect:?} {path}")));
                    reader = started();
                }
            }
        }
    }
    assert!(dropped.is_empty(), "{} read but not heeded: {dropped:#?}", dropped.len());
}

/// The HAR files of the corpus and, where they stand beside the repository, the recordings.
fn archives() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = std::fs::read_dir(root.join("../tests/corpus/cases")).unwrap();
    let cases = cases.map(|entry| entry.unwrap().path().join("exchange.har"));
    let recordings = std::fs::read_dir(root.join("../../shared/recordings")).into_iter().flatten();
    let recordings = recordings.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = cases.chain(recordings).collect();
    found.retain(|path| path.extension().is_some_and(|kind| kind == "har"));
    found.sort();
    found
}

/// `body` with some of what stands between quotation marks exchanged for `words`.
fn exchanged(body: &[u8], words: &[&str], seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut random = move |below: usize| {
        // Knuth's multiplier: any generator does, as long as it repeats.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let parts = body.split(|byte| *byte == b'"').enumerate().map(|(at, part)| {
        let changes = at % 2 == 1 && part.len() < 40 && random(8) == 0;
        if changes { words[random(words.len())].as_bytes() } else { part }
    });
    parts.collect::<Vec<_>>().join(&b'"')
}

fn read(mut reply: Reply, body: &[u8]) -> (Finding, String) {
    let mut text = String::new();
    for chunk in body.chunks(1000) {
        reply.feed(chunk, &mut |piece| text.push_str(piece));
    }
    reply.end(true, &mut |piece| text.push_str(piece));
    (reply.finding().clone(), text)
}

#[test]
fn what_is_found_is_what_a_reader_finds_that_is_told_everything() {
    let words = words();
    let words = values(&words);
    let detector = Detector::new(Vec::new());
    let mut read_replies = 0;
    let mut wrong = Vec::new();
    for archive in archives() {
        for (at, entry) in har::entries(&archive).iter().enumerate() {
            let fields = har::lend(&entry.headers);
            let reply_fields = har::lend(&entry.reply_headers);
            let found = detector.detect(&entry.method, &entry.host, None, &entry.path, Headers(&fields));
            let received = entry.messages.iter().filter(|(sent, _)| !sent).flat_map(|(_, frame)| frame);
            let body: Vec<u8> = entry.reply.iter().chain(received).copied().collect();
            if body.len() > REPLY_BYTES_MAX {
                continue;
            }
            let mut check = |route: &Route, body: &[u8], what: &str| {
                let facts = read_request(route, Headers(&fields), &entry.body);
                let reply = || Reply::new(route, &facts, entry.status, Headers(&reply_fields));
                read_replies += 1;
                let (own, all) = (read(reply(), body), read(reply().told_everything(), body));
                if own != all {
                    wrong.push(format!("{} {at} {what}:\n{own:?}\n{all:?}", archive.display()));
                }
            };
            let mut own = found.as_ref().map(|route| route.dialect);
            if let Some(route) = &found {
                check(route, &body, "as it is");
                for seed in 0..COPIES {
                    check(route, &exchanged(&body, &words, seed), "exchanged");
                }
            }
            // As any other dialect, each time exchanged otherwise.
            for dialect in ALL.into_iter().filter(|dialect| own.take_if(|own| own == dialect).is_none()) {
                check(&route(dialect), &exchanged(&body, &words, dialect as u64), &format!("as {dialect:?}"));
            }
        }
    }
    assert!(read_replies > 1000, "{read_replies}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
