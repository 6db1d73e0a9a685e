//! What a scanner says and what it asks: values, paths and the interest in them; refuses to know any syntax.

/// A scalar value. Strings are unescaped and at most [`crate::limits::JSON_SCALAR_BYTES_MAX`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as written.
    Number(&'a str),
    /// A short string.
    String(&'a str),
}

impl<'a> Scalar<'a> {
    /// A count: a non-negative integer, also when written with zero decimals (`12.0`) or as text. Anything else is `None`.
    pub fn count(self) -> Option<u64> {
        let (Scalar::Number(digits) | Scalar::String(digits)) = self else { return None };
        let whole = match digits.split_once('.') {
            Some((whole, decimals)) if decimals.bytes().all(|byte| byte == b'0') => whole,
            Some(_) => return None,
            None => digits,
        };
        whole.parse().ok()
    }

    /// The text of a string.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Scalar::String(text) => Some(text),
            _ => None,
        }
    }
}

/// What to do with a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Step over it, fast.
    Skip,
    /// Visit it as a [`Scalar::String`]; too long ones are stepped over.
    Value,
    /// Hand on its text in pieces, however long.
    Text,
}

/// What to do with an object or array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Visit what is in it.
    Walk,
    /// Step over it, fast and without checking its syntax.
    Skip,
    /// Hand on its JSON text in pieces, as written.
    Raw,
}

/// Who is told. Paths join keys by dots, `#` is any array element; a `.` or `#` inside a key is mapped away.
pub trait Visitor {
    /// A container begins at `path`.
    fn enter(&mut self, path: &str) -> Interest {
        let _ = path;
        Interest::Walk
    }
    /// A walked container at `path` ended.
    fn leave(&mut self, path: &str) {
        let _ = path;
    }
    /// A string begins at `path`.
    fn string(&mut self, path: &str) -> Take;
    /// A scalar at `path`; for strings only where [`Take::Value`] was asked.
    fn value(&mut self, path: &str, value: Scalar<'_>);
    /// A piece of the text at `path`.
    fn text(&mut self, path: &str, piece: &str) {
        let _ = (path, piece);
    }
    /// The text at `path` is complete.
    fn text_end(&mut self, path: &str) {
        let _ = path;
    }
}
