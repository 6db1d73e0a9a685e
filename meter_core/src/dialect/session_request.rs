//! Reads what a client says in a session: the model that it sets up, and the text that it gives the model to read.
//!
//! It owns the client's side of a `WebSocket`. It refuses to know what the provider answers, and keeps no text.

use super::request::Part;
use super::{Dialect, name};
use crate::frame::web_socket::{Compression, Kind, Messages, Sender, WebSocket};
use crate::headers::Headers;
use crate::json_scan::{Interest, Scalar, Scanner, Take, Visitor};

/// The client's side of one session.
pub struct SessionRequest {
    socket: WebSocket,
    scanner: Scanner,
    dialect: Dialect,
    model: Option<String>,
}

impl SessionRequest {
    /// Of a session in `dialect`, which a response with these headers began.
    pub fn new(dialect: Dialect, headers: Headers<'_>) -> Self {
        let compression = Compression::agreed(headers.get("sec-websocket-extensions"));
        let socket = WebSocket::new(Sender::Client, compression);
        Self { socket, scanner: Scanner::new(), dialect, model: None }
    }

    /// Takes the next bytes as they came over the wire. `text` gets what the model is given to read, in pieces.
    pub fn feed(&mut self, chunk: &[u8], text: &mut dyn FnMut(&str)) {
        let Self { socket, scanner, dialect, model } = self;
        socket.feed(chunk, &mut Lane { scanner, told: Told { dialect: *dialect, model, text } });
    }

    /// The model that the client has set up, if it named one.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }
}

/// The messages of one chunk on their way into the scanner.
struct Lane<'a> {
    scanner: &'a mut Scanner,
    told: Told<'a>,
}

impl Messages for Lane<'_> {
    fn message_begin(&mut self, _: Kind) {
        self.scanner.reset();
    }
    fn piece(&mut self, piece: &[u8]) {
        self.scanner.feed(piece, &mut self.told);
    }
    fn message_end(&mut self, _: bool) {}
    fn close(&mut self, _: u16) {}
}

/// What the scanner tells.
struct Told<'a> {
    dialect: Dialect,
    model: &'a mut Option<String>,
    text: &'a mut dyn FnMut(&str),
}

fn is_model(path: &str) -> bool {
    matches!(path, "model" | "response.model" | "session.model" | "setup.model")
}

impl Visitor for Told<'_> {
    fn enter(&mut self, path: &str) -> Interest {
        match self.dialect.request_part(path) {
            Part::Tool | Part::Json => Interest::Raw,
            _ => Interest::Walk,
        }
    }

    fn string(&mut self, path: &str) -> Take {
        if is_model(path) {
            return Take::Value;
        }
        if self.dialect.request_part(path) == Part::Text { Take::Text } else { Take::Skip }
    }

    fn value(&mut self, path: &str, value: Scalar<'_>) {
        if !is_model(path) {
            return;
        }
        // Google names the collection as well.
        let bare = value.text().map(|text| text.rsplit_once("models/").map_or(text, |(_, model)| model));
        *self.model = bare.and_then(name).or(self.model.take());
    }

    fn text(&mut self, _: &str, piece: &str) {
        (self.text)(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's text message: masked, as clients must.
    fn masked(text: &str) -> Vec<u8> {
        let mask = [7, 1, 200, 33];
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        let payload = text.bytes().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        [0x81, 0xfe].into_iter().chain(length).chain(mask).chain(payload).collect()
    }

    fn read(dialect: Dialect, messages: &[&str]) -> (Option<String>, String) {
        let wire: Vec<u8> = messages.iter().flat_map(|message| masked(message)).collect();
        let in_pieces = |size: usize| {
            let mut request = SessionRequest::new(dialect, Headers(&[]));
            let mut text = String::new();
            for chunk in wire.chunks(size) {
                request.feed(chunk, &mut |piece| text.push_str(piece));
            }
            (request.model().map(str::to_owned), text)
        };
        let whole = in_pieces(wire.len());
        for size in [1, 3, 50] {
            assert_eq!(in_pieces(size), whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn what_the_model_reads_is_text_and_audio_is_not() {
        let openai = [
            r#"{"type":"session.update","session":{"model":"gpt-realtime","instructions":"be ","voice":"x","tools":[{"name":"f"}]}}"#,
            r#"{"type":"conversation.item.create","item":{"type":"message","content":[{"type":"input_text","text":"brief"}]}}"#,
            r#"{"type":"input_audio_buffer.append","audio":"AAAA"}"#,
            r#"{"type":"response.create"}"#,
        ];
        let google = [
            r#"{"setup":{"model":"models/gemini-live","system_instruction":{"parts":[{"text":"be "}]}}}"#,
            r#"{"clientContent":{"turns":[{"role":"user","parts":[{"text":"brief"}]}],"turnComplete":true}}"#,
            r#"{"realtimeInput":{"audio":{"data":"AAAA"}}}"#,
        ];

        assert_eq!(
            read(Dialect::OpenAiRealtime, &openai),
            (Some("gpt-realtime".to_owned()), r#"be {"name":"f"}brief"#.to_owned())
        );
        assert_eq!(
            read(Dialect::GeminiLive, &google),
            (Some("gemini-live".to_owned()), "be brief".to_owned())
        );
        let response = r#"{"type":"response.create","model":"gpt-5","input":[{"content":"hi"}]}"#;
        assert_eq!(read(Dialect::OpenAiRealtime, &[response]), (Some("gpt-5".to_owned()), "hi".to_owned()));
    }

    #[test]
    fn what_is_no_message_is_passed_over() {
        assert_eq!(read(Dialect::OpenAiRealtime, &["{\"session\":", "[1", "x"]), (None, String::new()));
        let mut request = SessionRequest::new(Dialect::GeminiLive, Headers(&[]));
        request.feed(&[0xff; 100], &mut |_| {});
        assert_eq!(request.model(), None);
    }
}
