//! What of a request the model reads, kept for counting and for nothing else; refuses to know any dialect.

use std::fmt;

use crate::limits;
use crate::prompt_rules::{Detail, Size};

/// Width and height of a picture in a request.
pub type ImageSize = Size;

/// A picture in a request, as far as it can be told without fetching or decoding it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its size; None for a link, and for a format that is not known.
    pub size: Option<ImageSize>,
    /// How closely to look at it.
    pub detail: Detail,
}

/// The texts of a prompt and the numbers that change its token count. Its text is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    text: String,
    ends: Vec<usize>,
    /// Which of the texts, in order, are tool definitions.
    tool_texts: Vec<usize>,
    /// Messages or input items.
    pub messages: u32,
    /// Messages that carry a participant's name.
    pub names: u32,
    /// Tool definitions; each also is one of the texts, as JSON.
    pub tools: u32,
    /// One of the tools must be called.
    pub tool_forced: bool,
    /// Pictures, the first [`limits::IMAGES_MAX`] of them; no tokenizer counts their tokens.
    pub images: Vec<Image>,
    /// Audio clips, documents and further pictures.
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

    /// The texts that are tool definitions, as JSON.
    pub fn tool_texts(&self) -> impl Iterator<Item = &str> {
        self.tool_texts.iter().filter_map(|index| self.text_at(*index))
    }

    /// The texts that are no tool definitions.
    pub fn plain_texts(&self) -> impl Iterator<Item = &str> {
        let mut tools = self.tool_texts.iter().copied().peekable();
        self.texts().enumerate().filter_map(move |(index, text)| {
            let tool = tools.next_if_eq(&index).is_some();
            (!tool).then_some(text)
        })
    }

    /// A prompt of these texts, and whether each is a tool definition.
    #[cfg(test)]
    pub(crate) fn of_texts<'a>(texts: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let mut prompt = Self::default();
        for (text, tool) in texts {
            if tool {
                prompt.begin_tool();
            }
            assert!(prompt.push(text));
            prompt.end();
        }
        prompt
    }

    fn text_at(&self, index: usize) -> Option<&str> {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..*self.ends.get(index)?)
    }

    /// All texts together, in bytes.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Says that the text about to begin is a tool definition.
    pub(super) fn begin_tool(&mut self) {
        self.tools += 1;
        let next = self.ends.len();
        if next < limits::PROMPT_TEXTS_MAX && self.tool_texts.last() != Some(&next) {
            self.tool_texts.push(next);
        }
    }

    /// Counts a picture.
    pub(super) fn push_image(&mut self, image: Image) {
        if self.images.len() < limits::IMAGES_MAX {
            self.images.push(image);
        } else {
            self.media += 1;
        }
    }

    /// Adds to the text in progress; false if it no longer fits.
    pub(super) fn push(&mut self, piece: &str) -> bool {
        let fits = self.text.len() + piece.len() <= limits::PROMPT_TEXT_BYTES_MAX;
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    /// Ends the text in progress; an empty one is none, and those beyond the bound are one.
    pub(super) fn end(&mut self) {
        let end = self.text.len();
        if self.ends.last().copied().unwrap_or(0) == end {
            return;
        }
        let full = self.ends.len() >= limits::PROMPT_TEXTS_MAX;
        match self.ends.last_mut() {
            Some(last) if full => *last = end,
            _ => self.ends.push(end),
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
            .field("tool_texts", &self.tool_texts)
            .field("tool_forced", &self.tool_forced)
            .field("images", &self.images)
            .field("media", &self.media)
            .field("token_ids", &self.token_ids)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_definitions_are_told_from_other_texts() {
        let prompt = Prompt::of_texts([("{1}", true), ("a", false), ("b", false), ("{2}", true)]);

        assert_eq!(prompt.texts().collect::<Vec<_>>(), ["{1}", "a", "b", "{2}"]);
        assert_eq!(prompt.tool_texts().collect::<Vec<_>>(), ["{1}", "{2}"]);
        assert_eq!(prompt.plain_texts().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn texts_beyond_the_bound_are_one() {
        let mut prompt = Prompt::default();
        for _ in 0..limits::PROMPT_TEXTS_MAX + 5 {
            prompt.begin_tool();
            prompt.begin_tool();
            assert!(prompt.push("a"));
            prompt.end();
        }

        assert_eq!(prompt.texts().count(), limits::PROMPT_TEXTS_MAX);
        assert_eq!(prompt.texts().last(), Some("aaaaaa"));
        assert_eq!(prompt.tool_texts().count(), limits::PROMPT_TEXTS_MAX);
        assert_eq!(prompt.tool_texts.len(), limits::PROMPT_TEXTS_MAX);
    }

    #[test]
    fn pictures_beyond_the_bound_are_media() {
        let mut prompt = Prompt::default();
        (0..limits::IMAGES_MAX + 2).for_each(|_| prompt.push_image(Image::default()));

        assert_eq!((prompt.images.len(), prompt.media), (limits::IMAGES_MAX, 2));
    }
}
