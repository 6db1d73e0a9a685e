//! How fast tokens are counted without Python around it: criterion's times, and workloads for a profiler to count in.
//!
//! Owns its texts, made alike on every machine. Text that somebody wrote is measured by `bench/tokenizer/run.py`, which also
//! asks for `--workloads` (a line each: name, tab, bytes) and `--once NAME PASSES` (counts it that often, and ends).

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for development that reads its arguments and prints"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use meter_core::tokenizer::{Tokenizer, get};

const ENCODINGS: [&str; 2] = ["o200k_base", "cl100k_base"];
const SIZE: usize = 200_000;
const SHORT: usize = 1_024;
const SYLLABLES: [&str; 32] = [
    "a", "al", "an", "ar", "ble", "com", "con", "de", "der", "e", "en", "er", "es", "ex", "for", "i", "in",
    "ing", "is", "it", "ly", "ment", "o", "on", "or", "per", "re", "se", "ter", "tion", "u", "ver",
];
const WORDS: [&str; 64] = [
    "the", "of", "and", "to", "a", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on",
    "not", "he", "this", "are", "or", "his", "from", "at", "which", "but", "have", "an", "had", "they",
    "you", "were", "their", "one", "all", "we", "can", "her", "has", "there", "been", "if", "more", "when",
    "will", "would", "who", "so", "no", "out", "up", "into", "don't", "them", "some", "could", "time",
    "people", "only", "other", "new", "request", "service", "value",
];
const HAN: &str = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面\
                   而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开\
                   它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条";
const LETTERS: [char; 26] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u',
    'v', 'w', 'x', 'y', 'z',
];
const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(1);

/// Numbers that look random and are always the same (an LCG with Knuth's constants).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bound = u64::try_from(bound).unwrap();
        usize::try_from((self.0 >> 33) % bound).unwrap()
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// A common word, or one of syllables.
    fn word(&mut self) -> String {
        if self.below(3) > 0 {
            return self.of(&WORDS).to_owned();
        }
        (0..2 + self.below(3)).map(|_| self.of(&SYLLABLES)).collect()
    }

    fn sentence(&mut self) -> String {
        let mut words: Vec<String> = (0..5 + self.below(12)).map(|_| self.word()).collect();
        let comma = self.below(words.len() - 1);
        words[comma].push(',');
        let mut sentence = words.join(" ");
        sentence[..1].make_ascii_uppercase();
        sentence + "."
    }
}

/// Text of [`SIZE`] bytes, or a few less where a character would be cut.
fn text(seed: u64, add: impl Fn(&mut Draw, &mut String)) -> String {
    let mut draw = Draw(seed);
    let mut text = String::new();
    while text.len() < SIZE {
        add(&mut draw, &mut text);
    }
    text.truncate(text.floor_char_boundary(SIZE));
    text
}

fn english(draw: &mut Draw, text: &mut String) {
    text.push_str(&draw.sentence());
    text.push_str(if draw.below(6) == 0 { "\n\n" } else { " " });
}

fn code(draw: &mut Draw, text: &mut String) {
    let (name, kind, other) = (draw.word(), draw.word(), draw.word());
    let (indent, number) = ("    ".repeat(1 + draw.below(3)), draw.below(5000));
    match draw.below(4) {
        0 => writeln!(text, "\nfn {name}_{other}(&self, {kind}: &str) -> Option<usize> {{"),
        1 => writeln!(text, "{indent}let {name} = self.{kind}({number}, \"{other}\")?;"),
        2 => writeln!(text, "{indent}// {}", draw.sentence()),
        _ => writeln!(text, "{indent}if {name}.len() >= {number} && !{other} {{ return None; }}"),
    }
    .unwrap();
}

fn json(draw: &mut Draw, text: &mut String) {
    let (name, id) = (draw.word(), draw.below(100_000));
    let (first, second) = (draw.sentence(), draw.sentence());
    write!(
        text,
        r#"{{"role":"user","content":"{first}\n{second}"}},{{"type":"function","id":"call_{id}","function":{{"name":"{name}"}}}},"#
    )
    .unwrap();
}

fn chinese(draw: &mut Draw, text: &mut String) {
    let letters: Vec<char> = HAN.chars().filter(|letter| !letter.is_whitespace()).collect();
    text.extend((0..4 + draw.below(16)).map(|_| draw.of(&letters)));
    text.push(draw.of(&['，', '。', '、', '，']));
}

/// A workload's text, made when it is wanted.
type Make = fn() -> String;

const WORKLOADS: [(&str, Make); 8] = [
    ("english", || text(1, english)),
    ("code", || text(2, code)),
    ("json", || text(3, json)),
    ("chinese", || text(4, chinese)),
    ("one letter", || "a".repeat(SIZE)),
    ("spaces", || " ".repeat(SIZE)),
    ("random letters", || text(5, |draw, text| text.push(draw.of(&LETTERS)))),
    ("digits", || text(6, |draw, text| text.push(draw.of(&DIGITS)))),
];

fn named(encoding: &str) -> &'static Tokenizer {
    get(encoding).unwrap()
}

fn measure(criterion: &mut Criterion) {
    for encoding in ENCODINGS {
        let tokenizer = named(encoding);
        let mut group = criterion.benchmark_group(encoding);
        group.sample_size(20).warm_up_time(WARM_UP).measurement_time(MEASURED);
        for (name, make) in WORKLOADS {
            let text = make();
            for size in [SHORT, text.len()] {
                let part = &text.as_bytes()[..text.floor_char_boundary(size)];
                group.throughput(Throughput::Bytes(u64::try_from(part.len()).unwrap()));
                let label = if size == SHORT { format!("{name}, 1 KB") } else { name.to_owned() };
                group.bench_function(label, |bencher| bencher.iter(|| tokenizer.count(black_box(part))));
            }
        }
        group.finish();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--workloads"] => {
            for encoding in ENCODINGS {
                for (name, make) in WORKLOADS {
                    println!("{encoding}, {name}\t{}", make().len());
                }
            }
        }
        ["--once", workload, passes] => {
            let (encoding, name) = workload.split_once(", ").unwrap();
            let (_, make) = WORKLOADS.into_iter().find(|(other, _)| *other == name).unwrap();
            let text = make();
            // Without a pass nothing is loaded: what is left is the making of the text.
            for _ in 0..passes.parse().unwrap() {
                black_box(named(encoding).count(black_box(text.as_bytes())));
            }
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            measure(&mut criterion);
            criterion.final_summary();
        }
    }
}
