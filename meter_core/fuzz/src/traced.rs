//! Connections as a tracer sees them: any pieces of any bytes give back all that was held and close each exchange once.

use std::cell::Cell;
use std::sync::Arc;

use meter_core::attribution::Attribution;
use meter_core::connection::{Connections, Direction, Layer, Piece, Place};
use meter_core::limits;
use meter_core::meter::{Meter, Policies, Settings};
use meter_core::price_book::PriceBook;
use meter_core::tokenizer::Tokenizers;

use super::input::Input;

/// 2025-10-09T08:53:20Z.
const NOW: i64 = 1_760_000_000_000_000_000;
const PLACES: [Place; 3] = [
    Place { process: 1, handle: 1, layer: Layer::Tls },
    Place { process: 1, handle: 1, layer: Layer::Plain },
    Place { process: 2, handle: 9, layer: Layer::Tls },
];

/// How far the directions of a place have come.
#[derive(Clone, Copy, Default)]
struct Offsets {
    sent: u64,
    received: u64,
}

/// Pieces, each behind a byte that says what it is; now and then something ends, or time passes.
pub fn connections(data: &[u8]) {
    let meter = meter();
    let mut connections = Connections::new(meter.clone());
    let mut offsets = [Offsets::default(); PLACES.len()];
    let (mut entries, mut now, mut fed) = (Vec::new(), NOW, 0);
    let asked = Cell::new(0_usize);
    let mut input = Input::new(data);
    while !input.is_spent() {
        let choice = input.byte();
        let at = usize::from(choice & 0x0f) % PLACES.len();
        let place = PLACES[at];
        let course = &mut offsets[at];
        match choice >> 4 {
            0..=11 => {
                let (direction, offset) = if choice & 0x10 == 0 {
                    (Direction::Sent, &mut course.sent)
                } else {
                    (Direction::Received, &mut course.received)
                };
                // Lost before it, or seen before.
                match choice >> 4 {
                    8 | 9 => *offset += u64::from(input.byte()),
                    10 | 11 => *offset = offset.saturating_sub(u64::from(input.byte())),
                    _ => {}
                }
                let bytes = input.part();
                let piece = Piece { place, direction, offset: *offset, bytes, now };
                *offset += bytes.len() as u64;
                fed += bytes.len();
                let who = &mut |process| {
                    asked.set(asked.get() + 1);
                    Attribution { pid: Some(process), ..Attribution::default() }
                };
                connections.piece(&piece, who, &mut entries);
            }
            12 => {
                connections.close(place, now, &mut entries);
                *course = Offsets::default();
            }
            13 => connections.process_gone(place.process, now, &mut entries),
            14 => now += limits::EARLY_NS_MAX + 1,
            _ => {
                now += limits::CONNECTION_IDLE_NS / 2;
                connections.sweep(now, &mut entries);
            }
        }
        let open = usize::try_from(meter.snapshot(now).open_exchanges).expect("fits");
        assert!(open + entries.len() <= asked.get(), "an exchange was closed twice");
        // What is kept of a piece may lie in twice its room, besides a head of a frame each way.
        assert!(connections.held() <= 2 * fed + 64 * PLACES.len(), "more is held than came");
        assert!(connections.len() <= PLACES.len());
    }
    connections.close_all(now, &mut entries);
    let snapshot = meter.snapshot(now);
    assert_eq!((snapshot.open_exchanges, connections.held(), connections.len()), (0, 0, 0));
    let mut ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), entries.len(), "an exchange was closed twice");
    assert!(entries.iter().all(|entry| entry.decision == "admit"));
}

fn meter() -> Meter {
    Meter::new(Settings {
        price_book: PriceBook::embedded().expect("the committed book"),
        budgets: Vec::new(),
        policies: Policies::default(),
        hosts: Vec::new(),
        tokenizers: Tokenizers::default(),
        capture: Arc::from("tracer"),
        seed: 7,
        fingerprint_key: b"secret".to_vec(),
    })
    .expect("no budgets")
}
