//! Where the scanner stands inside a document; refuses to know bytes.

/// What the next byte may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Value,
    FirstElement,
    FirstKey,
    Key,
    Colon,
    Comma,
    String(Kept),
    Number,
    Literal,
    /// Inside a container that nobody walks, at this depth below its start; in a string or not.
    Skim {
        depth: u64,
        string: bool,
        escaped: bool,
        raw: bool,
    },
    Done,
    Broken,
}

/// Where the bytes of the current string go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Key,
    Value,
    Text,
    Nowhere,
}

/// An escape sequence in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    None,
    Begun,
    Unicode { digits: u8, unit: u16 },
}
