//! How the names on the wire relate to the names in the book. It refuses to know which names the book holds.

/// Book identifiers for provider names that genai-prices' own provider clauses would miss or mistake: OpenTelemetry's
/// names (`azure.ai.openai` contains `openai`) and the spellings of common SDKs.
const PROVIDER_ALIASES: [(&str, &str); 10] = [
    ("azure.ai.inference", "azure"),
    ("azure.ai.openai", "azure"),
    ("azure_ai", "azure"),
    ("azure_openai", "azure"),
    ("fireworks_ai", "fireworks"),
    ("fireworks-ai", "fireworks"),
    ("gcp.gen_ai", "google"),
    ("perplexity_ai", "perplexity"),
    ("together.ai", "together"),
    ("x_ai", "x-ai"),
];

/// Where Bedrock's inference profiles run, as their names begin. `global.` is none of them: it has prices of its own.
const PROFILE_REGIONS: [&str; 13] =
    ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "sa.", "in.", "il.", "me.", "af.", "mx."];
/// Bedrock's `OpenAI`-compatible endpoint leaves out the version that its other names of these models carry.
const UNVERSIONED: (&str, &str) = ("openai.gpt-oss-", "-1:0");

/// A provider name in the spelling of the book's identifiers and clauses.
pub(super) fn provider(name: &str) -> String {
    let lower = name.trim().to_lowercase();
    let alias = PROVIDER_ALIASES.iter().find(|(alias, _)| *alias == lower);
    alias.map_or(lower, |(_, id)| (*id).to_owned())
}

/// The spellings of a model name to look up, in order; the first one that matches wins.
///
/// 1. the name in lower case;
/// 2. with compact dates dashed, as genai-prices does (`gpt-5.2-20251211` is `gpt-5.2-2025-12-11`);
/// 3. without the resource prefix of an ARN or an URL path (`.../models/gemini-2.5-flash`);
/// 4. without a trailing date, so that a snapshot newer than the book has the price of its model. A fine-tuned
///    model (`ft:`) keeps its name: its rates differ from those of its base;
/// 5. for a Bedrock profile, without its region (`apac.anthropic.claude-opus-5`) and as one of the United States, as all
///    regions have one price;
/// 6. with the version that one endpoint of Bedrock leaves out.
pub(super) fn model_spellings(name: &str) -> impl Iterator<Item = String> {
    let lower = name.trim().to_lowercase();
    let bare = ["models/", "inference-profile/", "foundation-model/"]
        .into_iter()
        .find_map(|prefix| {
            memchr::memmem::rfind(lower.as_bytes(), prefix.as_bytes())
                .and_then(|at| lower.get(at + prefix.len()..))
        })
        .map(str::to_owned);
    let last = bare.as_deref().unwrap_or(&lower);
    let undated = if last.starts_with("ft:") { None } else { without_date(last) };
    let dashed = dash_dates(&lower);
    let regionless = PROFILE_REGIONS.iter().find_map(|region| last.strip_prefix(region)).map(str::to_owned);
    let domestic = regionless.as_ref().map(|model| format!("us.{model}"));
    let (family, version) = UNVERSIONED;
    let versioned =
        (last.starts_with(family) && !last.ends_with(version)).then(|| format!("{last}{version}"));
    [Some(lower), dashed, bare, undated, regionless, domestic, versioned].into_iter().flatten()
}

/// `name` with every `-YYYYMMDD` that ends a part written `-YYYY-MM-DD`, or `None` if there is none.
fn dash_dates(name: &str) -> Option<String> {
    let bytes = name.as_bytes();
    let mut dashed = String::with_capacity(name.len() + 2);
    let mut copied = 0;
    for (at, _) in name.match_indices('-') {
        let (start, end) = (at + 1, at + 9);
        if matches!(bytes.get(end), None | Some(b'-' | b':'))
            && let Some(digits) = name.get(start..end)
            && is_compact_date(digits)
            && let (Some(before), Some(year), Some(month), Some(day)) =
                (name.get(copied..start), digits.get(..4), digits.get(4..6), digits.get(6..))
        {
            for part in [before, year, "-", month, "-", day] {
                dashed.push_str(part);
            }
            copied = end;
        }
    }
    dashed.push_str(name.get(copied..)?);
    (copied > 0).then_some(dashed)
}

/// `name` without a trailing `-YYYY-MM-DD`, `-YYYYMMDD` or `@YYYYMMDD`, or `None` if it has none.
fn without_date(name: &str) -> Option<String> {
    let (compact_head, compact) = name.split_at_checked(name.len().checked_sub(9)?)?;
    if compact.starts_with(['-', '@']) && compact.get(1..).is_some_and(is_compact_date) {
        return Some(compact_head.to_owned());
    }
    let (head, dated) = name.split_at_checked(name.len().checked_sub(11)?)?;
    let mut parts = dated.strip_prefix('-')?.split('-');
    let digits = [parts.next()?, parts.next()?, parts.next()?].concat();
    (parts.next().is_none() && is_compact_date(&digits)).then(|| head.to_owned())
}

/// Whether `digits` is a calendar date `20YYMMDD`.
fn is_compact_date(digits: &str) -> bool {
    let number = |from, to| digits.get(from..to).and_then(|part| part.parse::<i16>().ok());
    digits.len() == 8
        && digits.starts_with("20")
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && matches!((number(0, 4), number(4, 6), number(6, 8)), (Some(year), Some(month), Some(day))
            if jiff::civil::Date::new(year, to_i8(month), to_i8(day)).is_ok())
}

/// Two digits fit; anything else is no month or day.
fn to_i8(number: i16) -> i8 {
    i8::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spellings(name: &str) -> Vec<String> {
        model_spellings(name).collect()
    }

    #[test]
    fn providers_of_other_vocabularies_have_the_books_names() {
        for (name, id) in
            [("azure.ai.openai", "azure"), (" X_AI ", "x-ai"), ("OpenAI", "openai"), ("new", "new")]
        {
            assert_eq!(provider(name), id);
        }
    }

    #[test]
    fn dates_are_dashed_then_dropped() {
        assert_eq!(spellings("GPT-5.2-20251211"), ["gpt-5.2-20251211", "gpt-5.2-2025-12-11", "gpt-5.2"]);
        assert_eq!(spellings("gpt-4o-2029-01-31"), ["gpt-4o-2029-01-31", "gpt-4o"]);
        assert_eq!(spellings("claude-x@20270101"), ["claude-x@20270101", "claude-x"]);
        assert_eq!(spellings("m-20250101:free"), ["m-20250101:free", "m-2025-01-01:free"]);
        assert_eq!(spellings("ft:gpt-9-2024-08-06"), ["ft:gpt-9-2024-08-06"]);
        for undated in ["gpt-4o", "m-20251340", "m-2025121", "m-202512110", "m-2025-02-30", "é-20é51211", ""]
        {
            assert_eq!(spellings(undated), [undated.to_owned()], "{undated}");
        }
    }

    #[test]
    fn resource_prefixes_come_off() {
        assert_eq!(spellings("models/gemini-2.5-flash"), ["models/gemini-2.5-flash", "gemini-2.5-flash"]);
        assert_eq!(
            spellings("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-lite-v1:0")
                .get(1..)
                .unwrap(),
            ["eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"]
        );
    }

    #[test]
    fn the_region_of_a_bedrock_profile_comes_off_but_not_the_world() {
        assert_eq!(spellings("apac.x.y"), ["apac.x.y", "x.y", "us.x.y"]);
        assert_eq!(spellings("global.x.y"), ["global.x.y"]);
        assert_eq!(spellings("openai.gpt-oss-20b"), ["openai.gpt-oss-20b", "openai.gpt-oss-20b-1:0"]);
        assert_eq!(spellings("openai.gpt-oss-20b-1:0"), ["openai.gpt-oss-20b-1:0"]);
    }
}
