//! The joined path of the value a scanner stands at: `choices.#.delta.content`; refuses to know JSON syntax.

use memchr::memchr2;

use crate::limits;

/// Written instead of `.` and `#` inside a key, for an empty key and for what is beyond the limit, so that no key can pose as
/// another path. It cannot stand in any path a dialect asks for.
const MAPPED: char = '\u{1f}';

/// A path and the way back up.
#[derive(Debug, Default)]
pub(super) struct Path {
    text: String,
    /// For each open container, whether it is an array and the length of its own path.
    open: Vec<(bool, usize)>,
}

impl Path {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether the innermost container is an array; `None` outside of all.
    pub(super) fn in_array(&self) -> Option<bool> {
        self.open.last().map(|(array, _)| *array)
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.open.clear();
    }

    /// Opens a container at the current path.
    pub(super) fn enter(&mut self, array: bool) {
        self.open.push((array, self.text.len()));
        if array {
            self.join("#");
        }
    }

    /// Closes the innermost container; the path is its own again.
    pub(super) fn leave(&mut self) {
        if let Some((_, own)) = self.open.pop() {
            self.text.truncate(own);
        }
    }

    /// Moves to the member `key` of the innermost object.
    pub(super) fn key(&mut self, key: &[u8], cut: bool) {
        let own = self.open.last().map_or(0, |(_, own)| *own);
        self.text.truncate(own);
        if cut || self.text.len() + key.len() >= limits::JSON_PATH_BYTES_MAX {
            return self.join("\u{1f}");
        }
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        match std::str::from_utf8(key) {
            Ok(name) if !key.is_empty() && key.iter().all(plain) => self.join(name),
            Ok(plain) if !key.is_empty() && memchr2(b'.', b'#', key).is_none() => self.join(plain),
            _ => {
                let mut mapped = String::from_utf8_lossy(key).replace(['.', '#'], "\u{1f}");
                mapped.push(MAPPED);
                self.join(&mapped);
            }
        }
    }

    fn join(&mut self, segment: &str) {
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(segment);
    }
}
