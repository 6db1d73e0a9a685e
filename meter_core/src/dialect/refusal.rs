//! Refusals in the provider's own words, so that clients show them: JSON bodies and in-stream error events.

use serde_json::{Value, json};

use super::Dialect;
use crate::frame::event_stream;

/// Whose words an error is told in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    OpenAi,
    Anthropic,
    Google,
    Bedrock,
    Message,
    Detail,
    Text,
    Tgi,
}

const fn words(dialect: Dialect) -> Words {
    match dialect {
        Dialect::AnthropicMessages | Dialect::AnthropicBatchResults => Words::Anthropic,
        Dialect::GeminiGenerate
        | Dialect::GeminiEmbeddings
        | Dialect::GeminiInteractions
        | Dialect::GeminiLive => Words::Google,
        Dialect::BedrockConverse | Dialect::BedrockInvoke => Words::Bedrock,
        Dialect::CohereChat | Dialect::CohereEmbed | Dialect::CohereRerank => Words::Message,
        Dialect::MistralOcr => Words::Detail,
        Dialect::OllamaChat | Dialect::OllamaEmbed => Words::Text,
        Dialect::TgiGenerate => Words::Tgi,
        _ => Words::OpenAi,
    }
}

/// The status of a refusal: 429, or 402 where the provider's own clients try a 429 again whatever else it says.
pub const fn error_status(dialect: Dialect) -> u16 {
    match words(dialect) {
        Words::Bedrock | Words::Message => 402,
        _ => 429,
    }
}

/// The name that the provider's clients give a refusal, where they read it from a header field, and that field.
pub const fn error_field(dialect: Dialect) -> Option<(&'static str, &'static str)> {
    match words(dialect) {
        Words::Bedrock => Some(("x-amzn-errortype", "ServiceQuotaExceededException")),
        _ => None,
    }
}

/// The body of a refused request. `code` becomes `OpenAI`'s `type` and `code`; for Anthropic it is the error type if it is one
/// of its own (`..._error`), else `rate_limit_error`.
pub fn error_body(dialect: Dialect, message: &str, code: &str) -> Vec<u8> {
    error(dialect, message, code).to_string().into_bytes()
}

/// The event that ends a stream which is cut, to be put at an event boundary; close the connection behind it.
pub(super) fn error_event(dialect: Dialect, message: &str, code: &str) -> Vec<u8> {
    let mut event = error(dialect, message, code);
    let name = match dialect {
        Dialect::AnthropicMessages => "event: error\n",
        Dialect::OpenAiResponses => {
            // The documented event has its fields at the top; the SDK raises for a nested `error`.
            event["type"] = json!("error");
            event["code"] = json!(code);
            event["message"] = json!(message);
            event["param"] = Value::Null;
            event["sequence_number"] = json!(0);
            "event: error\n"
        }
        Dialect::GeminiInteractions => {
            event["event_type"] = json!("error");
            // Of an event the code is a word.
            event["error"]["code"] = json!(code);
            "event: error\n"
        }
        Dialect::CohereChat => {
            // No event is an error; the one that ends a stream may carry one.
            event = json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}});
            "event: message-end\n"
        }
        _ => "",
    };
    format!("{name}data: {event}\n\n").into_bytes()
}

/// The message of an AWS event stream that ends one which is cut, so that its clients raise.
pub(super) fn error_message(dialect: Dialect, message: &str, code: &str) -> Vec<u8> {
    let headers = [
        // The one exception of these streams that speaks of quotas.
        (":exception-type", "throttlingException"),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    event_stream::encode(&headers, &error_body(dialect, message, code)).unwrap_or_default()
}

/// The message that tells why a session is ended, before its close.
pub(super) fn session_message(dialect: Dialect, message: &str, code: &str) -> String {
    let mut error = error(dialect, message, code);
    if words(dialect) == Words::OpenAi {
        error["type"] = json!("error");
    }
    error.to_string()
}

fn error(dialect: Dialect, message: &str, code: &str) -> Value {
    match words(dialect) {
        Words::Anthropic => {
            let kind = if code.ends_with("_error") { code } else { "rate_limit_error" };
            json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": null})
        }
        Words::Google => {
            let status = u32::from(error_status(dialect));
            json!({"error": {"code": status, "message": message, "status": "RESOURCE_EXHAUSTED"}})
        }
        Words::Bedrock | Words::Message => json!({"message": message}),
        Words::Detail => json!({"detail": message}),
        Words::Text => json!({"error": message}),
        // Its clients raise by type: this one means that they may come back later.
        Words::Tgi => json!({"error": message, "error_type": "overloaded"}),
        Words::OpenAi => json!({"error": {"message": message, "type": code, "param": null, "code": code}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "budget \"a\\b\"\r\n\ndata: x \u{2028}\u{1}";

    #[test]
    fn bodies_have_the_providers_shape_and_any_message_is_escaped() {
        let openai: Value =
            serde_json::from_slice(&error_body(Dialect::OpenAiChat, HOSTILE, "insufficient_quota")).unwrap();
        let anthropic: Value =
            serde_json::from_slice(&error_body(Dialect::AnthropicMessages, HOSTILE, "insufficient_quota"))
                .unwrap();

        assert_eq!(openai["error"]["message"], HOSTILE);
        assert_eq!(openai["error"]["type"], "insufficient_quota");
        assert_eq!(openai["error"]["code"], "insufficient_quota");
        assert_eq!(anthropic["type"], "error");
        assert_eq!(anthropic["error"]["type"], "rate_limit_error");
        assert_eq!(anthropic["error"]["message"], HOSTILE);
    }

    #[test]
    fn each_provider_has_a_shape_of_its_own() {
        let google = json!({"error": {"code": 429, "message": HOSTILE, "status": "RESOURCE_EXHAUSTED"}});
        let cases = [
            (Dialect::GeminiGenerate, google.clone()),
            (Dialect::GeminiEmbeddings, google),
            (Dialect::CohereChat, json!({"message": HOSTILE})),
            (Dialect::CohereRerank, json!({"message": HOSTILE})),
            (Dialect::MistralOcr, json!({"detail": HOSTILE})),
            (Dialect::OllamaEmbed, json!({"error": HOSTILE})),
            (Dialect::TgiGenerate, json!({"error": HOSTILE, "error_type": "overloaded"})),
        ];
        for (dialect, expected) in cases {
            let body: Value =
                serde_json::from_slice(&error_body(dialect, HOSTILE, "insufficient_quota")).unwrap();
            assert_eq!(body, expected, "{dialect:?}");
        }
    }

    #[test]
    fn a_stream_ends_in_the_words_of_its_dialect() {
        let event = |dialect| String::from_utf8(error_event(dialect, "no", "insufficient_quota")).unwrap();

        assert_eq!(
            event(Dialect::GeminiGenerate),
            "data: {\"error\":{\"code\":429,\"message\":\"no\",\"status\":\"RESOURCE_EXHAUSTED\"}}\n\n"
        );
        assert_eq!(
            event(Dialect::GeminiInteractions),
            "event: error\ndata: {\"error\":{\"code\":\"insufficient_quota\",\"message\":\"no\",\"status\":\"RESOURCE_EXHAUSTED\"},\
             \"event_type\":\"error\"}\n\n"
        );
        assert_eq!(
            event(Dialect::CohereChat),
            "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"no\"}}\n\n"
        );
    }

    #[test]
    fn events_are_one_event_each() {
        for (dialect, name) in [
            (Dialect::OpenAiChat, ""),
            (Dialect::OpenAiResponses, "event: error\n"),
            (Dialect::AnthropicMessages, "event: error\n"),
        ] {
            let event = String::from_utf8(error_event(dialect, HOSTILE, "overloaded_error")).unwrap();
            let data = event
                .strip_prefix(name)
                .unwrap()
                .strip_prefix("data: ")
                .unwrap()
                .strip_suffix("\n\n")
                .unwrap();

            assert!(!data.contains(['\n', '\r']), "{dialect:?}");
            let value: Value = serde_json::from_str(data).unwrap();
            assert_eq!(value["error"]["message"], HOSTILE);
            assert_eq!(value["error"]["type"], "overloaded_error");
        }
    }
}
