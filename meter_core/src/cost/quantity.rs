//! Inclusive totals of a usage turned into disjoint quantities by kind. It refuses to know rates and money.

use crate::price_book::{KINDS, Kind};
use crate::usage::Usage;

/// Kinds that are billed as another kind when they have no rate of their own, the most specific first.
const FOLDED: [Kind; 10] = [
    Kind::AudioCacheRead,
    Kind::ImageCacheRead,
    Kind::CacheWrite1h,
    Kind::CacheRead,
    Kind::CacheWrite,
    Kind::AudioInput,
    Kind::ImageInput,
    Kind::Reasoning,
    Kind::AudioOutput,
    Kind::ImageOutput,
];

/// How many units of each kind; every token is in exactly one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quantities([u64; KINDS]);

impl Quantities {
    /// Splits a usage. Subsets larger than their total are cut to it, so that contradictory numbers never bill more
    /// tokens than the stated total nor less than none; a total that is not stated is the sum of its parts.
    ///
    /// Few usages say how much of a cached prompt was audio or image. Else cached tokens are taken to be text as far as the
    /// numbers allow, which leaves the dearer kinds at their full rate.
    pub(super) fn of(usage: &Usage) -> Self {
        let mut split = Self::default();
        split.split_input(usage);
        split.split_output(usage);
        split.add(Kind::WebSearch, usage.web_search_requests.unwrap_or(0));
        split
    }

    fn split_input(&mut self, usage: &Usage) {
        let mut uncached = input_total(usage);
        let mut read = take(&mut uncached, usage.cache_read_tokens);
        self.add(Kind::CacheWrite1h, take(&mut uncached, usage.cache_write_1h_tokens));
        self.add(Kind::CacheWrite, take(&mut uncached, usage.cache_write_5m_tokens));
        for (stated, told, fresh, cached) in [
            (usage.audio_input_tokens, usage.audio_cache_read_tokens, Kind::AudioInput, Kind::AudioCacheRead),
            (usage.image_input_tokens, usage.image_cache_read_tokens, Kind::ImageInput, Kind::ImageCacheRead),
        ] {
            let mut all = stated.unwrap_or(0);
            let known = take(&mut all, told.map(|told| told.min(read)));
            self.add(cached, take(&mut read, Some(known)));
            let quantity = take(&mut uncached, Some(all));
            self.add(fresh, quantity);
            self.add(cached, take(&mut read, Some(all - quantity)));
        }
        self.add(Kind::Input, uncached);
        self.add(Kind::CacheRead, read);
    }

    fn split_output(&mut self, usage: &Usage) {
        let parts = [usage.audio_output_tokens, usage.image_output_tokens, usage.reasoning_tokens];
        let mut plain = usage.output_tokens.unwrap_or_else(|| sum(parts));
        for (stated, kind) in parts.into_iter().zip([Kind::AudioOutput, Kind::ImageOutput, Kind::Reasoning]) {
            self.add(kind, take(&mut plain, stated));
        }
        self.add(Kind::Output, plain);
    }

    /// Units of one kind.
    pub(super) fn get(&self, kind: Kind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    /// Moves the units of every kind without a rate of its own to the kind at whose rate they are billed, so that each
    /// rate makes one line item and is rounded once.
    pub(super) fn fold(mut self, has_rate: impl Fn(Kind) -> bool) -> Self {
        for kind in FOLDED {
            if let Some(parent) = kind.parent()
                && !has_rate(kind)
                && let Some(slot) = self.0.get_mut(kind as usize)
            {
                let quantity = std::mem::take(slot);
                self.add(parent, quantity);
            }
        }
        self
    }

    /// Whether nothing was used.
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|quantity| *quantity == 0)
    }

    fn add(&mut self, kind: Kind, quantity: u64) {
        if let Some(slot) = self.0.get_mut(kind as usize) {
            *slot = slot.saturating_add(quantity);
        }
    }
}

/// The inclusive input total, or the sum of the cache parts when only these are stated.
pub(super) fn input_total(usage: &Usage) -> u64 {
    let parts = [usage.cache_read_tokens, usage.cache_write_5m_tokens, usage.cache_write_1h_tokens];
    usage.input_tokens.unwrap_or_else(|| sum(parts))
}

fn sum(parts: [Option<u64>; 3]) -> u64 {
    parts.into_iter().flatten().fold(0, u64::saturating_add)
}

/// Takes what is stated out of what is left, at most all of it.
fn take(left: &mut u64, stated: Option<u64>) -> u64 {
    let taken = stated.unwrap_or(0).min(*left);
    *left -= taken;
    taken
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens() -> impl Strategy<Value = Option<u64>> {
        prop_oneof![2 => Just(None), 6 => (0..2_000_u64).prop_map(Some), 1 => any::<u64>().prop_map(Some)]
    }

    /// Usages of every shape, contradictory ones included.
    pub(in crate::cost) fn usages() -> impl Strategy<Value = Usage> {
        proptest::collection::vec(tokens(), 13).prop_map(|fields| Usage {
            input_tokens: fields[0],
            output_tokens: fields[1],
            cache_read_tokens: fields[2],
            cache_write_5m_tokens: fields[3],
            cache_write_1h_tokens: fields[4],
            reasoning_tokens: fields[5],
            audio_input_tokens: fields[6],
            audio_output_tokens: fields[7],
            image_input_tokens: fields[8],
            image_output_tokens: fields[9],
            web_search_requests: fields[10],
            audio_cache_read_tokens: fields[11],
            image_cache_read_tokens: fields[12],
            ..Usage::default()
        })
    }

    fn total(quantities: &Quantities, input: bool) -> u128 {
        let side = |kind: &Kind| kind.is_token() && (*kind < Kind::Output) == input;
        Kind::ALL.iter().filter(|kind| side(kind)).map(|kind| u128::from(quantities.get(*kind))).sum()
    }

    #[test]
    fn cached_audio_is_what_cannot_be_fresh() {
        let usage = Usage {
            input_tokens: Some(1000),
            cache_read_tokens: Some(500),
            audio_input_tokens: Some(800),
            ..Usage::default()
        };
        let split = Quantities::of(&usage);
        assert_eq!(split.get(Kind::AudioInput), 500);
        assert_eq!(split.get(Kind::AudioCacheRead), 300);
        assert_eq!(split.get(Kind::CacheRead), 200);
        assert_eq!(split.get(Kind::Input), 0);
    }

    #[test]
    fn cached_audio_that_is_told_apart_is_taken_at_its_word() {
        let usage = Usage {
            input_tokens: Some(1000),
            cache_read_tokens: Some(600),
            audio_input_tokens: Some(500),
            audio_cache_read_tokens: Some(200),
            ..Usage::default()
        };
        let split = Quantities::of(&usage);

        let kinds = [Kind::Input, Kind::CacheRead, Kind::AudioInput, Kind::AudioCacheRead];
        assert_eq!(kinds.map(|kind| split.get(kind)), [100, 400, 300, 200]);
    }

    #[test]
    fn more_cached_than_input_is_cut_to_the_input() {
        let usage = Usage { input_tokens: Some(100), cache_read_tokens: Some(164), ..Usage::default() };
        let split = Quantities::of(&usage);
        assert_eq!((split.get(Kind::CacheRead), split.get(Kind::Input)), (100, 0));
    }

    proptest! {
        #[test]
        fn quantities_sum_to_the_stated_totals(usage in usages(), known in 0_u16..(1 << KINDS)) {
            let split = Quantities::of(&usage);
            let folded = split.fold(|kind| known >> (kind as u8) & 1 == 1);
            for quantities in [split, folded] {
                if let Some(input) = usage.input_tokens {
                    prop_assert_eq!(total(&quantities, true), u128::from(input));
                }
                if let Some(output) = usage.output_tokens {
                    prop_assert_eq!(total(&quantities, false), u128::from(output));
                }
            }
            for kind in FOLDED {
                prop_assert!(known >> (kind as u8) & 1 == 1 || folded.get(kind) == 0);
            }
        }
    }
}
