//! Who made the models that gateways pass calls on to: gateways have no prices of their own, and charge the makers'. It
//! refuses to know rates.

/// Gateways, under the names they are metered by.
const GATEWAYS: [&str; 8] = [
    "cloudflare-gateway",
    "github-models",
    "helicone",
    "huggingface",
    "litellm",
    "portkey",
    "pydantic-gateway",
    "vercel",
];

/// Makers by the book's identifiers, in the order to ask them for a name that no prefix gives away.
const MAKERS: [&str; 11] = [
    "openai",
    "anthropic",
    "google",
    "mistral",
    "x-ai",
    "deepseek",
    "cohere",
    "moonshotai",
    "zai",
    "minimax",
    "perplexity",
];

/// A gateway whose model names end in the host that they are run by (`org/model:groq`), which has prices of its own.
const ROUTER: &str = "huggingface";

/// Pairs of provider and model, in the spelling of the book's, to ask for a `model` that the `gateway` served. None if it is
/// no gateway.
pub(super) fn behind<'a>(gateway: &str, model: &'a str) -> Vec<(String, &'a str)> {
    if !GATEWAYS.contains(&gateway) {
        return Vec::new();
    }
    let hosted = model.rsplit_once(':').filter(|_| gateway == ROUTER);
    if let Some((name, host)) = hosted {
        return vec![(format!("{ROUTER}_{}", host.to_lowercase()), name)];
    }
    if gateway == ROUTER {
        return Vec::new();
    }
    match model.split_once('/') {
        Some((maker, name)) => {
            let maker = maker.to_lowercase();
            let id = MAKERS.into_iter().find(|id| *id == maker || id.replace('-', "") == maker);
            id.map(|id| (id.to_owned(), name)).into_iter().collect()
        }
        None => MAKERS.into_iter().map(|id| (id.to_owned(), model)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_names_the_maker_and_a_bare_name_is_asked_for_at_all() {
        let asked = |gateway, model| -> Vec<(String, &str)> { behind(gateway, model) };

        assert_eq!(asked("vercel", "Anthropic/claude-x"), [("anthropic".to_owned(), "claude-x")]);
        assert_eq!(asked("vercel", "xai/grok-4"), [("x-ai".to_owned(), "grok-4")]);
        assert_eq!(asked("vercel", "nobody/grok-4"), []);
        assert_eq!(asked("pydantic-gateway", "gpt-5").len(), MAKERS.len());
        assert_eq!(asked("huggingface", "org/m:Groq"), [("huggingface_groq".to_owned(), "org/m")]);
        assert_eq!(asked("huggingface", "gpt-5"), []);
        assert_eq!(asked("groq", "gpt-5"), []);
    }
}
