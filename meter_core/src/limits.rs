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
/// Bytes of a model name or another wire name kept; longer names are cut.
pub const NAME_BYTES_MAX: usize = 128;
/// Configured budgets. Each admission looks at every one of them, so the number bounds the time it takes.
pub const BUDGETS_MAX: usize = 256;
/// Accounts of one budget whose scope says "one per value" (`*`); further values share the account `other`.
pub const ACCOUNTS_PER_BUDGET_MAX: usize = 1024;
/// Alert thresholds of one budget: one bit each in the account.
pub const ALERTS_PER_BUDGET_MAX: usize = 16;
/// Alert thresholds in thousandths of the limit; above ten times the limit an alert tells nothing new.
pub const ALERT_PERMILLE_MAX: u16 = 10_000;
/// Open reservations. One more ends the one nearest to its expiry, which then counts as spent.
pub const RESERVATIONS_MAX: usize = 65_536;
/// Ended reservations whose ids are remembered, so that a repeated or late report is recognised.
pub const ENDED_RESERVATIONS_MAX: usize = 65_536;
