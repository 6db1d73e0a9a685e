//! Where the scanner stands in a document, as one string that dialects can match on: `choices.#.delta.content`.

use crate::limits;

/// A joined path. `#` stands for any array index; a key cannot forge a path, because its own `.` and `#` are replaced.
#[derive(Debug, Default)]
pub(super) struct Path {
    joined: String,
    /// Length of `joined` before each segment was added.
    starts: Vec<usize>,
}

/// What replaces the separator, the index mark and keys that do not fit.
const MASK: char = '\u{fffd}';

impl Path {
    pub(super) fn as_str(&self) -> &str {
        &self.joined
    }

    pub(super) fn depth(&self) -> usize {
        self.starts.len()
    }

    pub(super) fn push_index(&mut self) {
        self.start();
        self.joined.push('#');
    }

    pub(super) fn push_key(&mut self, key: &str) {
        self.start();
        if self.joined.len() + key.len() > limits::JSON_PATH_BYTES_MAX {
            self.joined.push(MASK);
        } else if key.contains(['.', '#']) {
            self.joined.extend(key.chars().map(|c| if matches!(c, '.' | '#') { MASK } else { c }));
        } else {
            self.joined.push_str(key);
        }
    }

    pub(super) fn pop(&mut self) {
        if let Some(start) = self.starts.pop() {
            self.joined.truncate(start);
        }
    }

    fn start(&mut self) {
        self.starts.push(self.joined.len());
        if !self.joined.is_empty() {
            self.joined.push('.');
        }
    }
}
