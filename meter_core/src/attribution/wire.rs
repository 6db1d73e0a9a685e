//! What a message's own fields tell about who sent it: account, project, session, trace, client. It refuses to know bodies
//! (`dialect`), credentials (`fingerprint`), and what of this may be kept.

use super::software;
use crate::headers::Headers;
use crate::limits;

/// Fields in which coding agents name their session.
const SESSION_FIELDS: [&str; 3] = ["x-claude-code-session-id", "x-session-id", "session_id"];
/// Fields in which accounts are named, in requests and in answers.
const ORGANIZATION_FIELDS: [&str; 2] = ["openai-organization", "anthropic-organization-id"];
const PROJECT_FIELDS: [&str; 2] = ["openai-project", "x-goog-user-project"];
/// Length of a trace id in hexadecimal digits.
const TRACE_DIGITS: usize = 32;

/// What the fields of one message say; as it was sent, so a session is not to be kept like this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) organization: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) sdk: Option<String>,
}

impl Wire {
    /// What a request for `path` says.
    pub(crate) fn of_request(headers: Headers<'_>, path: &str) -> Self {
        Self {
            project: first(headers, &PROJECT_FIELDS).or_else(|| project_in(path)),
            session: first(headers, &SESSION_FIELDS),
            trace: trace(headers),
            sdk: software::of(headers),
            ..Self::of_answer(headers)
        }
    }

    /// What an answer says.
    pub(crate) fn of_answer(headers: Headers<'_>) -> Self {
        Self {
            organization: first(headers, &ORGANIZATION_FIELDS),
            project: first(headers, &PROJECT_FIELDS),
            ..Self::default()
        }
    }
}

fn first(headers: Headers<'_>, fields: &[&str]) -> Option<String> {
    fields.iter().filter_map(|field| headers.get(field)).find_map(visible)
}

/// A name of printable ASCII, of bounded length; anything else is none.
fn visible(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    let name = !value.is_empty()
        && value.len() <= limits::NAME_BYTES_MAX
        && value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    name.then(|| String::from_utf8_lossy(value).into_owned())
}

/// The project of `/v1/projects/{project}/locations/...`.
fn project_in(path: &str) -> Option<String> {
    let bare = path.split(['?', '#']).next().unwrap_or(path);
    let mut segments = bare.split('/').skip_while(|segment| *segment != "projects");
    let (_, project, locations) = (segments.next()?, segments.next()?, segments.next()?);
    (locations == "locations").then(|| visible(project.as_bytes())).flatten()
}

/// The trace id of a W3C `traceparent`.
fn trace(headers: Headers<'_>) -> Option<String> {
    let value = std::str::from_utf8(headers.get("traceparent")?).ok()?;
    let id = value.trim().split('-').nth(1)?;
    let hexadecimal = id.len() == TRACE_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hexadecimal && id.bytes().any(|byte| byte != b'0')).then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &str)], path: &str) -> Wire {
        let pairs: Vec<(&[u8], &[u8])> =
            fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        Wire::of_request(Headers(&pairs), path)
    }

    #[test]
    fn account_project_session_and_trace_are_read_from_their_fields() {
        let fields = [
            ("OpenAI-Organization", " org-1 "),
            ("openai-project", "proj_1"),
            ("X-Claude-Code-Session-Id", "s-1"),
            ("traceparent", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("user-agent", "curl/8.5.0"),
        ];
        let text = |name: &str| Some(name.to_owned());

        assert_eq!(
            request(&fields, "/v1/messages"),
            Wire {
                organization: text("org-1"),
                project: text("proj_1"),
                session: text("s-1"),
                trace: text("0af7651916cd43dd8448eb211c80319c"),
                sdk: text("curl/8.5.0"),
            }
        );
    }

    #[test]
    fn a_path_names_the_project_of_vertex() {
        let project = |path: &str| request(&[], path).project;

        assert_eq!(
            project("/v1/projects/p-1/locations/eu/publishers/google/models/m:x?a=b").as_deref(),
            Some("p-1")
        );
        assert_eq!(project("/v1/projects/p-1"), None);
        assert_eq!(project("/v1/projects//locations/eu"), None);
    }

    #[test]
    fn what_is_no_name_and_no_trace_is_not_kept() {
        let long = "x".repeat(limits::NAME_BYTES_MAX + 1);
        for value in ["", "  ", "a\u{e9}", &long] {
            assert_eq!(
                request(&[("openai-organization", value), ("x-session-id", value)], "/"),
                Wire::default()
            );
        }
        for value in [
            "",
            "00",
            "00-0-1-01",
            "00-00000000000000000000000000000000-1-01",
            "00-zaf7651916cd43dd8448eb211c80319c-1-01",
        ] {
            assert_eq!(request(&[("traceparent", value)], "/").trace, None, "{value}");
        }
    }
}
