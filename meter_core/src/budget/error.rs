//! What can be wrong with a configured budget. Nothing that traffic brings is an error here.

use std::fmt;

/// Why a budget cannot be used. The texts name the offending value; the caller adds file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetError {
    /// More budgets than `limits::BUDGETS_MAX`.
    TooMany,
    /// An empty name or one longer than `limits::NAME_BYTES_MAX`.
    Name(String),
    /// Two budgets of this name.
    RepeatedName(String),
    /// This budget limits nothing.
    NoLimit(String),
    /// This budget has a limit below nothing.
    NegativeLimit(String),
    /// This budget has too many alert thresholds, or one that is 0 or above `limits::ALERT_PERMILLE_MAX`.
    AlertThreshold(String),
    /// Not a scope dimension.
    UnknownDimension(String),
    /// The scope names this dimension twice.
    RepeatedDimension(&'static str),
    /// A selector that is empty or longer than `limits::NAME_BYTES_MAX`.
    Selector(String),
    /// A `*` that is neither the whole selector nor the end of a model prefix.
    Wildcard(String),
    /// Not a window period.
    UnknownPeriod(String),
    /// Not a time zone of the tz database.
    UnknownTimezone(String),
}

impl fmt::Display for BudgetError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(out, "more than {} budgets", crate::limits::BUDGETS_MAX),
            Self::Name(name) => {
                write!(out, "budget name {name:?}: 1 to {} bytes", crate::limits::NAME_BYTES_MAX)
            }
            Self::RepeatedName(name) => write!(out, "two budgets are named {name:?}"),
            Self::NoLimit(name) => write!(out, "budget {name:?} limits none of usd, tokens, requests"),
            Self::NegativeLimit(name) => write!(out, "budget {name:?} has a negative limit"),
            Self::AlertThreshold(name) => write!(
                out,
                "budget {name:?}: at most {} alert thresholds, each above 0 and at most {} thousandths",
                crate::limits::ALERTS_PER_BUDGET_MAX,
                crate::limits::ALERT_PERMILLE_MAX
            ),
            Self::UnknownDimension(name) => write!(out, "unknown scope dimension {name:?}"),
            Self::RepeatedDimension(name) => write!(out, "scope dimension {name} is given twice"),
            Self::Selector(value) => {
                write!(out, "scope value {value:?}: 1 to {} bytes", crate::limits::NAME_BYTES_MAX)
            }
            Self::Wildcard(value) => {
                write!(out, "scope value {value:?}: `*` stands alone, or ends a model prefix")
            }
            Self::UnknownPeriod(name) => write!(out, "unknown window period {name:?}"),
            Self::UnknownTimezone(name) => write!(out, "unknown time zone {name:?}"),
        }
    }
}

impl std::error::Error for BudgetError {}
