//! How long is waited for what: every wait of the engine, with its argument.

use damm_fleet::{FailureClass, Span};

/// No call to a provider takes longer: it is given up then, and its outcome is unknown. Vendors'
/// gateways give up after 30 to 60 seconds; what they do later than that they do without us.
pub const CALL_TIMEOUT: Span = Span::from_secs(60);

/// Two listings closer together than this may come from one cached answer, so they count as one
/// look.
pub const LISTING_GAP: Span = Span::from_secs(5);

/// A vendor's clock and ours differ by no more: what it says was made earlier than that before a
/// call was not made by it.
pub const CLOCKS_DIFFER: Span = Span::from_mins(5);

/// A delete that was accepted is asked for again after this long, while the thing is still shown:
/// vendors lose accepted deletes too.
pub const DELETE_AGAIN: Span = Span::from_secs(90);

/// Something with our tag that the ledger never knew is left alone until it is this old. Creates
/// of 40 to 60 minutes are on record (terraform-provider-hcloud issue 312), and another controller
/// of ours may be about to write its row.
pub const ORPHAN_AGE: Span = Span::from_mins(90);

/// An account that had none to give is planned around for this long.
pub const EXHAUSTED_FOR: Span = Span::from_mins(30);

/// The least that is asked of one look at the world by the next.
pub const POLL_FIRST: Span = Span::from_secs(5);
/// The longest between two looks while something is under way.
pub const POLL_LAST: Span = Span::from_secs(30);

/// How long the same call is left alone after it has failed for the `count`th time in a row:
/// doubling from a class's first wait up to its last.
pub fn backoff(class: FailureClass, count: u32) -> Span {
    let (first, last) = match class {
        FailureClass::Busy => (Span::from_secs(2), Span::from_secs(60)),
        FailureClass::Throttled => (Span::from_secs(5), Span::from_mins(5)),
        FailureClass::Unknown | FailureClass::Gone => (Span::from_secs(5), Span::from_mins(2)),
        // The same call will not do better until somebody acts, or the vendor has new stock.
        FailureClass::Rejected => (Span::from_mins(10), Span::from_hours(6)),
        FailureClass::Exhausted => (EXHAUSTED_FOR, Span::from_hours(6)),
    };
    let doubled = first.scale(2f64.powi(count.saturating_sub(1).min(30) as i32));
    doubled.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_doubles_the_wait_up_to_a_cap() {
        let waits = [1, 2, 3, 4, 5, 6, 7].map(|n| backoff(FailureClass::Busy, n).as_millis());
        assert_eq!(waits, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(backoff(FailureClass::Rejected, u32::MAX), Span::from_hours(6));
    }
}
