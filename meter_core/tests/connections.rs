//! Connections as a tracer sees them: what each kind comes to, and what is of no interest.

#![allow(clippy::unwrap_used, reason = "a test fails, also in its helpers")]

mod support;

use meter_core::budget::Mode;
use meter_core::connection::{Direction, Interest, Layer, Piece, Place};
use meter_core::exchange::{LedgerEntry, Outcome};
use meter_core::frame::web_socket::text_frame;
use meter_core::limits;
use meter_core::meter::{IncludeUsage, Meter, Policies, Unpriced};
use meter_core::money::Nano;
use meter_core::snapshot::Series;
use meter_core::usage::{Defect, Provenance};
use support::har::Recorded;
use support::traced::{PLACE, Traced};
use support::wire::{self, Encoder, Framing, Wire, frame, message};
use support::*;

fn free() -> Meter {
    meter(Vec::new(), Policies::default())
}

/// A chat whose usage tells it from others.
fn chat_of(tokens: u64, stream: bool) -> Recorded {
    let usage =
        format!(r#"{{"prompt_tokens":{tokens},"completion_tokens":{tokens},"total_tokens":{}}}"#, tokens * 2);
    let reply = if stream {
        [
            delta("hello"),
            format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n"),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat()
    } else {
        format!(
            r#"{{"id":"c1","model":"gpt-4o-mini-2024-07-18","choices":[{{"message":{{"content":"hello"}}}}],"usage":{usage}}}"#
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
            r#"{{"model":"gpt-4o-mini","stream":{stream},"messages":[{{"role":"user","content":"{}"}}]}}"#,
            "hi ".repeat(40)
        )
        .into_bytes(),
        status: 200,
        reply_headers: vec![(b"content-type".to_vec(), media.to_vec())],
        reply: reply.into_bytes(),
        broke_off: false,
        messages: Vec::new(),
    }
}

fn wired(exchanges: &[Recorded], framing: Framing) -> Wire {
    let mut wire = Wire::default();
    for exchange in exchanges {
        wire.http1(exchange, framing);
    }
    wire
}

fn one(tokens: u64) -> Wire {
    wired(&[chat_of(tokens, false)], Framing::Length)
}

fn inputs(entries: &[LedgerEntry]) -> Vec<Option<u64>> {
    entries.iter().map(|entry| entry.usage.input_tokens).collect()
}

fn unmetered(meter: &Meter) -> Vec<(String, i128)> {
    series(meter, Series::UnmeteredExchanges)
}

#[test]
fn an_exchange_is_metered_like_any_other_and_says_whose_it_is() {
    let entries = Traced::new(&free()).all(&one(5), 16);

    assert_eq!(inputs(&entries), [Some(5)]);
    assert_eq!((entries[0].outcome, entries[0].provenance), (Outcome::Ok, Provenance::Reported));
    assert_eq!(entries[0].who.pid, Some(PLACE.process));
    assert!(entries[0].defects.is_empty() && entries[0].cost.is_some());
}

#[test]
fn a_connection_is_kept_alive_and_requests_are_sent_ahead() {
    let chats: Vec<_> = (1..6).map(|tokens| chat_of(tokens, tokens % 2 == 0)).collect();
    for framing in [Framing::Length, Framing::Chunks(7)] {
        let entries = Traced::new(&free()).all(&wired(&chats, framing), 100);
        assert_eq!(inputs(&entries), (1..6).map(Some).collect::<Vec<_>>());
    }
}

#[test]
fn a_reply_without_a_length_ends_with_its_connection() {
    let wire = one(5);
    let text = String::from_utf8(wire.received).unwrap();
    let (start, rest) = text.split_once("Content-Length").unwrap();
    let body = rest.split_once("\r\n").unwrap().1;
    let mut traced = Traced::new(&free());
    traced.sent(&wire.sent);
    traced.received(format!("{start}X: y\r\n{body}"));
    assert!(traced.entries.is_empty());

    assert_eq!(traced.close()[0].outcome, Outcome::Ok);
}

#[test]
fn replies_without_a_body_and_interim_replies_are_told_apart() {
    let chat = chat_of(5, false);
    let wire = one(5);
    let head = "HEAD /v1/models HTTP/1.1\r\nhost: api.openai.com\r\n\r\n";
    let mut traced = Traced::new(&free());
    for (sent, received) in [
        (head, "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"),
        (
            "GET /v1/models HTTP/1.1\r\nhost: api.openai.com\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        ),
        ("DELETE /v1/files/a HTTP/1.1\r\nhost: api.openai.com\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"),
    ] {
        assert_eq!((traced.sent(sent), traced.received(received)), (Interest::Keep, Interest::Keep));
    }
    let before = traced.entries.len();
    traced.sent(&wire.sent);
    traced.received("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
    traced.received(&wire.received);

    assert_eq!((before, chat.status), (3, 200));
    assert_eq!(inputs(&traced.close()[3..]), [Some(5)]);
}

#[test]
fn a_reply_may_begin_before_its_request_has_ended() {
    let wire = one(5);
    let (before, after) = wire.sent.split_at(wire.sent.len() - 10);
    let mut traced = Traced::new(&free());
    traced.sent(before);
    traced.received(&wire.received);
    assert!(traced.entries.is_empty());
    traced.sent(after);
    assert_eq!(inputs(&traced.entries), [Some(5)]);

    // What is too long to wait for is read without the whole request.
    let mut long = chat_of(6, true);
    long.reply = [delta(&"x".repeat(limits::EARLY_BYTES_MAX)).as_bytes(), &long.reply].concat();
    for (sent, received) in [
        {
            let wire = wired(std::slice::from_ref(&long), Framing::Length);
            (wire.sent, wire.received)
        },
        {
            let mut wire = Wire::default();
            wire.http2(&long, 1, &mut Encoder::default(), &mut Encoder::default());
            (wire.sent, wire.received)
        },
    ] {
        let mut traced = Traced::new(&free());
        traced.sent(&sent[..sent.len() - 10]);
        for piece in received.chunks(16_384) {
            traced.received(piece);
        }
        traced.sent(&sent[sent.len() - 10..]);
        let entries = traced.close();
        assert_eq!(inputs(&entries), [Some(6)]);
        assert!(entries[0].defects.contains(Defect::RequestIncomplete));
    }
}

#[test]
fn what_is_held_for_no_request_is_forgotten() {
    let mut traced = Traced::new(&free());
    let wire = one(5);
    traced.sent(&wire.sent);
    traced.received(&wire.received);
    traced.received("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    traced.now += 2 * limits::EARLY_NS_MAX;
    let next = one(6);
    traced.sent(&next.sent);
    traced.received(&next.received);

    assert_eq!(inputs(&traced.close()), [Some(5), Some(6)]);
}

#[test]
fn what_is_of_no_interest_is_dropped() {
    let cases: [(Direction, &[u8]); 8] = [
        (Direction::Received, b"POST /v1/chat/completions HTTP/1.1\r\n"),
        (Direction::Received, wire::PREFACE),
        (Direction::Sent, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
        (Direction::Sent, b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com\r\n\r\n"),
        (Direction::Sent, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        (Direction::Sent, b"*1\r\n$4\r\nPING\r\n"),
        (Direction::Sent, b"GET / nonsense\r\n\r\n"),
        (
            Direction::Sent,
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: example.com\r\nContent-Length: 2\r\n\r\n{}",
        ),
    ];
    for (direction, bytes) in cases {
        let meter = free();
        let mut traced = Traced::new(&meter);
        assert_eq!(traced.piece(direction, bytes), Interest::Drop, "{}", bytes.escape_ascii());
        // What is on its way is not wanted either.
        assert_eq!(traced.sent("more"), Interest::Drop);
        assert_eq!(traced.received("more"), Interest::Drop);
        assert!(traced.close().is_empty() && unmetered(&meter).is_empty());
    }
}

#[test]
fn a_handle_that_was_of_no_interest_may_be_used_again() {
    let mut traced = Traced::new(&free());
    traced.sent("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    let mut again = Traced::new(&free());
    std::mem::swap(&mut again.connections, &mut traced.connections);

    assert_eq!(inputs(&again.all(&one(5), 1000)), [Some(5)]);
}

#[test]
fn a_handle_whose_end_was_not_seen_may_be_used_again() {
    let wire = one(5);
    let mut traced = Traced::new(&free());
    traced.sent(&wire.sent[..60]);
    traced.sent(&wire.sent[60..]);
    traced.received(&wire.received[..90]);
    let mut again = Traced::new(&free());
    std::mem::swap(&mut again.connections, &mut traced.connections);
    let next = one(6);
    again.sent(&next.sent[..100]);
    again.sent(&next.sent[100..]);
    again.received(&next.received);
    let entries = again.close();

    assert_eq!(inputs(&entries[1..]), [Some(6)]);
    assert!(entries[0].defects.contains(Defect::Truncated));
}

#[test]
fn a_host_that_nobody_named_is_metered_by_what_it_is_asked() {
    let mut chat = chat_of(5, false);
    chat.host = "llm.internal".to_owned();
    let wire = wired(&[chat], Framing::Length);
    let mut traced = Traced::new(&free());
    traced.sent(&wire.sent);
    traced.received(&wire.received);
    // From then on the connection is known to be one to a model.
    assert_eq!(traced.sent("GET /health HTTP/1.1\r\nHost: llm.internal\r\n\r\n"), Interest::Keep);
    traced.received("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    traced.sent(&wire.sent);
    traced.received(&wire.received);

    assert_eq!(inputs(&traced.close()), [Some(5), Some(5)]);
}

#[test]
fn a_client_of_a_proxy_may_go_anywhere() {
    let mut traced = Traced::new(&free());
    traced.place = Place { layer: Layer::Plain, ..PLACE };
    assert_eq!(traced.sent("GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n"), Interest::Keep);
    traced.received("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let wire = one(5);
    let absolute = String::from_utf8(wire.sent).unwrap().replacen(" /v1", " http://api.openai.com/v1", 1);
    traced.sent(absolute);
    traced.received(wire.received);

    assert_eq!(inputs(&traced.close()), [Some(5)]);
}

#[test]
fn a_connection_is_followed_from_its_middle() {
    let wire = one(5);
    // A reply was on its way, or a body.
    let mut traced = Traced::new(&free());
    traced.received("data: {\"usage\":{\"prompt_tokens\":9}}\n\n");
    traced.sent(&wire.sent);
    traced.received(&wire.received);
    assert_eq!(inputs(&traced.close()), [Some(5)]);

    let mut traced = Traced::new(&free());
    traced.lose(Direction::Sent, 100);
    assert_eq!(traced.sent("the end of a body"), Interest::Keep);
    traced.received("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    traced.sent(&wire.sent);
    traced.received(&wire.received);
    assert_eq!(inputs(&traced.close()), [Some(5)]);

    // Not for ever.
    let mut traced = Traced::new(&free());
    traced.lose(Direction::Sent, 100);
    let pieces = limits::STRANGE_BYTES_MAX / 16_384 + 1;
    assert!((0..pieces).any(|_| traced.sent([0; 16_384]) == Interest::Drop));
}

const UPGRADE: &str = "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: api.openai.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn a_session_is_read_in_both_directions() {
    let done = text_frame(
        r#"{"type":"response.done","response":{"usage":{"input_tokens":7,"output_tokens":5,"total_tokens":12}}}"#,
    );
    for early in [false, true] {
        let mut traced = Traced::new(&free());
        traced.sent(UPGRADE);
        let said = b"\x81\x82\0\0\0\0{}";
        if early {
            traced.sent(said);
            traced.received([SWITCHED.as_bytes(), &done].concat());
        } else {
            traced.received(SWITCHED);
            traced.sent(said);
            for piece in done.chunks(3) {
                traced.received(piece);
            }
        }
        let entries = traced.close();
        assert_eq!(inputs(&entries), [Some(7)]);
        assert_eq!((entries[0].outcome, entries[0].status), (Outcome::Ok, 101));
    }
}

#[test]
fn a_session_that_is_refused_or_lost_says_so() {
    let wire = one(5);
    let mut traced = Traced::new(&free());
    traced.sent(UPGRADE);
    traced.sent(&wire.sent);
    traced.received("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    traced.received(&wire.received);
    let entries = traced.close();
    assert_eq!((entries[0].status, inputs(&entries[1..])), (401, vec![Some(5)]));

    let mut traced = Traced::new(&free());
    traced.sent(UPGRADE);
    traced.received(SWITCHED);
    traced.lose(Direction::Received, 50);
    assert_eq!(traced.received("x"), Interest::Drop);
    let entries = traced.close();
    assert!(entries[0].defects.contains(Defect::Truncated));

    let meter = free();
    let mut traced = Traced::new(&meter);
    traced.sent(UPGRADE.replace("realtime?model=gpt-realtime", "audio/speech"));
    assert_eq!(traced.received(SWITCHED), Interest::Drop);
    assert_eq!(traced.close().len(), 1);
    assert_eq!(unmetered(&meter), [("upgraded".to_owned(), 1)]);
}

/// Chats on streams of their own, their frames one behind the other.
fn streams(chats: &[Recorded]) -> Wire {
    let (mut wire, mut request, mut reply) = (Wire::default(), Encoder::default(), Encoder::default());
    for (id, chat) in (1..).step_by(2).zip(chats) {
        wire.http2(chat, id, &mut request, &mut reply);
    }
    wire
}

#[test]
fn streams_are_told_apart() {
    let chats: Vec<_> = (1..6).map(|tokens| chat_of(tokens, tokens % 2 == 0)).collect();
    for size in [1, 9, 100, 16_384] {
        let entries = Traced::new(&free()).all(&streams(&chats), size);
        assert_eq!(inputs(&entries), (1..6).map(Some).collect::<Vec<_>>());
        assert!(entries.iter().all(|entry| entry.outcome == Outcome::Ok));
    }
}

#[test]
fn streams_end_by_trailers_resets_and_farewells() {
    let chats: Vec<_> = (1..5).map(|tokens| chat_of(tokens, true)).collect();
    let wire = streams(&chats);
    let mut traced = Traced::new(&free());
    traced.sent(&wire.sent);
    let mut reply = Encoder::default();
    let fields = chats[0].reply_headers.clone();
    let mut received = frame(wire::SETTINGS, 0, 0, &[]);
    for id in [1, 3, 5] {
        let block = reply.block(&[(":status", "200")], &fields);
        received.extend(frame(wire::HEADERS, wire::END_HEADERS, id, &block));
        received.extend(frame(wire::DATA, 0, id, delta("hello").as_bytes()));
    }
    received.extend(frame(wire::DATA, 0, 1, &chats[0].reply));
    let promised = [b"\0\0\0\x02".as_slice(), &reply.block(&[(":status", "103")], &Vec::new())].concat();
    received.extend(frame(wire::PUSH_PROMISE, wire::END_HEADERS, 1, &promised));
    let trailer = reply.block(&[], &vec![(b"x".to_vec(), b"y".to_vec())]);
    received.extend(frame(wire::HEADERS, wire::END_HEADERS | wire::END_STREAM, 1, &trailer));
    received.extend(frame(wire::RST_STREAM, 0, 3, &[0, 0, 0, 2]));
    received.extend(frame(wire::GOAWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0]));
    traced.received(&received);
    traced.sent(frame(wire::RST_STREAM, 0, 5, &[0, 0, 0, 8]));

    let outcomes: Vec<_> = traced.close().iter().map(|entry| (entry.outcome, entry.status)).collect();
    let expected = [
        (Outcome::Ok, 200),
        (Outcome::UpstreamGone, 200),
        (Outcome::UpstreamGone, 0),
        (Outcome::ClientGone, 200),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn http2_is_followed_from_its_middle_as_far_as_its_heads_tell() {
    let (mut request, mut reply) = (Encoder::default(), Encoder::default());
    let mut before = Wire::default();
    before.http2(&chat_of(1, false), 1, &mut request, &mut reply);
    let offsets = (before.sent.len(), before.received.len());
    // The second head is all indices into what was not seen.
    let mut wire = before.clone();
    wire.http2(&chat_of(2, false), 3, &mut request, &mut reply);
    let meter = free();
    let mut traced = Traced::new(&meter);
    assert_eq!(traced.sent(&wire.sent[offsets.0..]), Interest::Keep);
    traced.received(&wire.received[offsets.1..]);
    // The third is spelled out, as by a client that has forgotten what it said.
    let mut wire = Wire { sent: vec![0], received: vec![0] };
    wire.http2(&chat_of(3, false), 5, &mut Encoder::default(), &mut Encoder::default());
    traced.sent(&wire.sent[1..]);
    traced.received(&wire.received[1..]);

    assert_eq!(inputs(&traced.close()), [Some(3)]);
    assert_eq!(unmetered(&meter), [("mid_connection".to_owned(), 1)]);
}

#[test]
fn http2_of_no_interest_is_dropped() {
    let mut other = chat_of(1, false);
    (other.host, other.path) = ("example.com".to_owned(), "/".to_owned());
    let wire = streams(&[other]);

    assert_eq!(Traced::new(&free()).sent(&wire.sent), Interest::Drop);
}

#[test]
fn nothing_is_refused_rewritten_or_cut_and_everything_is_charged() {
    let policies =
        Policies { unpriced: Unpriced::Refuse, include_usage: IncludeUsage::Inject, ..Policies::default() };
    let meter = meter(vec![budget("0.000000001", Mode::Enforce)], policies);
    let mut strange = chat_of(3, false);
    strange.body = br#"{"model":"nobody-knows","messages":[]}"#.to_vec();
    let mut long = chat_of(4000, true);
    long.reply = [delta(&"word ".repeat(20_000)).as_bytes(), &long.reply].concat();
    let wire = wired(&[chat_of(1000, false), long, strange], Framing::Length);
    let entries = Traced::new(&meter).all(&wire, 1000);

    assert_eq!(inputs(&entries), [Some(1000), Some(4000), Some(3)]);
    assert!(entries.iter().all(|entry| entry.decision == "admit" && entry.would_refuse));
    assert!(entries.iter().all(|entry| entry.outcome == Outcome::Ok));
    let cost: i128 = entries.iter().filter_map(|entry| entry.cost).map(Nano::nano).sum();
    let state = state(&meter);
    assert!(state.spent.usd.nano() >= cost && cost > 0);
    assert_eq!((state.held.usd.nano(), state.refusals, state.would_refuse > 0), (0, 0, true));
}

#[test]
fn connections_end_with_their_process_their_silence_or_their_tracer() {
    let wire = one(5);
    let half = &wire.received[..wire.received.len() - 20];
    let ended = |end: &dyn Fn(&mut Traced)| {
        let mut traced = Traced::new(&free());
        traced.sent(&wire.sent);
        traced.received(half);
        end(&mut traced);
        let entry = traced.entries.pop().unwrap();
        assert!(traced.close().is_empty());
        assert!(entry.defects.contains(Defect::Truncated));
        entry.outcome
    };
    let now = NOW + 2 * limits::CONNECTION_IDLE_NS;

    assert_eq!(ended(&|it| it.connections.close(PLACE, now, &mut it.entries)), Outcome::ClientGone);
    assert_eq!(ended(&|it| it.connections.process_gone(7, now, &mut it.entries)), Outcome::ClientGone);
    assert_eq!(ended(&|it| it.connections.sweep(now, &mut it.entries)), Outcome::UpstreamGone);
    assert_eq!(ended(&|it| it.connections.close_all(now, &mut it.entries)), Outcome::UpstreamGone);
}

#[test]
fn a_full_table_puts_out_what_was_idle_longest() {
    let wire = one(5);
    let mut traced = Traced::new(&free());
    let who = &mut |_| meter_core::attribution::Attribution::default();
    for at in 0..=limits::CONNECTIONS_MAX as u64 {
        let place = Place { handle: at, ..PLACE };
        let now = NOW + i64::try_from(at).unwrap();
        let piece = Piece { place, direction: Direction::Sent, offset: 0, bytes: &wire.sent, now };
        traced.connections.piece(&piece, who, &mut traced.entries);
    }

    let evicted = i64::try_from(limits::CONNECTIONS_MAX / 16).unwrap();
    assert!(traced.connections.len() <= limits::CONNECTIONS_MAX);
    assert_eq!(traced.entries.len(), limits::CONNECTIONS_MAX / 16);
    assert!(traced.entries.iter().all(|entry| entry.defects.contains(Defect::Truncated)));
    assert!(traced.entries.iter().all(|entry| entry.time_ns < NOW + evicted));
    assert_eq!(traced.connections.counters().evicted, traced.entries.len() as u64);
}

#[test]
fn a_request_that_is_too_large_is_metered_by_its_reply() {
    let wire = one(5);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n";
    let size = limits::REQUEST_BODY_BYTES_MAX + 10;
    let chunk = vec![b' '; 1 << 20];
    for framing in
        [format!("Content-Length: {size}\r\n\r\n"), format!("Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n")]
    {
        let mut traced = Traced::new(&free());
        traced.sent(format!("{head}{framing}"));
        let mut left = size;
        while left > 0 {
            let part = left.min(chunk.len());
            assert_eq!(traced.sent(&chunk[..part]), Interest::Keep);
            assert!(traced.connections.held() <= 2 * limits::REQUEST_BODY_BYTES_MAX);
            left -= part;
        }
        if framing.contains("chunked") {
            traced.sent("\r\n0\r\n\r\n");
        }
        traced.received(&wire.received);
        let entries = traced.close();
        assert_eq!(inputs(&entries), [Some(5)]);
        assert!(entries[0].defects.contains(Defect::RequestIncomplete));
    }
}

#[test]
fn duplicates_change_nothing() {
    let wire = one(5);
    let mut traced = Traced::new(&free());
    let who = &mut |_| meter_core::attribution::Attribution::default();
    for (direction, bytes) in [(Direction::Sent, &wire.sent), (Direction::Received, &wire.received)] {
        for (at, chunk) in bytes.chunks(50).enumerate() {
            for back in [0, at.min(1)] {
                let offset = ((at - back) * 50) as u64;
                let bytes = &bytes[(at - back) * 50..at * 50 + chunk.len()];
                let piece = Piece { place: PLACE, direction, offset, bytes, now: NOW };
                traced.connections.piece(&piece, who, &mut traced.entries);
            }
        }
    }

    assert_eq!(traced.connections.counters().gaps, 0);
    assert_eq!(inputs(&traced.close()), [Some(5)]);
}

#[test]
fn message_writes_what_it_should() {
    let text = message("GET / HTTP/1.1\r\n", &Vec::new(), b"ab", Framing::Chunks(1));
    assert!(text.ends_with(b"1;name=value\r\na\r\n1;name=value\r\nb\r\n0\r\nx-trailer: yes\r\n\r\n"));
}
