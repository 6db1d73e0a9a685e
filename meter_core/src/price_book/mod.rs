//! The price book: which model a name means and what its units cost at an instant.
//!
//! Matching is genai-prices' own, in this order, so that both name the same price: the provider by identifier, else the
//! first whose clause accepts the name; then the provider's models in the book's order, first match wins (specific
//! models stand before general ones); then those of the providers it resells. If nothing matches, the next spelling of
//! the name is tried (see `name.rs`). What is still unknown is unpriced: `None`, never zero.
//!
//! This folder refuses to know usage and money; [`crate::cost`] multiplies.

mod clause;
mod configured;
mod makers;
mod model;
mod name;
mod provider;
mod rate;

pub use configured::{ConfiguredRateError, ConfiguredRates};
pub use model::Model;
pub(crate) use model::Sheet;
pub(crate) use rate::KINDS;
pub use rate::{Kind, Rate};

use crate::limits::{PRICE_BOOK_BYTES_MAX, PRICED_NAMES_MAX};
use provider::{Provider, RawProvider};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The snapshot that ships with the program; see `data/prices/README.md`.
const SNAPSHOT: &[u8] = include_bytes!("../../data/prices/genai-prices.json.gz");
/// The shape of snapshot this file reads.
const FORMAT: u64 = 1;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Rates by provider and model, and rates configured in their place. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct PriceBook {
    book: Arc<Book>,
    configured: FxHashMap<String, ConfiguredRates>,
}

/// One parsed snapshot.
#[derive(Debug)]
struct Book {
    version: String,
    date: String,
    providers: Vec<Provider>,
    /// Where names were found, or that they were not: looking takes longer than all else about a price.
    places: Mutex<Places>,
}

/// Places by the provider's and the model's name, as they were asked for.
type Places = FxHashMap<String, FxHashMap<String, Option<Place>>>;

/// Where a model stands in the book.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The one who was asked.
    provider: usize,
    /// The one in whose list the model stands.
    maker: usize,
    model: usize,
}

#[derive(Deserialize)]
struct RawBook {
    format: u64,
    source: String,
    version: String,
    date: String,
    providers: Vec<RawProvider>,
}

/// Why bytes are not a price book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceBookError {
    /// The compressed stream is broken.
    Compression,
    /// Larger than any price book.
    TooLarge,
    /// Not the JSON expected; the text says where and why.
    Malformed(String),
    /// A shape of snapshot that this version does not read.
    Format(u64),
}

impl fmt::Display for PriceBookError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compression => out.write_str("the price book's gzip stream is broken"),
            Self::TooLarge => write!(out, "the price book is larger than {PRICE_BOOK_BYTES_MAX} bytes"),
            Self::Malformed(reason) => write!(out, "the price book is malformed: {reason}"),
            Self::Format(format) => {
                write!(out, "the price book has format {format}, this version reads format {FORMAT}")
            }
        }
    }
}

impl std::error::Error for PriceBookError {}

/// A model found, and who was asked for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// The book's identifier of the provider asked.
    pub(crate) provider: &'a str,
    model: &'a Model,
    /// Whether the model is another provider's, whose service tiers say nothing about this one.
    resold: bool,
}

impl<'a> Found<'a> {
    /// The rates at `at_ns` on a service tier; `None` when the book has none.
    pub(crate) fn sheet(self, at_ns: i64, tier: Option<&str>) -> Option<Sheet<'a>> {
        self.model.sheet(at_ns, tier.filter(|_| !self.resold))
    }
}

impl PriceBook {
    /// The book that ships with the program, parsed once per process.
    pub fn embedded() -> Result<Self, PriceBookError> {
        static BOOK: OnceLock<Result<Arc<Book>, PriceBookError>> = OnceLock::new();
        BOOK.get_or_init(|| Book::parse(SNAPSHOT).map(Arc::new)).clone().map(Self::of)
    }

    /// A book from a snapshot, gzip or plain JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, PriceBookError> {
        Book::parse(bytes).map(Arc::new).map(Self::of)
    }

    fn of(book: Arc<Book>) -> Self {
        Self { book, configured: FxHashMap::default() }
    }

    /// States flat rates for one provider, by the name it is metered under. They win over the book for every model.
    #[must_use]
    pub fn with_rates(mut self, provider: &str, rates: ConfiguredRates) -> Self {
        self.configured.insert(provider.trim().to_lowercase(), rates);
        self
    }

    /// Source and version of the rates, to stamp on what was priced with them: `genai-prices 0.2.3`.
    pub fn version(&self) -> &str {
        &self.book.version
    }

    /// The day the rates were published, `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        &self.book.date
    }

    /// The model that a name means at a provider, or `None` if the book knows none.
    pub fn find(&self, provider: &str, model: &str) -> Option<&Model> {
        self.look_up(provider, model).map(|found| found.model)
    }

    /// Largest number of input tokens of a model, where the book knows it.
    pub fn context_window(&self, provider: &str, model: &str) -> Option<u64> {
        self.find(provider, model)?.context_window()
    }

    /// The rates configured for a provider.
    pub(crate) fn configured(&self, provider: &str) -> Option<Sheet<'_>> {
        if self.configured.is_empty() {
            return None;
        }
        self.configured.get(&provider.trim().to_lowercase()).map(|rates| Sheet::flat(rates.card()))
    }

    pub(crate) fn look_up(&self, provider: &str, model: &str) -> Option<Found<'_>> {
        let place = self.book.remembered(provider, model)?;
        let model = self.book.providers.get(place.maker)?.model(place.model)?;
        let asked = self.book.providers.get(place.provider)?;
        Some(Found { provider: &asked.id, model, resold: place.maker != place.provider })
    }
}

impl Book {
    fn parse(bytes: &[u8]) -> Result<Self, PriceBookError> {
        let mut plain = Vec::new();
        let json = if bytes.starts_with(&GZIP_MAGIC) {
            let mut limited = flate2::read::GzDecoder::new(bytes).take(PRICE_BOOK_BYTES_MAX + 1);
            limited.read_to_end(&mut plain).map_err(|_| PriceBookError::Compression)?;
            plain.as_slice()
        } else {
            bytes
        };
        if u64::try_from(json.len()).unwrap_or(u64::MAX) > PRICE_BOOK_BYTES_MAX {
            return Err(PriceBookError::TooLarge);
        }
        let malformed = |error: serde_json::Error| PriceBookError::Malformed(error.to_string());
        let raw: RawBook = serde_json::from_slice(json).map_err(malformed)?;
        if raw.format != FORMAT {
            return Err(PriceBookError::Format(raw.format));
        }
        Ok(Self {
            version: format!("{} {}", raw.source, raw.version),
            date: raw.date,
            providers: raw.providers.into_iter().map(Provider::from).collect(),
            places: Mutex::default(),
        })
    }

    /// Where the model stands that a name means at a provider.
    fn remembered(&self, provider: &str, model: &str) -> Option<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = places.get(provider).and_then(|models| models.get(model)) {
            return *known;
        }
        let place = self.place(provider, model);
        if places.values().map(FxHashMap::len).sum::<usize>() < PRICED_NAMES_MAX {
            places.entry(provider.to_owned()).or_default().insert(model.to_owned(), place);
        }
        place
    }

    fn place(&self, provider: &str, model: &str) -> Option<Place> {
        let name = name::provider(provider);
        let own = self.provider(&name).and_then(|provider| self.place_at(provider, model));
        own.or_else(|| {
            let behind = makers::behind(&name, model);
            behind.iter().find_map(|(maker, model)| self.place_at(self.provider_by_id(maker)?, model))
        })
    }

    fn place_at(&self, provider: usize, model: &str) -> Option<Place> {
        let fallback = &self.providers.get(provider)?.fallback;
        let makers =
            || std::iter::once(provider).chain(fallback.iter().filter_map(|id| self.provider_by_id(id)));
        name::model_spellings(model).find_map(|spelling| {
            makers().find_map(|maker| {
                let model = self.providers.get(maker)?.find(&spelling)?;
                Some(Place { provider, maker, model })
            })
        })
    }

    fn provider(&self, name: &str) -> Option<usize> {
        let fits = || self.providers.iter().position(|provider| provider.is_match(name));
        self.provider_by_id(name).or_else(fits)
    }

    fn provider_by_id(&self, id: &str) -> Option<usize> {
        self.providers.iter().position(|provider| provider.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id_of(provider: &str, model: &str) -> Option<String> {
        PriceBook::embedded().unwrap().find(provider, model).map(|model| model.id().to_owned())
    }

    #[test]
    fn the_embedded_book_says_what_it_is() {
        let book = PriceBook::embedded().unwrap();
        assert!(book.version().starts_with("genai-prices 0.2."), "{}", book.version());
        assert_eq!(book.date().len(), 10);
        assert!(book.book.providers.len() > 40);
    }

    #[test]
    fn names_mean_the_model_they_mean_to_the_provider() {
        let cases = [
            ("openai", "gpt-4o", "gpt-4o"),
            ("openai", "GPT-4o-2024-08-06", "gpt-4o"),
            ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
            ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
            ("openai", "ft:gpt-4o-2024-08-06:acme::1", "ft:gpt-4o"),
            ("openai", "gpt-4o-2031-01-01", "gpt-4o"),
            ("azure", "gpt-4o-2024-08-06", "gpt-4o"),
            ("azure.ai.openai", "gpt-4o-2024-08-06", "gpt-4o"),
            ("anthropic", "claude-sonnet-4-20250514", "claude-sonnet-4-0"),
            ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("vertex", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
            ("gcp.gemini", "models/gemini-2.5-flash", "gemini-2.5-flash"),
            (
                "aws.bedrock",
                "us.anthropic.claude-sonnet-4-20250514-v1:0",
                "regional.anthropic.claude-sonnet-4-20250514-v1:0",
            ),
            ("bedrock", "us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
            ("pydantic-gateway", "gpt-5-2025-08-07", "gpt-5"),
            ("pydantic-gateway", "claude-sonnet-4-5", "claude-sonnet-4-5"),
            ("vercel", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
            ("cloudflare-gateway", "openai/gpt-4o", "gpt-4o"),
            ("huggingface", "Qwen/Qwen3-32B:groq", "Qwen/Qwen3-32B"),
        ];
        for (provider, model, id) in cases {
            assert_eq!(id_of(provider, model).as_deref(), Some(id), "{provider} {model}");
        }
    }

    #[test]
    fn bedrocks_names_are_found_by_profile_region_version_and_arn() {
        let profile = |id: &str| format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{id}");
        let sonnet = "regional.anthropic.claude-sonnet-4-5-20250929-v1:0";
        let cases = [
            (
                "anthropic.claude-3-sonnet-20240229-v1:0".to_owned(),
                "regional.anthropic.claude-3-sonnet-20240229-v1:0",
            ),
            (
                "us.anthropic.claude-3-5-haiku-20241022-v1:0".to_owned(),
                "regional.anthropic.claude-3-5-haiku-20241022-v1:0",
            ),
            ("amazon.titan-text-lite-v1".to_owned(), "amazon.titan-text-lite-v1"),
            ("amazon.titan-embed-text-v2:0:8k".to_owned(), "amazon.titan-embed-text-v2:0"),
            ("meta.llama3-1-70b-instruct-v1:0".to_owned(), "meta.llama3-1-70b-instruct-v1:0"),
            ("mistral.mistral-7b-instruct-v0:2".to_owned(), "mistral.mistral-7b-instruct-v0:2"),
            ("ca.anthropic.claude-sonnet-4-5-20250929-v1:0".to_owned(), sonnet),
            (profile("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"), sonnet),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0"
                    .to_owned(),
                sonnet,
            ),
            (
                profile("global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
                "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ),
            (profile("apac.anthropic.claude-opus-5"), "regional.anthropic.claude-opus-5"),
            (profile("global.anthropic.claude-opus-5"), "global.anthropic.claude-opus-5"),
            ("apac.amazon.nova-2-lite-v1:0".to_owned(), "regional.amazon.nova-2-lite-v1:0"),
            ("au.zai.glm-5.3".to_owned(), "regional.zai.glm-5.3"),
            ("openai.gpt-oss-120b".to_owned(), "openai.gpt-oss-120b-1:0"),
        ];
        for (name, id) in cases {
            assert_eq!(id_of("bedrock", &name).as_deref(), Some(id), "{name}");
        }
        // An application's own profile, bought throughput and models of one's own hide what runs.
        for kind in [
            "application-inference-profile",
            "provisioned-model",
            "custom-model-deployment",
            "imported-model",
        ] {
            assert_eq!(
                id_of("bedrock", &format!("arn:aws:bedrock:us-east-1:1:{kind}/abcd1234efgh")),
                None,
                "{kind}"
            );
        }
    }

    #[test]
    fn what_the_book_does_not_know_is_none() {
        for (provider, model) in [
            ("openai", "gpt-nonsense"),
            ("nobody", "gpt-4o"),
            ("openai", ""),
            ("", ""),
            ("openai", "ft:gpt-9:x"),
        ] {
            assert_eq!(id_of(provider, model), None, "{provider} {model}");
        }
    }

    #[test]
    fn context_windows_are_known() {
        let book = PriceBook::embedded().unwrap();
        assert_eq!(book.context_window("openai", "gpt-4o"), Some(128_000));
        assert_eq!(book.context_window("openai", "nonsense"), None);
    }

    #[derive(Deserialize)]
    struct ScanProvider {
        id: String,
        models: Vec<Model>,
    }

    #[derive(Deserialize)]
    struct ScanBook {
        providers: Vec<ScanProvider>,
    }

    #[test]
    fn what_is_remembered_is_bounded_and_changes_no_answer() {
        let book = Book::parse(SNAPSHOT).unwrap();
        let ask = |model: &str| book.remembered("openai", model).is_some();
        let before = (ask("gpt-4o"), ask("no-such-model"));
        (0..=PRICED_NAMES_MAX).for_each(|name| assert!(!ask(&format!("no-{name}"))));

        assert_eq!((ask("gpt-4o"), ask("no-such-model")), before);
        assert_eq!(before, (true, false));
        assert!(ask("gpt-4o-mini"), "beyond the bound it is looked up again");
        let places = book.places.lock().unwrap();
        assert_eq!(places.values().map(FxHashMap::len).sum::<usize>(), PRICED_NAMES_MAX);
    }

    #[test]
    fn every_model_is_found_as_a_plain_scan_would_find_it() {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(SNAPSHOT).read_to_end(&mut plain).unwrap();
        let scan: ScanBook = serde_json::from_slice(&plain).unwrap();
        let book = PriceBook::embedded().unwrap();
        let mut checked = 0;
        for ScanProvider { id, models } in &scan.providers {
            let indexed = book.book.provider_by_id(id).and_then(|at| book.book.providers.get(at)).unwrap();
            for model in models {
                let name = model.id().to_lowercase();
                let first = models.iter().find(|model| model.clause.as_ref().unwrap().is_match(&name));
                let found = indexed.find(&name).and_then(|at| indexed.model(at));
                assert_eq!(found.map(Model::id), first.map(Model::id), "{id} {name}");
                checked += 1;
            }
        }
        assert!(checked > 2000);
    }

    #[test]
    fn broken_snapshots_are_named() {
        let parse = |bytes: &[u8]| PriceBook::parse(bytes).unwrap_err();
        assert_eq!(parse(&[0x1f, 0x8b, 8, 0, 1]), PriceBookError::Compression);
        assert!(matches!(parse(b"{}"), PriceBookError::Malformed(_)));
        let future = br#"{"format":2,"source":"s","version":"1","date":"2030-01-01","providers":[]}"#;
        assert_eq!(parse(future), PriceBookError::Format(2));
    }

    proptest! {
        #[test]
        fn any_name_is_looked_up_without_harm(provider in ".{0,40}", model in ".{0,200}") {
            let book = PriceBook::embedded().unwrap();
            for provider in [provider.as_str(), "openai", "bedrock", "mistral"] {
                let _ = book.find(provider, &model);
            }
        }

        #[test]
        fn case_does_not_matter(model in "(gpt|o|claude|gemini|ft:gpt)-?[0-9](o|-5|\\.1)?(-mini|-2024-08-06|-sonnet)?") {
            let book = PriceBook::embedded().unwrap();
            for provider in ["openai", "anthropic", "azure", "google"] {
                let lower = book.find(provider, &model).map(Model::id);
                prop_assert_eq!(lower, book.find(&provider.to_uppercase(), &model.to_uppercase()).map(Model::id));
            }
        }
    }
}
