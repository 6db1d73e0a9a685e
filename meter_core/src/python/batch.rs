//! Counts many texts at once, on several threads where that pays.
//!
//! Owns how work is shared out and how many threads there are; the core starts none. Refuses to know how tokens are counted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::limits::COUNTING_THREADS_MAX;
use crate::tokenizer::Tokenizer;

/// Bytes of texts for which another thread pays: starting one takes as long as counting a tenth of this.
const THREAD_BYTES_MIN: usize = 256 << 10;
/// Bytes that a thread takes at a time, so that none is left with much more to do than the others.
const TURN_BYTES: usize = 64 << 10;

/// Tokens of each of `texts`, as one thread counts them.
pub(super) fn count(tokenizer: &Tokenizer, texts: &[&[u8]]) -> Vec<usize> {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let worth = (bytes / THREAD_BYTES_MIN).min(COUNTING_THREADS_MAX);
    let threads =
        if worth < 2 { 1 } else { thread::available_parallelism().map_or(1, |all| all.get().min(worth)) };
    if threads < 2 {
        return tokenizer.count_batch(texts);
    }
    shared(tokenizer, texts, threads)
}

/// Counts on so many threads, of which this is one.
fn shared(tokenizer: &Tokenizer, texts: &[&[u8]], threads: usize) -> Vec<usize> {
    let texts_by_number = texts.iter().enumerate();
    let parts: Vec<(usize, &[u8])> = texts_by_number
        .flat_map(|(number, text)| tokenizer.parts(text, TURN_BYTES).map(move |part| (number, part)))
        .collect();
    let turns = turns(&parts);
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(vec![0; texts.len()]);
    let work = || {
        while let Some(turn) = turns.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counted: Vec<usize> = turn.iter().map(|(_, part)| tokenizer.count(part)).collect();
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            for ((text, _), tokens) in turn.iter().zip(counted) {
                counts[*text] += tokens;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    counts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Parts in groups of about as many bytes, the largest first, lest the last one begin when all others are done.
fn turns<'a, 'b>(mut parts: &'a [(usize, &'b [u8])]) -> Vec<&'a [(usize, &'b [u8])]> {
    let mut turns = Vec::new();
    while !parts.is_empty() {
        let mut bytes = 0;
        let full = |(_, part): &(usize, &[u8])| {
            bytes += part.len();
            bytes >= TURN_BYTES
        };
        let end = parts.iter().position(full).map_or(parts.len(), |last| last + 1);
        let (turn, rest) = parts.split_at(end);
        turns.push((bytes, turn));
        parts = rest;
    }
    turns.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    turns.into_iter().map(|(_, turn)| turn).collect()
}
