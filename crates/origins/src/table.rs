//! Prefixes of one address family, sorted, each with the one around it.

use std::net::IpAddr;

use damm_fleet::Asn;
use ipnet::IpNet;

use crate::{Country, Origin};

/// Stands for "nothing around it".
const NONE: u32 = u32::MAX;

/// An address as a number.
pub trait Bits: Copy + Ord {
    /// Whether two addresses agree in their first `length` bits.
    fn agree(self, other: Self, length: u8) -> bool;
}

impl Bits for u32 {
    fn agree(self, other: Self, length: u8) -> bool {
        (self ^ other).leading_zeros() >= u32::from(length)
    }
}

impl Bits for u128 {
    fn agree(self, other: Self, length: u8) -> bool {
        (self ^ other).leading_zeros() >= u32::from(length)
    }
}

/// One prefix: 16 bytes for IPv4, 32 for IPv6.
#[derive(Debug, Clone, Copy)]
pub struct Entry<K> {
    /// Its first address.
    pub network: K,
    asn: u32,
    around: u32,
    length: u8,
    country: [u8; 2],
}

impl<K: Bits> Entry<K> {
    /// A prefix that nothing is known to be around of; no country is two zeros.
    pub const fn new(network: K, length: u8, asn: u32, country: [u8; 2]) -> Self {
        Self { network, asn, around: NONE, length, country }
    }

    fn holds(&self, address: K) -> bool {
        self.network.agree(address, self.length)
    }

    /// What it says, with its first address as one of its family.
    pub fn origin(&self, network: IpAddr) -> Origin {
        Origin {
            asn: Asn(self.asn),
            // The length was read with an address of the same family.
            prefix: IpNet::new_assert(network, self.length),
            country: str::from_utf8(&self.country).ok().and_then(Country::new),
        }
    }
}

/// The prefixes of one family.
#[derive(Debug, Clone, Default)]
pub struct Table<K>(Vec<Entry<K>>);

impl<K: Bits> Table<K> {
    /// A table of prefixes in any order; of equal ones the last counts.
    pub fn new(mut entries: Vec<Entry<K>>) -> Self {
        let key = |e: &Entry<K>| (e.network, e.length);
        entries.sort_by_key(key);
        entries.dedup_by(|next, kept| {
            let same = key(next) == key(kept);
            if same {
                *kept = *next;
            }
            same
        });
        entries.shrink_to_fit();
        let mut table = Self(entries);
        table.nest();
        table
    }

    /// Prefixes lie in one another or apart. Sorted, the ones around an entry come before it, and
    /// all that lies between them and it is in them too.
    fn nest(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        for at in 0..self.0.len() {
            let network = self.0[at].network;
            while open.last().is_some_and(|o| !self.0[*o].holds(network)) {
                open.pop();
            }
            // A table of 2^32 entries would take 64 GB.
            self.0[at].around = open.last().map_or(NONE, |o| *o as u32);
            open.push(at);
        }
    }

    /// The longest prefix that holds an address.
    pub fn of(&self, address: K) -> Option<&Entry<K>> {
        // The last that begins at or before the address. Whatever holds the address begins there
        // too, and is either this one or around it.
        let mut entry = self.0[..self.0.partition_point(|e| e.network <= address)].last()?;
        while !entry.holds(address) {
            entry = self.0.get(entry.around as usize)?;
        }
        Some(entry)
    }

    /// How many prefixes it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_takes_as_many_bytes_as_the_documentation_says() {
        assert_eq!(size_of::<Entry<u32>>(), 16);
        assert_eq!(size_of::<Entry<u128>>(), 32);
    }
}
