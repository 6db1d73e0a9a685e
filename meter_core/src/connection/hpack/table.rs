//! The dynamic table of HPACK: the fields sent of late, newest first, within a size that its sender sets.

use std::collections::VecDeque;

use super::Field;
use crate::limits;

/// What the standard adds to the bytes of each field.
const OVERHEAD: usize = 32;
/// The size that a connection begins with.
const BYTES_DEFAULT: usize = 4096;

/// See above. A sender may be allowed more than is kept here: what does not fit is unknown.
#[derive(Debug)]
pub(super) struct Table {
    fields: VecDeque<Field>,
    bytes: usize,
    most: usize,
}

/// The size of a field as the standard counts it.
pub(super) fn size(field: &Field) -> usize {
    let length = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
    length(&field.0) + length(&field.1) + OVERHEAD
}

impl Table {
    pub(super) fn new() -> Self {
        Self { fields: VecDeque::new(), bytes: 0, most: BYTES_DEFAULT }
    }

    /// The field at `place` from the newest.
    pub(super) fn get(&self, place: usize) -> Option<&Field> {
        self.fields.get(place)
    }

    pub(super) fn insert(&mut self, field: Field) {
        self.bytes += size(&field);
        self.fields.push_front(field);
        self.shrink();
    }

    pub(super) fn resize(&mut self, most: usize) {
        self.most = most.min(limits::HPACK_TABLE_BYTES_MAX);
        self.shrink();
    }

    /// Empties it. Whoever came late does not know its size either: an entry that is gone there is not asked for.
    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.bytes = 0;
        self.most = limits::HPACK_TABLE_BYTES_MAX;
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) {
        while self.bytes > self.most {
            let Some(field) = self.fields.pop_back() else { break };
            self.bytes -= size(&field);
        }
    }
}
