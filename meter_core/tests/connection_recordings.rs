//! Every recorded exchange, written as HTTP/1 and as HTTP/2 and traced, comes to what the proxy would have made of it.

#![expect(clippy::unwrap_used, reason = "a broken corpus fails the test, also in its helpers")]

mod support;

use std::path::{Path, PathBuf};

use meter_core::attribution::Attribution;
use meter_core::exchange::{CloseReason, LedgerEntry};
use meter_core::meter::{Meter, Policies, Request};
use support::har::{self, Recorded};
use support::traced::{Traced, all_told, told};
use support::wire::{Encoder, Framing, Wire};

/// The recorded corpus beside the repository, and the synthetic one in it.
fn archives() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    let mut folders = vec![root.join("../shared/recordings"), root.join("tests/corpus/cases")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "har") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// As the proxy feeds it.
fn direct(meter: &Meter, recorded: &Recorded) -> Option<LedgerEntry> {
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
    exchange.feed(&recorded.reply, support::NOW);
    exchange.close(CloseReason::Complete, support::NOW)
}

#[test]
fn recorded_exchanges_come_to_the_same_on_any_wire() {
    let fresh = || support::meter(Vec::new(), Policies::default());
    let mut wrong = Vec::new();
    let mut count = 0;
    for archive in archives() {
        let name = archive.file_name().unwrap().to_string_lossy().into_owned();
        // One meter a way, so that all have learned the same.
        let meters = [fresh(), fresh(), fresh()];
        let proxied = fresh();
        for (at, recorded) in har::entries(&archive).iter().enumerate() {
            if recorded.status == 0 || recorded.status == 101 || recorded.broke_off {
                continue;
            }
            let Some(expected) = direct(&proxied, recorded) else { continue };
            count += 1;
            let wire = |way: usize| {
                let mut wire = Wire::default();
                match way {
                    0 => wire.http1(recorded, Framing::Length),
                    1 => wire.http1(recorded, Framing::Chunks(1000)),
                    _ => wire.http2(recorded, 1, &mut Encoder::default(), &mut Encoder::default()),
                }
                wire
            };
            for (way, meter) in meters.iter().enumerate() {
                let found = Traced::new(meter).all(&wire(way), 16_384);
                if found.iter().map(told).collect::<Vec<_>>() != [told(&expected)] {
                    wrong.push(format!(
                        "{name} {at} way {way}:\n  {}\n  {:?}",
                        told(&expected),
                        all_told(&found)
                    ));
                }
            }
        }
    }
    println!("{count} exchanges");
    assert!(count > 0);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
