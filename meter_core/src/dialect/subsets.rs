//! Keeps the named subsets of a usage within their totals; refuses to know who stated them.

use crate::usage::{Defect, Defects, Usage};

/// Cuts every subset that is larger than its total and names the contradiction: the smaller claim is kept.
pub(super) fn clamp(usage: &mut Usage, defects: &mut Defects) {
    let mut cut = false;
    if let Some(input) = usage.input_tokens {
        cut |= bound(&mut usage.audio_input_tokens, input);
        cut |= bound(&mut usage.image_input_tokens, input);
        // The three cache subsets do not overlap, so they share one total.
        let mut left = input;
        for part in
            [&mut usage.cache_read_tokens, &mut usage.cache_write_1h_tokens, &mut usage.cache_write_5m_tokens]
        {
            cut |= bound(part, left);
            left -= part.unwrap_or(0);
        }
    }
    if let Some(output) = usage.output_tokens {
        cut |= bound(&mut usage.reasoning_tokens, output);
        cut |= bound(&mut usage.audio_output_tokens, output);
        cut |= bound(&mut usage.image_output_tokens, output);
    }
    if cut {
        defects.insert(Defect::Contradiction);
    }
}

/// Whether `part` had to be cut to `total`.
fn bound(part: &mut Option<u64>, total: u64) -> bool {
    let above = part.is_some_and(|count| count > total);
    if above {
        *part = Some(total);
    }
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_parts_share_the_input() {
        let mut usage = Usage {
            input_tokens: Some(100),
            cache_read_tokens: Some(80),
            cache_write_1h_tokens: Some(15),
            cache_write_5m_tokens: Some(10),
            ..Usage::default()
        };
        let mut defects = Defects::default();

        clamp(&mut usage, &mut defects);

        assert_eq!(usage.cache_write_5m_tokens, Some(5));
        assert!(defects.contains(Defect::Contradiction));
    }

    #[test]
    fn absent_totals_and_fitting_parts_are_left_alone() {
        let fitting = Usage {
            output_tokens: Some(10),
            reasoning_tokens: Some(10),
            cache_read_tokens: Some(7),
            ..Usage::default()
        };
        let mut usage = fitting.clone();
        let mut defects = Defects::default();

        clamp(&mut usage, &mut defects);

        assert_eq!((usage, defects), (fitting, Defects::default()));
    }
}
