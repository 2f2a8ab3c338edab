//! Our verdicts among others': those of vantage points, or of the operator.

use damm_fleet::{Source, State, Verdicts};

/// What should stand in the state: what others put there stays, and ours are as they are now. Where
/// others say that a door is blocked or down, their word goes before ours.
pub(super) fn merged(mut all: Verdicts, ours: Verdicts) -> Verdicts {
    for networks in all.0.values_mut() {
        let others = networks.iter().filter(|(_, verdict)| verdict.source != Source::Clients);
        *networks = others.map(|(network, verdict)| (*network, verdict.clone())).collect();
    }
    for (door, networks) in ours.0 {
        let of = all.0.entry(door).or_default();
        for (network, verdict) in networks {
            let theirs = of.get(&network).map(|theirs| theirs.state);
            if !matches!(theirs, Some(State::Blocked | State::Down)) {
                of.insert(network, verdict);
            }
        }
    }
    all.0.retain(|_, networks| !networks.is_empty());
    all
}

/// Whether a state differs. Scores move each minute: that alone is not worth a write.
pub(super) fn differ(before: &Verdicts, after: &Verdicts) -> bool {
    let states = |verdicts: &Verdicts| -> Vec<_> {
        let doors = verdicts.0.keys();
        doors
            .flat_map(|door| verdicts.of(*door).map(|(n, v)| (*door, *n, v.state, v.source)))
            .collect()
    };
    states(before) != states(after)
}
