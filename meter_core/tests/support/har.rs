//! Reads HAR files: the requests and replies that tests put through the core.

use std::path::Path;

use meter_core::frame::web_socket::text_frame;
use meter_core::headers::Headers;
use serde_json::Value;

/// Header fields as a recording holds them.
pub(crate) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// One request and its reply.
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
    /// 0 when no response arrived.
    pub(crate) status: u16,
    pub(crate) reply_headers: Fields,
    pub(crate) reply: Vec<u8>,
    /// The reply broke off.
    pub(crate) broke_off: bool,
    /// The frames of a session, and whether the client sent them.
    pub(crate) messages: Vec<(bool, Vec<u8>)>,
}

/// The entries of the HAR file at `path`.
pub(crate) fn entries(path: &Path) -> Vec<Recorded> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|flaw| panic!("{}: {flaw}", path.display()));
    let archive: Value =
        serde_json::from_str(&text).unwrap_or_else(|flaw| panic!("{}: {flaw}", path.display()));
    archive["log"]["entries"].as_array().unwrap().iter().map(recorded).collect()
}

/// `fields` as the core takes them.
pub(crate) fn lend(fields: &Fields) -> Vec<(&[u8], &[u8])> {
    fields.iter().map(|(name, value)| (&**name, &**value)).collect()
}

/// Calls `read` with `fields` as headers.
pub(crate) fn with_headers<T>(fields: &Fields, read: impl FnOnce(Headers<'_>) -> T) -> T {
    read(Headers(&lend(fields)))
}

fn recorded(entry: &Value) -> Recorded {
    let (request, response) = (&entry["request"], &entry["response"]);
    let (scheme, rest) = request["url"].as_str().unwrap().split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let default = if scheme == "http" { 80 } else { 443 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap()),
        None => (authority, default),
    };
    Recorded {
        method: request["method"].as_str().unwrap().to_owned(),
        host: host.to_owned(),
        port,
        path: format!("/{path}"),
        headers: fields(&request["headers"]),
        body: body(&request["postData"]),
        status: response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0),
        reply_headers: fields(&response["headers"]),
        reply: body(&response["content"]),
        broke_off: !response["_error"].is_null(),
        messages: entry["_webSocketMessages"].as_array().into_iter().flatten().map(message).collect(),
    }
}

fn message(message: &Value) -> (bool, Vec<u8>) {
    let sent = message["type"] == "send";
    let mut frame = text_frame(message["data"].as_str().unwrap());
    if sent {
        // A client's frames are masked; a mask of zeros leaves the text as it is.
        let header = if frame[1] < 126 { 2 } else { 4 };
        frame[1] |= 0x80;
        frame.splice(header..header, [0; 4]);
    }
    (sent, frame)
}

/// Header fields as HAR lists them.
pub(crate) fn fields(headers: &Value) -> Fields {
    let text = |value: &Value| value.as_str().unwrap_or_default().as_bytes().to_vec();
    let pairs = headers.as_array().into_iter().flatten();
    pairs.map(|header| (text(&header["name"]), text(&header["value"]))).collect()
}

/// The bytes of a body.
pub(crate) fn body(content: &Value) -> Vec<u8> {
    let text = content["text"].as_str().unwrap_or_default();
    if content["encoding"] == "base64" { base64(text) } else { text.as_bytes().to_vec() }
}

fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for sextet in text.bytes().filter_map(|byte| alphabet.iter().position(|known| *known == byte)) {
        bits = bits << 6 | u32::try_from(sextet).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}
