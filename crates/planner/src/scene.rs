//! A situation, made quick to look things up in.

use std::collections::BTreeMap;
use std::ops::Deref;

use damm_fleet::inventory::{ObservedAddress, ObservedMachine};
use damm_fleet::{NodeId, Subject, Verdicts};

use crate::condition::adverse;
use crate::plan::Situation;

/// A situation as the policy looks at it, again and again: the same things, found faster.
pub(crate) struct Scene<'a> {
    situation: Situation<'a>,
    /// Only the verdicts that speak against a door: a name for them of the situation's own would
    /// lead to all of them.
    pub(crate) verdicts: Verdicts,
    machines: Finder<'a, ObservedMachine>,
    frontdoors: Finder<'a, ObservedAddress>,
    egress_ips: Finder<'a, ObservedAddress>,
}

impl<'a> Scene<'a> {
    pub(crate) fn of(situation: &Situation<'a>) -> Self {
        let inventory = situation.inventory;
        Self {
            situation: *situation,
            verdicts: adverse(situation.verdicts),
            machines: Finder::of(&inventory.machines, |id| id.raw()),
            frontdoors: Finder::of(&inventory.frontdoors, |id| id.raw()),
            egress_ips: Finder::of(&inventory.egress_ips, |id| id.raw()),
        }
    }

    /// What the inventory says of a server.
    pub(crate) fn machine(&self, id: NodeId) -> Option<&'a ObservedMachine> {
        self.machines.get(id.raw())
    }

    /// What the inventory says of an address.
    pub(crate) fn address(&self, subject: Subject) -> Option<&'a ObservedAddress> {
        match subject {
            Subject::Frontdoor(id) => self.frontdoors.get(id.raw()),
            Subject::EgressIp(id) => self.egress_ips.get(id.raw()),
            Subject::Node(_) => None,
        }
    }
}

impl<'a> Deref for Scene<'a> {
    type Target = Situation<'a>;

    fn deref(&self) -> &Situation<'a> {
        &self.situation
    }
}

/// Finds the entries of a map by their ids, which are drawn evenly: the first bits tell where one
/// stands.
///
/// A `BTreeMap` of a large fleet is too large for the processor's caches, and the way down from its
/// root costs a miss at each level. Here it is one miss, or two.
struct Finder<'a, T> {
    /// In order of id.
    entries: Vec<(u64, &'a T)>,
    /// Where the entries begin whose ids begin with these bits; one more to end the last.
    begins: Vec<u32>,
    /// How many bits of an id follow those that it is found by.
    rest: u32,
}

/// Bits of an id; see `damm_fleet::id`.
const ID_BITS: u32 = 60;

impl<'a, T> Finder<'a, T> {
    fn of<K>(map: &'a BTreeMap<K, T>, raw: impl Fn(&K) -> u64) -> Self {
        let entries: Vec<(u64, &T)> = map.iter().map(|(id, entry)| (raw(id), entry)).collect();
        // About as many places as entries.
        let bits = entries.len().next_power_of_two().trailing_zeros();
        let rest = ID_BITS - bits.min(ID_BITS);
        let mut begins = vec![0; (1 << bits) + 1];
        for (id, _) in &entries {
            begins[(id >> rest) as usize + 1] += 1;
        }
        let mut so_far = 0;
        for begin in &mut begins {
            so_far += *begin;
            *begin = so_far;
        }
        Self { entries, begins, rest }
    }

    fn get(&self, id: u64) -> Option<&'a T> {
        let place = (id >> self.rest) as usize;
        let (begin, end) = (*self.begins.get(place)?, *self.begins.get(place + 1)?);
        let here = self.entries.get(begin as usize..end as usize)?;
        let at = here.binary_search_by_key(&id, |(known, _)| *known).ok()?;
        here.get(at).map(|(_, entry)| *entry)
    }
}

#[cfg(test)]
mod tests {
    use damm_fleet::Seed;

    use super::*;

    fn finds_all(ids: impl Iterator<Item = u64>, others: &[u64]) {
        let map: BTreeMap<u64, String> = ids.map(|id| (id, id.to_string())).collect();
        let finder = Finder::of(&map, |id| *id);
        for id in map.keys().chain(others) {
            assert_eq!(finder.get(*id), map.get(id), "{id} of {}", map.len());
        }
    }

    #[test]
    fn what_is_in_the_map_is_found_and_nothing_else() {
        let mut seed = Seed::from_number(11);
        let mut draw = |n| -> Vec<u64> { (0..n).map(|_| seed.node().raw()).collect() };
        let others = draw(50);
        let ends = [0, (1 << ID_BITS) - 1];
        for n in [0, 1, 2, 3, 64, 65, 1_000] {
            finds_all(draw(n).into_iter(), &others);
            finds_all(draw(n).into_iter().chain(ends), &others);
            // Ids that are not drawn evenly are found as well.
            finds_all(0..n as u64, &others);
            finds_all((0..n as u64).map(|i| (1 << 59) + i), &ends);
        }
    }
}
