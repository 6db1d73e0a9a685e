//! Fields of a `multipart/form-data` body (RFC 7578), as uploads of audio and images send them; files are stepped over.

use memchr::memmem;

use crate::limits;

/// The named text fields of `body`, in order; fewer if the body is broken or has more than [`limits::FORM_FIELDS_MAX`] parts.
pub(super) fn fields<'a>(content_type: &[u8], body: &'a [u8]) -> Vec<(&'a str, &'a str)> {
    let Some(boundary) = parameter(content_type, "boundary") else { return Vec::new() };
    let delimiter = [b"--", boundary].concat();
    let finder = memmem::Finder::new(&delimiter);
    let mut fields = Vec::new();
    let mut rest = body;
    for _ in 0..limits::FORM_FIELDS_MAX {
        let Some(start) = finder.find(rest) else { break };
        rest = rest.get(start + delimiter.len()..).unwrap_or_default();
        let part = rest.get(..finder.find(rest).unwrap_or(0)).unwrap_or_default();
        fields.extend(field(part));
    }
    fields
}

/// Name and value of one part between two delimiters, if it is a text field.
fn field(part: &[u8]) -> Option<(&str, &str)> {
    let head_end = memmem::find(part, b"\r\n\r\n")?;
    let (head, value) = part.split_at(head_end);
    let disposition = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| {
        line.split(|byte| *byte == b':')
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(b"content-disposition"))
    })?;
    if parameter(disposition, "filename").is_some() {
        return None;
    }
    let name = std::str::from_utf8(parameter(disposition, "name")?).ok()?;
    let value = value.strip_prefix(b"\r\n\r\n")?;
    Some((name, std::str::from_utf8(value.strip_suffix(b"\r\n").unwrap_or(value)).ok()?))
}

/// The parameter `name` of a header value, without quotes.
fn parameter<'a>(header: &'a [u8], name: &str) -> Option<&'a [u8]> {
    header.split(|byte| *byte == b';').skip(1).find_map(|piece| {
        let equals = memchr::memchr(b'=', piece)?;
        let (key, value) = piece.split_at(equals);
        let value = value.get(1..)?.trim_ascii();
        let bare = value.strip_prefix(b"\"").and_then(|open| open.strip_suffix(b"\"")).unwrap_or(value);
        (key.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) && !bare.is_empty()).then_some(bare)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &[u8] = b"multipart/form-data; boundary=\"xyz\"";

    #[test]
    fn text_fields_are_read_and_files_are_not() {
        let body = b"preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n\
            --xyz\r\ncontent-disposition: form-data; name=file; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\xff\0\r\n\
            --xyz\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\ntwo\r\nlines\r\n--xyz--\r\n";

        assert_eq!(fields(TYPE, body), [("model", "whisper"), ("prompt", "two\r\nlines")]);
        assert_eq!(fields(b"multipart/form-data", body), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_accepted(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just(b"--xyz".to_vec()), Just(b"\r\n".to_vec()), Just(b"Content-Disposition: form-data; name=".to_vec()),
                    Just(b"\"".to_vec()), Just(b";".to_vec()), proptest::collection::vec(any::<u8>(), 0..5),
                ], 0..40)
        ) {
            fields(TYPE, &parts.concat());
        }
    }
}
