//! The price that a provider or a gateway states itself, in whichever of its places; refuses to know rates.

use super::cost_text;
use crate::headers::Headers;
use crate::json_scan::Scalar;
use crate::money::Nano;

/// A gateway's header, in dollars; in bodies it states nothing.
const HEADER: &str = "x-litellm-response-cost";
/// Where gateways say what a call takes, inside a choice, an event or the whole.
const METADATA: [&str; 2] = ["provider_metadata.gateway", "providerMetadata.gateway"];

/// What a path states of the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Nothing,
    /// What the one who answered takes, in dollars.
    Own,
    /// The same in ticks of 1e-10 USD.
    OwnTicks,
    /// What a provider behind it takes.
    Upstream,
    /// Whether the key was the user's own.
    OwnKey,
}

impl Place {
    /// What stands at `path`, which is relative to the response object.
    pub(super) fn of(path: &str) -> Self {
        let stated = match path.strip_prefix("usage.") {
            Some("cost" | "cost.total_cost" | "estimated_cost" | "pydantic_ai_gateway.cost_estimate") => {
                Self::Own
            }
            Some("cost_in_usd_ticks") => Self::OwnTicks,
            Some("cost_details.upstream_inference_cost") => Self::Upstream,
            Some("is_byok") => Self::OwnKey,
            _ => Self::Nothing,
        };
        match metadata(path) {
            Some("cost") => Self::Own,
            Some("marketCost" | "market_cost") => Self::Upstream,
            _ => stated,
        }
    }
}

/// What was stated so far; a later statement replaces an earlier one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StatedCost {
    /// What the one who answered takes.
    own: Option<Nano>,
    /// What a provider behind it takes of whoever holds the key there.
    upstream: Option<Nano>,
    /// The call went out under a key of the user's own: `own` is only the fee for passing it on.
    own_key: Option<bool>,
    header: Option<Nano>,
}

impl StatedCost {
    /// What the head of a reply says.
    pub(super) fn of(headers: Headers<'_>) -> Self {
        let text = headers.get(HEADER).and_then(|value| std::str::from_utf8(value).ok());
        // Before a stream has ended the header says zero, which is no price.
        let header = text.and_then(|text| amount(text.trim())).filter(|cost| *cost > Nano::ZERO);
        Self { header, ..Self::default() }
    }

    /// Whether the string at `path` belongs here.
    pub(super) fn wants(path: &str) -> bool {
        metadata(path).is_some()
    }

    /// A scalar at `place`.
    pub(super) fn value(&mut self, place: Place, value: Scalar<'_>) {
        let dollars = || match value {
            Scalar::Number(text) | Scalar::String(text) => amount(text),
            Scalar::Null | Scalar::Bool(_) => None,
        };
        let (slot, stated) = match place {
            Place::Nothing => return,
            Place::Own => (&mut self.own, dollars()),
            Place::OwnTicks => {
                let nano = |ticks: u64| Nano::new((i128::from(ticks) + 5) / 10);
                (&mut self.own, value.count().map(nano))
            }
            Place::Upstream => (&mut self.upstream, dollars()),
            Place::OwnKey => {
                if let Scalar::Bool(own_key) = value {
                    self.own_key = Some(own_key);
                }
                return;
            }
        };
        *slot = stated.or(*slot);
    }

    /// All that the call takes, whoever is paid; `None` if nobody says all of it.
    pub(super) fn total(&self) -> Option<Nano> {
        let paid_upstream = self.upstream.filter(|cost| *cost > Nano::ZERO);
        let own_key = self.own_key.unwrap_or(self.own == Some(Nano::ZERO) && paid_upstream.is_some());
        if own_key {
            return paid_upstream.map(|cost| cost + self.own.unwrap_or(Nano::ZERO));
        }
        self.own.or(self.header)
    }
}

/// The field of a gateway's metadata that stands at `path`.
fn metadata(path: &str) -> Option<&str> {
    let (place, field) = path.ends_with("ost").then(|| path.rsplit_once('.')).flatten()?;
    METADATA.iter().any(|known| place.ends_with(known)).then_some(field)
}

fn amount(text: &str) -> Option<Nano> {
    cost_text::dollars(text).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(statements: &[(&str, Scalar<'_>)]) -> Option<i128> {
        let mut cost = StatedCost::default();
        for (path, value) in statements {
            cost.value(Place::of(path), *value);
        }
        cost.total().map(Nano::nano)
    }

    #[test]
    fn each_provider_has_its_own_place() {
        use Scalar::{Number, String};
        for (path, value, nano) in [
            ("usage.cost", Number("0.0000468"), 46_800),
            ("usage.cost", String("4.68e-05"), 46_800),
            ("usage.cost.total_cost", Number("0.006"), 6_000_000),
            ("usage.cost_in_usd_ticks", Number("37756005"), 3_775_601),
            ("usage.estimated_cost", Number("1e-6"), 1000),
            ("usage.pydantic_ai_gateway.cost_estimate", Number("0.00431125"), 4_311_250),
            ("choices.#.message.provider_metadata.gateway.cost", String("0.0045405"), 4_540_500),
            ("choices.#.delta.providerMetadata.gateway.cost", String("0.002"), 2_000_000),
        ] {
            assert_eq!(total(&[(path, value)]), Some(nano), "{path}");
        }
        for (path, value) in [
            ("usage.cost", Scalar::Null),
            ("usage.cost", String("")),
            ("usage.cost", String("free")),
            ("usage.cost", Number("-1")),
            ("usage.cost.request_cost", Number("1")),
            ("choices.#.message.cost", Number("1")),
        ] {
            assert_eq!(total(&[(path, value)]), None, "{path} {value:?}");
        }
    }

    #[test]
    fn the_last_statement_counts_and_null_takes_nothing_back() {
        let cost = |value| ("usage.cost.total_cost", value);
        let running = [cost(Scalar::Number("0.1")), cost(Scalar::Number("0.2")), cost(Scalar::Null)];

        assert_eq!(total(&running), Some(200_000_000));
    }

    #[test]
    fn under_a_key_of_ones_own_the_fee_is_not_all() {
        let fee = ("usage.cost", Scalar::Number("0.01"));
        let upstream = ("usage.cost_details.upstream_inference_cost", Scalar::Number("0.2"));
        let own_key = |own| ("usage.is_byok", Scalar::Bool(own));

        assert_eq!(total(&[fee, upstream, own_key(true)]), Some(210_000_000));
        assert_eq!(total(&[fee, own_key(true)]), None);
        assert_eq!(total(&[fee, upstream, own_key(false)]), Some(10_000_000));
        assert_eq!(total(&[fee, upstream]), Some(10_000_000));

        let market = |cost| {
            [
                ("choices.#.delta.provider_metadata.gateway.cost", Scalar::String("0")),
                ("choices.#.delta.provider_metadata.gateway.marketCost", Scalar::String(cost)),
            ]
        };
        assert_eq!((total(&market("0.3")), total(&market("0"))), (Some(300_000_000), Some(0)));
    }

    #[test]
    fn a_header_is_believed_where_the_body_is_silent() {
        let cost = |text: &'static [u8]| StatedCost::of(Headers(&[(b"X-LiteLLM-Response-Cost", text)]));
        assert_eq!(cost(b" 2.85e-05").total(), Some(Nano::new(28_500)));
        for nothing in [b"0.0".as_slice(), b"None", b"", b"\xff"] {
            assert_eq!(cost(nothing).total(), None);
        }

        let mut both = cost(b"1");
        both.value(Place::of("usage.cost"), Scalar::Number("2"));
        assert_eq!(both.total(), Nano::parse_usd("2"));
    }
}
