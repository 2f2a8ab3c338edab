//! What is going on: counted and watched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use damm_fleet::{NodeId, Subject};
use damm_protocol::{Counters, IngressConfig, NodeConfig, PeerHealth, Problem, RoleConfig};
use serde::Deserialize;

use crate::dataplane::conntrack::{self, Mask, Tally};
use crate::dataplane::network::{Tunnel, desired_interface, tunnels};
use crate::dataplane::ruleset::{COUNTED, counters};
use crate::dataplane::{Counted, Dataplane, DataplaneError, EGRESS_OVERLAY, Observation, now};
use crate::tool;

/// Counting takes at most this part of the time.
const SHARE: u32 = 20;
/// WireGuard proves itself anew at least so often while it speaks, in seconds (its
/// `REJECT_AFTER_TIME`).
const PROVEN: u64 = 180;
/// Three questions take two seconds, and a busy server some more to begin.
const PING: Duration = Duration::from_secs(10);

impl Dataplane {
    /// What is going on. Call it every few seconds: a dead egress is found by it and taken out,
    /// and an interface or a ruleset that somebody removed is made again.
    ///
    /// Counts of what drains are exact. The others are estimates when there are very many, and all
    /// may be some seconds old then: counting must not take what packets need.
    ///
    /// # Errors
    /// When the kernel or a tool can't be asked.
    pub async fn observe(&mut self) -> Result<Observation, DataplaneError> {
        let Some((config, key)) = self.applied.clone() else {
            return Ok(Observation { overlay: self.local.mode, ..Observation::default() });
        };
        let mut problems = Vec::new();
        let mut seen = self.tunnels().await?;
        let mut counted = self.counters().await?;
        if counted.is_none() || !self.is_whole(&config, &seen) {
            problems.push(problem("dataplane", "something of it was removed, and is made again"));
            self.apply(&config, &key).await?;
            (seen, counted) = (self.tunnels().await?, self.counters().await?);
        }
        let before = self.health();
        let peers = self.watch(&config, &seen).await;
        if self.health() != before && matters(&before, &self.health()) {
            self.apply(&config, &key).await?;
        }
        let tally = self.tally(&config).await?;
        let (sessions, towards) = self.sessions(&config, &tally);
        let counters = self.counted(&counted.unwrap_or_default());
        let unbegun = conntrack::unbegun().map_err(DataplaneError::Conntrack)?;
        let overlay = self.local.mode;
        Ok(Observation { sessions, towards, counters, unbegun, peers, overlay, problems })
    }

    async fn tunnels(&self) -> Result<BTreeMap<String, Tunnel>, DataplaneError> {
        Ok(tunnels(&self.tools.glance("wg", &["show", "all", "dump"]).await?))
    }

    /// Whether every interface is there and has its key: one that a process runs is lost with it,
    /// and comes back without any.
    fn is_whole(&self, config: &NodeConfig, seen: &BTreeMap<String, Tunnel>) -> bool {
        let keyed = |name: &str| seen.get(name).is_some_and(|tunnel| tunnel.key.is_some());
        match &config.role {
            RoleConfig::Ingress(_) => {
                self.memory.peers.held().all(|(_, mark)| keyed(&desired_interface(mark)))
            }
            RoleConfig::Egress(_) => keyed(EGRESS_OVERLAY),
        }
    }

    /// How the overlay's peers are; those in doubt are asked, all at once.
    async fn watch(
        &mut self,
        config: &NodeConfig,
        seen: &BTreeMap<String, Tunnel>,
    ) -> BTreeMap<NodeId, PeerHealth> {
        match &config.role {
            RoleConfig::Ingress(ingress) => {
                self.watch_egresses(ingress, seen).await;
                self.health()
            }
            RoleConfig::Egress(egress) => {
                let tunnel = seen.get(EGRESS_OVERLAY);
                let health = |key| match tunnel.and_then(|tunnel| tunnel.peers.get(key)) {
                    Some(peer) if now().saturating_sub(peer.handshake) < PROVEN => PeerHealth::Up,
                    _ => PeerHealth::Idle,
                };
                egress.ingresses.iter().map(|(id, peer)| (*id, health(&peer.key))).collect()
            }
        }
    }

    async fn watch_egresses(&mut self, config: &IngressConfig, seen: &BTreeMap<String, Tunnel>) {
        self.watches.retain(|id, _| config.egresses.contains_key(id));
        let since = self.started.elapsed();
        let mut doubted = Vec::new();
        for (id, peer) in &config.egresses {
            let tunnel = self.memory.peers.get(*id).and_then(|m| seen.get(&desired_interface(m)));
            let Some(seen) = tunnel.and_then(|tunnel| tunnel.peers.get(&peer.key)) else {
                continue;
            };
            if self.watches.entry(*id).or_default().see(since, seen.sent, seen.received) {
                doubted.push((*id, peer.address));
            }
        }
        let mut asked = tokio::task::JoinSet::new();
        for (id, address) in doubted {
            asked.spawn(async move { (id, answers(&address.to_string()).await) });
        }
        while let Some(answer) = asked.join_next().await {
            let Ok((id, answered)) = answer else { continue };
            let since = self.started.elapsed();
            self.watches.entry(id).or_default().asked(since, answered);
        }
    }

    /// The counters by name; none when the table is not there.
    async fn counters(&self) -> Result<Option<BTreeMap<String, [u64; 2]>>, DataplaneError> {
        let args = ["-j", "list", "counters", "table", "inet", "damm"];
        let text = match self.tools.look("nft", &args, "").await {
            Ok(text) => text,
            Err(DataplaneError::Failed { .. }) => return Ok(None),
            Err(e) => return Err(e),
        };
        let unreadable = |e: serde_json::Error| DataplaneError::Unreadable {
            program: "nft",
            why: e.to_string(),
        };
        let listing: Listing = serde_json::from_str(&text).map_err(unreadable)?;
        let counters = listing.nftables.into_iter().filter_map(|item| item.counter);
        Ok(Some(counters.map(|c| (c.name, [c.packets, c.bytes])).collect()))
    }

    fn counted(&self, counted: &BTreeMap<String, [u64; 2]>) -> BTreeMap<Subject, Counters> {
        debug_assert_eq!(COUNTED, ["new", "up", "down"]);
        let of = |kind, mark| {
            let [sessions, up, down] =
                counters(kind, mark).map(|name| counted.get(&name).copied().unwrap_or_default());
            Counters { sessions: sessions[0], up: up[1], down: down[1] }
        };
        let doors = self.memory.doors.held();
        let doors = doors.map(|(id, mark)| (Subject::Frontdoor(id), of('d', mark)));
        let addresses = self.memory.addresses.held();
        let addresses = addresses.map(|(id, mark)| (Subject::EgressIp(id), of('a', mark)));
        doors.chain(addresses).collect()
    }

    /// Live sessions by mark, not counted too often.
    async fn tally(&mut self, config: &NodeConfig) -> Result<Tally, DataplaneError> {
        if let Some(last) = &self.tally
            && last.at.elapsed() < last.took.saturating_mul(SHARE).min(Duration::from_secs(60))
        {
            return Ok(last.tally.clone());
        }
        let at = Instant::now();
        let exact = self.draining(config);
        let task = tokio::task::spawn_blocking(move || conntrack::tally(&exact));
        let tally = task.await.map_err(std::io::Error::other).flatten();
        let tally = tally.map_err(DataplaneError::Conntrack)?;
        self.tally = Some(Counted { tally: tally.clone(), at, took: at.elapsed() });
        Ok(tally)
    }

    /// The marks that somebody waits for to become idle.
    fn draining(&self, config: &NodeConfig) -> Vec<Mask> {
        let low = |mark: u16| Mask { mark: mark.into(), mask: 0xffff };
        let high = |mark: u16| Mask { mark: u32::from(mark) << 16, mask: 0xffff_0000 };
        let (peers, doors) = (&self.memory.peers, &self.memory.doors);
        match &config.role {
            RoleConfig::Ingress(config) => {
                let peer = config.egresses.iter().filter(|(_, p)| !p.receiving.is_active());
                let door = config.frontdoors.iter().filter(|(_, d)| !d.receiving.is_active());
                let peer = peer.filter_map(|(id, _)| peers.get(*id)).map(low);
                peer.chain(door.filter_map(|(id, _)| doors.get(*id)).map(high)).collect()
            }
            RoleConfig::Egress(config) => {
                let of = config.addresses.iter().filter(|(_, a)| !a.receiving.is_active());
                of.filter_map(|(id, _)| self.memory.addresses.get(*id)).map(low).collect()
            }
        }
    }

    fn sessions(
        &self,
        config: &NodeConfig,
        tally: &Tally,
    ) -> (BTreeMap<Subject, u64>, BTreeMap<NodeId, u64>) {
        let (mut low, mut high): (BTreeMap<u16, u64>, BTreeMap<u16, u64>) = Default::default();
        for (mark, n) in tally {
            *low.entry(*mark as u16).or_default() += n;
            *high.entry((mark >> 16) as u16).or_default() += n;
        }
        let of = |by: &BTreeMap<u16, u64>, mark| by.get(&mark).copied().unwrap_or(0);
        let memory = &self.memory;
        match &config.role {
            RoleConfig::Ingress(_) => (
                memory.doors.held().map(|(id, m)| (Subject::Frontdoor(id), of(&high, m))).collect(),
                memory.peers.held().map(|(id, m)| (id, of(&low, m))).collect(),
            ),
            RoleConfig::Egress(_) => {
                let sessions = memory.addresses.held();
                (
                    sessions.map(|(id, m)| (Subject::EgressIp(id), of(&low, m))).collect(),
                    BTreeMap::new(),
                )
            }
        }
    }
}

/// Whether another set of peers is down.
fn matters(before: &BTreeMap<NodeId, PeerHealth>, after: &BTreeMap<NodeId, PeerHealth>) -> bool {
    let down = |all: &BTreeMap<NodeId, PeerHealth>| -> Vec<NodeId> {
        let down = all.iter().filter(|(_, health)| **health == PeerHealth::Down);
        down.map(|(id, _)| *id).collect()
    };
    down(before) != down(after)
}

/// Whether one of three questions is answered within about two seconds.
async fn answers(address: &str) -> bool {
    let args = ["-6", "-n", "-q", "-c", "3", "-i", "0.3", "-W", "1", address];
    // Without `ping` there is doubt only, and a peer is not taken out for that.
    tool::run("ping", &args, b"", PING).await.map_or(true, |output| output.status.success())
}

fn problem(part: &str, message: &str) -> Problem {
    Problem { part: part.to_owned(), message: message.to_owned() }
}

#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    counter: Option<CounterText>,
}

#[derive(Deserialize)]
struct CounterText {
    name: String,
    packets: u64,
    bytes: u64,
}
