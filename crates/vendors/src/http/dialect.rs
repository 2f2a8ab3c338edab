//! What a vendor's refusals mean.

use damm_fleet::FailureClass;

use super::ask::Reply;

/// A vendor's way to say no. Statuses mislead: one vendor's "busy" is a 400, another's a 423 or a
/// 500, so each adapter says what its vendor's words mean.
pub trait Dialect: Send + Sync {
    /// What a reply that is no success means; none where the status says enough.
    fn class(&self, reply: &Reply) -> Option<FailureClass>;

    /// The vendor's own words in a reply; none where the usual places hold them.
    fn words(&self, _: &Reply) -> Option<String> {
        None
    }
}

/// A vendor whose statuses say enough.
#[derive(Debug, Clone, Copy)]
pub struct ByStatus;

impl Dialect for ByStatus {
    fn class(&self, _: &Reply) -> Option<FailureClass> {
        None
    }
}

/// What a status says by itself. Only an answer that proves that nothing was done is anything else
/// than unknown.
pub const fn by_status(status: u16) -> FailureClass {
    match status {
        429 => FailureClass::Throttled,
        404 | 410 => FailureClass::Gone,
        409 | 423 => FailureClass::Busy,
        408 => FailureClass::Unknown,
        400..=499 => FailureClass::Rejected,
        // A redirect is not followed: an API that moved has to be told to us.
        300..=399 => FailureClass::Rejected,
        _ => FailureClass::Unknown,
    }
}
