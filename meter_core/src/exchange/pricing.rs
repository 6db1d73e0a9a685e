//! What an exchange cost: by configured rates, else as the provider states it, else by the price book, else as the policy
//! says.

use super::Exchange;
use super::used::Used;
use crate::detect::Operation;
use crate::dialect::Finding;
use crate::meter::Unpriced;
use crate::money::Nano;
use crate::usage::{Provenance, Usage};

impl Exchange {
    /// What it cost: nothing if that is known, None if nobody knows.
    pub(super) fn cost(&self, finding: &Finding, used: &Used) -> Option<Nano> {
        if self.route.operation == Operation::Unknown && !used.free {
            return None;
        }
        if used.free || !self.route.billable {
            return Some(Nano::ZERO);
        }
        let counted = used.provenance != Provenance::None;
        let mut models = [finding.response_model.as_deref(), self.facts.model.as_deref()];
        if self.route.dialect.is_priced_as_asked() {
            models.reverse();
        }
        let book = || {
            let counted = models.into_iter().flatten().filter(|_| counted);
            counted
                .into_iter()
                .find_map(|model| self.charge(finding, &self.route.provider, model, &used.usage))
        };
        // Who states rates knows what they pay; and what the provider says it takes is better than any table.
        let own_rates = self.meter.book.configured(&self.route.provider).is_some();
        let priced =
            if own_rates { book().or(finding.stated_cost) } else { finding.stated_cost.or_else(book) };
        priced
            .or_else(|| self.as_policy_says(finding, used).filter(|_| counted))
            .or_else(|| (self.route.self_hosted && counted).then_some(Nano::ZERO))
    }

    fn as_policy_says(&self, finding: &Finding, used: &Used) -> Option<Nano> {
        let Unpriced::PriceAs(alias) = &self.meter.policies.unpriced else { return None };
        let (provider, model) = alias.split_once('/').unwrap_or((&self.route.provider, alias));
        self.charge(finding, provider, model, &used.usage)
    }

    /// `usage` at the rates of `model`, less what other models spent of it at theirs, and what tools spent beside it. None if
    /// one of them has no price.
    fn charge(&self, finding: &Finding, provider: &str, model: &str, usage: &Usage) -> Option<Nano> {
        let tier = finding.service_tier.as_deref().or(self.facts.service_tier.as_deref());
        let total = |model: &str, usage: &Usage| -> Option<Nano> {
            let charge = self.meter.book.charge(provider, model, usage, tier, self.opened_ns)?;
            Some(charge.total)
        };
        let mut rest = usage.clone();
        let mut sum = Nano::ZERO;
        for call in &finding.tool_calls {
            sum += total(&call.model, &call.usage)?;
        }
        for call in &finding.sub_calls {
            sum += total(&call.model, &call.usage)?;
            rest = rest.less(&call.usage);
        }
        Some(sum + total(model, &rest)?)
    }
}
