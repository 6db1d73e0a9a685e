//! How many tokens the tools of a request are: as signatures where that is documented, else as their JSON.

use serde::Deserialize;
use serde_json::Value;

use crate::limits;

/// What tools cost on a model.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct ToolRule {
    /// A function is counted as a signature.
    pub signature: Option<Signature>,
    /// Tokens around a tool that is counted as its JSON.
    #[serde(default)]
    pub each: u64,
    /// Tokens of the hidden prompt of a request with tools.
    #[serde(default)]
    pub instructions: u64,
    /// The same when a tool must be called.
    #[serde(default)]
    pub instructions_forced: u64,
}

/// Tokens around the parts of a function's signature.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Signature {
    function: i64,
    properties: i64,
    key: i64,
    #[serde(rename = "enum")]
    choice: i64,
    item: i64,
    /// Once, after all functions.
    pub end: u64,
}

impl ToolRule {
    /// No tokens at all.
    pub(super) const NONE: Self = Self { signature: None, each: 0, instructions: 0, instructions_forced: 0 };

    /// Tokens of the hidden prompt.
    pub const fn instructions(&self, forced: bool) -> u64 {
        if forced { self.instructions_forced } else { self.instructions }
    }
}

impl Signature {
    /// Tokens of one function, given as the JSON of its tool; None if it is no such or says what no signature can.
    pub fn tokens(&self, json: &str, count: &impl Fn(&str) -> u64) -> Option<u64> {
        let tool: Value = serde_json::from_str(json).ok()?;
        let function = tool.get("function").unwrap_or(&tool);
        let line = format!("{}:{}", function.get("name")?.as_str()?, description(function));
        let mut tokens = self.function.saturating_add_unsigned(count(&line));
        if let Some(parameters) = function.get("parameters").filter(|parameters| !parameters.is_null()) {
            tokens += self.object(parameters, count, 0)?;
        }
        u64::try_from(tokens).ok()
    }

    fn object(&self, schema: &Value, count: &impl Fn(&str) -> u64, depth: usize) -> Option<i64> {
        if depth > limits::TOOL_SCHEMA_DEPTH_MAX || is_elsewhere(schema) {
            return None;
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Some(0) };
        let mut tokens = if properties.is_empty() { 0 } else { self.properties };
        for (key, property) in properties {
            let kind = property.get("type").and_then(Value::as_str).unwrap_or_default();
            let line = format!("{key}:{kind}:{}", description(property));
            tokens = (tokens + self.key).saturating_add_unsigned(count(&line));
            if let Some(items) = property.get("enum").and_then(Value::as_array) {
                tokens += self.choice;
                for item in items {
                    let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                    tokens = (tokens + self.item).saturating_add_unsigned(count(&text));
                }
            }
            for inner in [property.get("items"), Some(property)].into_iter().flatten() {
                tokens += self.object(inner, count, depth + 1)?;
            }
        }
        Some(tokens)
    }
}

/// The description without the full stop that is not counted.
fn description(of: &Value) -> &str {
    let text = of.get("description").and_then(Value::as_str).unwrap_or_default();
    text.strip_suffix('.').unwrap_or(text)
}

/// Whether a schema says something by reference or by alternatives, which signatures render in ways nobody documents.
fn is_elsewhere(schema: &Value) -> bool {
    ["$ref", "anyOf", "oneOf", "allOf"].iter().any(|word| schema.get(word).is_some())
}

#[cfg(test)]
mod tests {
    use crate::prompt_rules::PromptRules;
    use crate::tokenizer;

    fn signature(model: &str, json: &str) -> Option<u64> {
        let rule = PromptRules::embedded().fitting("chat", Some(model)).tools;
        let tokenizer = tokenizer::for_model(model).unwrap();
        rule.signature.unwrap().tokens(json, &|text| tokenizer.count(text.as_bytes()) as u64)
    }

    #[test]
    fn a_function_is_counted_as_its_signature() {
        let plain = r#"{"type":"function","function":{"name":"now","description":"The time."}}"#;
        let flat = r#"{"type":"function","name":"now","description":"The time"}"#;
        let weather = r#"{"type":"function","function":{"name":"w","description":"W","parameters":{"type":"object",
            "properties":{"unit":{"type":"string","description":"U.","enum":["c","f"]}}}}}"#;

        // "now:The time" is three tokens; "w:W" three, "unit:string:U" four, "c" and "f" one each.
        assert_eq!(signature("gpt-4o", plain), Some(7 + 3));
        assert_eq!(signature("gpt-4", plain), Some(10 + 3));
        assert_eq!(signature("gpt-4o", flat), Some(7 + 3));
        assert_eq!(signature("gpt-4o", weather), Some(7 + 3 + 3 + 3 + 4 - 3 + 2 * (3 + 1)));
    }

    #[test]
    fn what_no_signature_can_say_is_left_to_the_json() {
        let deep = format!(
            r#"{{"name":"f","parameters":{}{{}}{}}}"#,
            r#"{"properties":{"a":"#.repeat(60),
            "}}".repeat(60)
        );
        for json in [
            "[1",
            "{}",
            r#"{"type":"web_search"}"#,
            r#"{"name":"f","parameters":{"properties":{"a":{"$ref":"x"}}}}"#,
            r#"{"name":"f","parameters":{"properties":{"a":{"items":{"anyOf":[]}}}}}"#,
            &deep,
        ] {
            assert_eq!(signature("gpt-4o", json), None, "{json}");
        }
    }

    #[test]
    fn instructions_differ_when_a_tool_must_be_called() {
        let rule = PromptRules::embedded().fitting("messages", Some("claude-sonnet-4-5")).tools;

        assert_eq!((rule.instructions(false), rule.instructions(true)), (346, 313));
    }
}
