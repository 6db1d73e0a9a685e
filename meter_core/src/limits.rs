//! Every bound of the core with its unit and reason. Hitting one is a counted defect, not a crash.

/// Bytes of one SSE event's data kept for parsing. Real events stay under 1 MB (image deltas); more is skipped.
pub const SSE_EVENT_BYTES_MAX: usize = 4 << 20;
/// Bytes of one JSON scalar kept as a value. Longer strings are only streamed as text.
pub const JSON_SCALAR_BYTES_MAX: usize = 1024;
/// Bytes of a JSON path kept for matching; longer paths match nothing.
pub const JSON_PATH_BYTES_MAX: usize = 512;
/// Nesting of JSON. Provider replies stay under 20; a bomb is not worth a stack.
pub const JSON_DEPTH_MAX: usize = 128;
/// Decoded bytes of one body. Larger bodies are forwarded but no longer read.
pub const DECODED_BYTES_MAX: u64 = 1 << 30;
/// Decoded bytes per encoded byte beyond the first `DECODE_RATIO_GRACE_BYTES`; a bomb detector.
pub const DECODE_RATIO_MAX: u64 = 200;
/// Decoded bytes before the ratio is looked at: short repetitive bodies compress very well.
pub const DECODE_RATIO_GRACE_BYTES: u64 = 8 << 20;
/// Bytes of a decompressed price book. Today's has half a megabyte; much more is not a price book.
pub const PRICE_BOOK_BYTES_MAX: u64 = 32 << 20;
/// Bytes of a model name or another wire name kept; longer names are cut.
pub const NAME_BYTES_MAX: usize = 128;
