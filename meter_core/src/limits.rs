//! Every bound of the core with its unit and reason. Hitting one is a counted defect, not a crash.

/// Bytes of one SSE event's data that are read; more is skipped. Nothing is buffered, so this only bounds work: the last
/// event of a Responses stream repeats the whole output, generated images included.
pub const SSE_EVENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of one event held back while a stream is edited. Chunks of text have a few hundred; a longer event carries media,
/// and is passed on unedited.
pub const EDITED_EVENT_BYTES_MAX: usize = 1 << 20;
/// Bytes of one AWS event-stream message: what AWS states for its protocol. A longer one is a broken length.
pub const EVENT_STREAM_MESSAGE_BYTES_MAX: u32 = 24 << 20;
/// Bytes of the headers of one AWS event-stream message: what AWS states.
pub const EVENT_STREAM_HEADERS_BYTES_MAX: u32 = 128 << 10;

/// Bytes of one line of newline-separated JSON that are read; as with SSE, nothing is buffered and this only bounds work.
pub const JSON_LINE_BYTES_MAX: usize = 64 << 20;
/// Bytes of one WebSocket message that are read, inflated if it is compressed; realtime audio comes in 15 MB at most.
pub const WEB_SOCKET_MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Bytes of one JSON scalar kept as a value. Longer strings are only streamed as text.
pub const JSON_SCALAR_BYTES_MAX: usize = 1024;
/// Bytes of a JSON path kept for matching; longer paths match nothing.
pub const JSON_PATH_BYTES_MAX: usize = 512;
/// Paths that a scanner remembers from one document to the next, and bytes of their names; a stream has about fifty. When they
/// are full it begins anew.
pub const JSON_PATHS_MAX: usize = 256;
/// See [`JSON_PATHS_MAX`].
pub const JSON_PATHS_BYTES_MAX: usize = 8 << 10;
/// Nesting of JSON. Provider replies stay under 20; a bomb is not worth a stack.
pub const JSON_DEPTH_MAX: usize = 128;
/// Decoded bytes of one body. Larger bodies are forwarded but no longer read.
pub const DECODED_BYTES_MAX: u64 = 1 << 30;
/// Content codings stacked on one body. Two happen in the field (a gateway compresses again); more is an attack.
pub const CODINGS_MAX: usize = 4;
/// Bytes of one piece that a decoder hands on; also the size of its only buffer.
pub const DECODE_PIECE_BYTES: usize = 16 << 10;
/// Base-two logarithm of the zstd window accepted, 8 MiB: what RFC 9659 allows in HTTP.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Decoded bytes per byte on the wire beyond the first `DECODE_RATIO_GRACE_BYTES`, however many codings; a bomb detector.
pub const DECODE_RATIO_MAX: u64 = 200;
/// Decoded bytes before the ratio is looked at: short repetitive bodies compress very well.
pub const DECODE_RATIO_GRACE_BYTES: u64 = 8 << 20;
/// Bytes of streamed text whose tokens are not settled yet. Real pieces of text are far shorter; a longer one is cut.
pub const PENDING_TEXT_BYTES_MAX: usize = 16 << 10;
/// Short pieces of text that were counted of late, remembered by one tokenizer for one thread (1 MB): most words come again.
pub const RECENT_PIECES: usize = 64 << 10;
/// The same before so many bytes of text were counted: 32 KB, because a megabyte that is touched here and there for the first time
/// makes the first call of a process five times as long.
pub const RECENT_PIECES_FIRST: usize = 2 << 10;
/// See [`RECENT_PIECES_FIRST`].
pub const RECENT_PIECES_FIRST_BYTES: usize = 8 << 10;
/// Pieces that are no token, remembered likewise (2 MB).
pub const MERGED_PIECES: usize = 64 << 10;
/// The same of more than 30 bytes (4 MB): a piece of Chinese is a part of a sentence.
pub const MERGED_LONG_PIECES: usize = 64 << 10;
/// Threads for which one tokenizer remembers pieces at once; others count without.
pub const MEMORIES_MAX: usize = 4;
/// Threads that count one batch of texts, whatever the machine has; other work needs some, too.
pub const COUNTING_THREADS_MAX: usize = 16;
/// Bytes of a tokenizer file. The largest known, Gemma's `tokenizer.json`, has 33 million.
pub const TOKENIZER_FILE_BYTES_MAX: usize = 64 << 20;
/// Bytes of a decompressed price book. Today's has half a megabyte; much more is not a price book.
pub const PRICE_BOOK_BYTES_MAX: u64 = 32 << 20;
/// Bytes of a model name or another wire name kept; longer names are cut.
pub const NAME_BYTES_MAX: usize = 128;
/// Shortest `retry-after` of a refusal in seconds: below two minutes the OpenAI SDK tries again whatever is said.
pub const RETRY_AFTER_S_MIN: i64 = 121;
/// Longest `retry-after` of a refusal in seconds: clients have been seen to sleep for days on larger ones.
pub const RETRY_AFTER_S_MAX: i64 = 3600;
/// Nanoseconds a reservation lives without a sign of life; the longest silent non-streaming calls take under 30 min.
pub const RESERVATION_TTL_NS: i64 = 3_600_000_000_000;
/// Output tokens held for a call that states no maximum, until the model's own replies have taught better.
pub const OUTPUT_TOKENS_DEFAULT: u64 = 4096;
/// Smallest number of output tokens held for a stream and taken per extension.
pub const OUTPUT_STEP_TOKENS: u64 = 256;
/// Bytes of generated text kept uncounted; short-lived, so that most streams with reported usage are never counted: 16,000
/// tokens.
pub const UNCOUNTED_TEXT_BYTES_MAX: usize = 64 << 10;
/// Bytes of generated text of one reply that are counted when nothing depends on the count before its end; the rest is taken to be
/// like them. Twice what models generate at most today, 128,000 tokens, and 20 ms of work.
pub const WATCHED_TEXT_BYTES_MAX: u64 = 1 << 20;
/// Models whose reply lengths are remembered.
pub const EXPECTED_MODELS_MAX: usize = 256;
/// Attempts remembered, so that a repeat after a failure counts as a retry; about 5 MB.
pub const ATTEMPTS_MAX: usize = 65_536;
/// Nanoseconds that an attempt is remembered: SDKs wait up to a minute between retries.
pub const ATTEMPT_TTL_NS: i64 = 120_000_000_000;
/// Nanoseconds without an answer after which the same request again is a retry; samples drawn in parallel come at once.
pub const ATTEMPT_PATIENCE_NS: i64 = 5_000_000_000;
/// Credentials whose account is remembered.
pub const ORGANIZATIONS_MAX: usize = 1024;
/// Bytes of a client's version kept; longer ones are none.
pub const VERSION_BYTES_MAX: usize = 24;
/// Models whose counts are corrected by what was learned, 1.5 KB each.
pub const CALIBRATED_MODELS_MAX: usize = 256;
/// Names of models whose place in the price book is remembered: a service asks for a handful, over and over.
pub const PRICED_NAMES_MAX: usize = 1024;
/// Names of deployments whose model is remembered; an account has dozens.
pub const DEPLOYMENTS_MAX: usize = 1024;
/// Finished responses remembered so that later polls of them cost nothing.
pub const SEEN_RESPONSES_MAX: usize = 65_536;
/// Distinct values of one metric label; later ones become `other`.
pub const LABEL_VALUES_MAX: usize = 100;
/// Distinct models without a price among the labels: local servers have a handful, and clients can invent any number.
pub const STRANGE_MODELS_MAX: usize = 20;
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
/// Ended reservations whose ids are remembered, so that a repeated or late report is recognised. A busy proxy fills
/// this, about 1 MB; what was given up before its report and is forgotten stays counted as spent.
pub const ENDED_RESERVATIONS_MAX: usize = 16_384;
/// Digits and signs of one JSON number kept; longer numbers are broken JSON to us.
pub const JSON_NUMBER_BYTES_MAX: usize = 128;
/// Bytes of prompt text of one request kept for counting. A million tokens are about 5 MB.
pub const PROMPT_TEXT_BYTES_MAX: usize = 64 << 20;
/// Texts of one prompt kept apart; the rest is one text. Counting each on its own makes a difference of a token or two, and
/// a body can hold a text in every fourth byte.
pub const PROMPT_TEXTS_MAX: usize = 1 << 18;
/// Bytes of a text from which on its count is kept: a shorter one is counted about as soon as it is hashed and looked up.
pub const CACHED_TEXT_BYTES_MIN: usize = 128;
/// Counts of texts that are kept, 32 bytes each: 2 MiB for the histories of some hundred agents.
pub const CACHED_COUNTS_MAX: usize = 65_536;
/// Kinds of counts that are kept apart. A process uses a few tokenizers, each with one or two ways to count tools.
pub const CACHED_KINDS_MAX: usize = 64;
/// Pictures of one request whose size is looked at; more are held at the largest. Providers take up to a hundred.
pub const IMAGES_MAX: usize = 256;
/// Bytes of a picture in which its size is looked for. Camera files put a preview and colour profiles before it.
pub const IMAGE_HEAD_BYTES_MAX: usize = 64 << 10;
/// Nesting of a tool's parameters that is counted as a signature; deeper ones are counted as JSON.
pub const TOOL_SCHEMA_DEPTH_MAX: usize = 16;
/// Parts of a multipart form looked at; uploads have a file and a dozen settings.
pub const FORM_FIELDS_MAX: usize = 64;
/// Models named by the sub-calls of one exchange; more are added to the last.
pub const SUB_CALL_MODELS_MAX: usize = 8;
/// Connections that are followed at once; a new one puts out those that were idle longest. One at rest has about 500 bytes.
pub const CONNECTIONS_MAX: usize = 16_384;
/// Nanoseconds after which a silent connection is forgotten: as long as a reservation lives.
pub const CONNECTION_IDLE_NS: i64 = RESERVATION_TTL_NS;
/// Bytes that all connections hold together: bodies of requests on their way, mostly.
pub const CONNECTIONS_BYTES_MAX: usize = 256 << 20;
/// Bytes of one request's body held until it is whole; what the proxy holds unless told otherwise.
pub const REQUEST_BODY_BYTES_MAX: usize = 32 << 20;
/// Bytes of the head of an HTTP message, or of a header block with its fields. Servers take 8 to 32 KiB.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 << 10;
/// Fields of one head. Providers send up to fifty.
pub const HTTP_FIELDS_MAX: usize = 128;
/// Bytes held of what comes before what it answers: of a reply before its request, of a session before its agreement. Events of
/// two processors are microseconds apart.
pub const EARLY_BYTES_MAX: usize = 1 << 20;
/// Nanoseconds for which a reply is held whose request has not begun.
pub const EARLY_NS_MAX: i64 = 1_000_000_000;
/// Requests of one connection sent ahead of their replies. Nobody pipelines more than a few.
pub const PIPELINED_REQUESTS_MAX: usize = 64;
/// Bytes of a connection that is followed from its middle, seen without a request on it, until it is given up.
pub const STRANGE_BYTES_MAX: usize = 4 << 20;
/// Streams of one HTTP/2 connection followed at once; servers allow 100 to 250.
pub const HTTP2_STREAMS_MAX: usize = 256;
/// Streams of an HTTP/2 connection without one that is metered, until it is given up where its host is not known.
pub const STRANGE_STREAMS_MAX: usize = 16;
/// Bytes of the dynamic table of HPACK, of each direction: 4096 unless a peer allows more, which browsers and Go do.
pub const HPACK_TABLE_BYTES_MAX: usize = 64 << 10;
/// Traced processes of which it is remembered whose children they are.
pub const TRACED_PROCESSES_MAX: usize = 16_384;
