//! The patterns by their rules.
//!
//! Owns what each pattern that is one regular expression does. Refuses to know how it is done.

use super::boundaries::{Contractions, Rules};
use super::scan;

/// GPT-2, r50k and p50k.
pub(super) struct R50k;
/// GPT-3.5 and GPT-4.
pub(super) struct Cl100k;
/// Llama 3.
pub(super) struct Llama3;
/// Qwen.
pub(super) struct Qwen;
/// GPT-4o.
pub(super) struct O200k;
/// Mistral.
pub(super) struct Tekken;

macro_rules! rules {
    ($($pattern:ident: $modern:literal $cased:literal $slashes:literal $digits:literal $trailing:literal $contractions:ident $end:ident;)*) => {
        $(impl Rules for $pattern {
            const MODERN: bool = $modern;
            const CASED: bool = $cased;
            const SLASHES: bool = $slashes;
            const DIGITS: usize = $digits;
            const TRAILING: bool = $trailing;
            const CONTRACTIONS: Contractions = Contractions::$contractions;

            #[inline]
            fn scan(text: &[u8], start: usize) -> usize {
                scan::$end(text, start)
            }
        })*
    };
}

rules! {
    //      modern cased slashes digits trailing contractions
    R50k:   false  false false   0      false    Apart        r50k_end;
    Cl100k: true   false false   3      true     ApartAnyCase cl100k_end;
    Llama3: true   false false   3      false    ApartAnyCase llama3_end;
    Qwen:   true   false false   1      false    ApartAnyCase qwen_end;
    O200k:  true   true  true    3      false    Joined       o200k_end;
    Tekken: true   true  true    1      false    None         tekken_end;
}
