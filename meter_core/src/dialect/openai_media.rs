//! `OpenAI` images, speech and transcription: token usage where the model states it, by document or in a stream's last event.

use super::openai_usage::OpenAiUsage;
use super::reader::{Outcome, Reader};
use super::request::Part;
use crate::json_scan::{Interest, Scalar, Take};

/// Reader of a reply about media.
#[derive(Debug, Default)]
pub(super) struct Media {
    usage: OpenAiUsage,
    ended: bool,
}

impl Reader for Media {
    fn enter(&mut self, path: &str) -> Interest {
        if path == "data" { Interest::Skip } else { Interest::Walk }
    }

    fn string(&mut self, path: &str) -> Take {
        // Of a stream the pieces, of a document the whole: `text` is repeated in a stream's last event.
        if path == "delta" { Take::Text } else { Take::Skip }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        self.usage.reply_value(path, value);
        if path == "type" {
            self.ended |= value
                .text()
                .and_then(|kind| kind.rsplit('.').next())
                .is_some_and(|last| matches!(last, "completed" | "done"));
        }
    }

    fn outcome(&self) -> Outcome {
        let (usage, defects) = self.usage.usage();
        Outcome { usage, defects, ended: self.ended, ..Outcome::default() }
    }
}

/// What stands at `path` of a request.
pub(super) fn request_part(path: &str) -> Part {
    match path {
        "prompt" | "input" | "instructions" => Part::Text,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect::OpenAiMedia;
    use crate::dialect::sample::Sample;
    use crate::usage::Defect;

    #[test]
    fn image_usage_is_read_around_the_images() {
        let body = r#"{"data":[{"b64_json":"AAAA"}],"usage":{"input_tokens":50,"output_tokens":1056,"total_tokens":1106,
            "input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#;
        let (finding, _) = Sample::document(OpenAiMedia, body).read();

        assert_eq!((finding.usage.image_input_tokens, finding.usage.output_tokens), (Some(40), Some(1056)));
        assert!(finding.defects.is_empty());
    }

    #[test]
    fn a_transcript_ends_with_its_usage() {
        let body = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"hi\"}\n\n\
            data: {\"type\":\"transcript.text.done\",\"text\":\"hi\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\
            \"output_tokens\":2,\"input_token_details\":{\"audio_tokens\":14}}}\n\n";
        let (finding, text) = Sample::stream(OpenAiMedia, body).read();

        assert_eq!((finding.usage.audio_input_tokens, text.as_str()), (Some(14), "hi"));
        assert!(finding.finished && finding.defects.is_empty());
    }

    #[test]
    fn raw_audio_is_opaque_and_states_nothing() {
        let mut speech = Sample::document(OpenAiMedia, "data: {\"usage\":{\"input_tokens\":1}}\n\n");
        speech.headers = vec![(b"content-type", b"audio/pcm")];
        let (finding, _) = speech.read();

        assert_eq!(finding.usage.input_tokens, None);
        assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage]);
        assert!(finding.finished && !finding.streamed);
    }

    #[test]
    fn the_last_event_of_a_stream_states_the_usage() {
        for kind in
            ["image_generation.completed", "image_edit.completed", "speech.audio.done", "transcription.done"]
        {
            let body = format!(
                "data: {{\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}}\n\n\
                data: {{\"type\":\"{kind}\",\"b64_json\":\"AAAA\",\"usage\":{{\"input_tokens\":14,\"output_tokens\":101,\"total_tokens\":115}}}}\n\n"
            );
            let (finding, text) = Sample::stream(OpenAiMedia, &body).read();

            assert_eq!(
                (finding.usage.input_tokens, finding.usage.output_tokens),
                (Some(14), Some(101)),
                "{kind}"
            );
            assert!(finding.finished && finding.defects.is_empty() && text.is_empty(), "{kind}");
        }
    }

    #[test]
    fn what_is_billed_by_time_or_piece_states_no_tokens() {
        for body in [
            r#"{"text":"hi","usage":{"type":"duration","seconds":3}}"#,
            r#"{"task":"transcribe","duration":3.5,"text":"hi","segments":[{"tokens":[1,2]}]}"#,
            r#"{"created":1,"data":[{"url":"https://images.example/1"}]}"#,
        ] {
            let (finding, _) = Sample::document(OpenAiMedia, body).read();

            assert_eq!((finding.usage.input_tokens, finding.usage.output_tokens), (None, None), "{body}");
            assert_eq!(finding.defects.iter().collect::<Vec<_>>(), [Defect::NoUsage], "{body}");
        }
    }

    #[test]
    fn audio_beside_the_text_is_input() {
        let body = r#"{"text":"hi","usage":{"prompt_audio_seconds":203,"prompt_tokens":4,"total_tokens":3264,"completion_tokens":635}}"#;
        let (finding, _) = Sample::document(OpenAiMedia, body).read();

        assert_eq!((finding.usage.input_tokens, finding.usage.audio_input_tokens), (Some(2629), Some(2625)));
        assert!(finding.defects.is_empty());
    }
}
