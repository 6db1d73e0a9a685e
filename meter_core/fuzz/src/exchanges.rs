//! Whole exchanges: any request, reply, cut and end of life gives one entry, gives back what was held, and any cut gives the same.

use std::sync::Arc;

use meter_core::attribution::Attribution;
use meter_core::budget::{Budget, Limit, Mode, OnExceed, Period, Scope, Window};
use meter_core::exchange::{CloseReason, Decision, LedgerEntry, Passage};
use meter_core::headers::Headers;
use meter_core::meter::{IncludeUsage, Meter, Policies, Request, Settings};
use meter_core::money::Nano;
use meter_core::price_book::PriceBook;
use meter_core::tokenizer::Tokenizers;
use meter_core::usage::Defect;

use super::dialects::{Field, Place, fields, places};
use super::input::{Input, pieces};

/// 2025-10-09T08:53:20Z.
const NOW: i64 = 1_760_000_000_000_000_000;

/// One exchange as its capture source sees it.
struct Story<'a> {
    place: &'a Place,
    asking: Vec<Field>,
    body: Option<&'a [u8]>,
    answering: Vec<Field>,
    status: u16,
    reply: &'a [u8],
    reason: CloseReason,
}

/// Under which rules an exchange is metered.
#[derive(Clone, Copy)]
struct Rules {
    /// The limit of its only budget.
    usd: Option<&'static str>,
    include_usage: IncludeUsage,
}

/// What an exchange came to: its entry and the bytes that its client got.
type Told = (LedgerEntry, Vec<u8>);

/// Any request and any reply, with and without a budget, left as it is and asked for its usage.
pub fn exchange(data: &[u8]) {
    let mut input = Input::new(data);
    let place = input.pick(places());
    let (asking, answering) = (fields(&mut input), fields(&mut input));
    let (cuts, choice) = (input.byte(), input.byte());
    let reasons = [
        CloseReason::Complete,
        CloseReason::ClientGone,
        CloseReason::UpstreamGone,
        CloseReason::Shutdown,
        CloseReason::Failed,
    ];
    let status = *input.pick(&[200, 200, 200, 101, 204, 400, 429, 500, 0]);
    let reason = *input.pick(&reasons);
    let body = input.part();
    let story = Story {
        place,
        asking,
        body: (choice & 1 == 0).then_some(body),
        answering,
        status,
        reply: input.rest(),
        reason,
    };

    let include_usage = if choice & 8 == 0 { IncludeUsage::Leave } else { IncludeUsage::Inject };
    let free = Rules { usd: None, include_usage };
    let whole = tell(&story, free, None);
    let split = tell(&story, free, Some(cuts));
    let broken = |entry: &LedgerEntry| {
        entry.defects.contains(Defect::Undecodable) || entry.defects.contains(Defect::DecodeLimit)
    };
    match (whole, split) {
        (Some((whole, got)), Some((split, got_in_pieces))) if !broken(&whole) => {
            assert_eq!(format!("{whole:?}"), format!("{split:?}"));
            assert!(got == got_in_pieces, "the client gets other bytes");
            serde_json::from_str::<serde_json::Value>(&whole.to_json()).expect("an entry is JSON");
        }
        (whole, split) => assert_eq!(whole.is_some(), split.is_some()),
    }
    let usd = ["0", "0.000001", "0.01", "1000"][usize::from(choice >> 1) % 4];
    tell(&story, Rules { usd: Some(usd), include_usage }, Some(cuts));
}

/// What comes of the story, its bodies cut or whole; `None` if the exchange is not metered.
fn tell(story: &Story<'_>, rules: Rules, cuts: Option<u8>) -> Option<Told> {
    let meter = meter(rules);
    let request = Request {
        method: story.place.method,
        host: story.place.host,
        port: story.place.port,
        path: story.place.path,
        headers: Headers(&story.asking),
        body: story.body,
    };
    let mut exchange = meter.open(&request, Attribution::default(), NOW)?;
    let rewritten = match exchange.decision() {
        Decision::Admit => Some(false),
        Decision::Rewrite(rewrite) => {
            let valid = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).is_ok();
            assert!(valid(&rewrite.body) || !story.body.is_some_and(valid), "JSON was broken");
            Some(true)
        }
        Decision::Refuse(_) => None,
    };
    let chunks = |bytes| match cuts {
        None => vec![bytes],
        Some(cuts) => pieces(bytes, cuts).collect::<Vec<_>>(),
    };
    let mut got = Vec::new();
    if let Some(rewritten) = rewritten {
        exchange.respond(story.status, Headers(&story.answering));
        for chunk in chunks(story.body.unwrap_or_default()) {
            exchange.sent(chunk, NOW);
        }
        for chunk in chunks(story.reply) {
            match exchange.feed(chunk, NOW) {
                Passage::Forward => got.extend_from_slice(chunk),
                Passage::Replace(bytes) => {
                    assert!(rewritten, "replaced without a reason");
                    got.extend(bytes);
                }
                Passage::Cut { .. } => {
                    assert!(rules.usd.is_some(), "cut without a budget");
                    break;
                }
            }
        }
        got.extend(exchange.release());
        assert!(rewritten || rules.usd.is_some() || got == story.reply, "bytes were lost");
        assert!(got.len() <= story.reply.len(), "bytes were added");
    }
    let entry = exchange.close(story.reason, NOW).expect("the first close gives the entry");
    assert!(exchange.close(story.reason, NOW).is_none(), "closed twice");
    let snapshot = meter.snapshot(NOW);
    assert_eq!(snapshot.open_exchanges, 0);
    for state in &snapshot.budgets {
        assert_eq!(
            (state.held.usd, state.held.tokens, state.held.requests),
            (Nano::ZERO, 0, 0),
            "still held"
        );
        assert!(state.spent.usd >= Nano::ZERO, "money came back");
    }
    Some((entry, got))
}

fn meter(rules: Rules) -> Meter {
    let budgets = rules.usd.map(|usd| Budget {
        name: Arc::from("cap"),
        scope: Scope::default(),
        limit: Limit { usd: Nano::parse_usd(usd), tokens: None, requests: None },
        window: Window::new(Period::Day, "UTC").expect("a zone"),
        mode: Mode::Enforce,
        alert_at: vec![500],
        on_exceed: OnExceed::Refuse,
        remembers: true,
    });
    Meter::new(Settings {
        price_book: PriceBook::embedded().expect("the committed book"),
        budgets: budgets.into_iter().collect(),
        policies: Policies { include_usage: rules.include_usage, ..Policies::default() },
        hosts: Vec::new(),
        tokenizers: Tokenizers::default(),
        capture: Arc::from("proxy"),
        seed: 7,
        fingerprint_key: b"secret".to_vec(),
    })
    .expect("one budget")
}
