//! The countable parts of a prompt: its texts and how many things frame them. It lives for the time of admission only.

/// Texts and counts of one request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    text: String,
    ends: Vec<usize>,
    /// Messages.
    pub messages: u32,
    /// Messages that carry a name.
    pub names: u32,
    /// Tool definitions.
    pub tools: u32,
    /// Images, sounds and documents; their bytes are not text.
    pub media: u32,
    /// Tokens given as ids.
    pub token_ids: u64,
}

impl Prompt {
    /// The texts, each counted for itself.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().filter_map(move |end| {
            let text = self.text.get(start..*end);
            start = *end;
            text
        })
    }

    /// Adds to the text that has not ended.
    pub(super) fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Ends the text.
    pub(super) fn end(&mut self) {
        if self.ends.last() != Some(&self.text.len()) {
            self.ends.push(self.text.len());
        }
    }
}

/// Shows counts only: a prompt is never printed, not even by accident.
impl std::fmt::Debug for Prompt {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "Prompt {{ {} texts, {} bytes, {} messages }}",
            self.ends.len(),
            self.text.len(),
            self.messages
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_borders_and_are_never_shown() {
        let mut prompt = Prompt::default();
        for pieces in [vec!["se", "cret"], vec![], vec!["two"]] {
            pieces.into_iter().for_each(|piece| prompt.push(piece));
            prompt.end();
        }

        assert_eq!(prompt.texts().collect::<Vec<_>>(), ["secret", "two"]);
        assert!(!format!("{prompt:?}").contains("secret"));
    }
}
