//! A request that has been sent and whose reply is not whole.

use super::head::RequestHead;
use crate::exchange::Exchange;

/// What its reply is read by.
pub(super) struct Asked {
    /// None where nothing is metered.
    pub(super) exchange: Option<Box<Exchange>>,
    /// Its reply has no body, whatever its head says.
    pub(super) bodiless: bool,
    /// It asks to leave HTTP.
    pub(super) upgrades: bool,
}

impl Asked {
    pub(super) fn new(head: &RequestHead, exchange: Option<Box<Exchange>>) -> Self {
        let bodiless = head.asking.method == "HEAD";
        Self { exchange, bodiless, upgrades: head.upgrades }
    }
}
