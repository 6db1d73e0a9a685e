//! Where the pieces of a block begin.
//!
//! Owns the patterns of GPT-2, GPT-4 and GPT-4o, and of those derived from them, as arithmetic on the classes of 64 bytes.
//! Refuses to know tokens, and how bytes are classified.
//!
//! A block begins where a piece begins, so nothing before it matters. What stands behind it can: a boundary is given away only if
//! no byte that was not seen, and none that is rare, has a say in it. Where that leaves nothing, the scanner of the pattern finds
//! one piece, byte by byte.

use super::block::{BLOCK_BYTES, Classify};
use super::class::class_at;
use super::kinds::{Kinds, VIEW_BYTES};
use super::scan::contraction_end;

/// Bytes behind a boundary that may have a say in it.
const LOOK_AHEAD: usize = 3;

/// A pattern.
pub(super) trait Cuts {
    /// Cuts the block that `view` begins with, of which `len` bytes belong to the text; `open` tells whether it goes on.
    fn cut(classify: impl Classify, view: &[u8; VIEW_BYTES], len: usize, open: bool) -> Cut;

    /// The end of the piece that starts at `start`, byte by byte.
    fn end(text: &[u8], start: usize) -> usize;
}

impl<R: Rules> Cuts for R {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    fn cut(classify: impl Classify, view: &[u8; VIEW_BYTES], len: usize, open: bool) -> Cut {
        let kinds = Kinds::new(classify, view, seen(len), class_at);
        cut::<R>(&kinds, view, len, open)
    }

    #[inline]
    fn end(text: &[u8], start: usize) -> usize {
        R::scan(text, start)
    }
}

/// What sets one pattern apart from its relatives.
pub(super) trait Rules {
    /// Words are cut before a capital that follows a small letter.
    const CASED: bool;
    /// Symbols take line ends behind them along, and white space is cut behind its last line end; one character before a word
    /// goes with it, whatever it is. Without, only a space goes with what follows.
    const MODERN: bool;
    /// Slashes go with line ends behind symbols.
    const SLASHES: bool;
    /// Numbers have up to so many digits.
    const DIGITS: usize;
    /// White space at the end of the text is one piece.
    const TRAILING: bool;
    const CONTRACTIONS: Contractions;

    /// The end of the piece that starts at `start`, byte by byte.
    fn scan(text: &[u8], start: usize) -> usize;
}

/// How `'s`, `'ll` and the like are cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Contractions {
    /// As any other text.
    None,
    /// A piece of their own, in lower case.
    Apart,
    /// A piece of their own, in any case.
    ApartAnyCase,
    /// At the end of a word, in any case.
    Joined,
}

/// The pieces at the beginning of a block that are certain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Where they begin: bit `i` is byte `i`. The first begins with the block.
    pub(super) starts: u64,
    /// Where the last one ends; 0 when none is certain.
    pub(super) end: usize,
    /// The first byte that was rare or not seen.
    pub(super) known: usize,
}

/// The first `len` bytes.
#[inline]
pub(super) const fn seen(len: usize) -> u64 {
    u64::MAX >> (BLOCK_BYTES - len)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
fn cut<R: Rules>(kinds: &Kinds, view: &[u8; VIEW_BYTES], len: usize, open: bool) -> Cut {
    let seen = seen(len);
    let followed = seen >> 1;
    let (letters, white) = (kinds.letters(), kinds.white());
    let spaced = kinds.space << 1;
    let mut rare = kinds.rare;

    let short = Shortened::find::<R>(kinds, view, letters, spaced);
    rare |= short.chained;
    let symbols = kinds.symbol & !short.apostrophes;
    let symbol_firsts = firsts(symbols);

    let mut starts = short.ends | symbol_firsts & !spaced;
    let mut letter_firsts = firsts(letters);
    if R::MODERN {
        let apart =
            (kinds.space | kinds.blank) << 1 | lone_ends(symbols, symbol_firsts, kinds.inside, spaced);
        letter_firsts &= !apart;
        let feeds = symbol_feeds(kinds.line_end, symbols);
        if R::SLASHES {
            rare |= slashes(view, feeds << 1 & symbols);
        }
        let (white_starts, undecided) = white_starts(kinds, white, feeds, followed);
        starts |= white_starts | firsts(kinds.digit);
        rare |= undecided;
        if R::TRAILING && !open {
            starts = with_trailing_white_whole(starts, white & !feeds, len);
        }
    } else {
        letter_firsts &= !spaced;
        starts |= firsts(white) | white & !(white >> 1) & followed;
        starts |= firsts(kinds.digit) & !spaced;
    }
    starts |= letter_firsts;
    if R::CASED {
        let capitals = kinds.upper & !kinds.inside;
        starts |= capitals & kinds.lower << 1;
        // Whether a word ends before it depends on what follows the capitals.
        rare |= capitals & kinds.uncased << 1;
    }
    starts |= digit_starts(kinds.digit, R::DIGITS);
    starts = (starts & !short.inside | short.apart | 1) & seen;

    certain(starts, white, rare & seen, len, open)
}

/// Keeps what neither rare bytes nor those behind the block can change.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
pub(super) fn certain(starts: u64, white: u64, rare: u64, len: usize, open: bool) -> Cut {
    if rare == 0 && !open {
        return Cut { starts, end: len, known: len };
    }
    let known = len.min(rare.trailing_zeros() as usize);
    if known <= LOOK_AHEAD {
        return Cut { starts, end: 0, known };
    }
    // White space up to there may go on, and then be cut elsewhere than where it begins.
    let run = (white << (BLOCK_BYTES - known)).leading_ones() as usize;
    let last = (known - LOOK_AHEAD).min(known - run);
    let starts = starts & (u64::MAX >> (BLOCK_BYTES - 1 - last));
    let end = BLOCK_BYTES - 1 - starts.leading_zeros() as usize;
    Cut { starts: starts & !(1 << end), end, known }
}

/// The first bytes of runs.
#[inline]
pub(super) const fn firsts(bytes: u64) -> u64 {
    bytes & !(bytes << 1)
}

/// The bytes behind runs of symbols that are one character, without a space before it: it goes with a word behind it.
#[inline]
const fn lone_ends(symbols: u64, firsts: u64, inside: u64, spaced: u64) -> u64 {
    // A carry out of a run reaches the byte behind it, whichever of its bits are added.
    let ends = symbols.wrapping_add(firsts) & !symbols;
    let more = symbols & !inside & !firsts | firsts & spaced;
    ends & !symbols.wrapping_add(more)
}

/// Line ends that directly follow symbols, which take them along.
#[inline]
pub(super) const fn symbol_feeds(line_ends: u64, symbols: u64) -> u64 {
    line_ends & !line_ends.wrapping_add(line_ends & symbols << 1)
}

/// Which of the symbols are slashes.
#[inline]
fn slashes(view: &[u8; VIEW_BYTES], mut symbols: u64) -> u64 {
    let mut slashes = 0;
    while symbols != 0 {
        let at = symbols.trailing_zeros() as usize;
        slashes |= u64::from(view[at % BLOCK_BYTES] == b'/') << at;
        symbols &= symbols - 1;
    }
    slashes
}

/// Where white space is cut, and the line ends behind white space between line ends, of which that would not be true.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
pub(super) fn white_starts(kinds: &Kinds, white: u64, feeds: u64, followed: u64) -> (u64, u64) {
    let free = white & !feeds;
    let plain = kinds.space | kinds.blank;
    let behind_line_end = firsts(plain) & (kinds.line_end & !feeds) << 1;
    // The last one before something else belongs to that, or is left alone.
    let last = plain & !(white >> 1) & followed;
    let undecided = plain.wrapping_add(behind_line_end) & !plain & kinds.line_end;
    (firsts(free) | behind_line_end | last, undecided)
}

/// Takes back where white space at the end of the text is cut.
#[inline]
const fn with_trailing_white_whole(starts: u64, white: u64, len: usize) -> u64 {
    let run = (white << (BLOCK_BYTES - len)).leading_ones() as usize;
    if run == 0 {
        return starts;
    }
    starts & (u64::MAX >> (BLOCK_BYTES - 1 - (len - run)))
}

/// Where long numbers are cut.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
pub(super) fn digit_starts(digits: u64, most: usize) -> u64 {
    match most {
        1 => digits,
        3 => {
            let fourths = digits & digits << 1 & digits << 2;
            let (mut starts, mut next) = (0, firsts(digits) << 3 & fourths);
            while next != 0 {
                starts |= next;
                next = next << 3 & fourths;
            }
            starts
        }
        _ => 0,
    }
}

/// Contractions in a block.
#[derive(Default)]
struct Shortened {
    /// Their apostrophes, which are no symbols.
    apostrophes: u64,
    /// Their bytes but for the first one of those that are a piece of their own.
    inside: u64,
    /// Where the latter begin.
    apart: u64,
    /// The bytes behind them.
    ends: u64,
    /// The first byte of one that follows another, where that matters.
    chained: u64,
}

impl Shortened {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    fn find<R: Rules>(kinds: &Kinds, view: &[u8; VIEW_BYTES], letters: u64, spaced: u64) -> Self {
        let joined = R::CONTRACTIONS == Contractions::Joined;
        let before = match R::CONTRACTIONS {
            Contractions::None => return Self::default(),
            Contractions::Joined => letters << 1,
            Contractions::Apart | Contractions::ApartAnyCase => !(kinds.symbol << 1 | spaced),
        };
        let mut short = Self::default();
        let mut places = kinds.apostrophe & before & letters >> 1;
        while places != 0 {
            let at = places.trailing_zeros() as usize;
            places &= places - 1;
            let Some(end) = contraction_end(view, at, R::CONTRACTIONS != Contractions::Apart) else {
                continue;
            };
            let first = 1 << at;
            // 0 behind the block, where the bytes are then all those from the first on.
            let behind = u32::try_from(end).ok().and_then(|end| 1_u64.checked_shl(end)).unwrap_or(0);
            let bytes = behind.wrapping_sub(first);
            short.apostrophes |= first;
            if joined {
                short.inside |= bytes;
                short.chained |= short.ends & first;
            } else {
                short.apart |= first;
                short.inside |= bytes & !first;
            }
            short.ends |= behind;
        }
        short
    }
}
