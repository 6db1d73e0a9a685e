//! What must always hold of traced connections: how bytes are cut and interleaved changes nothing, and what is lost is never
//! made up for by a wrong count.

#![allow(clippy::unwrap_used, reason = "a test fails, also in its helpers")]

mod support;

use meter_core::connection::{Direction, Interest};
use meter_core::exchange::{LedgerEntry, Outcome};
use meter_core::meter::{Meter, Policies};
use meter_core::usage::Defect;
use proptest::prelude::*;
use support::har::Recorded;
use support::traced::{Traced, all_told, told};
use support::wire::{Encoder, Framing, Wire};
use support::*;

/// Between the gaps that are tried.
const STEP: usize = 7;

fn free() -> Meter {
    meter(Vec::new(), Policies::default())
}

/// An exchange whose usage tells it from others.
fn exchange(tokens: u64, stream: bool) -> Recorded {
    let usage =
        format!(r#"{{"prompt_tokens":{tokens},"completion_tokens":{tokens},"total_tokens":{}}}"#, tokens * 2);
    let reply = if stream {
        let last = format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n");
        [delta("hello"), delta(" there"), last].concat()
    } else {
        format!(
            r#"{{"model":"gpt-4o-mini","choices":[{{"message":{{"content":"hello"}}}}],"usage":{usage}}}"#
        )
    };
    let media: &[u8] = if stream { b"text/event-stream" } else { b"application/json" };
    Recorded {
        method: "POST".to_owned(),
        host: "api.openai.com".to_owned(),
        port: 443,
        path: "/v1/chat/completions".to_owned(),
        headers: vec![(b"content-type".to_vec(), b"application/json".to_vec())],
        body: format!(
            r#"{{"model":"gpt-4o-mini","stream":{stream},"messages":[{{"content":"{tokens} hi"}}]}}"#
        )
        .into_bytes(),
        status: 200,
        reply_headers: vec![(b"content-type".to_vec(), media.to_vec())],
        reply: reply.into_bytes(),
        broke_off: false,
        messages: Vec::new(),
    }
}

fn exchanges() -> Vec<Recorded> {
    (1..5).map(|at| exchange(at * 1000, at % 2 == 0)).collect()
}

/// All exchanges on one connection. `way` 0 and 1 are HTTP/1, 2 is HTTP/2.
fn wire(way: usize) -> Wire {
    let (mut wire, mut request, mut reply) = (Wire::default(), Encoder::default(), Encoder::default());
    for (id, exchange) in (1..).step_by(2).zip(exchanges()) {
        match way {
            0 => wire.http1(&exchange, Framing::Length),
            1 => wire.http1(&exchange, Framing::Chunks(40)),
            _ => wire.http2(&exchange, id, &mut request, &mut reply),
        }
    }
    wire
}

/// What the exchanges come to if nothing is lost.
fn whole(way: usize) -> Vec<String> {
    all_told(&Traced::new(&free()).all(&wire(way), usize::MAX))
}

/// Tells the pieces of `wire` without the bytes from `from` up to `until` of one direction, as a client without pipelining
/// would see them: turn by turn.
fn with_a_gap(way: usize, direction: Direction, from: usize, until: usize, size: usize) -> Vec<LedgerEntry> {
    let mut traced = Traced::new(&free());
    let turns: Vec<(Wire, usize)> = exchanges()
        .into_iter()
        .zip(0..)
        .map(|(exchange, at)| {
            let mut before = Wire::default();
            if way < 2 {
                before.http1(&exchange, if way == 0 { Framing::Length } else { Framing::Chunks(40) });
            }
            (before, at)
        })
        .collect();
    let turns: Vec<Wire> = if way < 2 {
        turns.into_iter().map(|(wire, _)| wire).collect()
    } else {
        let (mut all, mut request, mut reply) = (Wire::default(), Encoder::default(), Encoder::default());
        let mut seen = Wire::default();
        (1..)
            .step_by(2)
            .zip(exchanges())
            .map(|(id, exchange)| {
                all.http2(&exchange, id, &mut request, &mut reply);
                let turn = Wire {
                    sent: all.sent[seen.sent.len()..].to_vec(),
                    received: all.received[seen.received.len()..].to_vec(),
                };
                seen = all.clone();
                turn
            })
            .collect()
    };
    let (mut sent, mut received) = (0, 0);
    for turn in turns {
        for (way, bytes, at) in
            [(Direction::Sent, &turn.sent, &mut sent), (Direction::Received, &turn.received, &mut received)]
        {
            for piece in bytes.chunks(size) {
                // Where it is lost, if it is.
                let cut = |place: usize| place.saturating_sub(*at).min(piece.len());
                let (first, last) =
                    if way == direction { (cut(from), cut(until)) } else { (piece.len(), piece.len()) };
                if first > 0 {
                    traced.piece(way, &piece[..first]);
                }
                traced.lose(way, last - first);
                if last < piece.len() {
                    traced.piece(way, &piece[last..]);
                }
                *at += piece.len();
            }
        }
    }
    traced.close()
}

/// Whether an entry says that something of its exchange was not seen.
fn is_flawed(entry: &LedgerEntry) -> bool {
    // A reply of which nothing was seen when the client left is estimated, as it is by the proxy.
    let unanswered = entry.status == 0 && entry.outcome == Outcome::ClientGone;
    unanswered
        || [Defect::Truncated, Defect::RequestIncomplete].iter().any(|defect| entry.defects.contains(*defect))
}

#[test]
fn a_gap_anywhere_never_gives_a_wrong_count_in_silence() {
    for way in 0..3 {
        let expected = whole(way);
        let wire = wire(way);
        for (direction, bytes) in [(Direction::Sent, &wire.sent), (Direction::Received, &wire.received)] {
            for lost in [1, 60, 700] {
                // Not everywhere, which takes a minute; each length begins at places of its own.
                for from in (lost % STEP..bytes.len()).step_by(STEP) {
                    for size in [64, 16_384] {
                        let entries = with_a_gap(way, direction, from, from + lost, size);
                        let mut seen = Vec::new();
                        for entry in &entries {
                            let told = told(entry);
                            let right = expected.contains(&told) && !seen.contains(&told);
                            assert!(
                                right || is_flawed(entry),
                                "way {way} {direction:?} {from}+{lost} in {size}: {told}"
                            );
                            // What was stated in an exchange with a flaw is that exchange's own.
                            let (input, output) = (entry.usage.input_tokens, entry.usage.output_tokens);
                            assert!(
                                right || input != Some(0) && output.is_none_or(|output| output < 5000),
                                "{told}"
                            );
                            seen.push(told);
                        }
                        assert!(entries.len() <= expected.len());
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_and_any_interleaving_gives_the_same(
        way in 0..3_usize, steps in prop::collection::vec((any::<bool>(), 1..200_usize), 1..60), last in any::<bool>(),
    ) {
        let wire = wire(way);
        let (mut sent, mut received) = (&*wire.sent, &*wire.received);
        let mut traced = Traced::new(&free());
        // A connection begins with a request.
        traced.sent(&sent[..1]);
        sent = &sent[1..];
        let ends = [(last, usize::MAX), (!last, usize::MAX)];
        for (of_client, size) in steps.into_iter().chain(ends) {
            let rest = if of_client { &mut sent } else { &mut received };
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            *rest = behind;
            let direction = if of_client { Direction::Sent } else { Direction::Received };
            prop_assert_eq!(traced.piece(direction, piece), Interest::Keep);
        }
        prop_assert_eq!(all_told(&traced.close()), whole(way));
    }

    #[test]
    fn no_bytes_are_unacceptable(
        beginning in 0..4_usize,
        pieces in prop::collection::vec((any::<bool>(), 0..3_u64, prop::collection::vec(any::<u8>(), 0..80)), 1..40),
    ) {
        let meter = free();
        let mut traced = Traced::new(&meter);
        if beginning < 3 {
            traced.sent(&wire(beginning).sent);
        }
        for (of_client, lost, bytes) in pieces {
            let direction = if of_client { Direction::Sent } else { Direction::Received };
            traced.lose(direction, usize::try_from(lost).unwrap());
            traced.piece(direction, &bytes);
        }
        traced.close();
        prop_assert_eq!(meter.snapshot(NOW).open_exchanges, 0);
    }

    #[test]
    fn broken_bytes_near_real_ones_are_acceptable(
        way in 0..3_usize, changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
        size in 1..300_usize,
    ) {
        let mut wire = wire(way);
        for (of_client, at, byte) in changes {
            let bytes = if of_client { &mut wire.sent } else { &mut wire.received };
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let meter = free();
        let mut traced = Traced::new(&meter);
        for piece in wire.sent.chunks(size) {
            traced.sent(piece);
        }
        for piece in wire.received.chunks(size) {
            traced.received(piece);
        }
        prop_assert!(traced.close().len() <= 5);
        prop_assert_eq!(meter.snapshot(NOW).open_exchanges, 0);
    }
}
