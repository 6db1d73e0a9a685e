//! Any bytes from any provider give the same finding however they are cut, and none of them panics.

#![expect(clippy::unwrap_used, reason = "a route that is not known fails the test")]

use meter_core::detect::Detector;
use meter_core::dialect::{Finding, Reply, read_request};
use meter_core::headers::Headers;
use proptest::prelude::*;

/// A host and a path of each dialect that this test is about.
const PLACES: [(&str, &str); 14] = [
    ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:generateContent"),
    ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:streamGenerateContent"),
    ("generativelanguage.googleapis.com", "/v1beta/models/gemini-embedding-001:batchEmbedContents"),
    ("generativelanguage.googleapis.com", "/v1beta/interactions"),
    ("generativelanguage.googleapis.com", "/v1beta/openai/chat/completions"),
    ("api.cohere.com", "/v1/chat"),
    ("api.cohere.com", "/v2/chat"),
    ("api.cohere.com", "/v2/embed"),
    ("api.cohere.com", "/v2/rerank"),
    ("api.mistral.ai", "/v1/ocr"),
    ("localhost:11434", "/api/chat"),
    ("localhost:11434", "/api/embed"),
    ("x.endpoints.huggingface.cloud", "/generate_stream"),
    ("localhost:11434", "/completion"),
];

/// What replies of these dialects are made of, whole and broken.
const PIECES: [&str; 34] = [
    "data: ",
    "event: message-end\n",
    "event: interaction.completed\n",
    "\n",
    "\r\n\r\n",
    "[",
    "]",
    ",",
    "{",
    "}",
    "[DONE]",
    r#"{"candidates":[{"content":{"parts":[{"text":"h\u00e9 \ud83d\ude00"},{"functionCall":{"name":"f","args":{"a":[1]}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":"2","totalTokenCount":10}}"#,
    r#"{"usage_metadata":{"prompt_token_count":5,"thoughts_token_count":4,"traffic_type":2,"prompt_tokens_details":[{"modality":"AUDIO","token_count":3}]},"model_version":"gemini-3-pro"}"#,
    r#"{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]},"finishReason":1}]}"#,
    r#"{"embeddings":[{"values":[0.1,-2e-3]}],"usageMetadata":{"promptTokenCount":4}}"#,
    r#"{"predictions":[{"embeddings":{"statistics":{"token_count":3.0}}}]}"#,
    r#"{"event_type":"step.delta","delta":{"type":"text","text":"hi"}}"#,
    r#"{"event_type":"interaction.completed","interaction":{"status":"completed","usage":{"total_input_tokens":3,"grounding_tool_count":[{"type":"google_search","count":1}]}}}"#,
    r#"{"steps":[{"type":"user_input","content":[{"text":"no"}]},{"type":"function_call","name":"f","arguments":{}}],"status":"in_progress"}"#,
    r#"{"type":"content-delta","delta":{"message":{"content":{"text":"hi"}}}}"#,
    r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"cached_tokens":7}}}"#,
    r#"{"event_type":"tool-calls-chunk","tool_call_delta":{"name":"f","parameters":"{}"}}"#,
    r#"{"event_type":"tool-calls-generation","tool_calls":[{"name":"f","parameters":{}}]}"#,
    r#"{"is_finished":true,"event_type":"stream-end","response":{"meta":{"billed_units":{"input_tokens":1,"search_units":2}}}}"#,
    r#"{"pages":[{"markdown":"x"}],"usage_info":{"pages_processed":2}}"#,
    r#"{"model":"m","message":{"content":"hi","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":false}"#,
    r#"{"model":"m","response":"hi","done":true,"eval_count":2,"context":[1,2]}"#,
    r#"{"token":{"text":"hi"},"generated_text":"hi","details":{"generated_tokens":1,"prefill":[{"id":1}]}}"#,
    r#"{"content":"hi","stop":true,"tokens_evaluated":3,"timings":{"cache_n":9,"predicted_n":2}}"#,
    r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#,
    r#"{"error":"x","error_type":"generation"}"#,
    r#"{"message":"x"}"#,
    "\u{feff}",
    "null",
];

fn read(place: (&str, &str), media: &str, body: &[u8], size: usize) -> (Finding, String) {
    let route = Detector::new(Vec::new()).detect("POST", place.0, None, place.1, Headers(&[])).unwrap();
    let facts = read_request(&route, Headers(&[]), br#"{"stream":true}"#);
    let fields: [(&[u8], &[u8]); 2] = [(b"content-type", media.as_bytes()), (b"x-prompt-tokens", b"6")];
    let mut reply = Reply::new(&route, &facts, 200, Headers(&fields));
    let mut text = String::new();
    for chunk in body.chunks(size) {
        reply.feed(chunk, &mut |piece| text.push_str(piece));
    }
    reply.end(true, &mut |piece| text.push_str(piece));
    (reply.finding().clone(), text)
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => proptest::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

proptest! {
    #[test]
    fn any_split_is_found_alike(
        place in proptest::sample::select(&PLACES[..]),
        media in proptest::sample::select(&["application/json", "text/event-stream", "application/x-ndjson", ""][..]),
        pieces in proptest::collection::vec(piece(), 0..12),
        size in 1_usize..23,
    ) {
        let body = pieces.concat();

        prop_assert_eq!(read(place, media, &body, size), read(place, media, &body, body.len().max(1)));
    }

    #[test]
    fn any_request_is_accepted(
        place in proptest::sample::select(&PLACES[..]),
        pieces in proptest::collection::vec(piece(), 0..6),
    ) {
        let route = Detector::new(Vec::new()).detect("POST", place.0, None, place.1, Headers(&[])).unwrap();
        read_request(&route, Headers(&[]), &pieces.concat());
    }
}
