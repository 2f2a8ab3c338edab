//! What is no longer in the config goes, with what goes through it.

use damm_protocol::{NodeConfig, OverlayMode};

use crate::dataplane::conntrack::{self, Mask};
use crate::dataplane::memory::Place;
use crate::dataplane::network::Batches;
use crate::dataplane::{Dataplane, DataplaneError, now, ruleset};

impl Dataplane {
    /// Cuts what goes through things that are gone, then removes them.
    pub(super) async fn take_down(
        &mut self,
        config: &NodeConfig,
        batches: &Batches,
    ) -> Result<(), DataplaneError> {
        if self.memory.leaves() {
            self.close_doors().await?;
            self.forget_connections()?;
            self.forget_counters().await?;
        }
        let [v4, v6] = &batches.remove;
        self.batch("-4", v4).await?;
        self.batch("-6", v6).await?;
        for name in &batches.stale {
            self.remove_link(name).await?;
        }
        self.memory.rest(now());
        self.memory.uplink.retain(|address| is_wanted(config, *address));
        self.keeper.keep(&self.memory)
    }

    /// Resets the connections of front doors that are gone, while their addresses are still here
    /// to say so. Where another front door has the same address and transport, they are told from
    /// its own by nothing that `ss` knows, and are left to end by themselves.
    async fn close_doors(&self) -> Result<(), DataplaneError> {
        let held: Vec<Place> =
            self.memory.doors.held().filter_map(|(id, _)| self.place(id)).collect();
        let gone = self.memory.doors.leaving().filter_map(|(id, _)| self.place(id));
        for Place { address, port } in gone.filter(|place| !held.contains(place)) {
            let from = std::net::SocketAddr::new(address, port).to_string();
            self.tools.change("ss", &["-K", "-t", "-n", "-H", "src", &from], "").await?;
        }
        Ok(())
    }

    fn place(&self, id: damm_fleet::FrontdoorId) -> Option<Place> {
        self.memory.places.get(&id).copied()
    }

    /// TCP through a peer or an address that is gone is refused by the ruleset at its next packet;
    /// the rest is forgotten, and finds another way.
    fn forget_connections(&self) -> Result<(), DataplaneError> {
        for (_, mark) in self.memory.doors.leaving() {
            let mark = u32::from(mark) << 16;
            self.tools.changed();
            conntrack::forget(Mask { mark, mask: 0xffff_0000 })
                .map_err(DataplaneError::Conntrack)?;
        }
        let marks = self.memory.peers.leaving().map(|(_, mark)| mark);
        for mark in marks.chain(self.memory.addresses.leaving().map(|(_, mark)| mark)) {
            self.tools.changed();
            let mask = Mask { mark: mark.into(), mask: 0xffff };
            conntrack::forget_datagrams(mask).map_err(DataplaneError::Conntrack)?;
        }
        Ok(())
    }

    async fn forget_counters(&self) -> Result<(), DataplaneError> {
        let doors = self.memory.doors.leaving().map(|(_, mark)| ('d', mark));
        let addresses = self.memory.addresses.leaving().map(|(_, mark)| ('a', mark));
        let names = doors.chain(addresses).flat_map(|(kind, mark)| ruleset::counters(kind, mark));
        let text = ruleset::forget_counters(names);
        if text.is_empty() {
            return Ok(());
        }
        self.tools.change("nft", &["-f", "-"], &text).await
    }

    async fn remove_link(&self, name: &str) -> Result<(), DataplaneError> {
        match self.local.mode {
            OverlayMode::Kernel => self.tools.change("ip", &["link", "del", name], "").await,
            OverlayMode::Userspace => {
                self.tools.changed();
                let failed = |why| DataplaneError::Interface { name: name.to_owned(), why };
                self.local.starter.remove(name).await.map_err(failed)
            }
        }
    }
}

fn is_wanted(config: &NodeConfig, address: std::net::IpAddr) -> bool {
    match &config.role {
        damm_protocol::RoleConfig::Ingress(ingress) => {
            ingress.frontdoors.values().any(|door| door.address == address)
        }
        damm_protocol::RoleConfig::Egress(egress) => {
            egress.addresses.values().any(|own| own.address == address)
        }
    }
}
