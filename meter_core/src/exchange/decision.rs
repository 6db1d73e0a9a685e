//! What admission and the running reply decide, and how a refusal is told to the client in the provider's own words.

use std::sync::Arc;

use crate::budget::Refusal;
use crate::dialect::{Dialect, error_body, error_field, error_status};
use crate::limits;

/// The answer to a request.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It goes upstream unchanged.
    Admit,
    /// It goes upstream as it stands here.
    Rewrite(Arc<Rewrite>),
    /// It must not be sent; the client gets this answer instead.
    Refuse(Arc<Answer>),
}

/// The answer to one piece of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It goes to the client unchanged.
    Forward,
    /// The client gets these bytes in its place. None where it was left out or is held back: the end of an event decides.
    Replace(Vec<u8>),
    /// The reply ends here: forward these bytes and stop the upstream.
    Cut {
        /// The rest of the last whole event and the provider's error event.
        data: Vec<u8>,
        /// Whether `data` ends the stream in the provider's own words; else the connection must be reset.
        clean: bool,
    },
}

/// A request as it is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The whole body. Empty once the reply has begun: then it was sent, and a long stream need not keep it.
    pub body: Vec<u8>,
    /// Header fields, each to stand in the place of all those of its name.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why a request was refused or a reply cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The binding budget; None when a policy spoke.
    pub budget: Option<Arc<str>>,
    /// usd, tokens, requests, unpriced, `unknown_path` or unmetered.
    pub reason: &'static str,
    /// When trying again may help.
    pub resets_at_ns: Option<i64>,
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Self {
        Self {
            budget: Some(refusal.budget),
            reason: refusal.reason.name(),
            resets_at_ns: refusal.resets_at_ns,
        }
    }
}

impl Cause {
    /// The refusal of a model without a price.
    pub const fn unpriced() -> Self {
        Self { budget: None, reason: "unpriced", resets_at_ns: None }
    }

    /// The refusal of a path that is not known on a host that is metered.
    pub const fn unknown_path() -> Self {
        Self { budget: None, reason: "unknown_path", resets_at_ns: None }
    }

    /// The refusal of a request that could not be metered although its budget must fail closed.
    pub const fn unmetered() -> Self {
        Self { budget: None, reason: "unmetered", resets_at_ns: None }
    }

    /// One sentence for people. Amounts stay out of it: they would end in the logs of every client.
    pub fn message(&self) -> String {
        match &self.budget {
            Some(budget) => {
                format!("tokmeter: budget \"{budget}\" cannot cover this request ({})", self.reason)
            }
            None => format!("tokmeter: refused by policy ({})", self.reason),
        }
    }
}

/// A complete HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The provider-shaped error body.
    pub body: Vec<u8>,
    /// Why.
    pub cause: Cause,
}

impl Answer {
    /// The refusal of exchange `id` for `cause`, in the words of `dialect`.
    ///
    /// Clients stop on `x-should-retry: false` or on a `retry-after` above two minutes; a wait of days has hung some,
    /// so the true reset stands in a header of our own.
    pub fn refuse(dialect: Dialect, cause: Cause, id: &str, now: i64) -> Self {
        let wait_s = cause.resets_at_ns.map_or(limits::RETRY_AFTER_S_MAX, |reset| {
            (reset.saturating_sub(now) / 1_000_000_000).saturating_add(1)
        });
        let retry_after = wait_s.clamp(limits::RETRY_AFTER_S_MIN, limits::RETRY_AFTER_S_MAX);
        let mut headers = vec![
            field("content-type", "application/json"),
            field("x-should-retry", "false"),
            field("retry-after", &retry_after.to_string()),
            field("x-tokmeter-request-id", id),
            field("x-tokmeter-reason", cause.reason),
        ];
        headers.extend(error_field(dialect).map(|(name, value)| field(name, value)));
        if let Some(budget) = &cause.budget {
            headers.push(field("x-tokmeter-budget", budget));
        }
        if let Some(reset) = cause.resets_at_ns {
            headers.push(field("x-tokmeter-reset", &(reset / 1_000_000_000).to_string()));
        }
        let body = error_body(dialect, &cause.message(), "insufficient_quota");
        Self { status: error_status(dialect), headers, body, cause }
    }
}

/// A header field; what a header cannot carry becomes `?`.
pub(super) fn field(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    let value =
        value.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect::<String>();
    (name.as_bytes().to_vec(), value.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
        let found = answer.headers.iter().find(|(field, _)| field == name.as_bytes()).unwrap();
        std::str::from_utf8(&found.1).unwrap()
    }

    fn cause(resets_at_ns: Option<i64>) -> Cause {
        Cause { budget: Some("tägl\r\nich".into()), reason: "usd", resets_at_ns }
    }

    #[test]
    fn a_refusal_tells_clients_to_stop() {
        let answer = Answer::refuse(Dialect::OpenAiChat, cause(Some(10_000_000_000)), "id", 0);

        assert_eq!(answer.status, 429);
        assert_eq!(header(&answer, "x-should-retry"), "false");
        assert_eq!(header(&answer, "retry-after"), "121");
        assert_eq!(header(&answer, "x-tokmeter-reset"), "10");
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["error"]["code"], "insufficient_quota");
    }

    #[test]
    fn a_refusal_by_bedrock_has_the_status_and_the_name_that_its_clients_stop_on() {
        for dialect in [Dialect::BedrockConverse, Dialect::BedrockInvoke] {
            let answer = Answer::refuse(dialect, cause(None), "id", 0);

            assert_eq!(answer.status, 402);
            assert_eq!(header(&answer, "x-amzn-errortype"), "ServiceQuotaExceededException");
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body["message"], answer.cause.message());
        }
        let other = Answer::refuse(Dialect::OpenAiChat, cause(None), "id", 0);
        assert!(other.headers.iter().all(|(name, _)| name != b"x-amzn-errortype"));
    }

    #[test]
    fn a_budget_name_cannot_inject_a_header() {
        let answer = Answer::refuse(Dialect::AnthropicMessages, cause(None), "id", 0);

        assert_eq!(header(&answer, "x-tokmeter-budget"), "t?gl??ich");
        assert_eq!(header(&answer, "retry-after"), "3600");
    }
}
