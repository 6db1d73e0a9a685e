//! The detection table: one line for each host that is metered without being configured.

use super::host::{Family, HostRule, Reasoning};

use Family::{Anthropic, Bedrock, Cohere, Google, HuggingFace, Mistral, Ollama, OpenAi};

/// Host, provider and family. The first line that matches counts.
const HOSTS: [(&str, &str, Family); 82] = [
    ("api.openai.com", "openai", OpenAi),
    (".api.openai.com", "openai", OpenAi),
    (".openai.azure.com", "azure", OpenAi),
    (".openai.azure.us", "azure", OpenAi),
    (".cognitiveservices.azure.com", "azure", OpenAi),
    (".services.ai.azure.com", "azure", OpenAi),
    (".models.ai.azure.com", "azure", OpenAi),
    (".inference.ml.azure.com", "azure", OpenAi),
    ("models.inference.ai.azure.com", "github-models", OpenAi),
    ("models.github.ai", "github-models", OpenAi),
    ("api.githubcopilot.com", "github-copilot", OpenAi),
    (".githubcopilot.com", "github-copilot", OpenAi),
    ("api.anthropic.com", "anthropic", Anthropic),
    ("generativelanguage.googleapis.com", "gemini", Google),
    ("aiplatform.googleapis.com", "vertex", Google),
    ("*-aiplatform.googleapis.com", "vertex", Google),
    ("aiplatform.*.rep.googleapis.com", "vertex", Google),
    ("bedrock-runtime.*.amazonaws.com", "bedrock", Bedrock),
    ("bedrock-runtime-fips.*.amazonaws.com", "bedrock", Bedrock),
    ("bedrock-mantle.*.api.aws", "bedrock", Bedrock),
    (".bedrock-runtime.*.vpce.amazonaws.com", "bedrock", Bedrock),
    ("api.cohere.com", "cohere", Cohere),
    ("api.cohere.ai", "cohere", Cohere),
    ("api.mistral.ai", "mistral", Mistral),
    ("codestral.mistral.ai", "mistral", Mistral),
    ("api.groq.com", "groq", OpenAi),
    ("api.together.xyz", "together", OpenAi),
    ("api.together.ai", "together", OpenAi),
    ("api.fireworks.ai", "fireworks", OpenAi),
    ("api.deepseek.com", "deepseek", OpenAi),
    ("api.x.ai", "xai", OpenAi),
    (".api.x.ai", "xai", OpenAi),
    ("openrouter.ai", "openrouter", OpenAi),
    ("api.perplexity.ai", "perplexity", OpenAi),
    ("api.cerebras.ai", "cerebras", OpenAi),
    ("api.sambanova.ai", "sambanova", OpenAi),
    ("integrate.api.nvidia.com", "nvidia", OpenAi),
    ("ai.api.nvidia.com", "nvidia", OpenAi),
    ("api.deepinfra.com", "deepinfra", OpenAi),
    ("api.novita.ai", "novita", OpenAi),
    ("api.hyperbolic.xyz", "hyperbolic", OpenAi),
    ("api.studio.nebius.com", "nebius", OpenAi),
    ("api.studio.nebius.ai", "nebius", OpenAi),
    ("api.tokenfactory.nebius.com", "nebius", OpenAi),
    ("inference.baseten.co", "baseten", OpenAi),
    ("api.moonshot.ai", "moonshotai", OpenAi),
    ("api.moonshot.cn", "moonshotai", OpenAi),
    ("api.z.ai", "zai", OpenAi),
    ("open.bigmodel.cn", "zhipuai", OpenAi),
    ("api.minimax.io", "minimax", OpenAi),
    ("api.minimaxi.com", "minimax", OpenAi),
    ("dashscope.aliyuncs.com", "alibaba", OpenAi),
    ("dashscope-intl.aliyuncs.com", "alibaba", OpenAi),
    ("dashscope-us.aliyuncs.com", "alibaba", OpenAi),
    ("ark.cn-beijing.volces.com", "volcengine", OpenAi),
    ("api.siliconflow.com", "siliconflow", OpenAi),
    ("api.siliconflow.cn", "siliconflow", OpenAi),
    ("api.stepfun.com", "stepfun", OpenAi),
    ("api.ai21.com", "ai21", OpenAi),
    ("api.inceptionlabs.ai", "inception", OpenAi),
    ("api.arcee.ai", "arcee", OpenAi),
    ("conductor.arcee.ai", "arcee", OpenAi),
    ("api.avian.io", "avian", OpenAi),
    ("api.lambda.ai", "lambda", OpenAi),
    ("api.voyageai.com", "voyageai", OpenAi),
    ("api.jina.ai", "jina", OpenAi),
    ("inference.do-ai.run", "digitalocean", OpenAi),
    (".ai.cloud.ovh.net", "ovhcloud", OpenAi),
    ("api.scaleway.ai", "scaleway", OpenAi),
    ("ai-gateway.vercel.sh", "vercel", OpenAi),
    ("gateway.pydantic.dev", "pydantic-gateway", OpenAi),
    ("gateway.ai.cloudflare.com", "cloudflare-gateway", OpenAi),
    ("oai.helicone.ai", "helicone", OpenAi),
    ("ai-gateway.helicone.ai", "helicone", OpenAi),
    ("anthropic.helicone.ai", "helicone", Anthropic),
    ("gateway.helicone.ai", "helicone", OpenAi),
    ("api.portkey.ai", "portkey", OpenAi),
    ("router.huggingface.co", "huggingface", HuggingFace),
    ("api-inference.huggingface.co", "huggingface", HuggingFace),
    (".endpoints.huggingface.cloud", "huggingface", HuggingFace),
    ("ollama.com", "ollama-cloud", Ollama),
    // The port of every Ollama of one's own, whatever its host.
    ("*:11434", "ollama", Ollama),
];

/// Providers whose chat counts reasoning otherwise than `OpenAI`'s.
const REASONING: [(&str, Reasoning); 4] = [
    ("perplexity", Reasoning::Beside),
    ("vercel", Reasoning::Beside),
    ("gemini", Reasoning::InTotal),
    ("vertex", Reasoning::InTotal),
];

/// Providers that run on hardware of the user's own.
const SELF_HOSTED: [&str; 1] = ["ollama"];

/// Providers whose streams of `OpenAI`'s shape state usage when they are asked to, in a chunk of its own, and not unless.
const USAGE_ON_REQUEST: [&str; 5] = ["openai", "azure", "github-models", "ollama", "ollama-cloud"];

/// Whether streams of `provider` state usage when they are asked to, and not unless. Of those in the table only some are known
/// to: the others state it unasked, or elsewhere. Whoever is not in it is taken for a server of the usual kind.
pub(crate) fn states_usage_on_request(provider: &str) -> bool {
    USAGE_ON_REQUEST.contains(&provider) || HOSTS.iter().all(|(_, name, _)| *name != provider)
}

/// The rules of the table, in its order.
pub(super) fn rules() -> impl Iterator<Item = HostRule> {
    HOSTS.into_iter().map(|(host, provider, family)| {
        let reasoning = REASONING.into_iter().find(|(name, _)| *name == provider);
        HostRule {
            reasoning: reasoning.map_or(Reasoning::ByTotal, |(_, reasoning)| reasoning),
            self_hosted: SELF_HOSTED.contains(&provider),
            ..HostRule::new(host, provider, family)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_asked_of_those_that_wait_for_it_and_of_servers_of_ones_own() {
        for (provider, waits) in [
            ("openai", true),
            ("azure", true),
            ("mistral", false),
            ("groq", false),
            ("vllm", true),
            ("own", true),
        ] {
            assert_eq!(states_usage_on_request(provider), waits, "{provider}");
        }
        assert!(USAGE_ON_REQUEST.iter().all(|name| HOSTS.iter().any(|(_, provider, _)| provider == name)));
    }

    #[test]
    fn no_line_hides_a_later_one() {
        let rules: Vec<HostRule> = rules().collect();
        for (at, rule) in rules.iter().enumerate() {
            let example = rule.host.replace('*', "x");
            let example = example.strip_prefix('.').map_or(example.clone(), |rest| format!("x.{rest}"));
            let first = rules.iter().position(|other| other.matches(&example, rule.port));
            assert_eq!(first, Some(at), "{}", rule.host);
        }
    }
}
