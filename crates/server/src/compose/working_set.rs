//! Which egress nodes an ingress uses.

use std::collections::BTreeSet;

use damm_fleet::NodeId;
use sha2::{Digest, Sha256};

/// Egress nodes that take new sessions from one ingress, at most: a tunnel and a routing table
/// each.
pub const WORKING_SET: usize = 64;

/// An egress node, as far as choosing it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) egress: NodeId,
    /// Whether it will take new sessions, now or once it is verified.
    pub(super) receives: bool,
}

/// The egress nodes that an ingress is told of.
///
/// What it was given before it keeps while it stands, since sessions go through it; the rest is
/// filled up with those that rank highest for this ingress (rendezvous hashing: Thaler and
/// Ravishankar, IEEE/ACM ToN 6(1), 1998), so that many ingress nodes spread evenly over many
/// egress nodes. One that joins a full set is used by ingress nodes that come after it.
pub(super) fn working_set(
    ingress: NodeId,
    choices: &[Choice],
    before: &BTreeSet<NodeId>,
) -> BTreeSet<NodeId> {
    let (kept, new): (Vec<Choice>, Vec<Choice>) =
        choices.iter().partition(|c| before.contains(&c.egress));
    let room = WORKING_SET.saturating_sub(kept.iter().filter(|c| c.receives).count());
    let mut new: Vec<Choice> = new.into_iter().filter(|c| c.receives).collect();
    if new.len() > room {
        new.sort_by_cached_key(|c| rank(ingress, c.egress));
        new.truncate(room);
    }
    kept.into_iter().chain(new).map(|c| c.egress).collect()
}

fn rank(ingress: NodeId, egress: NodeId) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"damm working set v1");
    let hash = hash.chain_update(ingress.raw().to_be_bytes());
    hash.chain_update(egress.raw().to_be_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn choices(range: std::ops::Range<u64>) -> Vec<Choice> {
        let one = |n| Choice { egress: NodeId::from_raw(n), receives: true };
        range.map(one).collect()
    }

    fn set(ingress: u64, choices: &[Choice], before: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        working_set(NodeId::from_raw(ingress), choices, before)
    }

    #[test]
    fn a_few_egress_nodes_are_all_used() {
        assert_eq!(set(1, &choices(100..164), &BTreeSet::new()).len(), WORKING_SET);
        assert_eq!(set(1, &choices(100..110), &BTreeSet::new()).len(), 10);
    }

    #[test]
    fn many_are_spread_evenly_over_the_ingress_nodes() {
        let mut used: BTreeMap<NodeId, usize> = BTreeMap::new();
        for ingress in 0..200 {
            let set = set(ingress, &choices(1_000..1_128), &BTreeSet::new());
            assert_eq!(set.len(), WORKING_SET);
            set.into_iter().for_each(|e| *used.entry(e).or_default() += 1);
        }
        // Each is used by 100 on average, with a standard deviation of 7.
        assert!(used.values().all(|n| (65..=135).contains(n)), "{used:?}");
    }

    #[test]
    fn what_carries_sessions_is_kept_and_what_drains_is_made_up_for() {
        let before = set(1, &choices(1_000..1_100), &BTreeSet::new());
        // More come: nothing changes.
        assert_eq!(set(1, &choices(900..1_200), &before), before);
        // Two drain: they stay, and two others take new sessions.
        let draining: BTreeSet<_> = before.iter().take(2).copied().collect();
        let drained: Vec<_> = choices(1_000..1_100)
            .into_iter()
            .map(|c| Choice { receives: !draining.contains(&c.egress), ..c })
            .collect();
        let after = set(1, &drained, &before);
        assert!(after.is_superset(&before));
        assert_eq!(after.len(), WORKING_SET + 2);
        // Who comes now is not told of them.
        assert!(set(2, &drained, &BTreeSet::new()).is_disjoint(&draining));
    }
}
