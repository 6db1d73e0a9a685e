//! Watches a streaming reply: keeps its reservation ahead of it, or cuts it between two events.
//!
//! What a cut reply may cost beyond its hold: the tokens of the piece that outgrew the hold, those up to the end of the
//! event it ended in, and what the provider generates or bills without showing it.

use super::decision::{Cause, Passage};
use super::hold::{self, Hold};
use super::{Cutting, Exchange};
use crate::dialect::{Progress, Reply};
use crate::limits;
use crate::snapshot::Series;

impl Exchange {
    /// The answer to a piece of a running reply, which the dialect has read already.
    pub(super) fn pass(&mut self, chunk: &[u8], progress: Progress, was_between: bool, now: i64) -> Passage {
        if self.needs_look(now) && self.is_guarded() {
            self.guard(now);
            if self.cutting == Cutting::Due
                && let Some(cut) = self.cut_at(chunk, progress, was_between)
            {
                return cut;
            }
        }
        self.unasked.as_mut().map_or(Passage::Forward, |unasked| unasked.pass(chunk))
    }

    /// Whether anything is to be done for the reservation, as far as can be told without asking what the reply has said.
    fn needs_look(&self, now: i64) -> bool {
        let runs_low = |hold: Hold| hold.runs_low(self.output.at_most());
        let due = self.cutting == Cutting::Due || self.session.is_some() || now >= self.renew_at;
        let streamed = self.reply.as_ref().is_some_and(Reply::is_streamed);
        streamed && self.hold.is_some_and(|hold| due || runs_low(hold))
    }

    /// Whether the reply is a running stream under a reservation.
    fn is_guarded(&mut self) -> bool {
        let running = |reply: &mut Reply| reply.is_streamed() && !reply.finding().finished;
        self.hold.is_some() && self.reply.as_mut().is_some_and(running)
    }

    /// Keeps the reservation ahead of the reply, or decides to cut.
    fn guard(&mut self, now: i64) {
        let Some(hold) = self.hold else { return };
        let stated = self.stated_worth();
        if self.cutting == Cutting::No && hold.runs_low(self.output.at_most().max(stated)) {
            let seen = self.output.tokens().max(stated);
            if hold.runs_low(seen) {
                return self.extend(hold, seen, now);
            }
        }
        if now >= self.renew_at {
            self.renew_at = now.saturating_add(limits::RESERVATION_TTL_NS / 2);
            let expires = now.saturating_add(limits::RESERVATION_TTL_NS);
            self.meter.state().budgets.extend(self.id.bits(), hold::step(None, 0), expires, now);
        }
    }

    fn extend(&mut self, hold: Hold, seen: u64, now: i64) {
        let expires = now.saturating_add(limits::RESERVATION_TTL_NS);
        let mut shadow: Option<Cause> = None;
        let mut refused: Option<Cause> = None;
        let mut grown = None;
        let mut state = self.meter.state();
        for step in hold.steps(seen) {
            let more = hold::step(self.rates.as_ref(), step);
            let verdict = state.budgets.extend(self.id.bits(), more, expires, now);
            shadow = shadow.or(verdict.would_refuse.map(Cause::from));
            refused = verdict.refused.map(Cause::from);
            if refused.is_none() {
                grown = Some(hold.grown(step, more));
                break;
            }
        }
        // A budget in shadow mode would have cut this reply; counted once.
        let shadow = shadow.filter(|_| !self.would_refuse);
        if let Some(cause) = &shadow {
            state.tally.count(Series::Decisions, &["cut", "shadow", cause.reason]);
        }
        drop(state);
        if let Some(cause) = shadow {
            self.would_refuse = true;
            self.cause.get_or_insert(cause);
        }
        let rest = || hold.refused().filter(|rest| !rest.runs_low(seen));
        if let Some(hold) = grown.or_else(rest) {
            self.hold = Some(hold);
        } else {
            self.cause = refused;
            self.cutting = Cutting::Due;
        }
    }

    /// Ends the reply between two events: after the last whole one of `chunk`, or before `chunk` where one ended. None in the
    /// middle of an event.
    fn cut_at(&mut self, chunk: &[u8], progress: Progress, was_between: bool) -> Option<Passage> {
        let boundary = progress.boundary.or(was_between.then_some(0));
        let whole = boundary.and_then(|boundary| chunk.get(..boundary));
        if whole.is_none() && self.reply.as_ref().is_some_and(Reply::is_plain) {
            // In the middle of an event: the next boundary is near, and a broken event helps nobody.
            return None;
        }
        let clean = whole.is_some();
        self.cutting = Cutting::Done { clean };
        let reason = self.cause.as_ref().map_or("none", |cause| cause.reason);
        self.meter.state().tally.count(Series::Decisions, &["cut", "enforce", reason]);
        let mut data = Vec::new();
        if let Some(whole) = whole {
            match &mut self.unasked {
                Some(unasked) => unasked.feed(whole, &mut data),
                None => data.extend_from_slice(whole),
            }
            let message = self.cause.as_ref().map(Cause::message).unwrap_or_default();
            let words = self.reply.as_ref().map(|reply| reply.last_words(&message, "insufficient_quota"));
            data.extend_from_slice(&words.unwrap_or_default());
        }
        Some(Passage::Cut { data, clean })
    }
}
