//! A push scanner for one JSON document after another: bytes go in as they arrive, values come out by path.
//!
//! It owns JSON's syntax, paths and the bounds on what is kept. It refuses to know what any path means: a [`Visitor`] says which
//! strings it wants and how. Nothing is built and nothing is buffered but the path and one short scalar, so a 20 MB
//! string streams through flat memory. Broken JSON is a defect; what came before it stands. A key given twice is visited twice:
//! the last one wins at the visitor.

mod bracket;
mod escape;
mod members;
mod number;
mod paths;
pub(crate) mod special;
mod state;
mod text;
mod visit;

use std::borrow::Cow;

use memchr::memchr2;

use crate::limits;
use crate::usage::{Defect, Defects};
use bracket::bracket;
use escape::Undone;
pub use members::{Member, Members, members};
use number::is_number;
pub use paths::Paths;
use special::special;
use state::{Escape, Kept, State};
use text::Utf8;
pub use visit::{Interest, PlaceVisitor, Scalar, Take, Visitor};

/// Scanner of one document at a time; [`Scanner::reset`] starts the next and keeps its memory.
#[derive(Debug)]
pub struct Scanner<P = ()> {
    state: State,
    path: Paths<P>,
    /// Key, short string, number or literal in progress, unescaped.
    kept: Vec<u8>,
    /// `kept` is at its limit and the rest was dropped.
    cut: bool,
    escape: Escape,
    /// An escaped high surrogate that waits for its partner.
    high: u16,
    utf8: Utf8,
    defects: Defects,
}

impl<P: Copy + Default> Default for Scanner<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Copy + Default> Scanner<P> {
    /// A scanner before its first document.
    pub fn new() -> Self {
        Self {
            state: State::Value,
            path: Paths::new(),
            kept: Vec::new(),
            cut: false,
            escape: Escape::None,
            high: 0,
            utf8: Utf8::default(),
            defects: Defects::default(),
        }
    }

    /// Forgets the current document and stands before the next; defects stay.
    pub fn reset(&mut self) {
        self.state = State::Value;
        self.path.clear();
        self.kept.clear();
        self.cut = false;
        self.escape = Escape::None;
        self.high = 0;
        self.utf8 = Utf8::default();
    }

    /// What was wrong with all documents so far: `Malformed`, `TooDeep`.
    pub fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether one whole document was seen since the start or the last reset.
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Whether nothing but white space was seen since the start or the last reset.
    pub fn is_blank(&self) -> bool {
        self.state == State::Value && self.path.depth() == 0
    }

    /// Whether the document broke JSON's syntax; nothing more of it is visited.
    pub fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Says that no more bytes of this document come, which completes a bare number or word.
    pub fn end(&mut self, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        if self.path.depth() == 0 && matches!(self.state, State::Number | State::Literal) {
            self.finish_word(visitor);
        }
    }

    /// Scans the next bytes of the document, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8], visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        let mut rest = bytes;
        self.path.begin(|path| visitor.place(path));
        while !rest.is_empty() {
            rest = match self.state {
                State::Broken => return,
                State::String(kept) => self.string(kept, rest, visitor),
                State::Number | State::Literal => self.word(rest, visitor),
                State::Skim { .. } => self.skim(rest, visitor),
                _ => self.structure(rest, visitor),
            };
        }
    }

    fn broken(&mut self) {
        self.defects.insert(Defect::Malformed);
        self.state = State::Broken;
    }

    /// Takes white space and one structural byte, or stands at the first byte of a number or word.
    fn structure<'b>(
        &mut self,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        let Some(at) = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) else {
            return &[];
        };
        let (byte, rest) = match bytes.get(at..) {
            Some([byte, rest @ ..]) => (*byte, rest),
            _ => return &[],
        };
        match (self.state, byte) {
            (State::FirstElement, b']') | (State::FirstKey, b'}') => self.leave(visitor),
            (State::Value | State::FirstElement, b'{' | b'[') => self.enter(byte == b'[', visitor),
            (State::Value | State::FirstElement, b'"') => {
                let kept = match visitor.string(&mut self.path) {
                    Take::Skip => Kept::Nowhere,
                    Take::Value => Kept::Value,
                    Take::Text => Kept::Text,
                };
                return self.begin_string(kept, rest, visitor);
            }
            (State::Value | State::FirstElement, b'-' | b'0'..=b'9') => {
                self.begin(State::Number);
                return bytes.get(at..).unwrap_or_default();
            }
            (State::Value | State::FirstElement, b't' | b'f' | b'n') => {
                self.begin(State::Literal);
                return bytes.get(at..).unwrap_or_default();
            }
            (State::FirstKey | State::Key, b'"') => return self.begin_key(rest, visitor),
            (State::Colon, b':') => self.state = State::Value,
            (State::Comma, b',') => {
                self.state = if self.path.in_array() == Some(true) { State::Value } else { State::Key };
            }
            (State::Comma, b']') if self.path.in_array() == Some(true) => self.leave(visitor),
            (State::Comma, b'}') if self.path.in_array() == Some(false) => self.leave(visitor),
            _ => self.broken(),
        }
        rest
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.kept.clear();
        self.cut = false;
    }

    /// Takes a key from behind its quotation mark on: at once where it is whole and has no escapes.
    fn begin_key<'b>(
        &mut self,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        let taken = self.path.follow(bytes).or_else(|| {
            let end = special(bytes)?;
            let key = bytes.get(..end).filter(|_| bytes.get(end) == Some(&b'"'))?;
            self.path.key(key, false, false, |path| visitor.place(path));
            Some(end + 1)
        });
        match taken.and_then(|taken| bytes.get(taken..)) {
            Some([b':', rest @ ..]) => {
                self.state = State::Value;
                rest
            }
            Some(rest) => {
                self.state = State::Colon;
                rest
            }
            None => {
                self.begin(State::String(Kept::Key));
                bytes
            }
        }
    }

    /// Takes a string from behind its quotation mark on: at once where it is whole and has no escapes.
    fn begin_string<'b>(
        &mut self,
        kept: Kept,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        let end = special(bytes);
        let plain =
            end.filter(|end| bytes.get(*end) == Some(&b'"')).and_then(|end| bytes.split_at_checked(end));
        let Some((plain, [_, rest @ ..])) = plain else {
            self.begin(State::String(kept));
            return self.string_to(end, kept, bytes, visitor);
        };
        match kept {
            Kept::Value if plain.len() <= limits::JSON_SCALAR_BYTES_MAX => {
                visitor.value(&mut self.path, Scalar::String(&lossy(plain)));
            }
            Kept::Text => {
                self.keep(kept, plain, visitor);
                self.end_text(visitor);
            }
            Kept::Value | Kept::Key | Kept::Nowhere => {}
        }
        self.after_value();
        rest
    }

    fn enter(&mut self, array: bool, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        let interest = if self.path.depth() >= limits::JSON_DEPTH_MAX {
            self.defects.insert(Defect::TooDeep);
            Interest::Skip
        } else {
            visitor.enter(&mut self.path)
        };
        let raw = interest == Interest::Raw;
        match interest {
            Interest::Walk => {
                self.path.enter(array, |path| visitor.place(path));
                self.state = if array { State::FirstElement } else { State::FirstKey };
            }
            Interest::Skip | Interest::Raw => {
                self.state = State::Skim { depth: 1, string: false, escaped: false, raw };
            }
        }
        if raw {
            visitor.text(&mut self.path, if array { "[" } else { "{" });
        }
    }

    fn leave(&mut self, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        self.path.leave();
        visitor.leave(&mut self.path);
        self.after_value();
    }

    fn after_value(&mut self) {
        self.state = if self.path.depth() == 0 { State::Done } else { State::Comma };
    }

    /// Takes bytes of a container nobody walks, up to its end.
    fn skim<'b>(
        &mut self,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        let State::Skim { mut depth, mut string, mut escaped, raw } = self.state else { return bytes };
        let mut at = 0;
        while depth > 0 && at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            if escaped {
                escaped = false;
                at += 1;
            } else if string {
                at += memchr2(b'"', b'\\', rest).map_or(rest.len(), |found| {
                    escaped = rest.get(found) == Some(&b'\\');
                    string = escaped;
                    found + 1
                });
            } else {
                at += bracket(rest).map_or(rest.len(), |found| {
                    match rest.get(found) {
                        Some(b'"') => string = true,
                        Some(b'{' | b'[') => depth += 1,
                        _ => depth -= 1,
                    }
                    found + 1
                });
            }
        }
        let (taken, rest) = bytes.split_at(at);
        if raw {
            let path = &mut self.path;
            self.utf8.push(taken, &mut |piece| visitor.text(path, piece));
        }
        self.state = State::Skim { depth, string, escaped, raw };
        if depth == 0 {
            if raw {
                visitor.text_end(&mut self.path);
            }
            self.after_value();
        }
        rest
    }

    /// Takes bytes of a string, up to its end.
    fn string<'b>(
        &mut self,
        kept: Kept,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        if self.escape != Escape::None {
            return self.escaped(kept, bytes, visitor);
        }
        self.string_to(special(bytes), kept, bytes, visitor)
    }

    /// Takes bytes of a string up to its end, to a cut or to what its first escapes leave, where `end` is the place of the
    /// first quotation mark or backslash.
    fn string_to<'b>(
        &mut self,
        end: Option<usize>,
        kept: Kept,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        if kept == Kept::Nowhere {
            return self.pass_over(end, bytes, visitor);
        }
        let (plain, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if !plain.is_empty() {
            self.lone_surrogate(kept, visitor);
            self.keep(kept, plain, visitor);
        }
        let Some((byte, behind)) = rest.split_first() else { return &[] };
        if *byte == b'\\' {
            return self.escapes(kept, rest, visitor).unwrap_or_else(|| {
                self.escape = Escape::Begun;
                behind
            });
        }
        self.lone_surrogate(kept, visitor);
        self.finish_string(kept, visitor);
        behind
    }

    /// Takes bytes of a string that nobody wants.
    fn pass_over<'b>(
        &mut self,
        end: Option<usize>,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        let mut found = end;
        let mut rest = bytes;
        while let Some([byte, behind @ ..]) = found.and_then(|found| rest.get(found..)) {
            if *byte == b'"' {
                self.finish_string(Kept::Nowhere, visitor);
                return behind;
            }
            let Some((_, behind)) = behind.split_first() else {
                self.escape = Escape::Begun;
                break;
            };
            rest = behind;
            found = special(rest);
        }
        &[]
    }

    /// Takes the escapes at the start of `bytes` with what stands between them, as far as they are whole; None if the first
    /// one is not, or if half a surrogate pair waits.
    fn escapes<'b>(
        &mut self,
        kept: Kept,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> Option<&'b [u8]> {
        if self.high != 0 {
            return None;
        }
        let mut plain = [0; escape::ROOM];
        let Undone { taken, written } = escape::undo(bytes, &mut plain);
        let rest = bytes.get(taken..).filter(|_| taken > 0)?;
        self.keep(kept, plain.get(..written)?, visitor);
        Some(rest)
    }

    fn keep(&mut self, kept: Kept, bytes: &[u8], visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        let limit = match kept {
            Kept::Nowhere => return,
            Kept::Text => {
                let path = &mut self.path;
                return self.utf8.push(bytes, &mut |piece| visitor.text(path, piece));
            }
            Kept::Key => limits::JSON_PATH_BYTES_MAX,
            Kept::Value => limits::JSON_SCALAR_BYTES_MAX,
        };
        if self.kept.len() + bytes.len() > limit {
            self.cut = true;
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }

    fn finish_string(&mut self, kept: Kept, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        match kept {
            Kept::Key => {
                self.path.key(&self.kept, self.cut, true, |path| visitor.place(path));
                self.state = State::Colon;
                return;
            }
            Kept::Value if !self.cut => {
                visitor.value(&mut self.path, Scalar::String(&lossy(&self.kept)));
            }
            Kept::Text => self.end_text(visitor),
            Kept::Value | Kept::Nowhere => {}
        }
        self.after_value();
    }

    fn end_text(&mut self, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        let path = &mut self.path;
        self.utf8.flush(&mut |piece| visitor.text(path, piece));
        visitor.text_end(&mut self.path);
    }

    /// Takes one byte of an escape sequence.
    fn escaped<'b>(
        &mut self,
        kept: Kept,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        let Some((byte, rest)) = bytes.split_first() else { return &[] };
        if kept == Kept::Nowhere {
            self.escape = Escape::None;
            return rest;
        }
        match self.escape {
            Escape::Unicode { digits, unit } => {
                let Some(digit) = char::from(*byte).to_digit(16) else {
                    self.broken();
                    return rest;
                };
                let unit = unit << 4 | u16::try_from(digit).unwrap_or(0);
                if digits < 3 {
                    self.escape = Escape::Unicode { digits: digits + 1, unit };
                } else {
                    self.escape = Escape::None;
                    self.code_unit(kept, unit, visitor);
                }
            }
            Escape::Begun | Escape::None => {
                self.escape = Escape::None;
                let plain: &[u8] = match byte {
                    b'"' => b"\"",
                    b'\\' => b"\\",
                    b'/' => b"/",
                    b'b' => b"\x08",
                    b'f' => b"\x0c",
                    b'n' => b"\n",
                    b'r' => b"\r",
                    b't' => b"\t",
                    b'u' => {
                        self.escape = Escape::Unicode { digits: 0, unit: 0 };
                        return rest;
                    }
                    _ => {
                        self.broken();
                        return rest;
                    }
                };
                self.lone_surrogate(kept, visitor);
                self.keep_whole(kept, plain, visitor);
            }
        }
        rest
    }

    /// Keeps complete characters that do not continue the bytes before them.
    fn keep_whole(
        &mut self,
        kept: Kept,
        bytes: &[u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) {
        if kept == Kept::Text {
            let path = &mut self.path;
            self.utf8.flush(&mut |piece| visitor.text(path, piece));
        }
        self.keep(kept, bytes, visitor);
    }

    fn code_unit(&mut self, kept: Kept, unit: u16, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        let character = match (self.high, unit) {
            (0, 0xd800..=0xdbff) => {
                self.high = unit;
                return;
            }
            (high, 0xdc00..=0xdfff) if high != 0 => {
                self.high = 0;
                let pair = 0x10000 + (u32::from(high - 0xd800) << 10) + u32::from(unit - 0xdc00);
                char::from_u32(pair)
            }
            (_, 0xd800..=0xdbff) => {
                self.lone_surrogate(kept, visitor);
                self.high = unit;
                return;
            }
            _ => {
                self.lone_surrogate(kept, visitor);
                char::from_u32(u32::from(unit))
            }
        };
        let mut buffer = [0; 4];
        let text = character.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut buffer);
        self.keep_whole(kept, text.as_bytes(), visitor);
    }

    fn lone_surrogate(&mut self, kept: Kept, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        if self.high != 0 {
            self.high = 0;
            self.keep_whole(kept, text::REPLACEMENT.as_bytes(), visitor);
        }
    }

    /// Takes bytes of a number or of `true`, `false`, `null`, up to the byte behind it.
    fn word<'b>(
        &mut self,
        bytes: &'b [u8],
        visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized),
    ) -> &'b [u8] {
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let end = bytes.iter().position(|byte| !inside(byte));
        let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.kept.len() + part.len() > limits::JSON_NUMBER_BYTES_MAX {
            self.broken();
            return rest;
        }
        if end.is_some() && self.kept.is_empty() {
            self.whole_word(part, visitor);
            return rest;
        }
        self.kept.extend_from_slice(part);
        if end.is_some() {
            self.finish_word(visitor);
        }
        rest
    }

    fn finish_word(&mut self, visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        let word = std::mem::take(&mut self.kept);
        self.whole_word(&word, visitor);
        self.kept = word;
    }

    fn whole_word(&mut self, word: &[u8], visitor: &mut (impl PlaceVisitor<Place = P> + ?Sized)) {
        let scalar = match word {
            b"null" => Scalar::Null,
            b"true" => Scalar::Bool(true),
            b"false" => Scalar::Bool(false),
            number => match std::str::from_utf8(number) {
                Ok(text) if is_number(number) => Scalar::Number(text),
                _ => return self.broken(),
            },
        };
        visitor.value(&mut self.path, scalar);
        self.after_value();
    }
}

/// `bytes` as text.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests;
