//! What of a room may be written down: nothing of few.

use damm_fleet::Network;

use crate::door::Door;
use crate::room::Reach;
use crate::told::AtLeast;

impl Reach {
    /// The room as it may be written down: without the cells of which fewer than `k` reporters are
    /// known to have spoken, and without networks that so few spoke from. That somebody in a small
    /// network has reported at all is nobody's business.
    ///
    /// Networks that everybody may know of are kept, as what is `named` in an operator's file: for
    /// them nothing is told by being there.
    #[must_use]
    pub fn without_few(&self, named: impl Fn(Network) -> bool) -> Self {
        let mut room = self.clone();
        let named: Vec<bool> = room.networks.iter().map(|isp| named(isp.network)).collect();
        let s = &room.tuned;
        let many = |seen: &[u64; 2]| AtLeast::of(seen, s).is_some();
        for door in &mut room.doors {
            door.keep_cells(|network, cell| named[network as usize] || many(&cell.seen));
        }
        let isps = room.networks.iter().zip(&named);
        let kept: Vec<bool> = isps.map(|(isp, named)| *named || many(&isp.seen)).collect();
        room.keep_networks(&kept);
        room
    }

    /// Leaves out networks by their places, and all that is known of them.
    fn keep_networks(&mut self, kept: &[bool]) {
        let mut next = 0;
        let places: Vec<Option<u32>> = kept
            .iter()
            .map(|kept| {
                let place = kept.then_some(next);
                next += u32::from(*kept);
                place
            })
            .collect();
        let mut at = kept.iter();
        self.networks.retain(|_| *at.next().unwrap_or(&false));
        let networks = self.networks.iter().map(|isp| isp.network);
        self.network_places = networks.zip(0..).collect();
        self.networks.iter_mut().for_each(|isp| isp.doors = 0);
        for door in &mut self.doors {
            door.keep_cells(|network, _| places[network as usize].is_some());
            // What is left has a place.
            let left = door.networks.iter().filter_map(|n| places[*n as usize]);
            door.networks = left.collect();
            door.networks.iter().for_each(|n| self.networks[*n as usize].doors += 1);
        }
        let known = &self.network_places;
        self.ground.keep(|network| known.contains_key(&network));
    }
}

impl Door {
    /// Leaves out cells; asked with the place of each one's network.
    fn keep_cells(&mut self, mut keep: impl FnMut(u32, &crate::cell::Cell) -> bool) {
        let both = self.networks.iter().copied().zip(self.cells.iter().copied());
        (self.networks, self.cells) = both.filter(|(network, cell)| keep(*network, cell)).unzip();
    }
}
