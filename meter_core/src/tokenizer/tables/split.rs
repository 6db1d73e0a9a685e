//! The two tokens that merge into a token.
//!
//! Owns the search for that merge when only ranks are known. Refuses to know tables and texts.
//!
//! Merging always takes the lowest rank first, so whatever stands around it, a token comes into being by one merge only:
//! the last one when its own bytes are merged alone.

use rustc_hash::FxHashMap;

/// The last merge that makes a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) left: u32,
    pub(crate) right: u32,
}

/// The last merge of `token`, by merging its bytes lowest rank first; `None` when they do not merge into one token.
pub(crate) fn last_merge(token: &[u8], ranks: &FxHashMap<&[u8], u32>) -> Option<Split> {
    let mut starts: Vec<usize> = (0..=token.len()).collect();
    while starts.len() > 3 {
        let (_, at) = starts
            .windows(3)
            .enumerate()
            .filter_map(|(at, span)| ranks.get(&token[span[0]..span[2]]).map(|&rank| (rank, at)))
            .min()?;
        starts.remove(at + 1);
    }
    let &[start, middle, end] = starts.as_slice() else { return None };
    Some(Split { left: *ranks.get(&token[start..middle])?, right: *ranks.get(&token[middle..end])? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_rank_decides_the_last_merge() {
        let tokens: [&[u8]; 6] = [b"a", b"b", b"c", b"bc", b"ab", b"abc"];
        let ranks = tokens.iter().zip(0..).map(|(&token, rank)| (token, rank)).collect();

        assert_eq!(last_merge(b"abc", &ranks), Some(Split { left: 0, right: 3 }));
        assert_eq!(last_merge(b"ab", &ranks), Some(Split { left: 0, right: 1 }));
    }

    #[test]
    fn an_unreachable_token_has_no_merge() {
        let tokens: [&[u8]; 4] = [b"a", b"b", b"c", b"abc"];
        let ranks = tokens.iter().zip(0..).map(|(&token, rank)| (token, rank)).collect();

        assert_eq!(last_merge(b"abc", &ranks), None);
    }
}
