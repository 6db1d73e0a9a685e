//! How much to hold at admission, and when to ask for more while a reply streams.
//!
//! The bound on overspend that this keeps, for each exchange in flight when a budget runs out:
//!
//! - not streamed, with a stated maximum: nothing, as far as the prompt is text whose tokens are public. Elsewhere what the
//!   prompt has more than its estimate and its headroom: media of unusual size, tokens that the provider adds itself
//!   (an earlier response, a stored prompt, results of its own tools);
//! - not streamed, without a maximum: what the reply has more than is usual for its model;
//! - streamed: what the piece that outgrew the hold has more than it, up to the end of the event, and what the provider
//!   bills unseen: hidden reasoning, and what it generates until it notices that nobody listens;
//! - on a dearer service tier than was asked for: the difference.
//!
//! Work in the background holds only until its creation is answered, and is charged when it is first read.

use crate::budget::Amount;
use crate::cost::Rates;
use crate::limits;
use crate::money::Nano;

/// Share of the held output at which more is asked for, in percent.
const EXTEND_AT_PERCENT: u64 = 80;
/// Share of the held output at which a stream that got no extension is cut, in percent.
const CUT_AT_PERCENT: u64 = 95;

/// What admission knows of the reply's length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forecast {
    /// Whether the reply streams, so that it can be watched and cut.
    pub(super) stream: bool,
    /// Output tokens the request allows for one choice.
    pub(super) max_output_tokens: Option<u64>,
    /// Choices asked for.
    pub(super) choices: u64,
    /// Whether the operation generates text at all.
    pub(super) generates: bool,
    /// What the model's replies usually stay under.
    pub(super) p95: Option<u64>,
}

impl Forecast {
    /// Output tokens to hold at admission.
    pub(super) fn output_tokens(self) -> u64 {
        if !self.generates {
            return 0;
        }
        let usual = self.p95.unwrap_or(limits::OUTPUT_TOKENS_DEFAULT);
        let each = match (self.stream, self.max_output_tokens) {
            (true, Some(max)) => max.min(usual.max(limits::OUTPUT_STEP_TOKENS)),
            (true, None) => usual.max(limits::OUTPUT_STEP_TOKENS),
            (false, Some(max)) => max,
            (false, None) => usual.max(limits::OUTPUT_TOKENS_DEFAULT),
        };
        each.saturating_mul(self.choices.max(1))
    }
}

/// The part of a reservation that covers the reply of a running exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    output_tokens: u64,
    /// Output tokens that the provider will not go beyond.
    ceiling: Option<u64>,
    /// All that the reservation holds.
    amount: Amount,
    refused: bool,
}

impl Hold {
    /// A hold of `amount` for the input and the output tokens of `forecast`.
    pub(super) fn new(forecast: Forecast, amount: Amount) -> Self {
        let ceiling = forecast.max_output_tokens.map(|max| max.saturating_mul(forecast.choices.max(1)));
        Self { output_tokens: forecast.output_tokens(), ceiling, amount, refused: false }
    }

    /// All that the reservation holds.
    pub(super) const fn amount(self) -> Amount {
        self.amount
    }

    /// Whether `seen` output tokens are close enough to the hold that more must be asked for. A hold of all that the
    /// request allows never runs low.
    pub(super) fn runs_low(self, seen: u64) -> bool {
        if self.ceiling.is_some_and(|ceiling| self.output_tokens >= ceiling) {
            return false;
        }
        let percent = if self.refused { CUT_AT_PERCENT } else { EXTEND_AT_PERCENT };
        seen.saturating_mul(100) >= self.output_tokens.saturating_mul(percent)
    }

    /// Steps to ask for when `seen` tokens have come, largest first: a quarter of the hold, then the smallest useful one.
    pub(super) fn steps(self, seen: u64) -> [u64; 2] {
        let behind = seen.saturating_sub(self.output_tokens);
        let least = behind.saturating_add(limits::OUTPUT_STEP_TOKENS / 4);
        [behind.saturating_add((self.output_tokens / 4).max(limits::OUTPUT_STEP_TOKENS)), least]
    }

    /// The hold after `step` more tokens for `more` were granted.
    pub(super) fn grown(self, step: u64, more: Amount) -> Self {
        let output_tokens = self.output_tokens.saturating_add(step);
        Self { output_tokens, amount: self.amount.plus(more), refused: false, ..self }
    }

    /// The hold after an extension was refused; None when nothing is left of it and the reply must be cut.
    pub(super) fn refused(self) -> Option<Self> {
        if self.refused { None } else { Some(Self { refused: true, ..self }) }
    }
}

/// What the input of a request may cost more than its plain rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Input {
    /// Tokens to hold for.
    pub(super) tokens: u64,
    /// The request asks for cache writes that live one hour.
    pub(super) long_cache: bool,
}

/// Money and tokens of `input` and `output` tokens at `rates`; one request.
pub(super) fn amount(rates: Option<&Rates>, input: Input, output: u64) -> Amount {
    Amount { usd: price(rates, input, output), tokens: input.tokens.saturating_add(output), requests: 1 }
}

/// Money and tokens of `output` more tokens of the same request.
pub(super) fn step(rates: Option<&Rates>, output: u64) -> Amount {
    Amount { usd: price(rates, Input::default(), output), tokens: output, requests: 0 }
}

fn price(rates: Option<&Rates>, input: Input, output: u64) -> Nano {
    let Some(rates) = rates else { return Nano::ZERO };
    if *rates == Rates::FREE {
        return Nano::ZERO;
    }
    // Input is held at its dearest rate: nobody knows before the reply whether the provider writes it to a cache.
    let written = if input.long_cache { rates.cache_write_1h } else { rates.cache_write };
    let input_rate = i128::from(rates.input.max(rates.cache_write).max(written));
    let femto = i128::from(input.tokens) * input_rate + i128::from(output) * i128::from(rates.output);
    // Line items are rounded one by one: at most half a nano-USD each.
    Nano::from_femto(femto.saturating_add(i128::from(rates.request))) + Nano::new(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Forecast =
        Forecast { stream: false, max_output_tokens: None, choices: 1, generates: true, p95: None };

    fn held(forecast: Forecast) -> Hold {
        Hold::new(forecast, Amount::ZERO)
    }

    #[test]
    fn a_call_that_cannot_be_watched_holds_its_worst_case() {
        let stated = Forecast { max_output_tokens: Some(100_000), choices: 2, p95: Some(64), ..UNKNOWN };

        assert_eq!(stated.output_tokens(), 200_000);
        assert_eq!(UNKNOWN.output_tokens(), limits::OUTPUT_TOKENS_DEFAULT);
        assert_eq!(Forecast { generates: false, ..stated }.output_tokens(), 0);
    }

    #[test]
    fn a_stream_holds_what_is_usual_and_never_more_than_it_may_generate() {
        let stream = Forecast { stream: true, max_output_tokens: Some(100_000), p95: Some(512), ..UNKNOWN };

        assert_eq!(stream.output_tokens(), 512);
        assert_eq!(Forecast { max_output_tokens: Some(10), ..stream }.output_tokens(), 10);
        assert_eq!(Forecast { p95: Some(1), ..stream }.output_tokens(), limits::OUTPUT_STEP_TOKENS);
    }

    #[test]
    fn a_hold_of_all_that_the_request_allows_never_runs_low() {
        let hold = held(Forecast { stream: true, max_output_tokens: Some(100), choices: 3, ..UNKNOWN });

        assert!(!hold.runs_low(300));
    }

    #[test]
    fn a_refused_extension_leaves_the_rest_of_the_hold_and_then_nothing() {
        let hold = held(Forecast { stream: true, p95: Some(1000), ..UNKNOWN });
        assert!(!hold.runs_low(799));
        assert!(hold.runs_low(800));

        let refused = hold.refused().unwrap();

        assert!(!refused.runs_low(949));
        assert!(refused.runs_low(950));
        assert!(refused.refused().is_none());
        assert!(!refused.grown(1000, Amount::ZERO).runs_low(950));
    }

    #[test]
    fn input_is_held_at_the_dearest_rate_it_may_be_billed_at() {
        let rates = Rates {
            input: 3_000_000,
            cache_read: 300_000,
            cache_write: 3_750_000,
            cache_write_1h: 6_000_000,
            output: 15_000_000,
            request: 0,
        };
        let usd = |tokens, long_cache| amount(Some(&rates), Input { tokens, long_cache }, 10).usd.nano();

        assert_eq!((usd(1000, false), usd(1000, true)), (3750 + 150 + 2, 6000 + 150 + 2));
    }

    #[test]
    fn what_is_free_holds_no_money() {
        let held = amount(Some(&Rates::FREE), Input { tokens: 10, long_cache: false }, 10);

        assert_eq!(held, Amount { usd: Nano::ZERO, tokens: 20, requests: 1 });
    }
}
