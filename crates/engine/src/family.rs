//! Which of an egress node's addresses should be of IPv6.

use damm_fleet::{EgressIpId, Node, Subject};

use crate::due::Rows;

/// Whether a new egress address should be of IPv6: the addresses that stay are dealt evenly, IPv4
/// first, so that a node with two or more of them can serve both. It is the same however many of
/// the node's orders are under way at once.
pub(crate) fn wants_v6(node: &Node, rows: &Rows, wanted: EgressIpId) -> bool {
    let staying = || node.egress_ips.values().filter(|ip| !ip.stage.is_leaving());
    let replaced = |id| staying().any(|ip| ip.replaces == Some(id));
    let given = |id| rows.get(&Subject::from(id)).and_then(|row| row.address);
    let have = staying().filter(|ip| !replaced(ip.id)).filter_map(|ip| given(ip.id));
    let (v6, v4): (Vec<_>, Vec<_>) = have.partition(|a| a.is_ipv6());
    let (mut v4, mut v6) = (v4.len(), v6.len());
    for ip in staying().filter(|ip| given(ip.id).is_none()) {
        let next_v6 = v6 < v4;
        if ip.id == wanted {
            return next_v6;
        }
        *(if next_v6 { &mut v6 } else { &mut v4 }) += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use damm_fleet::{EgressIp, Seed};

    use super::*;
    use crate::scene::{Scene, address, leaving};

    /// A node with this many egress addresses that stay.
    fn scene(count: usize) -> (Scene, Vec<EgressIpId>) {
        let mut scene = Scene::egress(damm_fleet::Stage::Building, damm_fleet::Phase::Wanted);
        let mut seed = Seed::from_number(3);
        let node = scene.node_mut();
        let first = node.egress_ips.values().next().unwrap().clone();
        for _ in 1..count {
            let id = seed.egress_ip();
            node.egress_ips.insert(id, EgressIp { id, ..first.clone() });
        }
        let ids = node.egress_ips.keys().copied().collect();
        (scene, ids)
    }

    fn give(scene: &mut Scene, id: EgressIpId, v6: bool) {
        let mut row = scene.address_row().clone();
        row.subject = id.into();
        row.address = Some(if v6 { "2001:db8::1".parse().unwrap() } else { address() });
        scene.rows.insert(row.subject, row);
    }

    fn wants(scene: &Scene, id: EgressIpId) -> bool {
        wants_v6(&scene.blueprint.nodes[&scene.node], &scene.rows, id)
    }

    #[test]
    fn addresses_that_are_asked_for_at_once_are_dealt_evenly() {
        let (scene, ids) = scene(4);
        let dealt: Vec<_> = ids.iter().map(|id| wants(&scene, *id)).collect();
        assert_eq!(dealt, [false, true, false, true]);
    }

    #[test]
    fn an_answer_that_came_first_changes_nothing_for_the_others() {
        let (mut scene, ids) = scene(2);
        give(&mut scene, ids[1], true);
        assert!(!wants(&scene, ids[0]));
        let (mut scene, ids) = self::scene(2);
        give(&mut scene, ids[0], false);
        assert!(wants(&scene, ids[1]));
    }

    #[test]
    fn what_replaces_an_address_is_of_its_family() {
        for v6 in [false, true] {
            let (mut scene, ids) = scene(3);
            give(&mut scene, ids[0], v6);
            give(&mut scene, ids[1], !v6);
            let node = scene.node_mut();
            node.egress_ips.get_mut(&ids[2]).unwrap().replaces = Some(ids[0]);
            assert_eq!(wants(&scene, ids[2]), v6);
            let node = scene.node_mut();
            node.egress_ips.get_mut(&ids[0]).unwrap().stage = leaving();
            assert_eq!(wants(&scene, ids[2]), v6);
        }
    }
}
