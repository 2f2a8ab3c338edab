//! Age limits with jitter, so that a fleet never ages out at once.

use damm_fleet::{
    EgressIpId, FrontdoorId, Node, Offer, Offers, Role, Share, Span, Timestamp, Topology,
};

/// A number in `[0, 1)` that depends only on an id: the finalizer of SplitMix64 (Steele, Lea and
/// Flood 2014), whose output bits are independent enough for a jitter.
fn unit(id: u64) -> f64 {
    let mut x = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// An age limit shortened by a part of `jitter` that the id decides.
fn jittered(id: u64, max_age: Span, jitter: Share) -> Span {
    let share = jitter.floor_of(100).min(100) as f64 / 100.0;
    max_age.scale(1.0 - share * unit(id))
}

/// Whether a node's addresses are rotated one by one, instead of the node as a whole.
///
/// It takes room for one more address than the node holds: the new one stands before the old goes.
pub fn rotates_addresses(offer: &Offer, size: &str, addresses: u32) -> bool {
    offer.capabilities.movable_addresses && offer.max_addresses(size) > addresses
}

/// Whether this node's addresses are rotated one by one.
pub fn node_rotates_addresses(topology: &Topology, offers: &Offers, node: &Node) -> bool {
    let wanted = topology.profiles.get(&node.profile).map_or(0, |p| match node.role {
        Role::Ingress => p.frontdoors,
        Role::Egress => p.egress_ips,
    });
    offers.get(&node.provider).is_some_and(|o| rotates_addresses(o, &node.machine, wanted))
}

/// When a node is too old: never where its addresses are rotated one by one.
pub fn node_expiry(topology: &Topology, offers: &Offers, node: &Node) -> Option<Timestamp> {
    let rotation = &topology.rotation;
    let max_age = match node.role {
        Role::Ingress => rotation.ingress.max_age,
        Role::Egress => rotation.egress.max_age,
    };
    let limit = jittered(node.id.raw(), max_age, rotation.jitter);
    (!node_rotates_addresses(topology, offers, node)).then(|| node.created_at + limit)
}

/// The age limit of a front door that is rotated by itself.
pub fn frontdoor_limit(topology: &Topology, door: FrontdoorId) -> Span {
    jittered(door.raw(), topology.rotation.ingress.max_age, topology.rotation.jitter)
}

/// The age limit of an egress address that is rotated by itself.
pub fn egress_ip_limit(topology: &Topology, ip: EgressIpId) -> Span {
    jittered(ip.raw(), topology.rotation.egress.max_age, topology.rotation.jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_spread_evenly_over_the_jitter_and_never_exceed_the_age() {
        let week = Span::from_days(7);
        let limits: Vec<Span> =
            (0..10_000).map(|id| jittered(id, week, Share::Percent(25.0))).collect();
        assert!(limits.iter().all(|l| *l <= week && *l >= week.scale(0.75)));
        let early = limits.iter().filter(|l| **l < week.scale(0.875)).count();
        assert!((4_700..5_300).contains(&early), "{early} of 10,000 in the earlier half");
    }
}
