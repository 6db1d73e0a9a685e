//! The path of the value a scanner stands at, `choices.#.delta.content`, and what its visitor made of every path met before;
//! refuses to know JSON syntax.
//!
//! The documents of a stream are alike: the same keys in the same order. So a path, once met, is kept as a step below that of
//! its container, with what the visitor made of it, and the next key is first looked for where it stood the last time.

use memchr::memchr2;

use crate::limits;

/// Written instead of `.` and `#` inside a key, for an empty key and for what is beyond the limit, so that no key can pose as
/// another path. It cannot stand in any path a dialect asks for.
const MAPPED: char = '\u{1f}';
/// The segment of any element of an array.
const ELEMENT: &str = "#";
/// Steps of one container looked at for a key; one that is not found is met anew, which costs time and nothing else.
const LOOKS_MAX: usize = 16;
/// Steps and bytes of a segment that documents usually have, for which room is made at once.
const STEPS_USUAL: usize = 32;
const SEGMENT_BYTES_USUAL: usize = 12;
/// No step.
const NONE: usize = usize::MAX;

/// One path, by its last segment.
#[derive(Debug)]
struct Step<P> {
    /// Where the segment begins and ends in the text of all.
    segment: (usize, usize),
    /// JSON spells the segment as it is here.
    plain: bool,
    /// What the visitor made of the path.
    place: P,
    /// The first step below.
    first: usize,
    /// The next step below the same container.
    next: usize,
}

/// A container that is open.
#[derive(Debug)]
struct Open {
    array: bool,
    /// The length of its own path.
    own: usize,
    step: usize,
    /// The step below it that was taken last.
    last: usize,
}

/// A path, the way back up, and the steps that were taken before.
#[derive(Debug)]
pub struct Paths<P> {
    steps: Vec<Step<P>>,
    /// The segments of all steps.
    segments: String,
    open: Vec<Open>,
    at: usize,
    place: P,
    /// The path that was last spelt out.
    text: String,
    /// It is the current one, not that of the innermost container.
    spelt: bool,
}

impl<P: Copy + Default> Paths<P> {
    pub(super) fn new() -> Self {
        Self {
            steps: Vec::new(),
            segments: String::new(),
            open: Vec::new(),
            at: 0,
            place: P::default(),
            text: String::new(),
            spelt: true,
        }
    }

    /// The path as text.
    pub fn as_str(&mut self) -> &str {
        self.spell();
        &self.text
    }

    /// What the visitor made of the path.
    pub const fn place(&self) -> P {
        self.place
    }

    pub(super) const fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether the innermost container is an array; `None` outside of all.
    pub(super) fn in_array(&self) -> Option<bool> {
        self.open.last().map(|open| open.array)
    }

    /// Stands before a document, whose path is empty; `place` is asked the first time.
    pub(super) fn begin(&mut self, place: impl FnOnce(&str) -> P) {
        if self.steps.is_empty() {
            self.steps.reserve(STEPS_USUAL);
            self.segments.reserve(STEPS_USUAL * SEGMENT_BYTES_USUAL);
            self.text.reserve(STEPS_USUAL * 2);
            self.place = place("");
            let segment = (0, 0);
            self.steps.push(Step { segment, plain: false, place: self.place, first: NONE, next: NONE });
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.spelt = true;
        self.open.clear();
        self.stand(0);
    }

    /// Opens a container at the current path.
    pub(super) fn enter(&mut self, array: bool, place: impl FnOnce(&str) -> P) {
        self.spell();
        self.open.push(Open { array, own: self.text.len(), step: self.at, last: NONE });
        if array && !self.find(ELEMENT.as_bytes()) {
            self.add(ELEMENT, false, place);
        }
    }

    /// Closes the innermost container; the path is its own again.
    pub(super) fn leave(&mut self) {
        if let Some(Open { own, step, .. }) = self.open.pop() {
            self.text.truncate(own);
            self.spelt = true;
            self.stand(step);
        }
    }

    /// Moves to the member whose key stands at the start of `bytes`, behind its quotation mark, if it is the one that followed
    /// the last time; how many bytes it takes.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        let next = self.expected();
        let step = self.steps.get(next).filter(|step| step.plain)?;
        let (start, end) = step.segment;
        let rest = bytes.strip_prefix(self.segments.as_bytes().get(start..end)?)?;
        if rest.first() != Some(&b'"') {
            return None;
        }
        self.take(next);
        Some(end - start + 1)
    }

    /// Moves to the member `key` of the innermost object. `escaped` tells whether JSON spelt it another way.
    pub(super) fn key(&mut self, key: &[u8], cut: bool, escaped: bool, place: impl FnOnce(&str) -> P) {
        if !cut && !key.is_empty() && key != ELEMENT.as_bytes() && self.find(key) {
            return;
        }
        let own = self.open.last().map_or(0, |open| open.own);
        let long = |len| cut || own + len >= limits::JSON_PATH_BYTES_MAX;
        match std::str::from_utf8(key) {
            _ if long(key.len()) => self.mapped("\u{1f}", place),
            Ok(name) if !key.is_empty() && memchr2(b'.', b'#', key).is_none() => {
                self.add(name, !escaped, place);
            }
            _ => {
                let mut mapped = String::from_utf8_lossy(key).replace(['.', '#'], "\u{1f}");
                mapped.push(MAPPED);
                // A byte that is no UTF-8 has become three.
                self.mapped(if long(mapped.len()) { "\u{1f}" } else { &mapped }, place);
            }
        }
    }

    fn mapped(&mut self, segment: &str, place: impl FnOnce(&str) -> P) {
        if !self.find(segment.as_bytes()) {
            self.add(segment, false, place);
        }
    }

    /// The step behind the one that was taken last.
    fn expected(&self) -> usize {
        let Some(open) = self.open.last() else { return NONE };
        match self.steps.get(open.last) {
            Some(last) => last.next,
            None => self.first(open),
        }
    }

    fn first(&self, open: &Open) -> usize {
        self.steps.get(open.step).map_or(NONE, |step| step.first)
    }

    /// Takes the step with this segment, if it is found soon: behind the last one or, from the first one on, before it.
    fn find(&mut self, segment: &[u8]) -> bool {
        let mut at = self.expected();
        let mut again = true;
        for _ in 0..LOOKS_MAX {
            if at == NONE && std::mem::take(&mut again) {
                at = self.open.last().map_or(NONE, |open| self.first(open));
            }
            let Some(step) = self.steps.get(at) else { return false };
            let (start, end) = step.segment;
            if self.segments.as_bytes().get(start..end) == Some(segment) {
                self.take(at);
                return true;
            }
            at = step.next;
        }
        false
    }

    /// Makes a step below the innermost container, behind the one that was taken last, and takes it.
    fn add(&mut self, segment: &str, plain: bool, place: impl FnOnce(&str) -> P) {
        let bytes = self.segments.len() + segment.len();
        if self.steps.len() >= limits::JSON_PATHS_MAX || bytes > limits::JSON_PATHS_BYTES_MAX {
            self.forget();
        }
        let start = self.segments.len();
        self.segments.push_str(segment);
        let segment = (start, self.segments.len());
        let new = self.steps.len();
        let (container, last) = self.open.last().map_or((NONE, NONE), |open| (open.step, open.last));
        let slot = match self.steps.get_mut(last) {
            Some(last) => Some(&mut last.next),
            None => self.steps.get_mut(container).map(|container| &mut container.first),
        };
        let next = slot.map_or(NONE, |slot| std::mem::replace(slot, new));
        self.steps.push(Step { segment, plain, place: P::default(), first: NONE, next });
        self.take(new);
        self.spell();
        self.place = place(&self.text);
        if let Some(step) = self.steps.last_mut() {
            step.place = self.place;
        }
    }

    /// Forgets all steps but those that lead to the innermost container.
    fn forget(&mut self) {
        let kept = self.open.iter().map(|open| open.step).collect::<Vec<_>>();
        let all = std::mem::take(&mut self.segments);
        let mut old = std::mem::take(&mut self.steps).into_iter().map(Some).collect::<Vec<_>>();
        for (at, index) in kept.iter().enumerate() {
            let Some(mut step) = old.get_mut(*index).and_then(Option::take) else { continue };
            let (start, end) = step.segment;
            let begin = self.segments.len();
            self.segments.push_str(all.get(start..end).unwrap_or_default());
            step.segment = (begin, self.segments.len());
            step.next = NONE;
            step.first = if at + 1 < kept.len() { at + 1 } else { NONE };
            self.steps.push(step);
        }
        let innermost = self.open.len().saturating_sub(1);
        for (at, open) in self.open.iter_mut().enumerate() {
            open.step = at;
            open.last = if at < innermost { at + 1 } else { NONE };
        }
    }

    fn take(&mut self, step: usize) {
        if let Some(open) = self.open.last_mut() {
            open.last = step;
        }
        self.spelt = false;
        self.stand(step);
    }

    fn stand(&mut self, step: usize) {
        self.at = step;
        if let Some(step) = self.steps.get(step) {
            self.place = step.place;
        }
    }

    fn spell(&mut self) {
        if self.spelt {
            return;
        }
        self.spelt = true;
        let own = self.open.last().map_or(0, |open| open.own);
        self.text.truncate(own);
        let (start, end) = self.steps.get(self.at).map_or((0, 0), |step| step.segment);
        if own > 0 {
            self.text.push('.');
        }
        self.text.push_str(self.segments.get(start..end).unwrap_or_default());
    }
}
