//! The last words of paths that a request to a model can have, for who must tell before a request is read: a program in the
//! kernel compares these, and detection then decides.

/// What stands behind the last slash or colon of a path of an unnamed host that is metered.
pub const PATH_ENDS: [&str; 22] = [
    "chat",
    "compact",
    "completion",
    "completions",
    "converse",
    "converse-stream",
    "embed",
    "embedContent",
    "batchEmbedContents",
    "embeddings",
    "generate",
    "generate_stream",
    "generateContent",
    "streamGenerateContent",
    "infill",
    "interactions",
    "invoke",
    "invoke-with-response-stream",
    "messages",
    "rawPredict",
    "responses",
    "streamRawPredict",
];

#[cfg(test)]
mod tests {
    use super::super::{COVERAGE, Detector};
    use super::*;

    #[test]
    fn every_path_that_is_recognised_anywhere_ends_in_one() {
        let detector = Detector::new(Vec::new());
        let mut recognised = 0;
        for line in COVERAGE {
            if detector.knows_path(line.method, line.path) {
                recognised += 1;
                let end = line.path.rsplit(['/', ':']).next().unwrap();
                assert!(PATH_ENDS.contains(&end), "{}", line.path);
            }
        }
        assert!(recognised > 10);
    }
}
