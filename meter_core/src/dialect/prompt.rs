//! What of a request the model reads, kept for counting and for nothing else; refuses to know any dialect.

use std::fmt;

use crate::limits;

/// The texts of a prompt and the numbers that change its token count. Its text is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    text: String,
    ends: Vec<usize>,
    /// Messages or input items.
    pub messages: u32,
    /// Messages that carry a participant's name.
    pub names: u32,
    /// Tool definitions; each also is one of the texts, as JSON.
    pub tools: u32,
    /// Images, audio clips and documents, whose tokens no tokenizer counts.
    pub media: u32,
    /// Tokens given as ids instead of text.
    pub token_ids: u64,
}

impl Prompt {
    /// The texts, in the order of the request.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.text.get(start..*end))
    }

    /// All texts together, in bytes.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Adds to the text in progress; false if it no longer fits.
    pub(super) fn push(&mut self, piece: &str) -> bool {
        let fits = self.text.len() + piece.len() <= limits::PROMPT_TEXT_BYTES_MAX;
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    /// Ends the text in progress; an empty one is none.
    pub(super) fn end(&mut self) {
        if self.ends.last().copied().unwrap_or(0) < self.text.len() {
            self.ends.push(self.text.len());
        }
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Prompt")
            .field("text_bytes", &self.text.len())
            .field("texts", &self.ends.len())
            .field("messages", &self.messages)
            .field("names", &self.names)
            .field("tools", &self.tools)
            .field("media", &self.media)
            .field("token_ids", &self.token_ids)
            .finish()
    }
}
