//! What a content part of a request has shown of its media; its members come in any order. It refuses to know paths.

use super::image_size;
use super::prompt::{Image, ImageSize, Prompt};
use crate::prompt_rules::Detail;

/// Types of content parts that are pictures, and that are other media.
const PICTURES: [&str; 3] = ["image_url", "input_image", "image"];
const OTHER_MEDIA: [&str; 6] = ["input_audio", "audio", "video", "file", "input_file", "document"];

/// One content part.
#[derive(Default)]
pub(super) struct Piece {
    kind: Option<Media>,
    /// Data or a link was seen.
    data: bool,
    /// The text in progress is such data.
    reading: bool,
    /// The beginning of the data.
    head: String,
    size: Option<ImageSize>,
    detail: Detail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Picture,
    Other,
}

impl Piece {
    /// The type of the part is `kind`.
    pub(super) fn is(&mut self, kind: Option<&str>) {
        self.kind = kind.and_then(media).or(self.kind);
    }

    /// The picture is to be looked at as `detail` says.
    pub(super) fn looked_at(&mut self, detail: Option<&str>) {
        self.detail = match detail {
            Some("low") => Detail::Low,
            Some("high" | "original") => Detail::High,
            _ => Detail::Auto,
        };
    }

    /// Data or a link begins.
    pub(super) fn begin(&mut self) {
        self.data = true;
        self.reading = true;
        self.head.clear();
    }

    /// Whether data is being read.
    pub(super) const fn is_reading(&self) -> bool {
        self.reading
    }

    /// Keeps the beginning of the data.
    pub(super) fn push(&mut self, text: &str) {
        let room = image_size::HEAD_CHARS_MAX.saturating_sub(self.head.len());
        self.head.push_str(&text[..text.floor_char_boundary(room)]);
    }

    /// The data is complete.
    pub(super) fn end(&mut self) {
        self.reading = false;
        self.size = image_size::of_text(&self.head).or(self.size);
        self.head = String::new();
    }

    /// Counts the part's media among `prompt`'s and stands before the next part. A file that turns out to be a picture is one.
    pub(super) fn finish(&mut self, prompt: &mut Prompt) {
        let piece = std::mem::take(self);
        match piece.kind {
            Some(Media::Other) if piece.size.is_none() => prompt.media += 1,
            None if !piece.data => {}
            _ => prompt.push_image(Image { size: piece.size, detail: piece.detail }),
        }
    }
}

/// What media a content part of this type is, whether in a dialect's words or as a media type.
fn media(kind: &str) -> Option<Media> {
    if PICTURES.contains(&kind) || kind.starts_with("image/") {
        return Some(Media::Picture);
    }
    // Any other media type is a file, text among them.
    (OTHER_MEDIA.contains(&kind) || kind.contains('/')).then_some(Media::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures, those of a known size, and other media of a part of this type with this data.
    fn counted(kind: Option<&str>, data: Option<&str>) -> (usize, usize, u32) {
        let mut piece = Piece::default();
        piece.is(kind);
        if let Some(data) = data {
            piece.begin();
            data.split_inclusive(',').for_each(|text| piece.push(text));
            piece.end();
        }
        let mut prompt = Prompt::default();
        piece.finish(&mut prompt);
        piece.finish(&mut prompt);
        let sized = prompt.images.iter().filter(|image| image.size.is_some()).count();
        (prompt.images.len(), sized, prompt.media)
    }

    #[test]
    fn a_part_is_counted_by_its_type_or_by_what_its_data_is() {
        let gif = Some("data:image/gif;base64,R0lGODlhQAHIAA");
        for (kind, data, expected) in [
            (Some("text"), None, (0, 0, 0)),
            (Some("image"), None, (1, 0, 0)),
            (Some("image/webp"), gif, (1, 1, 0)),
            (None, gif, (1, 1, 0)),
            (Some("file"), gif, (1, 1, 0)),
            (Some("file"), Some("data:application/pdf;base64,JVBERi0"), (0, 0, 1)),
            (Some("audio/wav"), Some("UklGRg"), (0, 0, 1)),
            (Some("input_audio"), None, (0, 0, 1)),
            (Some("text/plain"), Some("MTIz"), (0, 0, 1)),
        ] {
            assert_eq!(counted(kind, data), expected, "{kind:?} {data:?}");
        }
    }
}
