//! Who asked, and whether it was asked before: what the fields, bodies and answers on the wire become in the ledger.

#![expect(clippy::unwrap_used, reason = "a test fails")]

mod support;

use std::sync::Arc;

use meter_core::attribution::Attribution;
use meter_core::budget::{Budget, Dimension, Mode, Scope};
use meter_core::exchange::{CloseReason, Decision, Exchange, LedgerEntry};
use meter_core::headers::Headers;
use meter_core::meter::{Meter, Policies, Request, UnknownPaths};
use meter_core::snapshot::Series;
use support::*;

const CHAT: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model":"gpt-4o-mini","user":"ana","messages":[{"role":"user","content":"hi"}]}"#;

fn open(meter: &Meter, path: &str, fields: &[(&str, &str)], body: &str, now: i64) -> Exchange {
    let pairs: Vec<(&[u8], &[u8])> =
        fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let headers = Headers(&pairs);
    let host = "api.openai.com";
    let request = Request { method: "POST", host, port: 443, path, headers, body: Some(body.as_bytes()) };
    meter.open(&request, Attribution::default(), now).unwrap()
}

fn asked(meter: &Meter, body: &str, now: i64) -> Exchange {
    open(meter, CHAT, &[("authorization", "Bearer sk-1")], body, now)
}

fn failed(mut exchange: Exchange, now: i64) -> LedgerEntry {
    exchange.respond(500, Headers(&JSON));
    exchange.close(CloseReason::Complete, now).unwrap()
}

fn free() -> Meter {
    meter(Vec::new(), Policies::default())
}

#[test]
fn accounts_traces_and_clients_are_kept_and_persons_are_not() {
    let fields = [
        ("authorization", "Bearer sk-1"),
        ("openai-organization", "org-1"),
        ("openai-project", "proj_1"),
        ("x-session-id", "run-7"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("user-agent", "OpenAI/Python 2.54.0"),
    ];
    let meter = free();
    let entry = answer(&mut open(&meter, CHAT, &fields, BODY, NOW), MILLION);
    let again = answer(&mut open(&meter, CHAT, &fields, BODY, NOW), MILLION);
    let who = &entry.who;

    assert_eq!((who.organization.as_deref(), who.project.as_deref()), (Some("org-1"), Some("proj_1")));
    assert_eq!(who.trace.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(who.sdk.as_deref(), Some("openai-python/2.54.0"));
    assert!(who.user.as_deref().unwrap().starts_with("user-"));
    assert!(who.session.as_deref().unwrap().starts_with("session-"));
    assert_eq!(again.who, *who);
    let json = entry.to_json();
    assert!(!json.contains("ana") && !json.contains("run-7"));
    assert!(json.contains(r#""sdk":"openai-python/2.54.0""#));
}

#[test]
fn a_user_that_the_operator_names_is_kept_by_name() {
    let user = |meter: &Meter| answer(&mut asked(meter, BODY, NOW), MILLION).who.user.unwrap();
    let scope = Scope::new([(Dimension::User, "ana")]).unwrap();
    let named = meter(vec![Budget { scope, ..budget("9", Mode::Enforce) }], Policies::default());
    let plain = meter(Vec::new(), Policies { plain_users: true, ..Policies::default() });

    assert_eq!((&*user(&named), &*user(&plain)), ("ana", "ana"));
    assert_eq!(state(&named).spent.requests, 1);
    assert_ne!(&*user(&free()), "ana");
}

#[test]
fn an_account_that_answers_name_is_known_to_budgets_from_then_on() {
    let scope = Scope::new([(Dimension::Organization, "acme")]).unwrap();
    let meter = meter(vec![Budget { scope, ..budget("9", Mode::Enforce) }], Policies::default());
    let fields: [(&[u8], &[u8]); 2] =
        [(b"content-type", b"application/json"), (b"openai-organization", b"acme")];
    let exchange = || {
        let mut exchange = asked(&meter, BODY, NOW);
        exchange.respond(200, Headers(&fields));
        exchange.close(CloseReason::Complete, NOW).unwrap().who.organization
    };

    assert_eq!((exchange().as_deref(), state(&meter).spent.requests), (Some("acme"), 0));
    assert_eq!((exchange().as_deref(), state(&meter).spent.requests), (Some("acme"), 1));
}

#[test]
fn a_repeat_after_a_failure_is_a_retry_whatever_the_client_says() {
    let meter = free();
    let retries = [0, 1, 2].map(|at| failed(asked(&meter, BODY, NOW + at * SECOND), NOW + at * SECOND).retry);
    let other = asked(&meter, &BODY.replace("hi", "ho"), NOW + 3 * SECOND);
    let stranger = open(&meter, CHAT, &[("authorization", "Bearer sk-2")], BODY, NOW + 3 * SECOND);
    let last = answer(&mut asked(&meter, BODY, NOW + 3 * SECOND), MILLION);

    assert_eq!((retries, last.retry), ([0, 1, 2], 3));
    assert_eq!(series(&meter, Series::Retries), [("openai".to_owned(), 3)]);
    for mut exchange in [other, stranger, asked(&meter, BODY, NOW + 4 * SECOND)] {
        assert_eq!(exchange.close(CloseReason::Complete, NOW + 5 * SECOND).unwrap().retry, 0);
    }
}

#[test]
fn samples_drawn_at_once_are_no_retries_and_a_stated_retry_is_believed() {
    let meter = free();
    let mut samples: Vec<Exchange> = (0..5).map(|_| asked(&meter, BODY, NOW)).collect();
    assert!(samples.iter_mut().all(|sample| answer(sample, MILLION).retry == 0));

    let fields =
        [("authorization", "AWS4-HMAC-SHA256 Credential=A/1/2"), ("amz-sdk-request", "attempt=3; max=3")];
    assert_eq!(answer(&mut open(&meter, CHAT, &fields, BODY, NOW), MILLION).retry, 2);
}

#[test]
fn a_repeat_of_what_was_refused_or_abandoned_is_a_retry() {
    let broke = meter(vec![budget("0.000001", Mode::Enforce)], Policies::default());
    let refused = |now| asked(&broke, BODY, now).close(CloseReason::Complete, now).unwrap();
    assert_eq!([refused(NOW).retry, refused(NOW + 1).retry, refused(NOW + 2).retry], [0, 1, 2]);

    let meter = free();
    let mut gone = asked(&meter, BODY, NOW);
    gone.respond(200, Headers(&SSE));
    gone.feed(delta("one").as_bytes(), NOW);
    gone.close(CloseReason::ClientGone, NOW);
    assert_eq!(failed(asked(&meter, BODY, NOW + 1), NOW + 1).retry, 1);
}

#[test]
fn a_path_that_is_not_known_is_refused_where_the_operator_wants_that() {
    let strict = |mode| {
        meter(Vec::new(), Policies { unknown_paths: UnknownPaths::Refuse, mode, ..Policies::default() })
    };
    let unknown = |meter: &Meter| open(meter, "/v1/brand/new", &[], "{}", NOW);
    let mut refused = unknown(&strict(Mode::Enforce));
    let Decision::Refuse(answer) = refused.decision().clone() else { unreachable!("admitted") };
    let entry = refused.close(CloseReason::Complete, NOW).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let mut shadowed = unknown(&strict(Mode::Shadow));

    assert_eq!((entry.decision, entry.reason, entry.budget), ("refuse", Some("unknown_path"), None));
    assert!(body["error"]["message"].as_str().unwrap().contains("unknown_path"));
    assert!(is_admitted(&shadowed) && shadowed.close(CloseReason::Complete, NOW).unwrap().would_refuse);
    assert!(is_admitted(&unknown(&strict(Mode::Off))) && is_admitted(&unknown(&free())));
    assert!(is_admitted(&asked(&strict(Mode::Enforce), BODY, NOW)));
    let models = Request {
        method: "GET",
        host: "api.openai.com",
        port: 443,
        path: "/v1/models",
        headers: Headers(&[]),
        body: None,
    };
    let who = Attribution { service: Some(Arc::from("s")), ..Attribution::default() };
    assert!(is_admitted(&strict(Mode::Enforce).open(&models, who, NOW).unwrap()));
}
