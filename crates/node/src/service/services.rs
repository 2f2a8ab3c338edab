//! The programs that a node's config asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use damm_protocol::{
    IngressConfig, NodeConfig, Problem, RoleConfig, TunnelAddresses, witness_addresses,
};

use super::described::Described;
use super::keys::Keys;
use super::{
    Keeper, PROXY_UID, Places, Program, PublicParams, RESOLVER, RESOLVER_UID, Rights, ServiceError,
    Supervisor, WITNESS, WITNESS_UID, files, own,
};
use crate::transport::listening::{has_listener, has_packets};
use crate::transport::shadowsocks::{METHOD, Settings};
use crate::transport::template::{Kinds, Protocol};
use crate::transport::{SHADOWSOCKS, WIREGUARD, internal_port, tunnel};
use crate::wireguard::Starter;
use crate::witness;

/// The programs that a node's config asks for.
#[derive(Debug)]
pub struct Services {
    places: Places,
    keeper: Keeper,
    starter: Starter,
    kinds: Kinds,
    keys: Keys,
    public: PublicParams,
    /// What should be running.
    programs: Vec<Program>,
    /// The kinds that are served.
    served: BTreeSet<String>,
    /// The witness, and whether it ran when it was last looked at.
    witness: Option<(Program, bool)>,
    /// What was last asked for.
    config: Option<NodeConfig>,
}

impl Services {
    /// Finds what runs already, and makes the keys that transports need, for every kind that is
    /// known: they never leave this server.
    ///
    /// # Errors
    ///
    /// When the state directory can't be written, or a description of a transport is wrong.
    pub async fn open(places: Places, supervisor: Supervisor) -> Result<Self, ServiceError> {
        let mut services = Self {
            keeper: Keeper::open(&places, supervisor)?,
            starter: Starter::open(&places, supervisor)?,
            kinds: Kinds::read(&places.etc)?,
            keys: Keys::open(&places.state)?,
            public: PublicParams::new(),
            programs: Vec::new(),
            served: BTreeSet::new(),
            witness: None,
            config: None,
            places,
        };
        services.public.insert(WIREGUARD.into(), tunnel::public(&services.keys.wireguard));
        let server_key = services.keys.shadowsocks.expose();
        let public = [("server_key", server_key), ("method", METHOD.to_owned())];
        let public = public.map(|(name, value)| (name.to_owned(), value));
        services.public.insert(SHADOWSOCKS.into(), public.into());
        services.prepare_described().await;
        Ok(services)
    }

    /// What clients need to know of the transports that this server can serve. It is the same from
    /// the first start on, unless an operator changes what a transport's description asks for.
    pub const fn public_params(&self) -> &PublicParams {
        &self.public
    }

    /// Makes exactly the transports and the resolver run that the config asks for, with its
    /// credentials. What runs as it should is left alone, and new credentials cut no session.
    ///
    /// # Errors
    ///
    /// When one can't be started; the others are all the same.
    pub async fn apply(&mut self, config: &NodeConfig) -> Result<(), ServiceError> {
        let mut outcome = Ok(());
        let mut programs = Vec::new();
        let served = match &config.role {
            RoleConfig::Ingress(ingress) => ingress.transports.keys().cloned().collect(),
            RoleConfig::Egress(_) => BTreeSet::from([RESOLVER.to_owned()]),
        };
        distinct(&served)?;
        for kind in &served {
            match self.serve(kind, config).await {
                Ok(more) => programs.extend(more),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        self.witness = self.witness(&config.role).await.map(|program| (program, true));
        let stopped = self.stop_others(&served).await;
        (self.programs, self.served) = (programs, served);
        self.config = Some(config.clone());
        outcome.and(stopped)
    }

    /// What is wrong with the services. Call it every few seconds: what died is started again,
    /// ever more rarely when it goes on dying, and what has served its last connection is ended.
    pub async fn health(&mut self) -> Vec<Problem> {
        self.keep_witness().await;
        let mut problems = Vec::new();
        for program in &self.programs {
            if !self.keeper.runs(&program.name).await {
                let started = self.keeper.ensure(program).await;
                let why = started.err().map_or("see its log".to_owned(), |e| e.to_string());
                problems.push(format!("`{}` had to be started again: {why}", program.name));
            }
        }
        let deaf = self.served.iter().filter(|kind| !self.listens(kind));
        for kind in deaf.cloned().collect::<Vec<_>>() {
            problems.push(format!("`{kind}` takes no connections"));
            problems.extend(self.revive(&kind).await.err().map(|e| e.to_string()));
        }
        for (kind, _) in self.kinds.transports.iter().filter(|(k, _)| self.served.contains(*k)) {
            let tidied = match self.described(kind) {
                Ok(described) => described.tidy(&self.keeper).await,
                Err(error) => Err(error),
            };
            problems.extend(tidied.err().map(|e| e.to_string()));
        }
        let problem = |message| Problem { part: "services".into(), message };
        problems.into_iter().map(problem).collect()
    }

    /// An interface goes with its process, so it has to be set up anew. Other services are
    /// programs alone.
    async fn revive(&mut self, kind: &str) -> Result<(), ServiceError> {
        match self.config.clone() {
            Some(config) if kind == WIREGUARD => self.serve(kind, &config).await.map(drop),
            _ => Ok(()),
        }
    }

    async fn serve(
        &mut self,
        kind: &str,
        config: &NodeConfig,
    ) -> Result<Vec<Program>, ServiceError> {
        match (kind, &config.role) {
            (WIREGUARD, RoleConfig::Ingress(ingress)) => {
                let (starter, key) = (&self.starter, &self.keys.wireguard);
                tunnel::apply(starter, key, config, &ingress.credentials).await?;
                Ok(Vec::new())
            }
            (SHADOWSOCKS, RoleConfig::Ingress(ingress)) => self.shadowsocks(ingress).await,
            (_, role) => self.serve_described(kind, role).await,
        }
    }

    async fn shadowsocks(&self, ingress: &IngressConfig) -> Result<Vec<Program>, ServiceError> {
        let name = format!("transport-{SHADOWSOCKS}");
        let path = self.settings_of(&name);
        let program = own(&self.places, name, SHADOWSOCKS, &path, Rights::Sockets(PROXY_UID));
        self.run_own(&program, &path, &self.settings(ingress)).await?;
        Ok(vec![program])
    }

    /// The witness, where there is a key for it. No session needs it, and a node that has a problem
    /// may be taken out of service: what is wrong with it is written to the log, no more.
    async fn witness(&self, role: &RoleConfig) -> Option<Program> {
        let RoleConfig::Ingress(ingress) = role else { return None };
        let doors = ingress.frontdoors.keys().copied().collect();
        let key = ingress.witness.clone()?;
        let settings = witness::Settings { at: witness_addresses().into(), key, doors };
        let path = self.settings_of(WITNESS);
        let rights = Rights::Sockets(WITNESS_UID);
        let program = own(&self.places, WITNESS.to_owned(), WITNESS, &path, rights);
        if let Err(error) = self.run_own(&program, &path, &settings).await {
            tracing::warn!("clients get no receipts: {error}");
        }
        Some(program)
    }

    /// Starts the witness again when it died, and says so once.
    async fn keep_witness(&mut self) {
        let Some((program, ran)) = &mut self.witness else { return };
        let runs = self.keeper.runs(&program.name).await;
        if !runs {
            let started = self.keeper.ensure(program).await;
            if *ran {
                let why = started.err().map_or("see its log".to_owned(), |e| e.to_string());
                tracing::warn!("the witness had to be started again: {why}");
            }
        }
        *ran = runs;
    }

    fn settings_of(&self, name: &str) -> PathBuf {
        self.places.run.join("services").join(name).join("settings.json")
    }

    /// Makes a service run that is this program itself, with these settings and no others.
    async fn run_own(
        &self,
        program: &Program,
        path: &Path,
        settings: &impl serde::Serialize,
    ) -> Result<(), ServiceError> {
        path.parent().map_or(Ok(()), files::directory)?;
        let text = serde_json::to_vec(settings);
        let text = text.map_err(|e| ServiceError::field(path, "settings", e))?;
        let changed = files::write(path, program.rights.uid(), &text)?;
        let ran = self.keeper.runs(&program.name).await;
        self.keeper.ensure(program).await?;
        if ran && changed {
            self.keeper.hang_up(&program.name).await?;
        }
        Ok(())
    }

    fn settings(&self, ingress: &IngressConfig) -> Settings {
        let resolver = TunnelAddresses::RESOLVER;
        let user = |c: &damm_protocol::Credential| (c.id, c.shadowsocks.clone());
        Settings {
            port: internal_port(SHADOWSOCKS),
            server_key: self.keys.shadowsocks.clone(),
            sessions4: Some(ingress.sessions4),
            sessions6: Some(ingress.sessions6),
            resolvers: vec![(resolver.v4, 53).into(), (resolver.v6, 53).into()],
            allow: Vec::new(),
            users: ingress.credentials.iter().map(user).collect(),
        }
    }

    async fn serve_described(
        &mut self,
        kind: &str,
        role: &RoleConfig,
    ) -> Result<Vec<Program>, ServiceError> {
        let resolv_conf = self.write_resolv_conf()?;
        let mut described = self.described(kind)?;
        let credentials = match role {
            RoleConfig::Ingress(ingress) => {
                described.resolv_conf = Some(&resolv_conf);
                let given = ingress.transports.get(kind).map(|t| t.params.clone());
                // What is said on the server itself goes before what the controller says.
                let own = std::mem::replace(&mut described.params, given.unwrap_or_default());
                described.params.extend(own);
                ingress.credentials.as_slice()
            }
            RoleConfig::Egress(_) => &[],
        };
        described.prepare().await?;
        let public = described.public()?;
        let programs = described.apply(&self.keeper, credentials).await?;
        if kind != RESOLVER {
            self.public.insert(kind.to_owned(), public);
        }
        Ok(programs)
    }

    /// What proxies of others resolve names with: the resolver at the egress.
    fn write_resolv_conf(&self) -> Result<PathBuf, ServiceError> {
        let dir = self.places.run.join("services");
        files::directory(&dir)?;
        let (path, resolver) = (dir.join("resolv.conf"), TunnelAddresses::RESOLVER);
        let text = format!(
            "nameserver {}\nnameserver {}\noptions timeout:3 attempts:2\n",
            resolver.v4, resolver.v6
        );
        files::write(&path, PROXY_UID, text.as_bytes())?;
        Ok(path)
    }

    fn described<'a>(&'a self, kind: &'a str) -> Result<Described<'a>, ServiceError> {
        let (description, rights) = if kind == RESOLVER {
            (&self.kinds.resolver, Rights::LowPorts(RESOLVER_UID))
        } else {
            let found = self.kinds.transports.get(kind);
            (found.ok_or_else(|| self.unknown(kind))?, Rights::Sockets(PROXY_UID))
        };
        let (places, seed) = (&self.places, self.keys.seed.as_str());
        let params = self.own_params(kind)?;
        Ok(Described { kind, description, rights, places, seed, params, resolv_conf: None })
    }

    /// Settings that are said on the server itself: `params/KIND.json`.
    fn own_params(&self, kind: &str) -> Result<BTreeMap<String, String>, ServiceError> {
        let path = self.places.etc.join("params").join(format!("{kind}.json"));
        let Some(text) = files::read(&path)? else { return Ok(BTreeMap::new()) };
        let line = |e: &serde_json::Error| format!("line {}, column {}", e.line(), e.column());
        serde_json::from_slice(&text).map_err(|e| {
            ServiceError::field(&path, line(&e), "an object whose values are texts is expected")
        })
    }

    fn unknown(&self, kind: &str) -> ServiceError {
        let own = [WIREGUARD, SHADOWSOCKS].into_iter();
        let known = own.chain(self.kinds.transports.keys().map(String::as_str));
        let known = known.collect::<Vec<_>>().join(", ");
        ServiceError::UnknownKind { kind: kind.to_owned(), known }
    }

    /// What can't be prepared is not offered; asking for it then says why.
    async fn prepare_described(&mut self) {
        for kind in self.kinds.transports.keys().cloned().collect::<Vec<_>>() {
            let prepared = match self.described(&kind) {
                Ok(described) => described.prepare().await.and_then(|()| described.public()),
                Err(error) => Err(error),
            };
            match prepared {
                Ok(public) => drop(self.public.insert(kind, public)),
                Err(error) => tracing::warn!("the transport `{kind}` can't be offered: {error}"),
            }
        }
    }

    async fn stop_others(&mut self, served: &BTreeSet<String>) -> Result<(), ServiceError> {
        let mut outcome = Ok(());
        for name in self.keeper.known() {
            let unasked = name == WITNESS && self.witness.is_none();
            if unasked || kind_of(&name).is_some_and(|kind| !served.contains(kind)) {
                outcome = outcome.and(self.keeper.stop(&name).await);
            }
        }
        if !served.contains(WIREGUARD) {
            outcome = outcome.and(tunnel::remove(&self.starter).await);
        }
        outcome
    }

    /// The kinds that are served and take connections.
    pub fn listening(&self) -> BTreeSet<String> {
        self.served.iter().filter(|kind| self.listens(kind)).cloned().collect()
    }

    fn listens(&self, kind: &str) -> bool {
        let port = if kind == RESOLVER { 53 } else { internal_port(kind) };
        let protocols = match kind {
            WIREGUARD => &[Protocol::Udp][..],
            SHADOWSOCKS => &[Protocol::Tcp, Protocol::Udp],
            RESOLVER => &self.kinds.resolver.protocols,
            other => self.kinds.transports.get(other).map_or(&[][..], |d| &d.protocols),
        };
        protocols.iter().all(|protocol| match protocol {
            Protocol::Tcp => has_listener(port),
            Protocol::Udp => has_packets(port),
        })
    }
}

/// What a program of ours serves, by its name; `None` for those of the overlay.
fn kind_of(name: &str) -> Option<&str> {
    if name == RESOLVER {
        return Some(name);
    }
    let rest = name.strip_prefix("transport-").or_else(|| name.strip_prefix("relay-"))?;
    Some(rest.split_once('.').map_or(rest, |(kind, _)| kind))
}

/// No two kinds may have one port.
fn distinct(kinds: &BTreeSet<String>) -> Result<(), ServiceError> {
    let mut ports = BTreeMap::<u16, &String>::new();
    for kind in kinds {
        let port = internal_port(kind);
        if let Some(other) = ports.insert(port, kind) {
            let (one, other) = (kind.clone(), other.clone());
            return Err(ServiceError::SamePort { one, other, port });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_by_its_name_and_the_overlays_are_left_alone() {
        assert_eq!(kind_of("transport-trojan.3"), Some("trojan"));
        assert_eq!(kind_of("relay-trojan"), Some("trojan"));
        assert_eq!(kind_of("resolver"), Some("resolver"));
        assert_eq!(kind_of("wireguard-wg-in"), None);
    }

    #[test]
    fn two_kinds_on_one_port_are_refused() {
        let names = (0..2000).map(|n| format!("kind-{n}"));
        assert!(distinct(&names.collect()).is_err());
        assert!(
            distinct(&["wireguard", "shadowsocks", "trojan"].map(str::to_owned).into()).is_ok()
        );
    }
}
