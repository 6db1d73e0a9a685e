//! Errors in each provider's own words, so that its SDK raises its native error.

use serde_json::{Value, json};

use super::Dialect;

/// The JSON body of a refused request.
pub fn error_body(dialect: Dialect, message: &str, code: &str) -> Vec<u8> {
    error(dialect, message, code).to_string().into_bytes()
}

/// The server-sent event that ends a running stream with an error.
pub fn error_event(dialect: Dialect, message: &str, code: &str) -> Vec<u8> {
    let error = error(dialect, message, code);
    match dialect {
        Dialect::AnthropicMessages => format!("event: error\ndata: {error}\n\n"),
        Dialect::OpenAiResponses => {
            let event = json!({"type": "error", "code": code, "message": message, "param": null});
            format!("event: error\ndata: {event}\n\n")
        }
        _ => format!("data: {error}\n\n"),
    }
    .into_bytes()
}

fn error(dialect: Dialect, message: &str, code: &str) -> Value {
    match dialect {
        Dialect::AnthropicMessages => {
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": message}, "request_id": null})
        }
        _ => json!({"error": {"message": message, "type": code, "param": null, "code": code}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_events_carry_the_message_in_the_providers_place() {
        let nasty = "a \"quote\"\nand a line";
        let openai: Value = serde_json::from_slice(&error_body(Dialect::OpenAiChat, nasty, "c")).unwrap();
        assert_eq!(
            (openai["error"]["message"].as_str(), openai["error"]["code"].as_str()),
            (Some(nasty), Some("c"))
        );

        let event = String::from_utf8(error_event(Dialect::AnthropicMessages, nasty, "c")).unwrap();
        let data = event.strip_prefix("event: error\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
        let anthropic: Value = serde_json::from_str(data).unwrap();
        assert_eq!(anthropic["error"]["message"], nasty);
        assert_eq!(anthropic["type"], "error");
    }
}
