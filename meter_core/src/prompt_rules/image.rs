//! How many tokens a picture of a known size is, by the three kinds of rules that providers publish. Integers only.

use serde::Deserialize;

use super::Factor;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels from left to right.
    pub wide: u32,
    /// Pixels from top to bottom.
    pub high: u32,
}

/// How closely the model is asked to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// As the provider thinks fit.
    #[default]
    Auto,
    /// At a thumbnail.
    Low,
    /// At the usual best, or at the original.
    High,
}

/// What a picture costs on a model.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageRule {
    /// By square tiles, each at a price.
    Tiles(Tiles),
    /// By square patches within a budget.
    Patches(Patches),
    /// The same for every size.
    Flat(Flat),
}

/// Tiles after fitting.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Tiles {
    side: u64,
    #[serde(default)]
    short: Option<u64>,
    #[serde(default)]
    whole: u64,
    tile: u64,
    base: u64,
    each: u64,
}

/// Patches within a budget.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Patches {
    patch: u64,
    #[serde(default)]
    side: Option<u64>,
    budget: u64,
    #[serde(default)]
    auto_side: Option<u64>,
    #[serde(default)]
    auto_budget: Option<u64>,
    times: Factor,
    most: u64,
}

/// One number.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Flat {
    tokens: u64,
    most: u64,
}

impl ImageRule {
    /// No tokens at all.
    pub(super) const NONE: Self = Self::Flat(Flat { tokens: 0, most: 0 });

    /// Tokens of a picture of `size`.
    pub fn tokens(&self, size: Size, detail: Detail) -> u64 {
        let (wide, high) = (u64::from(size.wide.max(1)), u64::from(size.high.max(1)));
        match self {
            Self::Tiles(rule) if detail == Detail::Low && rule.base > 0 => rule.base,
            Self::Tiles(rule) => rule.base + rule.tiles(wide, high) * rule.each,
            Self::Patches(rule) => rule.tokens(wide, high, detail),
            Self::Flat(rule) => rule.tokens,
        }
    }

    /// Tokens that no picture exceeds, whatever its size and the detail asked for.
    pub fn most(&self, detail: Detail) -> u64 {
        match self {
            Self::Tiles(rule) if detail == Detail::Low && rule.base > 0 => rule.base,
            Self::Tiles(rule) => {
                let short = rule.short.unwrap_or(rule.side);
                rule.base + rule.side.div_ceil(rule.tile) * short.div_ceil(rule.tile) * rule.each
            }
            Self::Patches(rule) => rule.most,
            Self::Flat(rule) => rule.most,
        }
    }

    /// Whether the numbers can be calculated with.
    #[cfg(test)]
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Tiles(rule) => rule.side > 0 && rule.tile > 0 && rule.short != Some(0),
            Self::Patches(rule) => {
                rule.patch > 0 && rule.times.1 > 0 && rule.budget > 0 && rule.side != Some(0)
            }
            Self::Flat(rule) => rule.most >= rule.tokens,
        }
    }
}

impl Tiles {
    fn tiles(self, wide: u64, high: u64) -> u64 {
        if wide.max(high) <= self.whole {
            return 1;
        }
        let (wide, high) = fit(wide, high, self.side);
        let (wide, high) = match self.short {
            Some(short) if wide.min(high) > short => scaled(wide, high, short, wide.min(high)),
            _ => (wide, high),
        };
        wide.div_ceil(self.tile.max(1)) * high.div_ceil(self.tile.max(1))
    }
}

impl Patches {
    fn tokens(self, wide: u64, high: u64, detail: Detail) -> u64 {
        let auto = detail == Detail::Auto && self.auto_budget.is_some();
        let (side, budget) = if auto {
            (self.auto_side, self.auto_budget.unwrap_or(self.budget))
        } else {
            (self.side, self.budget)
        };
        let (wide, high) = side.map_or((wide, high), |side| fit(wide, high, side));
        let (up, down) = self.times;
        (self.patches(wide, high, budget) * up).div_ceil(down.max(1))
    }

    /// Patches that cover the picture, shrunk so that at most `budget` do and its edge falls on the edge of a patch.
    fn patches(self, wide: u64, high: u64, budget: u64) -> u64 {
        let patch = self.patch.max(1);
        let all = wide.div_ceil(patch) * high.div_ceil(patch);
        if all <= budget {
            return all;
        }
        // The sides that make just the budget are the roots of budget x width / height and its inverse, in patches.
        let (across, down) = ((budget * wide / high).isqrt(), (budget * high / wide).isqrt());
        if across * high <= down * wide {
            across.max(1) * (across * high).div_ceil(wide).max(1)
        } else {
            down.max(1) * (down * wide).div_ceil(high).max(1)
        }
        .min(budget)
    }
}

/// The size with its longer side at most `side`.
fn fit(wide: u64, high: u64, side: u64) -> (u64, u64) {
    let long = wide.max(high);
    if long <= side { (wide, high) } else { scaled(wide, high, side, long) }
}

/// Both sides times `up / down`, at least one pixel.
fn scaled(wide: u64, high: u64, up: u64, down: u64) -> (u64, u64) {
    ((wide * up / down).max(1), (high * up / down).max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prompt_rules::PromptRules;

    fn rule(model: &str) -> &'static ImageRule {
        PromptRules::embedded().fitting("chat", Some(model)).images
    }

    fn tokens(model: &str, wide: u32, high: u32, detail: Detail) -> u64 {
        rule(model).tokens(Size { wide, high }, detail)
    }

    #[test]
    fn published_examples_come_out_exactly() {
        use Detail::{Auto, High, Low};
        for (model, wide, high, detail, expected) in [
            ("gpt-4o", 1024, 1024, Auto, 765),
            ("gpt-4o", 2048, 4096, High, 1105),
            ("gpt-4o", 4096, 8192, Low, 85),
            ("gpt-4o-mini", 1024, 1024, Auto, 2833 + 4 * 5667),
            ("gpt-5", 1024, 1024, Auto, 630),
            ("o3", 512, 512, Auto, 225),
            ("gpt-4.1-mini", 1024, 1024, Auto, 1659),
            ("gpt-6-astra", 1024, 1024, Auto, 1229),
            ("gpt-6-astra", 4032, 3024, Auto, 14_364),
            ("gpt-6-astra", 4032, 3024, High, 2942),
            ("claude-sonnet-4-5", 1024, 1024, Auto, 1369),
            ("claude-sonnet-4-5", 200, 200, Auto, 64),
            ("gemini-2.5-flash", 384, 384, Auto, 258),
            ("gemini-2.5-flash", 960, 540, Auto, 516),
            ("gemini-3-pro", 4000, 10, Auto, 1120),
        ] {
            assert_eq!(tokens(model, wide, high, detail), expected, "{model} {wide}x{high} {detail:?}");
        }
    }

    proptest! {
        #[test]
        fn no_picture_exceeds_the_most_of_its_rule(wide in 0_u32..=u32::MAX, high in 0_u32..=u32::MAX, low in 0..3) {
            let detail = [Detail::Auto, Detail::Low, Detail::High][usize::try_from(low).unwrap()];
            for model in ["gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-nano", "gpt-5.2", "gpt-5.4", "gpt-5.5", "o4-mini",
                "claude-3-opus", "claude-opus-4-7", "gemini-2.0-flash", "gemini-3", "house-model"] {
                let count = tokens(model, wide, high, detail);
                prop_assert!(count <= rule(model).most(detail), "{} {} {}: {}", model, wide, high, count);
            }
        }
    }
}
