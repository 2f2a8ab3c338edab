//! HAProxy, over its runtime socket (Runtime API, HAProxy 2.5 and newer).
//!
//! A target is a server that damm adds to the backend of the balancer's name, and the server's name
//! is the node's id: so it is found again whoever asks, and servers of others are left alone. The
//! socket's answers are words for people, so every change asks for the backend's table on the same
//! connection, and what the table shows is what counts.
//!
//! # Caveats
//!
//! - The backend has to balance by an algorithm that servers can be added to: `roundrobin`,
//!   `leastconn`, `random`, or a consistent hash.
//! - What is added at run time is lost when HAProxy is restarted.

mod table;

use std::collections::BTreeMap;

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{Balancer, BalancerTarget};
use damm_fleet::{BalancerName, FailureClass, NodeId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::SetupError;
use crate::registry::{Account, Parts};
use crate::wire::{Caller, Failure, Place};
use table::{Row, Table};

/// No table is longer: a row has about 100 symbols.
const LARGEST: u64 = 32 << 20;

/// Sets an account up; nothing is called yet.
///
/// # Errors
///
/// When the endpoint or the setting `server` is not as it should be.
pub fn open(account: Account) -> std::result::Result<Parts, SetupError> {
    let endpoint = account.endpoint();
    let place = match endpoint.strip_prefix("unix:") {
        Some(path) if path.starts_with('/') => Place::Unix(path.into()),
        Some(_) => {
            let why = "the socket's path has to begin with a slash".to_owned();
            return Err(SetupError::Endpoint { endpoint, why });
        }
        None => Place::tcp(&endpoint, None)?,
    };
    let options = account.setting("server").unwrap_or_default().to_owned();
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    if !options.chars().all(plain) || options.contains(';') {
        let why = "write it as after the address in a `server` line, without semicolons".to_owned();
        return Err(SetupError::Setting { name: "server", why });
    }
    let caller = Caller { account: account.name, secrets: Vec::new() };
    let balancer = HaProxy { caller, place, options };
    Ok(Parts { balancer: Some(std::sync::Arc::new(balancer)), ..Parts::default() })
}

struct HaProxy {
    caller: Caller,
    place: Place,
    /// What is said of each server that is added, after its address.
    options: String,
}

impl HaProxy {
    /// Carries out commands and reads the backend's table, all on one connection.
    async fn ask(
        &self,
        balancer: &BalancerName,
        commands: &[String],
    ) -> std::result::Result<Table, Failure> {
        let show = format!("show servers state {balancer}");
        let all: Vec<_> = commands.iter().map(String::as_str).chain([show.as_str()]).collect();
        let mut stream = self.place.connect().await?;
        let line = all.join("; ") + "\n";
        stream.write_all(line.as_bytes()).await.map_err(|_| Failure::broken())?;
        let mut answer = Vec::new();
        let read = stream.take(LARGEST).read_to_end(&mut answer).await;
        read.map_err(|_| Failure::broken())?;
        Table::read(&String::from_utf8_lossy(&answer))
    }

    async fn put(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> std::result::Result<(), Failure> {
        let table = self.ask(balancer, &[]).await?;
        let there = table.row(node);
        if there.is_some_and(|row| row.is(target)) {
            return Ok(());
        }
        let commands = self.way_to(&format!("{balancer}/{node}"), there, target);
        let table = self.ask(balancer, &commands).await?;
        match table.row(node).is_some_and(|row| row.is(target)) {
            true => Ok(()),
            false => Err(refused(&table)),
        }
    }

    /// The commands that make a server so. A new one takes no connections until it is told its
    /// state, and one that is to drain is told so before it is told anything else.
    fn way_to(&self, server: &str, there: Option<&Row>, target: &BalancerTarget) -> Vec<String> {
        let (address, port) = (target.address, target.port);
        let state = if target.draining { "drain" } else { "ready" };
        let state = format!("set server {server} state {state}");
        let Some(row) = there else {
            let at = std::net::SocketAddr::new(address, port);
            let mut commands = vec![format!("add server {server} {at} {}", self.options)];
            commands.extend(self.health(server));
            commands.push(state);
            return commands;
        };
        let mut commands = vec![state];
        if (row.address, row.port) != (Some(address), port) {
            commands.push(format!("set server {server} addr {address} port {port}"));
        }
        if !target.draining {
            // It is not to get connections at the address that it had.
            commands.reverse();
        }
        commands
    }

    /// Checks of servers that are added stand still until they are told to run.
    fn health(&self, server: &str) -> Vec<String> {
        let asks = |word| self.options.split(' ').any(|w| w == word);
        let kinds = [("check", "health"), ("agent-check", "agent")];
        let asked = kinds.into_iter().filter(|(word, _)| asks(*word));
        asked.map(|(_, kind)| format!("enable {kind} {server}")).collect()
    }

    async fn remove(
        &self,
        balancer: &BalancerName,
        node: NodeId,
    ) -> std::result::Result<(), Failure> {
        if self.ask(balancer, &[]).await?.row(node).is_none() {
            return Ok(());
        }
        let server = format!("{balancer}/{node}");
        // Only a server that takes nothing and holds nothing can be deleted.
        let commands = [
            format!("set server {server} state maint"),
            format!("shutdown sessions server {server}"),
            format!("del server {server}"),
        ];
        let table = self.ask(balancer, &commands).await?;
        match table.row(node) {
            None => Ok(()),
            Some(_) => Err(refused(&table)),
        }
    }
}

/// Why a backend is not as it was told to be.
fn refused(table: &Table) -> Failure {
    // Others changed it in between, or what was told to end has not ended yet.
    const PASSING: [&str; 3] = ["No such server", "Already exists", "Server still has connections"];
    let words = table.words.as_str();
    if words.contains("Permission denied") {
        return Failure::rejected("permission denied: the socket has to be of `level admin`");
    }
    match PASSING.iter().any(|passing| words.starts_with(passing)) {
        true => Failure::new(FailureClass::Busy, words),
        false => Failure::rejected(words),
    }
}

#[async_trait]
impl Balancer for HaProxy {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        self.caller.call("put a target", self.put(balancer, node, target)).await
    }

    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        self.caller.call("remove a target", self.remove(balancer, node)).await
    }

    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        let table = self.caller.call("list targets", self.ask(balancer, &[])).await?;
        Ok(table.targets())
    }
}
