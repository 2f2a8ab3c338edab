//! Our verdicts among others': those of vantage points, or of the operator.

use damm_fleet::{Network, Verdict, Verdicts};

/// What should stand in the state: what others put there stays, and ours are as they are now. A
/// verdict is taken for ours when it is the one that we put there last.
pub(super) fn merged(mut all: Verdicts, before: &Verdicts, now: &Verdicts) -> Verdicts {
    for (door, networks) in &mut all.0 {
        let is_ours = |network: &Network, verdict: &Verdict| {
            before.of(*door).any(|(n, v)| n == network && v.since == verdict.since)
        };
        let others = networks.iter().filter(|(network, verdict)| !is_ours(network, verdict));
        *networks = others.map(|(network, verdict)| (*network, verdict.clone())).collect();
    }
    for (door, networks) in &now.0 {
        let of = all.0.entry(*door).or_default();
        networks.iter().for_each(|(network, verdict)| drop(of.insert(*network, verdict.clone())));
    }
    all.0.retain(|_, networks| !networks.is_empty());
    all
}

/// Whether a state differs. Scores move each minute: that alone is not worth a write.
pub(super) fn differ(before: &Verdicts, after: &Verdicts) -> bool {
    let states = |verdicts: &Verdicts| -> Vec<_> {
        let doors = verdicts.0.keys();
        doors.flat_map(|door| verdicts.of(*door).map(|(n, v)| (*door, *n, v.state))).collect()
    };
    states(before) != states(after)
}
