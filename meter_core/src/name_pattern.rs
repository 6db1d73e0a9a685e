//! A pattern of model names, in which `*` stands for any characters; refuses to know what rule it is for
//! and what a name has before it.

use serde::Deserialize;

/// A pattern, divided once: every line of every table is asked for every request.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Pattern {
    /// What stands before the first star, or all of it.
    start: Box<str>,
    /// What stands behind the first star, if there is one.
    rest: Option<Rest>,
}

#[derive(Clone, Debug)]
struct Rest {
    /// What stands between two stars.
    middle: Vec<Box<str>>,
    /// What stands behind the last one.
    end: Box<str>,
}

impl From<String> for Pattern {
    fn from(pattern: String) -> Self {
        let Some((start, rest)) = pattern.split_once('*') else {
            return Self { start: pattern.into_boxed_str(), rest: None };
        };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middle = middle.split('*').filter(|part| !part.is_empty()).map(Box::from).collect();
        Self { start: start.into(), rest: Some(Rest { middle, end: end.into() }) }
    }
}

impl Pattern {
    /// Whether `name` is like this.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let Some(mut name) = name.strip_prefix(&*self.start) else { return false };
        let Some(Rest { middle, end }) = &self.rest else { return name.is_empty() };
        for part in middle {
            let Some(behind) = behind(name, part) else { return false };
            name = behind;
        }
        name.ends_with(&**end)
    }
}

/// What stands in `name` behind the first `part`. Both are short: a search takes longer to set up than to look.
fn behind<'a>(name: &'a str, part: &str) -> Option<&'a str> {
    let (name_bytes, part) = (name.as_bytes(), part.as_bytes());
    let at =
        name_bytes.windows(part.len()).position(|window| window.first() == part.first() && window == part)?;
    name.get(at + part.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_any_characters_for_a_star() {
        for (name, pattern, like) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o-mini", "gpt-4o", false),
            ("gpt-4o-mini", "gpt-4o*", true),
            ("us.anthropic.claude-3", "*claude*", true),
            ("us.anthropic.claud", "*claude*", false),
            ("gpt-4o-mini-search-x", "gpt-4*search*", true),
            ("a-b-c-d", "a*b*c*d", true),
            ("a-c-b-d", "a*b*c*d", false),
            ("gpt-4-x", "gpt-4*x", true),
            ("ab", "ab*b", false),
            ("a", "a", true),
            ("ab", "a", false),
            ("a", "a*", true),
            ("a", "a*a", false),
            ("abc", "*b*", true),
            ("abc", "*b", false),
            ("abcd", "*b*d", true),
            ("abc", "**", true),
            ("é-claude", "*-*", true),
            ("", "*", true),
            ("", "*a*", false),
        ] {
            assert_eq!(Pattern::from(pattern.to_owned()).fits(name), like, "{name} {pattern}");
        }
    }
}
