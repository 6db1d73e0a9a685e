//! Reservations by id: the open ones in order of expiry, and a bounded memory of those that ended.
//!
//! It refuses to know the sums: accounts keep those.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use crate::budget::amount::Amount;
use crate::limits::{ENDED_RESERVATIONS_MAX, RESERVATIONS_MAX};

/// Where a reservation holds: in one account of one budget, in the window of its admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Index of the budget.
    pub(super) budget: usize,
    /// Index of the account in it.
    pub(super) account: usize,
    /// Start of the window.
    pub(super) window_ns: i64,
}

/// One reservation: the same amount in each of its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    pub(super) amount: Amount,
    pub(super) expires_ns: i64,
    /// Whether its exchange can be refused and cut.
    pub(super) binding: bool,
    pub(super) places: Box<[Place]>,
}

/// All reservations that are still of interest.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    open: FxHashMap<u128, Reservation>,
    expiries: BTreeSet<(i64, u128)>,
    /// Ended ids; a forfeited one keeps its reservation for the late settlement.
    ended: FxHashMap<u128, Option<Box<Reservation>>>,
    /// Ended ids, oldest first, as many as in `ended`.
    ended_order: VecDeque<u128>,
}

impl Reservations {
    /// Whether the id is open, or ended and remembered.
    pub(super) fn knows(&self, id: u128) -> bool {
        self.open.contains_key(&id) || self.ended.contains_key(&id)
    }

    /// Whether another one must end before one can open.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= RESERVATIONS_MAX
    }

    pub(super) fn open(&mut self, id: u128, reservation: Reservation) {
        self.expiries.insert((reservation.expires_ns, id));
        self.open.insert(id, reservation);
    }

    /// The reservation and whether it is forfeited.
    pub(super) fn get(&self, id: u128) -> Option<(&Reservation, bool)> {
        if let Some(reservation) = self.open.get(&id) {
            return Some((reservation, false));
        }
        self.ended.get(&id)?.as_deref().map(|reservation| (reservation, true))
    }

    /// Adds to a reservation and moves its expiry.
    pub(super) fn extend(&mut self, id: u128, more: Amount, expires_ns: i64) {
        if let Some(reservation) = self.open.get_mut(&id) {
            self.expiries.remove(&(reservation.expires_ns, id));
            self.expiries.insert((expires_ns, id));
            reservation.expires_ns = expires_ns;
            reservation.amount = reservation.amount.plus(more);
        } else if let Some(Some(reservation)) = self.ended.get_mut(&id) {
            reservation.amount = reservation.amount.plus(more);
        }
    }

    /// Ends a reservation by report. The second value says whether it had been forfeited, the third is a forfeited
    /// one that is forgotten in its place.
    pub(super) fn end(&mut self, id: u128) -> Option<(Reservation, bool, Option<Reservation>)> {
        if let Some(reservation) = self.close(id) {
            let forgotten = self.remember(id, None);
            return Some((reservation, false, forgotten));
        }
        let reservation = self.ended.get_mut(&id)?.take()?;
        Some((*reservation, true, None))
    }

    /// The next reservation to expire, if it does so at or before `until_ns`.
    pub(super) fn due(&self, until_ns: i64) -> Option<u128> {
        self.expiries.first().filter(|(expires_ns, _)| *expires_ns <= until_ns).map(|(_, id)| *id)
    }

    /// Ends an open reservation without report. The second value is a forfeited one that is forgotten in its place.
    pub(super) fn forfeit(&mut self, id: u128) -> Option<(Reservation, Option<Reservation>)> {
        let reservation = self.close(id)?;
        let forgotten = self.remember(id, Some(Box::new(reservation.clone())));
        Some((reservation, forgotten))
    }

    fn close(&mut self, id: u128) -> Option<Reservation> {
        let reservation = self.open.remove(&id)?;
        self.expiries.remove(&(reservation.expires_ns, id));
        Some(reservation)
    }

    fn remember(&mut self, id: u128, reservation: Option<Box<Reservation>>) -> Option<Reservation> {
        self.ended.insert(id, reservation);
        self.ended_order.push_back(id);
        if self.ended_order.len() <= ENDED_RESERVATIONS_MAX {
            return None;
        }
        let oldest = self.ended_order.pop_front()?;
        self.ended.remove(&oldest).flatten().map(|reservation| *reservation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(expires_ns: i64) -> Reservation {
        Reservation { amount: Amount::ZERO, expires_ns, binding: true, places: Box::default() }
    }

    #[test]
    fn the_memory_of_ended_ids_is_bounded_and_forgets_the_oldest() {
        let mut reservations = Reservations::default();
        reservations.open(0, reservation(7));
        assert_eq!(reservations.forfeit(0), Some((reservation(7), None)));
        for id in 1..=ENDED_RESERVATIONS_MAX as u128 {
            assert!(reservations.knows(0));
            reservations.open(id, reservation(0));
            let (_, forfeited, forgotten) = reservations.end(id).unwrap();
            assert!(!forfeited);
            let last = id == ENDED_RESERVATIONS_MAX as u128;
            assert_eq!(forgotten, last.then(|| reservation(7)));
        }
        assert!(!reservations.knows(0) && reservations.knows(1));
        assert_eq!(reservations.ended.len(), ENDED_RESERVATIONS_MAX);
        assert!(reservations.expiries.is_empty());
    }

    #[test]
    fn expiry_follows_the_last_extension() {
        let mut reservations = Reservations::default();
        reservations.open(1, reservation(10));
        reservations.open(2, reservation(20));
        reservations.extend(1, Amount::ZERO, 30);
        assert_eq!(reservations.due(19), None);
        assert_eq!(reservations.due(40), Some(2));
        reservations.forfeit(2).unwrap();
        assert_eq!(reservations.due(29), None);
        assert_eq!(reservations.due(30), Some(1));
    }
}
