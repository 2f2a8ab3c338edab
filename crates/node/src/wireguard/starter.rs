//! Interfaces as they are needed, by the kernel or by a process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use damm_protocol::OverlayMode;
use tokio::net::UnixStream;
use tokio::sync::{Mutex, OnceCell};

use super::socket;
use crate::dataplane::WireguardStarter;
use crate::service::{Keeper, Places, Program, Rights, ServiceError, Supervisor, command};

/// How long a process may take until it answers: a busy machine's start, with room.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a process may answer without its interface: it makes the one right after the other.
const GRACE: Duration = Duration::from_secs(1);

/// Makes WireGuard interfaces, and removes them.
#[derive(Debug, Clone)]
pub struct Starter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    program: String,
    /// One interface at a time.
    keeper: Mutex<Keeper>,
    mode: OnceCell<OverlayMode>,
}

impl Starter {
    /// A starter that keeps its processes as `supervisor` does.
    ///
    /// # Errors
    ///
    /// When the agent's directories can't be made.
    pub fn open(places: &Places, supervisor: Supervisor) -> Result<Self, ServiceError> {
        let program = places.program.display().to_string();
        let keeper = Mutex::new(Keeper::open(places, supervisor)?);
        Ok(Self { inner: Arc::new(Inner { program, keeper, mode: OnceCell::new() }) })
    }

    /// Whether the kernel has WireGuard: tried once, by making an interface.
    pub async fn mode(&self) -> OverlayMode {
        *self.inner.mode.get_or_init(probe).await
    }

    /// Makes an interface, unless it is there and works.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub async fn ensure(&self, name: &str) -> Result<(), ServiceError> {
        match self.mode().await {
            OverlayMode::Kernel if exists(name) => Ok(()),
            OverlayMode::Kernel => add(name).await,
            OverlayMode::Userspace => self.ensure_process(name).await,
        }
    }

    /// Removes an interface, if it is there.
    ///
    /// # Errors
    ///
    /// When it can't be removed.
    pub async fn remove(&self, name: &str) -> Result<(), ServiceError> {
        match self.mode().await {
            OverlayMode::Kernel if exists(name) => {
                command::run(&["ip", "link", "delete", name], b"").await.map(drop)
            }
            OverlayMode::Kernel => Ok(()),
            OverlayMode::Userspace => self.inner.keeper.lock().await.stop(&service(name)).await,
        }
    }

    async fn ensure_process(&self, name: &str) -> Result<(), ServiceError> {
        let command = [&self.inner.program, "node", "wireguard", name].map(str::to_owned).to_vec();
        let (service, shown) = (service(name), std::collections::BTreeMap::new());
        let program = Program { name: service, command, rights: Rights::Interface, shown };
        let keeper = self.inner.keeper.lock().await;
        let began = Instant::now();
        let mut anew = false;
        loop {
            keeper.ensure(&program).await?;
            if exists(name) && UnixStream::connect(socket(name)).await.is_ok() {
                return Ok(());
            }
            // Somebody deleted the interface, and the process has not noticed.
            if !anew && !exists(name) && began.elapsed() > GRACE {
                keeper.stop(&program.name).await?;
                anew = true;
            }
            if began.elapsed() > PATIENCE {
                let why = "it does not answer: see its log".into();
                return Err(ServiceError::Command { command: program.command.join(" "), why });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[async_trait]
impl WireguardStarter for Starter {
    async fn ensure(&self, name: &str) -> Result<(), String> {
        self.ensure_process(name).await.map_err(|e| e.to_string())
    }

    async fn remove(&self, name: &str) -> Result<(), String> {
        self.inner.keeper.lock().await.stop(&service(name)).await.map_err(|e| e.to_string())
    }
}

fn service(name: &str) -> String {
    format!("wireguard-{name}")
}

/// By `/proc/net`, which shows this process's own network namespace whatever is mounted at `/sys`.
fn exists(name: &str) -> bool {
    let table = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    table.lines().any(|line| line.split_once(':').is_some_and(|(n, _)| n.trim() == name))
}

async fn add(name: &str) -> Result<(), ServiceError> {
    command::run(&["ip", "link", "add", name, "type", "wireguard"], b"").await.map(drop)
}

async fn probe() -> OverlayMode {
    const NAME: &str = "damm-probe";
    if !exists(NAME) && add(NAME).await.is_err() {
        return OverlayMode::Userspace;
    }
    // It does no harm when it stays: the next probe finds it.
    drop(command::run(&["ip", "link", "delete", NAME], b"").await);
    OverlayMode::Kernel
}
