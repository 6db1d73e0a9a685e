//! What a scanner says and what it asks: values, paths and the interest in them; refuses to know any syntax.

use super::paths::Paths;

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
        if let Ok(count) = digits.parse() {
            return Some(count);
        }
        let (whole, decimals) = digits.split_once('.')?;
        decimals.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok()).flatten()
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

/// Who is told, by path. Paths join keys by dots, `#` is any array element; a `.` or `#` inside a key is mapped away.
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

/// Who is told, by what it has made of each path itself: of documents that are alike each path is looked at once.
pub trait PlaceVisitor {
    /// What it makes of a path.
    type Place: Copy + Default;

    /// What stands at `path`. The answer is remembered, so it must depend on the path alone.
    fn place(&self, path: &str) -> Self::Place;
    /// A container begins.
    fn enter(&mut self, at: &mut Paths<Self::Place>) -> Interest;
    /// A walked container ended.
    fn leave(&mut self, at: &mut Paths<Self::Place>);
    /// A string begins.
    fn string(&mut self, at: &mut Paths<Self::Place>) -> Take;
    /// A scalar; for strings only where [`Take::Value`] was asked.
    fn value(&mut self, at: &mut Paths<Self::Place>, value: Scalar<'_>);
    /// A piece of the text.
    fn text(&mut self, at: &mut Paths<Self::Place>, piece: &str);
    /// The text is complete.
    fn text_end(&mut self, at: &mut Paths<Self::Place>);
}

impl<V: Visitor + ?Sized> PlaceVisitor for V {
    type Place = ();

    fn place(&self, _: &str) {}
    fn enter(&mut self, at: &mut Paths<()>) -> Interest {
        Visitor::enter(self, at.as_str())
    }
    fn leave(&mut self, at: &mut Paths<()>) {
        Visitor::leave(self, at.as_str());
    }
    fn string(&mut self, at: &mut Paths<()>) -> Take {
        Visitor::string(self, at.as_str())
    }
    fn value(&mut self, at: &mut Paths<()>, value: Scalar<'_>) {
        Visitor::value(self, at.as_str(), value);
    }
    fn text(&mut self, at: &mut Paths<()>, piece: &str) {
        Visitor::text(self, at.as_str(), piece);
    }
    fn text_end(&mut self, at: &mut Paths<()>) {
        Visitor::text_end(self, at.as_str());
    }
}
