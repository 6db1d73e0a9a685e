//! How far our own counts lie from what providers state, learned per provider and model from finished exchanges.
//!
//! A ratio is stated over estimated tokens. Ratios fall into buckets of one percent; the median corrects estimates, the
//! largest but one in a hundred bounds what is held. One wild ratio moves neither, and old ones fade. It owns what is
//! learned and its form in the ledger. It refuses to know which exchanges can teach (`settlement`).

use std::fmt::Write as _;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::limits;

/// Percent of the estimate below and from which a ratio is no matter of vocabularies, and teaches nothing.
const PERCENT_MIN: u64 = 25;
const PERCENT_MAX: u64 = PERCENT_MIN + BUCKETS as u64;
const BUCKETS: usize = 375;
/// Tokens from which an estimate teaches: below, single tokens of framing are many percent.
const TEACHING_TOKENS_MIN: u64 = 64;
/// Ratios before anything is believed.
const ENOUGH: u32 = 16;
/// Ratios after which older ones count half.
const MEMORY: u32 = 512;
/// One half of a percent is the middle of a bucket.
const PER_PERCENT: u64 = 2;

/// What corrects an estimate; the number is in half percents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    best: u64,
    most: u64,
}

impl Correction {
    /// The corrected count.
    pub(super) const fn best(self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.best) / (100 * PER_PERCENT)
    }

    /// What the truth has hardly ever exceeded.
    pub(super) const fn most(self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.most).div_ceil(100 * PER_PERCENT)
    }
}

/// What was learned of one model, in the form that the ledger keeps: `112:40 113:7` is forty exchanges at 112 % of the
/// estimate and seven at 113 %.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The model asked for.
    pub model: Arc<str>,
    /// Of prompts.
    pub input: String,
    /// Of replies.
    pub output: String,
}

/// What was learned of all models; bounded.
#[derive(Debug, Default)]
pub struct Calibrations {
    providers: FxHashMap<Arc<str>, FxHashMap<Arc<str>, Learned>>,
}

#[derive(Debug, Default)]
struct Learned {
    input: Ratios,
    output: Ratios,
}

impl Calibrations {
    /// Learns from a prompt of `estimate` tokens for which the provider stated `stated`.
    pub fn learn_input(&mut self, provider: &str, model: &str, estimate: u64, stated: u64) {
        if let Some(percent) = percent(estimate, stated)
            && let Some(learned) = self.entry(provider, model)
        {
            learned.input.learn(percent);
        }
    }

    /// Learns from a reply of `counted` tokens for which the provider stated `stated`.
    pub fn learn_output(&mut self, provider: &str, model: &str, counted: u64, stated: u64) {
        if let Some(percent) = percent(counted, stated)
            && let Some(learned) = self.entry(provider, model)
        {
            learned.output.learn(percent);
        }
    }

    /// What corrects prompts of `model`; None while too little was seen.
    pub fn input(&self, provider: &str, model: &str) -> Option<Correction> {
        self.get(provider, model)?.input.correction()
    }

    /// What corrects replies of `model`; None while too little was seen.
    pub fn output(&self, provider: &str, model: &str) -> Option<Correction> {
        self.get(provider, model)?.output.correction()
    }

    /// All that was learned, to be kept.
    pub fn all(&self) -> Vec<Calibration> {
        let models = self.providers.iter().flat_map(|(provider, models)| {
            models.iter().map(move |(model, learned)| Calibration {
                provider: Arc::clone(provider),
                model: Arc::clone(model),
                input: learned.input.to_text(),
                output: learned.output.to_text(),
            })
        });
        models.collect()
    }

    /// Takes up what an earlier process learned; what cannot be read teaches nothing.
    pub fn restore(&mut self, kept: &Calibration) {
        let (input, output) = (Ratios::of_text(&kept.input), Ratios::of_text(&kept.output));
        if input.total + output.total > 0
            && let Some(learned) = self.entry(&kept.provider, &kept.model)
        {
            *learned = Learned { input, output };
        }
    }

    fn get(&self, provider: &str, model: &str) -> Option<&Learned> {
        self.providers.get(provider)?.get(model)
    }

    fn entry(&mut self, provider: &str, model: &str) -> Option<&mut Learned> {
        if self.get(provider, model).is_none() {
            let known: usize = self.providers.values().map(FxHashMap::len).sum();
            if known >= limits::CALIBRATED_MODELS_MAX {
                return None;
            }
            self.providers.entry(provider.into()).or_default().insert(model.into(), Learned::default());
        }
        self.providers.get_mut(provider)?.get_mut(model)
    }
}

/// `stated` in percent of `estimate`, where that says something about vocabularies.
fn percent(estimate: u64, stated: u64) -> Option<u64> {
    let percent = stated.saturating_mul(100).checked_div(estimate)?;
    let teaches = estimate >= TEACHING_TOKENS_MIN && (PERCENT_MIN..PERCENT_MAX).contains(&percent);
    teaches.then_some(percent)
}

/// How often each percentage was seen.
#[derive(Debug)]
struct Ratios {
    counts: Box<[u16; BUCKETS]>,
    total: u32,
}

impl Default for Ratios {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0 }
    }
}

impl Ratios {
    fn learn(&mut self, percent: u64) {
        if self.total >= MEMORY {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|count| u32::from(*count)).sum();
        }
        self.add(percent, 1);
    }

    fn add(&mut self, percent: u64, times: u16) {
        let bucket = percent.checked_sub(PERCENT_MIN).and_then(|above| usize::try_from(above).ok());
        if let Some(count) = bucket.and_then(|bucket| self.counts.get_mut(bucket)) {
            *count += times;
            self.total += u32::from(times);
        }
    }

    fn correction(&self) -> Option<Correction> {
        if self.total < ENOUGH {
            return None;
        }
        let middle = self.percent_at(self.total.div_ceil(2))?;
        let top = self.percent_at(self.total - (self.total / 100).max(1))?;
        Some(Correction { best: middle * PER_PERCENT + 1, most: (top + 1) * PER_PERCENT })
    }

    /// The percentage of the `rank`-th smallest ratio.
    fn percent_at(&self, rank: u32) -> Option<u64> {
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += u32::from(*count);
            below >= rank
        })?;
        Some(PERCENT_MIN + bucket as u64)
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for (percent, count) in (PERCENT_MIN..).zip(self.counts.iter()).filter(|(_, count)| **count > 0) {
            let separator = if text.is_empty() { "" } else { " " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{percent}:{count}");
        }
        text
    }

    fn of_text(text: &str) -> Self {
        let mut ratios = Self::default();
        for pair in text.split(' ').take(BUCKETS) {
            let Some((percent, count)) = pair.split_once(':') else { continue };
            if let (Ok(percent), Ok(count)) = (percent.parse(), count.parse::<u16>())
                && ratios.total + u32::from(count) <= MEMORY
            {
                ratios.add(percent, count);
            }
        }
        ratios
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taught(times: u32, estimate: u64, stated: u64) -> Calibrations {
        let mut calibrations = Calibrations::default();
        (0..times).for_each(|_| calibrations.learn_input("p", "m", estimate, stated));
        calibrations
    }

    #[test]
    fn too_little_teaches_nothing() {
        assert_eq!(taught(ENOUGH - 1, 1000, 1300).input("p", "m"), None);
        assert_eq!(taught(100, TEACHING_TOKENS_MIN - 1, 80).input("p", "m"), None);
        assert_eq!(taught(100, 1000, 1300).output("p", "m"), None);
        assert_eq!(taught(100, 1000, 1300).input("p", "n"), None);
        assert_eq!(taught(100, 0, 1300).all(), []);
    }

    #[test]
    fn wild_ratios_are_not_learned_and_one_outlier_moves_nothing() {
        let mut calibrations = taught(ENOUGH, 1000, 1304);
        let before = calibrations.input("p", "m").unwrap();
        calibrations.learn_input("p", "m", 1000, 3999);
        for (estimate, stated) in [(1000, 4000), (1000, 249), (1000, u64::MAX), (u64::MAX, 1)] {
            calibrations.learn_input("p", "m", estimate, stated);
        }

        assert_eq!(calibrations.input("p", "m"), Some(before));
        assert_eq!((before.best(1000), before.most(1000)), (1305, 1310));
    }

    #[test]
    fn a_new_habit_is_learned() {
        let mut calibrations = taught(5000, 1000, 1000);
        (0..2000).for_each(|_| calibrations.learn_input("p", "m", 1000, 1500));

        assert_eq!(calibrations.input("p", "m").unwrap().best(1000), 1505);
    }

    #[test]
    fn the_number_of_models_is_bounded() {
        let mut calibrations = Calibrations::default();
        for model in 0..limits::CALIBRATED_MODELS_MAX + 5 {
            calibrations.learn_output("p", &model.to_string(), 1000, 1000);
        }

        assert_eq!(calibrations.all().len(), limits::CALIBRATED_MODELS_MAX);
    }

    #[test]
    fn what_cannot_be_read_teaches_nothing() {
        let mut calibrations = Calibrations::default();
        for text in ["", "x", "112", "112:", ":4", "99999:40", "112:-4", "112:60000", "-1:3"] {
            let (provider, model) = ("p".into(), "m".into());
            calibrations.restore(&Calibration {
                provider,
                model,
                input: text.to_owned(),
                output: String::new(),
            });
        }

        assert_eq!(calibrations.all(), []);
    }

    proptest! {
        #[test]
        fn estimates_converge_to_what_is_stated_and_survive_a_restart(
            percent in 30..390_u64,
            prompts in proptest::collection::vec((2_000..200_000_u64, 0..3_u64), 40..300),
        ) {
            let mut calibrations = Calibrations::default();
            for (estimate, more) in &prompts {
                calibrations.learn_input("p", "m", *estimate, estimate * (percent + more) / 100);
                calibrations.learn_output("p", "m", *estimate, estimate * (percent + more) / 100);
            }
            let mut later = Calibrations::default();
            calibrations.all().iter().for_each(|kept| later.restore(kept));
            let learned = calibrations.input("p", "m").unwrap();

            prop_assert_eq!(later.input("p", "m"), Some(learned));
            prop_assert_eq!(later.output("p", "m"), calibrations.output("p", "m"));
            prop_assert!(learned.best(10_000) >= (percent - 1) * 100 && learned.best(10_000) <= (percent + 3) * 100);
            prop_assert!(learned.best(10_000) <= learned.most(10_000));
            let covered = prompts.iter().filter(|(estimate, more)| learned.most(*estimate) >= estimate * (percent + more) / 100);
            // All but one, or one in a hundred.
            prop_assert!(covered.count() + (prompts.len() / 100).max(1) >= prompts.len());
        }
    }
}
