//! Which addresses are proved to reach this server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_fleet::{Subject, Timestamp};
use damm_protocol::{NodeConfig, Problem, RoleConfig};

use super::pace::{Backoff, Pace};
use crate::link::LinkError;

/// So many are asked about at once: each is a connection.
const AT_ONCE: usize = 8;

/// So many failures are worth a word.
const WORTH_A_WORD: u32 = 3;

/// Which addresses are proved to reach this server.
#[derive(Debug)]
pub(super) struct Proving {
    /// What stands at which address, and for a front door which transport it speaks.
    targets: BTreeMap<Subject, (IpAddr, Option<String>)>,
    /// What addresses behind a translation have to be seen as, where the controller told.
    outside: BTreeMap<IpAddr, IpAddr>,
    /// Transports that were seen taking connections since they are wanted.
    heard: BTreeSet<String>,
    /// What the controller saw each address as that is proved.
    proved: BTreeMap<IpAddr, IpAddr>,
    open: BTreeMap<IpAddr, Open>,
    seed: u64,
}

/// An address that is not proved yet.
#[derive(Debug)]
struct Open {
    asked: bool,
    due: Timestamp,
    backoff: Backoff,
    why: Option<String>,
}

impl Proving {
    /// With what was proved before the agent's last start.
    pub(super) const fn new(proved: BTreeMap<IpAddr, IpAddr>, seed: u64) -> Self {
        Self {
            targets: BTreeMap::new(),
            outside: BTreeMap::new(),
            heard: BTreeSet::new(),
            proved,
            open: BTreeMap::new(),
            seed,
        }
    }

    /// A config is in force. Returns whether something that was proved is gone: the address may
    /// come back with another owner.
    pub(super) fn aim(&mut self, config: &NodeConfig, now: Timestamp) -> bool {
        self.targets = targets(config);
        self.outside = outside(config);
        let wanted: BTreeSet<IpAddr> = self.targets.values().map(|(a, _)| *a).collect();
        let spoken = |kind: &String| self.targets.values().any(|(_, k)| k.as_ref() == Some(kind));
        self.heard.retain(spoken);
        let before = self.proved.len();
        let still = |address: &IpAddr, seen: &mut IpAddr| {
            wanted.contains(address) && self.outside.get(address).is_none_or(|o| o == seen)
        };
        self.proved.retain(still);
        self.open.retain(|address, _| wanted.contains(address));
        for address in wanted.into_iter().filter(|a| !self.proved.contains_key(a)) {
            self.seed = self.seed.wrapping_add(1);
            let backoff = Backoff::new(self.seed);
            let open = Open { asked: false, due: now, backoff, why: None };
            self.open.entry(address).or_insert(open);
        }
        self.proved.len() != before
    }

    /// What is proved, with what it was seen as.
    pub(super) const fn proved(&self) -> &BTreeMap<IpAddr, IpAddr> {
        &self.proved
    }

    /// These transports take connections.
    pub(super) fn heard(&mut self, listening: BTreeSet<String>) {
        self.heard.extend(listening);
    }

    /// What stands at proved addresses, front doors once their transports took connections.
    pub(super) fn verified(&self) -> BTreeSet<Subject> {
        let open = |kind: &Option<String>| kind.as_ref().is_none_or(|k| self.heard.contains(k));
        let proved = self.targets.iter().filter(|(_, (a, _))| self.proved.contains_key(a));
        proved.filter(|(_, (_, kind))| open(kind)).map(|(subject, _)| *subject).collect()
    }

    /// Whether an address is asked about for the first time.
    pub(super) fn is_fresh(&self) -> bool {
        self.open.values().any(|o| o.backoff.failures() == 0)
    }

    /// When there is an address to ask about.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        if self.asked() >= AT_ONCE {
            return None;
        }
        self.open.values().filter(|o| !o.asked).map(|o| o.due).min()
    }

    /// An address to ask about now.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<IpAddr> {
        if self.asked() >= AT_ONCE {
            return None;
        }
        let due = self.open.iter_mut().find(|(_, o)| !o.asked && o.due <= now);
        due.map(|(address, open)| {
            open.asked = true;
            *address
        })
    }

    /// The controller can be reached again: what failed is asked about at once.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.open.values_mut().for_each(|o| o.due = o.due.min(now));
    }

    /// What the controller saw. Returns whether the address is proved now.
    pub(super) fn seen(
        &mut self,
        address: IpAddr,
        seen: Result<IpAddr, LinkError>,
        pace: &Pace,
        now: Timestamp,
    ) -> bool {
        let judged = seen.map_err(|e| e.to_string()).and_then(|s| self.judge(address, s));
        let Some(open) = self.open.get_mut(&address) else { return false };
        match judged {
            Ok(seen) => {
                self.open.remove(&address);
                self.proved.insert(address, seen);
                true
            }
            Err(why) => {
                open.asked = false;
                open.why = Some(why);
                open.due = open.backoff.failed(now, (pace.retry.0, pace.refused.1));
                false
            }
        }
    }

    /// What could not be proved, for a controller that can be reached.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let told = |subject: &Subject, open: &Open| {
            let why = open.why.as_deref().unwrap_or_default();
            let message = format!("the address of {subject} does not reach this server: {why}");
            Problem { part: "address".to_owned(), message }
        };
        let targets = self.targets.iter();
        let open = targets.filter_map(|(s, (a, _))| self.open.get(a).map(|o| (s, o)));
        open.filter(|(_, o)| o.backoff.failures() >= WORTH_A_WORD)
            .map(|(s, o)| told(s, o))
            .collect()
    }

    fn asked(&self) -> usize {
        self.open.values().filter(|o| o.asked).count()
    }

    /// Seen as itself, or as what stands for it alone in front of a provider's translation: what
    /// the controller told that it is, or any such face. Without its own, an address may be seen
    /// as the vendor's router.
    fn judge(&self, address: IpAddr, seen: IpAddr) -> Result<IpAddr, String> {
        if self.outside.get(&address).is_some_and(|outside| *outside == seen) {
            return Ok(seen);
        }
        let shared = self.proved.iter().any(|(other, s)| *other != address && *s == seen);
        let any_face = !self.outside.contains_key(&address)
            && (seen == address || is_private(address) && !is_private(seen) && !shared);
        if any_face {
            return Ok(seen);
        }
        Err("the controller sees what it sends as another address".to_owned())
    }
}

fn targets(config: &NodeConfig) -> BTreeMap<Subject, (IpAddr, Option<String>)> {
    match &config.role {
        RoleConfig::Ingress(role) => {
            let doors = role.frontdoors.iter();
            doors.map(|(id, d)| ((*id).into(), (d.address, Some(d.transport.clone())))).collect()
        }
        RoleConfig::Egress(role) => {
            role.addresses.iter().map(|(id, a)| ((*id).into(), (a.address, None))).collect()
        }
    }
}

/// What the internet sees addresses as that stand behind a translation.
fn outside(config: &NodeConfig) -> BTreeMap<IpAddr, IpAddr> {
    match &config.role {
        RoleConfig::Ingress(role) => {
            role.frontdoors.values().filter_map(|d| Some((d.address, d.public?))).collect()
        }
        RoleConfig::Egress(role) => {
            role.addresses.values().filter_map(|a| Some((a.address, a.public?))).collect()
        }
    }
}

/// Addresses that a provider translates: RFC 1918, RFC 6598, RFC 4193.
const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            a.is_private() || first == 100 && second & 0xc0 == 64
        }
        IpAddr::V6(a) => a.is_unique_local(),
    }
}
