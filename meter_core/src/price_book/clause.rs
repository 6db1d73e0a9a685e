//! A match clause: does a name in lower case belong to this model or provider? It refuses to know either.

use memchr::memmem::Finder;
use regex::Regex;
use serde::Deserialize;

/// One condition on a name, as the snapshot writes it (`{"starts_with": "gpt-4o"}`).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clause {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(Box<Needle>),
    Regex(Pattern),
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
}

impl Clause {
    /// Whether `name`, in lower case, satisfies the clause.
    pub(super) fn is_match(&self, name: &str) -> bool {
        match self {
            Self::Equals(text) => name == text,
            Self::StartsWith(text) => name.starts_with(text.as_str()),
            Self::EndsWith(text) => name.ends_with(text.as_str()),
            Self::Contains(needle) => needle.0.find(name.as_bytes()).is_some(),
            Self::Regex(pattern) => pattern.0.is_match(name),
            Self::Any(clauses) => clauses.iter().any(|clause| clause.is_match(name)),
            Self::All(clauses) => clauses.iter().all(|clause| clause.is_match(name)),
            Self::Not(clause) => !clause.is_match(name),
        }
    }

    /// Splits the clause for an index: names that satisfy it by themselves go to `names`, what is left (if
    /// anything) has to be evaluated.
    pub(super) fn split_names(self, names: &mut Vec<String>) -> Option<Self> {
        match self {
            Self::Equals(text) => {
                names.push(text);
                None
            }
            Self::Any(clauses) => {
                let mut rest: Vec<_> =
                    clauses.into_iter().filter_map(|clause| clause.split_names(names)).collect();
                match rest.len() {
                    0 => None,
                    1 => rest.pop(),
                    _ => Some(Self::Any(rest)),
                }
            }
            other => Some(other),
        }
    }
}

/// A text searched anywhere in the name. Names are short: to set a search up would take longer than to search.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Needle(Finder<'static>);

impl From<String> for Needle {
    fn from(text: String) -> Self {
        Self(Finder::new(&text).into_owned())
    }
}

/// A regular expression searched anywhere in the name, compiled when the book is parsed.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Regex::new(&text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(json: &str) -> Clause {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn each_clause_says_yes_and_no() {
        let cases = [
            (r#"{"equals":"o3"}"#, "o3", "o3-mini"),
            (r#"{"starts_with":"ft:gpt-4o"}"#, "ft:gpt-4o-2024-08-06:acme::x", "gpt-4o"),
            (r#"{"ends_with":":free"}"#, "qwen/qwq-32b:free", "qwen/qwq-32b"),
            (r#"{"contains":"sonnet"}"#, "anthropic.claude-sonnet-4", "claude-haiku"),
            (r#"{"regex":"^gpt-5-mini-[0-9]{4}-[0-9]{2}$"}"#, "gpt-5-mini-2025-08", "gpt-5-mini-2025-08-07"),
            (r#"{"any":[{"equals":"a"},{"equals":"b"}]}"#, "b", "c"),
            (r#"{"all":[{"starts_with":"g"},{"not":{"contains":"tts"}}]}"#, "gemini", "gemini-tts"),
        ];
        for (json, yes, no) in cases {
            assert!(clause(json).is_match(yes), "{json} on {yes}");
            assert!(!clause(json).is_match(no), "{json} on {no}");
        }
    }

    #[test]
    fn splitting_out_names_keeps_the_meaning() {
        let whole =
            clause(r#"{"any":[{"equals":"a"},{"any":[{"equals":"b"},{"contains":"x"}]},{"ends_with":"z"}]}"#);
        let mut names = Vec::new();
        let rest = whole.clone().split_names(&mut names).unwrap();
        assert_eq!(names, ["a", "b"]);
        for name in ["a", "b", "c", "axb", "z", "cz"] {
            let split = names.iter().any(|known| known == name) || rest.is_match(name);
            assert_eq!(whole.is_match(name), split, "{name}");
        }
    }

    #[test]
    fn a_broken_pattern_is_an_error_of_parsing() {
        assert!(serde_json::from_str::<Clause>(r#"{"regex":"(?!x)"}"#).is_err());
    }
}
