//! The headers of one message as the capture adapter saw them; lookup only, no meaning of any single header.

/// Name and value pairs in wire order, names in any case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a>(pub &'a [(&'a [u8], &'a [u8])]);

impl<'a> Headers<'a> {
    /// The value of the first header called `name`, whatever the case; `None` if there is none.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    /// The media type of `content-type` in lower case, without parameters: `application/json`.
    pub fn media_type(self) -> Option<String> {
        let value = self.get("content-type")?;
        let bare = value.split(|byte| *byte == b';').next().unwrap_or(value).trim_ascii();
        Some(String::from_utf8_lossy(bare).to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_first_wins() {
        let pairs: [(&[u8], &[u8]); 3] =
            [(b"Content-Type", b"Text/Event-Stream; charset=utf-8"), (b"X-A", b"1"), (b"x-a", b"2")];
        let headers = Headers(&pairs);

        assert_eq!(headers.get("x-A"), Some(b"1".as_slice()));
        assert_eq!(headers.get("x-b"), None);
        assert_eq!(headers.media_type().as_deref(), Some("text/event-stream"));
    }
}
