//! Service tiers: what the words of the providers mean for the price. It refuses to know models.

/// What a service tier does to the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    /// The published rates.
    Standard,
    /// A tier with rates of its own, by the price book's word.
    Named(&'static str),
    /// Capacity bought in advance: tokens have no price of their own.
    Prepaid,
    /// A word we do not know.
    Unknown,
}

/// Reads the word that an exchange states (`OpenAI` and Anthropic `service_tier`, Gemini `serviceTier` and
/// `trafficType`, Bedrock `serviceTier.type`).
pub(super) fn read(word: Option<&str>) -> Tier {
    match word.map(str::to_lowercase).as_deref() {
        None | Some("" | "default" | "standard" | "standard_only" | "auto" | "on_demand" | "unspecified") => {
            Tier::Standard
        }
        Some("batch") => Tier::Named("batch"),
        Some("flex" | "on_demand_flex") => Tier::Named("flex"),
        Some("priority" | "on_demand_priority") => Tier::Named("priority"),
        Some("fast") => Tier::Named("fast"),
        Some("us") => Tier::Named("us"),
        Some("scale" | "provisioned_throughput" | "provisioned" | "reserved") => Tier::Prepaid,
        Some(_) => Tier::Unknown,
    }
}

/// A multiple of the standard token rates.
pub(super) type Factor = (u64, u64);
/// The standard rates.
pub(super) const STANDARD: Factor = (1, 1);
const HALF: Factor = (1, 2);

/// Multiples that a provider documents for all of its models. Used where the price book has no rates for the tier.
const DOCUMENTED: [(&str, &str, Factor); 13] = [
    // "All usage is charged at 50% of the standard API prices" (Message Batches).
    ("anthropic", "batch", HALF),
    // US-only inference: "a 1.1x multiplier on all token pricing categories"; older models do not offer it.
    ("anthropic", "us", (11, 10)),
    // Bedrock batch inference and Flex: 50% below on-demand; Priority: 75% above.
    ("aws", "batch", HALF),
    ("aws", "flex", HALF),
    ("aws", "priority", (7, 4)),
    // Global Batch: 50% below Global Standard.
    ("azure", "batch", HALF),
    // Gemini Batch and Flex: 50% below standard.
    ("google", "batch", HALF),
    ("google", "flex", HALF),
    // "50% lower cost" (Batch).
    ("groq", "batch", HALF),
    // "We offer a 50% discount on batch API".
    ("mistral", "batch", HALF),
    // Batch: 50% below; Flex: "tokens are priced at Batch API rates".
    ("openai", "batch", HALF),
    ("openai", "flex", HALF),
    // Batch: 50% below for serverless models.
    ("together", "batch", HALF),
];

/// The documented multiple for a tier at a provider of the book.
pub(super) fn documented(provider: &str, tier: &str) -> Option<Factor> {
    let entry = DOCUMENTED.iter().find(|(at, name, _)| (*at, *name) == (provider, tier));
    entry.map(|(_, _, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_providers_are_read() {
        let cases = [
            (None, Tier::Standard),
            (Some("default"), Tier::Standard),
            (Some("ON_DEMAND"), Tier::Standard),
            (Some("ON_DEMAND_FLEX"), Tier::Named("flex")),
            (Some("batch"), Tier::Named("batch")),
            (Some("PROVISIONED_THROUGHPUT"), Tier::Prepaid),
            (Some("ultra"), Tier::Unknown),
        ];
        for (word, tier) in cases {
            assert_eq!(read(word), tier, "{word:?}");
        }
    }
}
