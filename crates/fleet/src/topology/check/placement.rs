//! How many nodes of several pools fit into the accounts that they share.

use std::collections::BTreeMap;

/// Nodes of pools on accounts, by augmenting paths (Ford and Fulkerson): a pool takes what is
/// free, or what another pool can give up because it has room elsewhere.
pub struct Placement<A> {
    /// What each pool still has to place.
    want: Vec<u64>,
    /// What each account can still hold.
    free: BTreeMap<A, u64>,
    /// For each pool what it may still put at an account, and what it has there.
    edges: Vec<BTreeMap<A, Edge>>,
}

#[derive(Clone, Copy)]
struct Edge {
    room: u64,
    has: u64,
}

impl<A: Ord + Copy> Placement<A> {
    /// Pools, each with its nodes and the most of them at each account, and the accounts' limits.
    pub fn new(pools: Vec<(u64, BTreeMap<A, u64>)>, limits: BTreeMap<A, u64>) -> Self {
        let edge = |(account, room)| (account, Edge { room, has: 0 });
        let (want, rooms): (_, Vec<_>) = pools.into_iter().unzip();
        Self {
            want,
            free: limits,
            edges: rooms.into_iter().map(|r| r.into_iter().map(edge).collect()).collect(),
        }
    }

    /// Places as many nodes as fit, and says how many.
    pub fn fill(mut self) -> u64 {
        let mut placed = 0;
        for pool in 0..self.want.len() {
            while self.want[pool] > 0 {
                let moved = self.push(pool, self.want[pool], &mut vec![false; self.edges.len()]);
                if moved == 0 {
                    break;
                }
                self.want[pool] -= moved;
                placed += moved;
            }
        }
        placed
    }

    /// Puts up to `most` nodes of a pool somewhere, and says how many. Free places come first, so
    /// that others are moved only when there are none.
    fn push(&mut self, pool: usize, most: u64, seen: &mut [bool]) -> u64 {
        seen[pool] = true;
        let edges = self.edges[pool].iter().filter(|(_, edge)| edge.room > 0);
        let open: Vec<_> = edges.map(|(account, edge)| (*account, edge.room.min(most))).collect();
        for (account, room) in &open {
            let free = self.free.get(account).copied().unwrap_or(0).min(*room);
            if free > 0 {
                self.free.entry(*account).and_modify(|f| *f -= free);
                return self.add(pool, *account, free);
            }
        }
        for (account, room) in open {
            let moved = self.displace(account, room, seen);
            if moved > 0 {
                return self.add(pool, account, moved);
            }
        }
        0
    }

    fn add(&mut self, pool: usize, account: A, nodes: u64) -> u64 {
        self.edges[pool].entry(account).and_modify(|edge| {
            edge.room -= nodes;
            edge.has += nodes;
        });
        nodes
    }

    /// Lets another pool move up to `most` nodes away from an account; says how many it did.
    fn displace(&mut self, account: A, most: u64, seen: &mut [bool]) -> u64 {
        for other in 0..self.edges.len() {
            let has = self.edges[other].get(&account).map_or(0, |edge| edge.has).min(most);
            if seen[other] || has == 0 {
                continue;
            }
            let moved = self.push(other, has, seen);
            if moved > 0 {
                self.edges[other].entry(account).and_modify(|edge| {
                    edge.room += moved;
                    edge.has -= moved;
                });
                return moved;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The least cut: for some of the pools count what they want, for the others what their
    /// accounts can hold of them. No placement can be larger, and the best one is as large.
    fn least_cut(pools: &[(u64, BTreeMap<u8, u64>)], limits: &BTreeMap<u8, u64>) -> u64 {
        let cut = |chosen: usize| {
            let held = |account: &u8, limit: &u64| {
                let others = pools.iter().enumerate().filter(|(p, _)| chosen & (1 << p) == 0);
                let rooms = others.map(|(_, (_, rooms))| rooms.get(account).copied().unwrap_or(0));
                rooms.sum::<u64>().min(*limit)
            };
            let wanted = pools.iter().enumerate().filter(|(p, _)| chosen & (1 << p) != 0);
            let wanted: u64 = wanted.map(|(_, (want, _))| *want).sum();
            wanted + limits.iter().map(|(a, limit)| held(a, limit)).sum::<u64>()
        };
        (0..1 << pools.len()).map(cut).min().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn as_many_nodes_are_placed_as_can_be(
            pools in prop::collection::vec(
                (0u64..20, prop::collection::btree_map(0u8..4, 0u64..12, 0..4)),
                0..5,
            ),
            limits in prop::collection::vec(0u64..15, 4),
        ) {
            let limits: BTreeMap<u8, u64> = (0u8..).zip(limits).collect();
            let best = least_cut(&pools, &limits);
            prop_assert_eq!(Placement::new(pools, limits).fill(), best);
        }
    }
}
