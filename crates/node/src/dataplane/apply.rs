//! Making a server what its config says.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use damm_protocol::{NodeConfig, OverlayMode, RoleConfig, Secret32};

use crate::dataplane::network::{self, Actual, Batches, Desired, tunnels};
use crate::dataplane::ruleset::{self, EgressFacts, IngressFacts, Primary, Ruleset};
use crate::dataplane::{Dataplane, DataplaneError, now, settings};

/// What stands on the server when applying begins.
struct Standing {
    actual: Actual,
    tunnels: std::collections::BTreeMap<String, network::Tunnel>,
    /// Digests of the ruleset; none when there is no table of ours.
    ruleset: Option<BTreeSet<Ipv6Addr>>,
}

impl Dataplane {
    /// Makes the server's data plane what the config says. Only the difference is done; it may be
    /// killed anywhere, and is then finished by the next call.
    ///
    /// # Errors
    /// When something could not be done; what was done stays, and packets go nowhere they should
    /// not.
    pub async fn apply(
        &mut self,
        config: &NodeConfig,
        overlay_key: &Secret32,
    ) -> Result<(), DataplaneError> {
        self.applied = Some((config.clone(), overlay_key.clone()));
        let health = self.health();
        self.memory.follow(config, &health, now())?;
        let desired = match &config.role {
            RoleConfig::Ingress(i) => network::ingress(&config.overlay, i, &self.memory.peers),
            RoleConfig::Egress(e) => network::egress(&config.overlay, e),
        };
        let standing = self.standing(&desired).await?;
        let (uplink, ours) = (&self.local.uplink, &self.memory.uplink);
        let batches = network::difference(&desired, &standing.actual, uplink, ours);
        let primary = standing.actual.primary(uplink, ours);
        // What numbers mean is on the disk before the kernel hears of them.
        self.memory.uplink.extend(&batches.uplink_added);
        self.keeper.keep(&self.memory)?;
        let ruleset = self.ruleset(config, primary);
        self.build(&desired, &standing, &batches, ruleset, overlay_key).await?;
        self.take_down(config, &batches).await
    }

    /// Adds, in an order that lets nothing out: no packet is forwarded before the ruleset stands,
    /// and none is sent to an egress before the way to it does.
    async fn build(
        &mut self,
        desired: &Desired,
        standing: &Standing,
        batches: &Batches,
        ruleset: Ruleset,
        key: &Secret32,
    ) -> Result<(), DataplaneError> {
        let change = match &standing.ruleset {
            Some(stands) if !self.damaged => Some((ruleset, stands)),
            _ => {
                self.begin_anew(ruleset).await?;
                None
            }
        };
        self.links(desired, standing, batches, key).await?;
        let [v4, v6] = &batches.add;
        self.batch("-4", v4).await?;
        self.batch("-6", v6).await?;
        if let Some((ruleset, stands)) = change {
            self.load(ruleset, stands).await?;
        }
        settings::set(&self.tools, &self.local.uplink, desired.links.keys())
    }

    async fn standing(&self, desired: &Desired) -> Result<Standing, DataplaneError> {
        const ALL: &str = "address show\nroute show table all\nrule show\n";
        let all = self.tools.look("ip", &["-json", "-details", "-batch", "-"], ALL);
        let rules6 = self.tools.look("ip", &["-6", "-json", "-details", "rule", "show"], "");
        let wireguard = async {
            match desired.links.is_empty() {
                true => Ok(String::new()),
                false => self.tools.glance("wg", &["show", "all", "dump"]).await,
            }
        };
        let (all, rules6, wireguard, ruleset) =
            tokio::join!(all, rules6, wireguard, self.standing_ruleset());
        let unreadable = |why| DataplaneError::Unreadable { program: "ip", why };
        Ok(Standing {
            actual: Actual::read(&all?, &rules6?).map_err(unreadable)?,
            tunnels: tunnels(&wireguard?),
            ruleset: ruleset?,
        })
    }

    /// Interfaces, made and configured; they come up with the batch that follows.
    async fn links(
        &self,
        desired: &Desired,
        standing: &Standing,
        batches: &Batches,
        key: &Secret32,
    ) -> Result<(), DataplaneError> {
        let public = key.wireguard_public();
        for (name, link) in &desired.links {
            if batches.missing.contains(name) {
                self.make_link(name).await?;
            }
            let tunnel = standing.tunnels.get(name).filter(|_| !batches.missing.contains(name));
            if tunnel.is_some_and(|tunnel| link.is(tunnel, public)) {
                continue;
            }
            let settings = link.settings(key, tunnel.map_or(0, |tunnel| tunnel.port));
            self.tools.change("wg", &["syncconf", name, "/dev/stdin"], &settings).await?;
        }
        Ok(())
    }

    async fn make_link(&self, name: &str) -> Result<(), DataplaneError> {
        match self.local.mode {
            OverlayMode::Kernel => {
                self.tools.change("ip", &["link", "add", name, "type", "wireguard"], "").await
            }
            OverlayMode::Userspace => {
                self.tools.changed();
                let failed = |why| DataplaneError::Interface { name: name.to_owned(), why };
                self.local.starter.ensure(name).await.map_err(failed)
            }
        }
    }

    /// Runs lines of `ip`, all of them, in one process.
    pub(super) async fn batch(&self, family: &str, lines: &[String]) -> Result<(), DataplaneError> {
        if lines.is_empty() {
            return Ok(());
        }
        let text = lines.join("\n") + "\n";
        self.tools.change("ip", &[family, "-force", "-batch", "-"], &text).await
    }

    fn ruleset(&self, config: &NodeConfig, primary: Primary) -> Ruleset {
        let receivers = &self.memory.receivers();
        // The low bits: a node's id is drawn by chance.
        let seed = config.node.raw() as u32;
        match &config.role {
            RoleConfig::Ingress(config) => ruleset::ingress(&IngressFacts {
                config,
                peers: &self.memory.peers,
                doors: &self.memory.doors,
                receivers,
                primary,
                proxy_uid: self.local.proxy_uid,
                seed,
            }),
            RoleConfig::Egress(config) => ruleset::egress(&EgressFacts {
                config,
                addresses: &self.memory.addresses,
                receivers,
                uplink: &self.local.uplink,
                resolver_uid: self.local.resolver_uid,
                seed,
            }),
        }
    }
}
