//! Cutting a text into pieces, block by block.
//!
//! Owns the way through a text. Refuses to know what a piece is worth, and how a pattern cuts a block.

use std::ops::ControlFlow;

use super::block::{self, BLOCK_BYTES, Classify, Work};
use super::boundaries::Cuts;
use super::kinds::VIEW_BYTES;
use super::tables::pieces::{KEY_BYTES, Key};

/// What is done with pieces, which come in order and without gaps.
pub(super) trait Visit {
    /// Takes the pieces of a block: whether to go on.
    fn block(&mut self, block: &BlockPieces<'_>) -> ControlFlow<()>;

    /// Takes `text[start..end]`, of any length: whether to go on.
    fn piece(&mut self, start: usize, end: usize) -> ControlFlow<()>;
}

/// Pieces beside each other, of up to 64 bytes together.
pub(super) struct BlockPieces<'a> {
    /// The text from the first one on, zero-padded where it ends.
    view: &'a [u8; VIEW_BYTES],
    /// Where the first one begins in the text.
    at: usize,
    /// Where each begins: bit `i` is byte `i`, and bit 0 is set.
    starts: u64,
    /// Where the last one ends.
    end: usize,
}

impl BlockPieces<'_> {
    /// Calls `piece` with the key of each and where it begins in the text.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    pub(super) fn for_each(&self, mut piece: impl FnMut(Key, usize)) {
        let (mut start, mut rest) = (0, self.starts & (self.starts - 1));
        while rest != 0 {
            let next = rest.trailing_zeros() as usize;
            piece(self.key(start, next), self.at + start);
            start = next;
            rest &= rest - 1;
        }
        piece(self.key(start, self.end), self.at + start);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    fn key(&self, start: usize, end: usize) -> Key {
        let window = self.view[start % BLOCK_BYTES..].first_chunk().unwrap_or(&[0; KEY_BYTES]);
        Key::new(window, end - start)
    }
}

/// Shows `visit` the pieces of `text`, which is UTF-8, by the pattern `R`.
pub(super) fn pieces<R: Cuts>(text: &[u8], visit: &mut impl Visit) -> ControlFlow<()> {
    block::dispatch(Cutting::<R, _> { text, visit, rules: std::marker::PhantomData })
}

struct Cutting<'a, R, V> {
    text: &'a [u8],
    visit: &'a mut V,
    rules: std::marker::PhantomData<R>,
}

impl<R: Cuts, V: Visit> Work for Cutting<'_, R, V> {
    type Output = ControlFlow<()>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for the instructions of its caller")]
    fn run(self, classify: impl Classify) -> ControlFlow<()> {
        let Self { text, visit, .. } = self;
        let mut at = 0;
        // A block is cut before the pieces of the one before are shown: the processor does both at once.
        let mut before: Option<BlockPieces<'_>> = None;
        while let Some(view) = text.get(at..).and_then(<[u8]>::first_chunk) {
            let cut = R::cut(classify, view, BLOCK_BYTES, true);
            if let Some(before) = &before {
                visit.block(before)?;
            }
            if cut.end == 0 {
                before = None;
                at = step_over::<R>(text, at, cut.known, visit)?;
            } else {
                before = Some(BlockPieces { view, at, starts: cut.starts, end: cut.end });
                at += cut.end;
            }
        }
        if let Some(before) = &before {
            visit.block(before)?;
        }
        while at < text.len() {
            let rest = &text[at..];
            let mut view = [0; VIEW_BYTES];
            view[..rest.len()].copy_from_slice(rest);
            let len = rest.len().min(BLOCK_BYTES);
            let cut = R::cut(classify, &view, len, rest.len() > BLOCK_BYTES);
            if cut.end == 0 {
                at = step_over::<R>(text, at, cut.known, visit)?;
            } else {
                visit.block(&BlockPieces { view: &view, at, starts: cut.starts, end: cut.end })?;
                at += cut.end;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Shows the pieces up to a rare character, byte by byte, and tells where the last one ends: nothing is certain before that
/// character, and beyond it the next block may be.
#[inline(never)]
fn step_over<R: Cuts>(
    text: &[u8],
    at: usize,
    known: usize,
    visit: &mut impl Visit,
) -> ControlFlow<(), usize> {
    let (rare, mut at) = (at + known, at);
    while at <= rare && at < text.len() {
        let end = R::end(text, at);
        visit.piece(at, end)?;
        at = end;
    }
    ControlFlow::Continue(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::block::Portable;
    use crate::tokenizer::boundaries_deepseek::DeepSeek;
    use crate::tokenizer::rules::{Cl100k, Llama3, O200k, Qwen, R50k, Tekken};
    use crate::tokenizer::tables::pieces::SHORT_BYTES_MAX;
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;

    /// Where pieces end, and whether each key was that of its piece.
    struct Seen<'a> {
        text: &'a [u8],
        ends: Vec<usize>,
        wrong: usize,
    }

    impl Visit for Seen<'_> {
        fn block(&mut self, block: &BlockPieces<'_>) -> ControlFlow<()> {
            block.for_each(|key, start| {
                let piece = &self.text[start..start + key.len()];
                let mut window = [0; KEY_BYTES];
                let known = piece.len().min(SHORT_BYTES_MAX);
                window[..known].copy_from_slice(&piece[..known]);
                self.wrong += usize::from(key != Key::new(&window, piece.len()));
                let _on = self.piece(start, start + piece.len());
            });
            ControlFlow::Continue(())
        }

        fn piece(&mut self, start: usize, end: usize) -> ControlFlow<()> {
            self.wrong += usize::from(start != self.ends.last().copied().unwrap_or(0));
            self.ends.push(end);
            ControlFlow::Continue(())
        }
    }

    fn assert_scanned<R: Cuts>(name: &str, text: &str) -> Result<(), TestCaseError> {
        let text = text.as_bytes();
        let (mut at, mut expected) = (0, Vec::new());
        while at < text.len() {
            at = R::end(text, at);
            expected.push(at);
        }
        for portable in [false, true] {
            let mut seen = Seen { text, ends: Vec::new(), wrong: 0 };
            let rules = std::marker::PhantomData;
            let cutting = Cutting::<R, _> { text, visit: &mut seen, rules };
            let _all = if portable { cutting.run(Portable) } else { block::dispatch(cutting) };

            prop_assert_eq!(&seen.ends, &expected, "{} portable: {}", name, portable);
            prop_assert_eq!(seen.wrong, 0);
        }
        Ok(())
    }

    fn assert_every_pattern(text: &str) -> Result<(), TestCaseError> {
        assert_scanned::<R50k>("r50k", text)?;
        assert_scanned::<Cl100k>("cl100k", text)?;
        assert_scanned::<Llama3>("llama3", text)?;
        assert_scanned::<Qwen>("qwen", text)?;
        assert_scanned::<O200k>("o200k", text)?;
        assert_scanned::<Tekken>("tekken", text)?;
        assert_scanned::<DeepSeek>("deepseek", text)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 6000, ..ProptestConfig::default() })]

        // Letters of contractions, every kind of white space, marks, cases, numbers, symbols and what patterns name.
        #[test]
        fn blocks_are_cut_as_the_scanners_cut(
            text in "([a-zA-Z]{1,9}|[ \n\r\t]{1,9}|[sStTmdlLvVeErR']{1,4}|'(s|ll|RE|ve|ſ|t)|[!-/=_.,{}\"]{1,5}|[0-9]{1,8}|[/\n]{1,3}|\n +\n|[中文字国。，“”é\u{e4}ÉßЖж]{1,6}|[\u{301}\u{2b0}\u{1c5}\u{17f}\u{a0}\u{3000}\u{85}½٣😀\u{200d}]|\\PC){0,60}",
        ) {
            assert_every_pattern(&text)?;
        }

        // What only DeepSeek's pattern tells apart: where Chinese and kana begin, ASCII letters behind a symbol, controls.
        #[test]
        fn blocks_of_what_deepseek_tells_apart_are_cut_as_the_scanner_cuts(
            text in "([.,!_(é'。😀]{1,2}[a-zA-Zéж]{0,5}|[ \t\n]{1,4}|[中文国鿕鿿㐀カな・゛ーㄱ가。，「」]{1,5}|[\u{0}-\u{1f}\u{7f}\u{80}\u{200d}\u{3099}\u{301}]|[0-9]{1,5}|[a-z]{1,9}){0,60}",
        ) {
            assert_scanned::<DeepSeek>("deepseek", &text)?;
        }

        #[test]
        fn blocks_of_few_characters_are_cut_as_the_scanners_cut(text in "[aB' \n!/1中]{0,200}|[aA中 ]{0,200}|[' sS\n]{0,150}|[ \n\t!]{0,200}|[0-9 ,]{0,150}") {
            assert_every_pattern(&text)?;
        }
    }

    #[test]
    fn a_text_is_cut_alike_wherever_its_blocks_lie() {
        let text = "She said: \"it's 12345 (or so)\"\r\n\n\n  \tfn main() {\n    let x_1 = HTTPServer::new(\"/usr\");\n}\n// 中文，good\n";
        for start in 0..200 {
            assert_every_pattern(&format!("{}{}", &"x, ".repeat(80)[..start], text.repeat(3))).unwrap();
        }
    }
}
