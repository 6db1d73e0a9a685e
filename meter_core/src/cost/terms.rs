//! The terms of one exchange: whose rates hold, on which service tier, and what one unit costs under them. It refuses
//! to know quantities.

use super::tier::{self, Factor, STANDARD, Tier};
use crate::price_book::{Kind, PriceBook, Sheet};

/// The rates that hold for one exchange.
#[derive(Debug)]
pub(super) struct Terms<'a> {
    sheet: Sheet<'a>,
    factor: Factor,
    /// Whether the exchange names a tier that has no known price; standard rates stand in.
    pub(super) unknown_tier: bool,
}

impl<'a> Terms<'a> {
    /// Finds the terms: configured rates first, then the book; `None` is unpriced.
    pub(super) fn find(
        book: &'a PriceBook,
        provider: &str,
        model: &str,
        service_tier: Option<&str>,
        at_ns: i64,
    ) -> Option<Self> {
        if let Some(sheet) = book.configured(provider) {
            return Some(Self { sheet, factor: STANDARD, unknown_tier: false });
        }
        let tier = tier::read(service_tier);
        let found = book.look_up(provider, model)?;
        match tier {
            Tier::Prepaid => None,
            Tier::Standard | Tier::Unknown => {
                let sheet = found.sheet(at_ns, None)?;
                Some(Self { sheet, factor: STANDARD, unknown_tier: tier == Tier::Unknown })
            }
            Tier::Named(name) => {
                let sheet = found.sheet(at_ns, Some(name))?;
                if sheet.knows_tier() || sheet.is_free() {
                    return Some(Self { sheet, factor: STANDARD, unknown_tier: false });
                }
                let factor = tier::documented(found.provider, name);
                Some(Self { sheet, factor: factor.unwrap_or(STANDARD), unknown_tier: factor.is_none() })
            }
        }
    }

    /// Whether `kind` has a rate of its own.
    pub(super) fn has_rate(&self, kind: Kind) -> bool {
        self.sheet.rate(kind).is_some()
    }

    /// Femto-USD per unit of `kind` in an exchange of this many input tokens; `None` if it has no rate of its own.
    pub(super) fn femto(&self, kind: Kind, input_tokens: u64) -> Option<u64> {
        let Some(rate) = self.sheet.rate(kind) else {
            return (self.sheet.is_free() && kind.is_token()).then_some(0);
        };
        let (numerator, denominator) = if kind.is_token() { self.factor } else { STANDARD };
        // Rates stay below 2^60 and multiples below 2, so the product fits.
        Some((rate.at(input_tokens).saturating_mul(numerator) + denominator / 2) / denominator)
    }

    /// Femto-USD per unit of `kind` at the rate it is billed at: its own or the nearest parent's.
    pub(super) fn femto_billed(&self, kind: Kind, input_tokens: u64) -> Option<u64> {
        self.femto(kind, input_tokens).or_else(|| self.femto_billed(kind.parent()?, input_tokens))
    }
}
