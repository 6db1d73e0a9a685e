//! A push scanner for JSON: bytes in any cut, values out as they complete, by path. Memory does not grow with the
//! document. It builds no tree and knows no dialect; what breaks is a defect, and scanning stops there.

mod path;
mod text;

use crate::limits;
use crate::usage::{Defect, Defects};
use path::Path;
use text::{Progress, Text};

/// A value that is not a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string, cut after `limits::JSON_SCALAR_BYTES_MAX` bytes.
    Text(&'a str),
    /// A number as it was written.
    Number(&'a str),
    /// true or false.
    Bool(bool),
    /// null.
    Null,
}

impl Scalar<'_> {
    /// A whole number that is not negative; fractions of zero (`12.0`) are accepted.
    pub fn count(self) -> Option<u64> {
        let Scalar::Number(text) = self else { return None };
        let whole = text.split_once('.').map_or(text, |(whole, zeros)| {
            if zeros.bytes().all(|digit| digit == b'0') { whole } else { text }
        });
        whole.parse().ok()
    }

    /// A string's text.
    pub const fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Bool(_) | Self::Null => None,
        }
    }
}

/// Who is told what the scanner finds.
pub trait Visitor {
    /// Whether the string at `path` is wanted whole, in pieces; otherwise it comes as a [`Scalar`].
    fn wants_text(&mut self, path: &str) -> bool;
    /// The next piece of a wanted string.
    fn text(&mut self, path: &str, piece: &str);
    /// A wanted string has ended.
    fn text_end(&mut self, path: &str);
    /// A value that is not a container.
    fn scalar(&mut self, path: &str, value: Scalar<'_>);
    /// An object or array begins.
    fn open(&mut self, path: &str);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must come; in an empty array its end may.
    Value {
        or_end: bool,
    },
    /// A key must come; in an empty object its end may.
    Key {
        or_end: bool,
    },
    Colon,
    AfterValue,
    InKey,
    InText,
    InScalar,
    /// A number, true, false or null.
    InWord,
    Done,
    Broken,
}

/// Scans one document.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    path: Path,
    /// Whether each open container is an array.
    arrays: Vec<bool>,
    text: Text,
    word: Vec<u8>,
    defects: Defects,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Value { or_end: false },
            path: Path::default(),
            arrays: Vec::new(),
            text: Text::default(),
            word: Vec::new(),
            defects: Defects::default(),
        }
    }
}

impl Scanner {
    /// What was wrong so far.
    pub const fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether the document has come to its end.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Makes the scanner ready for another document, keeping its memory.
    pub fn restart(&mut self) {
        while self.path.depth() > 0 {
            self.path.pop();
        }
        self.arrays.clear();
        self.text.clear();
        self.word.clear();
        self.state = State::Value { or_end: false };
        self.defects = Defects::default();
    }

    /// Scans the next bytes.
    pub fn feed(&mut self, bytes: &[u8], visitor: &mut impl Visitor) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.state {
                State::InKey | State::InText | State::InScalar => self.string(rest, visitor),
                State::InWord => self.word(rest, visitor),
                State::Done | State::Broken => return,
                _ => {
                    self.structure(rest[0], visitor);
                    1
                }
            };
        }
    }

    /// The bytes have ended; a document that has not is truncated.
    pub fn end(&mut self, visitor: &mut impl Visitor) {
        if self.state == State::InWord && self.arrays.is_empty() {
            self.finish_word(visitor);
        }
        if !matches!(self.state, State::Done | State::Broken) {
            self.defects.insert(Defect::Truncated);
            self.state = State::Broken;
        }
    }

    fn structure(&mut self, byte: u8, visitor: &mut impl Visitor) {
        match (self.state, byte) {
            (_, b' ' | b'\n' | b'\r' | b'\t') => {}
            (State::Value { .. }, b'{') => self.enter(false, visitor),
            (State::Value { .. }, b'[') => self.enter(true, visitor),
            (State::Value { .. }, b'"') => {
                self.text.clear();
                let wanted = visitor.wants_text(self.path.as_str());
                self.state = if wanted { State::InText } else { State::InScalar };
            }
            (State::Value { or_end: true }, b']') | (State::Key { or_end: true }, b'}') => self.leave(),
            (State::Value { .. }, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.word.clear();
                self.word.push(byte);
                self.state = State::InWord;
            }
            (State::Key { .. }, b'"') => {
                self.text.clear();
                self.state = State::InKey;
            }
            (State::Colon, b':') => self.state = State::Value { or_end: false },
            (State::AfterValue, b',') => match self.arrays.last() {
                Some(true) => {
                    self.path.push_index();
                    self.state = State::Value { or_end: false };
                }
                Some(false) => self.state = State::Key { or_end: false },
                None => self.broken(Defect::Malformed),
            },
            (State::AfterValue, b'}') if self.arrays.last() == Some(&false) => self.leave(),
            (State::AfterValue, b']') if self.arrays.last() == Some(&true) => self.leave(),
            _ => self.broken(Defect::Malformed),
        }
    }

    fn enter(&mut self, array: bool, visitor: &mut impl Visitor) {
        if self.arrays.len() >= limits::JSON_DEPTH_MAX {
            self.broken(Defect::TooDeep);
            return;
        }
        visitor.open(self.path.as_str());
        self.arrays.push(array);
        if array {
            self.path.push_index();
            self.state = State::Value { or_end: true };
        } else {
            self.state = State::Key { or_end: true };
        }
    }

    /// A container ends: `]` in an empty array still stands on the segment of its first element.
    fn leave(&mut self) {
        if self.state == (State::Value { or_end: true }) {
            self.path.pop();
        }
        self.arrays.pop();
        self.value_done();
    }

    fn value_done(&mut self) {
        if self.arrays.is_empty() {
            self.state = State::Done;
        } else {
            self.path.pop();
            self.state = State::AfterValue;
        }
    }

    fn string(&mut self, rest: &[u8], visitor: &mut impl Visitor) -> usize {
        let wanted = self.state == State::InText;
        let keep = wanted || self.text.len() < limits::JSON_SCALAR_BYTES_MAX;
        // What is kept is handed on or cut in small steps; what is not is skipped at once.
        let window = if keep { &rest[..rest.len().min(limits::JSON_TEXT_WINDOW_BYTES)] } else { rest };
        let progress = self.text.feed(window, keep);
        if !wanted {
            self.text.truncate(limits::JSON_SCALAR_BYTES_MAX);
        }
        let Progress::Ended(used) = progress else {
            if wanted {
                let path = self.path.as_str();
                self.text.drain(false, |piece| visitor.text(path, piece));
            }
            return window.len();
        };
        match self.state {
            State::InKey => {
                self.path.push_key(&self.text.as_str());
                self.state = State::Colon;
            }
            State::InText => {
                let path = self.path.as_str();
                self.text.drain(true, |piece| visitor.text(path, piece));
                visitor.text_end(path);
                self.value_done();
            }
            _ => {
                visitor.scalar(self.path.as_str(), Scalar::Text(&self.text.as_str()));
                self.value_done();
            }
        }
        used
    }

    fn word(&mut self, rest: &[u8], visitor: &mut impl Visitor) -> usize {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        if self.word.len() + length > limits::JSON_SCALAR_BYTES_MAX {
            self.broken(Defect::Malformed);
            return length;
        }
        self.word.extend_from_slice(&rest[..length]);
        if length < rest.len() {
            self.finish_word(visitor);
        }
        length
    }

    fn finish_word(&mut self, visitor: &mut impl Visitor) {
        let word = std::str::from_utf8(&self.word).unwrap_or_default();
        let value = match word {
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            "null" => Scalar::Null,
            number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                Scalar::Number(number)
            }
            _ => {
                self.broken(Defect::Malformed);
                return;
            }
        };
        visitor.scalar(self.path.as_str(), value);
        self.value_done();
    }

    fn broken(&mut self, defect: Defect) {
        self.defects.insert(defect);
        self.state = State::Broken;
    }
}

#[cfg(test)]
mod tests;
