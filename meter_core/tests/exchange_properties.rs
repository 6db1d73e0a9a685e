//! What holds of every exchange, however its bytes are cut, its neighbours interleave and its clock behaves.

#![expect(clippy::unwrap_used, reason = "a test fails")]

mod support;

use meter_core::attribution::Attribution;
use meter_core::budget::Mode;
use meter_core::exchange::{CloseReason, Exchange, Passage};
use meter_core::headers::Headers;
use meter_core::meter::{Meter, Policies, Request};
use meter_core::money::Nano;
use meter_core::snapshot::Series;
use proptest::prelude::*;
use support::*;

/// Words of the longest event, each of them one token.
const STEP_WORDS: usize = 2000;

/// Replies with and without usage, whole and broken off, in every form that is read.
fn replies() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let text = "[a-z 中é\\\\n]{0,40}";
    let events = prop::collection::vec(text, 0..12)
        .prop_map(|texts| texts.iter().map(|text| delta(text)).collect::<String>());
    let usage = prop_oneof![
        Just(String::new()),
        (0..5000_u32, 0..5000_u32).prop_map(|(input, output)| format!(
            "data: {{\"choices\":[],\"service_tier\":\"flex\",\"usage\":{{\"prompt_tokens\":{input},\"completion_tokens\":{output}}}}}\n\n"
        )),
        Just("data: {\"error\":{\"code\":\"overloaded\"}}\n\n".to_owned()),
        Just(": comment\r\n\r\ndata: {]\n\n".to_owned()),
    ];
    let end = prop_oneof![Just(""), Just("data: [DONE]\n\n"), Just("data: {\"choi")];
    let stream = (events, usage, end)
        .prop_map(|(events, usage, end)| (true, format!("{events}{usage}{end}").into_bytes()));
    let document = (text, 0..5000_u32).prop_map(|(text, output)| {
        let usage = format!("{{\"prompt_tokens\":8,\"completion_tokens\":{output}}}");
        (
            false,
            format!("{{\"choices\":[{{\"message\":{{\"content\":\"{text}\"}}}}],\"usage\":{usage}}}")
                .into_bytes(),
        )
    });
    prop_oneof![4 => stream, 1 => document]
}

fn reasons() -> impl Strategy<Value = CloseReason> {
    prop_oneof![
        Just(CloseReason::Complete),
        Just(CloseReason::ClientGone),
        Just(CloseReason::UpstreamGone),
        Just(CloseReason::Shutdown),
        Just(CloseReason::Failed),
    ]
}

/// The entry of a reply that came in pieces of these sizes, over and over.
fn entry_of(stream: bool, body: &[u8], sizes: &[usize], reason: CloseReason) -> String {
    let mut exchange = chat(&meter(vec![], Policies::default()), stream, 300);
    exchange.respond(200, Headers(if stream { &SSE } else { &JSON }));
    let (mut rest, mut size) = (body, sizes.iter().cycle());
    while !rest.is_empty() {
        let (piece, later) = rest.split_at((*size.next().unwrap()).min(rest.len()));
        assert_eq!(exchange.feed(piece, NOW), Passage::Forward);
        rest = later;
    }
    format!("{:?}", exchange.close(reason, NOW).unwrap())
}

/// What one of many callers does next.
#[derive(Clone, Debug)]
enum Step {
    Open {
        stream: bool,
        max_tokens: Option<u64>,
        words: usize,
    },
    /// One more event of the caller's reply; the whole reply where it does not stream.
    Feed {
        words: usize,
    },
    Close(CloseReason),
    Forget,
}

fn steps() -> impl Strategy<Value = (usize, Step, i64)> {
    let open = (any::<bool>(), prop::option::of(1..3000_u64), 0..400_usize)
        .prop_map(|(stream, max_tokens, words)| Step::Open { stream, max_tokens, words });
    let step = prop_oneof![
        4 => open,
        12 => (0..=STEP_WORDS).prop_map(|words| Step::Feed { words }),
        2 => reasons().prop_map(Step::Close),
        1 => Just(Step::Forget),
    ];
    (0..4_usize, step, -2 * SECOND..5 * SECOND)
}

/// One caller's running exchange and the rules it plays by.
struct Caller {
    exchange: Exchange,
    stream: bool,
    max_tokens: Option<u64>,
    generated: u64,
    over: bool,
}

impl Caller {
    fn open(meter: &Meter, stream: bool, max_tokens: Option<u64>, words: usize, now: i64) -> Self {
        let limit = max_tokens.map(|max| format!("\"max_tokens\":{max},")).unwrap_or_default();
        let text = "word ".repeat(words);
        let body = format!(
            r#"{{"model":"gpt-4o-mini","stream":{stream},{limit}"messages":[{{"role":"user","content":"{text}"}}]}}"#
        );
        let path = "/v1/chat/completions";
        let request = Request {
            method: "POST",
            host: "api.openai.com",
            port: 443,
            path,
            headers: Headers(&JSON),
            body: Some(body.as_bytes()),
        };
        let mut exchange = meter.open(&request, Attribution::default(), now).unwrap();
        let over = !is_admitted(&exchange);
        if !over {
            exchange.respond(200, Headers(if stream { &SSE } else { &JSON }));
        }
        Self { exchange, stream, max_tokens, generated: 0, over }
    }

    /// The provider generates as it is asked: never beyond the maximum, and nothing once it was cut off. Whether
    /// this was cut.
    fn feed(&mut self, words: usize, now: i64) -> bool {
        if self.over {
            return false;
        }
        let room = self.max_tokens.map_or(u64::MAX, |max| max - self.generated);
        let words = u64::try_from(words).unwrap().min(room);
        self.generated += words;
        let text = " word".repeat(usize::try_from(words).unwrap());
        let body = if self.stream {
            delta(&text)
        } else {
            format!("{{\"choices\":[{{\"message\":{{\"content\":\"{text}\"}}}}]}}")
        };
        let cut = self.exchange.feed(body.as_bytes(), now) != Passage::Forward;
        self.over = cut || !self.stream;
        cut
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_the_bytes_gives_the_same_entry(
        (stream, body) in replies(), sizes in prop::collection::vec(1..50_usize, 1..6), reason in reasons(),
    ) {
        let whole = entry_of(stream, &body, &[usize::MAX], reason);

        prop_assert_eq!(entry_of(stream, &body, &sizes, reason), whole.clone());
        prop_assert_eq!(entry_of(stream, &body, &[1], reason), whole);
    }

    #[test]
    fn callers_in_any_order_stay_within_the_limit_and_what_is_documented(
        limit in 1..12_000_000_i128, steps in prop::collection::vec(steps(), 1..120),
    ) {
        let mut cap = budget("1", Mode::Enforce);
        cap.limit.usd = Some(Nano::new(limit));
        let meter = meter(vec![cap], Policies::default());
        let mut callers: [Option<Caller>; 4] = Default::default();
        let (mut now, mut opened, mut cuts, mut closed, mut lost) = (NOW, 0_i128, 0_i128, 0_i128, 0_i128);
        for (place, step, later) in steps {
            now += later;
            let Some(slot) = callers.get_mut(place) else { continue };
            match (step, slot.as_mut()) {
                (Step::Open { stream, max_tokens, words }, None) => {
                    opened += 1;
                    *slot = Some(Caller::open(&meter, stream, max_tokens, words, now));
                }
                (Step::Feed { words }, Some(caller)) => {
                    cuts += i128::from(caller.feed(words, now));
                }
                (Step::Close(reason), Some(caller)) => {
                    prop_assert!(caller.exchange.close(reason, now).is_some());
                    prop_assert!(caller.exchange.close(reason, now).is_none());
                    closed += 1;
                    *slot = None;
                }
                (Step::Forget, Some(_)) => {
                    lost += 1;
                    *slot = None;
                }
                _ => {}
            }
            let open = u64::try_from(callers.iter().flatten().count()).unwrap();
            prop_assert_eq!(meter.snapshot(now).open_exchanges, open);
        }
        for caller in callers.iter_mut().flatten() {
            prop_assert!(caller.exchange.close(CloseReason::Complete, now).is_some());
            closed += 1;
        }
        drop(callers);

        let snapshot = meter.snapshot(now);
        let state = &snapshot.budgets[0];
        prop_assert_eq!((state.held.usd, state.held.tokens, state.held.requests), (Nano::ZERO, 0, 0));
        prop_assert_eq!(snapshot.open_exchanges, 0);
        let ended: i128 = series(&meter, Series::Exchanges).iter().map(|(_, count)| count).sum();
        prop_assert_eq!((ended, closed + lost), (opened, opened));
        let abandoned: i128 = series(&meter, Series::UnmeteredExchanges).iter().map(|(_, count)| count).sum();
        prop_assert_eq!(abandoned, lost);
        // Only a stream that was cut outgrew its hold, by no more than its last event: 600 nano-USD a token of output.
        let overshoot = cuts * i128::try_from(STEP_WORDS).unwrap() * 600;
        prop_assert!(state.spent.usd.nano() <= limit + overshoot, "{} of {limit}", state.spent.usd.nano());
    }

    #[test]
    fn no_instant_is_unacceptable(instants in prop::collection::vec(any::<i64>(), 4)) {
        let meter = capped("1");
        let [open, feed, close, after] = instants[..] else { return Ok(()) };
        let body = br#"{"model":"gpt-4o-mini","stream":true,"messages":[]}"#;
        let request = Request {
            method: "POST",
            host: "api.openai.com",
            port: 443,
            path: "/v1/chat/completions",
            headers: Headers(&JSON),
            body: Some(body),
        };
        let mut exchange = meter.open(&request, Attribution::default(), open).unwrap();
        exchange.respond(200, Headers(&SSE));
        exchange.feed(delta(&"word ".repeat(5000)).as_bytes(), feed);
        meter.expire(after);
        let entry = exchange.close(CloseReason::Complete, close).unwrap();

        prop_assert!(entry.duration_ns >= 0);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&entry.to_json()).is_ok());
        prop_assert_eq!(meter.snapshot(after).open_exchanges, 0);
    }
}
