//! How AWS names an error: in a header field of the reply or beside its message; refuses to know any service.

use super::name;
use crate::headers::Headers;
use crate::json_scan::Scalar;

/// The name of a reply's error; the header field's where both stand.
#[derive(Clone, Debug, Default)]
pub(super) struct AwsError {
    header: Option<String>,
    body: Option<String>,
}

impl AwsError {
    /// The path in a body.
    pub(super) const PATH: &'static str = "__type";

    /// What the header fields say: `ValidationException:http://...`.
    pub(super) fn of_headers(headers: Headers<'_>) -> Self {
        let field = headers.get("x-amzn-errortype").map(String::from_utf8_lossy);
        let header =
            field.as_deref().and_then(|field| name(field.split(':').next().unwrap_or_default().trim()));
        Self { header, body: None }
    }

    /// The scalar at [`Self::PATH`], behind its namespace: `com.amazon.coral.service#ThrottlingException`.
    pub(super) fn value(&mut self, value: Scalar<'_>) {
        self.body = value.text().and_then(|text| name(text.rsplit('#').next().unwrap_or(text)));
    }

    /// The name.
    pub(super) fn code(&self) -> Option<String> {
        self.header.clone().or_else(|| self.body.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_without_its_namespace() {
        let fields: [(&[u8], &[u8]); 1] = [(b"x-amzn-ErrorType", b"ValidationException:http://internal/")];
        let mut error = AwsError::default();
        error.value(Scalar::String("com.amazon.coral.service#ThrottlingException"));

        assert_eq!(error.code().as_deref(), Some("ThrottlingException"));
        assert_eq!(AwsError::of_headers(Headers(&fields)).code().as_deref(), Some("ValidationException"));
        assert_eq!(AwsError::of_headers(Headers(&[])).code(), None);
    }
}
