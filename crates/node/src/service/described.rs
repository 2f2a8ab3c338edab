//! Services that files describe, as programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use damm_protocol::Credential;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Keeper, Places, Program, Rights, ServiceError, command, files};
use crate::transport::listening::{connections, has_listener};
use crate::transport::relay::Relay;
use crate::transport::template::{Asked, Description, OnChange, Rendered};
use crate::transport::{PORTS, internal_port};

/// How long a process may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// A service that files describe, with what this server has for it.
#[derive(Debug, Clone)]
pub(super) struct Described<'a> {
    /// What it is called: a transport's kind, or `resolver`.
    pub kind: &'a str,
    pub description: &'a Description,
    pub rights: Rights,
    pub places: &'a Places,
    pub seed: &'a str,
    /// Settings that were given.
    pub params: BTreeMap<String, String>,
    /// What it resolves names with, when that is not what the machine does.
    pub resolv_conf: Option<&'a Path>,
}

/// Which of a transport's processes takes new connections.
#[derive(Debug, Serialize, Deserialize)]
struct Newest {
    number: u16,
    digest: String,
}

impl Described<'_> {
    /// Makes what it is prepared with, unless that was made before.
    pub async fn prepare(&self) -> Result<(), ServiceError> {
        let Some(prepare) = &self.description.prepare else { return Ok(()) };
        files::directory(&self.keys())?;
        let beside = self.description.path.parent().unwrap_or(Path::new("/"));
        for name in &prepare.makes {
            if let Some(given) = files::read(&beside.join(name))? {
                files::write(&self.keys().join(name), self.rights.uid(), &given)?;
            }
        }
        let paths = prepare.makes.iter().map(|name| self.keys().join(name)).collect::<Vec<_>>();
        if paths.iter().all(|path| path.exists()) {
            return Ok(());
        }
        let asked = self.asked("", 0, self.keys(), &[]);
        let words = self.description.render_prepare(&asked.with(&BTreeMap::new()))?;
        command::run(&words.iter().map(String::as_str).collect::<Vec<_>>(), b"").await?;
        paths.iter().try_for_each(|path| files::give(path, self.rights.uid()))
    }

    /// What clients need to know of it.
    pub fn public(&self) -> Result<BTreeMap<String, String>, ServiceError> {
        let (asked, made) = (self.asked("", 0, self.keys(), &[]), self.made()?);
        self.description.render_public(&asked.with(&made))
    }

    /// Makes it run with these credentials; gives the programs that should be running for it.
    pub async fn apply(
        &self,
        keeper: &Keeper,
        credentials: &[Credential],
    ) -> Result<Vec<Program>, ServiceError> {
        match self.description.on_change {
            OnChange::HandOver => self.hand_over(keeper, credentials).await,
            _ => self.keep_one(keeper, credentials).await,
        }
    }

    /// One process, told of changes or started anew with them.
    async fn keep_one(
        &self,
        keeper: &Keeper,
        credentials: &[Credential],
    ) -> Result<Vec<Program>, ServiceError> {
        let name = self.name();
        let rendered = self.render("::", internal_port(self.kind), &name, credentials)?;
        let changed = self.write(&name, &rendered)?;
        let program = self.program(name, rendered);
        let ran = keeper.runs(&program.name).await;
        let again = self.description.on_change == OnChange::HangUp;
        if ran && changed && !again {
            keeper.stop(&program.name).await?;
        }
        keeper.ensure(&program).await?;
        if ran && changed && again {
            keeper.hang_up(&program.name).await?;
        }
        Ok(vec![program])
    }

    /// A process for each version of the credentials; a relay before them sends new connections to
    /// the newest.
    async fn hand_over(
        &self,
        keeper: &Keeper,
        credentials: &[Credential],
    ) -> Result<Vec<Program>, ServiceError> {
        let digest = self.digest(credentials)?;
        let newest = self.newest()?.filter(|n| n.digest == digest);
        let number = match &newest {
            Some(newest) => newest.number,
            None => self.free(keeper).await?,
        };
        let name = self.numbered(number);
        let port = internal_port(self.kind) + number;
        let rendered = self.render("127.0.0.1", port, &name, credentials)?;
        self.write(&name, &rendered)?;
        let program = self.program(name, rendered);
        keeper.ensure(&program).await?;
        if newest.is_none() {
            self.listens(keeper, &program, port).await?;
        }
        let relay = self.relay(keeper, port).await?;
        self.write_newest(&Newest { number, digest })?;
        Ok(vec![program, relay])
    }

    /// Ends processes that no connection is left of.
    pub async fn tidy(&self, keeper: &Keeper) -> Result<(), ServiceError> {
        let Some(newest) = self.newest()? else { return Ok(()) };
        for number in self.running(keeper).filter(|n| *n != newest.number) {
            if connections(internal_port(self.kind) + number) == 0 {
                keeper.stop(&self.numbered(number)).await?;
            }
        }
        Ok(())
    }

    /// A number that no process has; when there is none, that of the one with the fewest
    /// connections, which are cut: seven times in a row others outlived it.
    async fn free(&self, keeper: &Keeper) -> Result<u16, ServiceError> {
        let taken = self.running(keeper).collect::<Vec<_>>();
        if let Some(free) = (1..PORTS).find(|n| !taken.contains(n)) {
            return Ok(free);
        }
        let newest = self.newest()?.map_or(0, |n| n.number);
        let old = (1..PORTS).filter(|n| *n != newest);
        let idlest = old.min_by_key(|n| connections(internal_port(self.kind) + n)).unwrap_or(1);
        keeper.stop(&self.numbered(idlest)).await?;
        Ok(idlest)
    }

    fn running(&self, keeper: &Keeper) -> impl Iterator<Item = u16> {
        let known = keeper.known();
        let name = |number: &u16| known.contains(&self.numbered(*number));
        (1..PORTS).filter(name).collect::<Vec<_>>().into_iter()
    }

    /// Waits until a process takes connections. One that does not is stopped, so that the one
    /// before it goes on serving.
    async fn listens(
        &self,
        keeper: &Keeper,
        program: &Program,
        port: u16,
    ) -> Result<(), ServiceError> {
        let until = Instant::now() + PATIENCE;
        while !has_listener(port) {
            if Instant::now() > until || !keeper.runs(&program.name).await {
                keeper.stop(&program.name).await?;
                let why = "it ended or does not listen: see its log".into();
                return Err(ServiceError::Command { command: program.command.join(" "), why });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn relay(&self, keeper: &Keeper, to: u16) -> Result<Program, ServiceError> {
        let name = format!("relay-{}", self.kind);
        let path = self.dir(&name).join("relay.json");
        files::directory(&self.dir(&name))?;
        let relay = Relay { port: internal_port(self.kind), to };
        let text =
            serde_json::to_vec(&relay).map_err(|e| ServiceError::field(&path, "relay", e))?;
        let changed = files::write(&path, self.rights.uid(), &text)?;
        let program = super::own(self.places, name, "relay", &path, self.rights);
        let ran = keeper.runs(&program.name).await;
        keeper.ensure(&program).await?;
        if ran && changed {
            keeper.hang_up(&program.name).await?;
        }
        Ok(program)
    }

    fn render(
        &self,
        listen: &str,
        port: u16,
        name: &str,
        credentials: &[Credential],
    ) -> Result<Rendered, ServiceError> {
        let made = self.made()?;
        let asked = self.asked(listen, port, self.dir(name), credentials);
        self.description.render(&asked.with(&made))
    }

    /// Of all that decides what a process serves, whatever port it gets.
    fn digest(&self, credentials: &[Credential]) -> Result<String, ServiceError> {
        let rendered = self.render("", 0, "", credentials)?;
        let text = format!("{:?} {:?} {:?}", rendered.run, rendered.files, self.made()?);
        Ok(Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect())
    }

    fn write(&self, name: &str, rendered: &Rendered) -> Result<bool, ServiceError> {
        let dir = self.dir(name);
        files::directory(&dir)?;
        let mut changed = false;
        for (name, text) in &rendered.files {
            changed |= files::write(&dir.join(name), self.rights.uid(), text.as_bytes())?;
        }
        Ok(changed)
    }

    fn program(&self, name: String, rendered: Rendered) -> Program {
        let resolv = self.resolv_conf.map(|path| (PathBuf::from("/etc/resolv.conf"), path.into()));
        let shown = resolv.into_iter().collect();
        Program { name, command: rendered.run, rights: self.rights, shown }
    }

    fn made(&self) -> Result<BTreeMap<String, String>, ServiceError> {
        let names = self.description.prepare.iter().flat_map(|p| &p.makes);
        let text = |name: &String| {
            let content = files::read(&self.keys().join(name))?.unwrap_or_default();
            Ok((name.clone(), String::from_utf8_lossy(&content).into_owned()))
        };
        names.map(text).collect()
    }

    fn asked<'b>(
        &'b self,
        listen: &'b str,
        port: u16,
        dir: PathBuf,
        credentials: &'b [Credential],
    ) -> Asked<'b> {
        let (keys, params, seed) = (self.keys(), &self.params, self.seed);
        Asked { listen, port, dir, keys, params, seed, made: &super::NOTHING, credentials }
    }

    fn newest(&self) -> Result<Option<Newest>, ServiceError> {
        let text = files::read(&self.newest_path())?;
        // One that can't be read is as good as none: a new process is started.
        Ok(text.and_then(|t| serde_json::from_slice(&t).ok()))
    }

    fn write_newest(&self, newest: &Newest) -> Result<(), ServiceError> {
        let path = self.newest_path();
        let text =
            serde_json::to_vec(newest).map_err(|e| ServiceError::field(&path, "newest", e))?;
        files::directory(&self.dir(&self.name()))?;
        files::write(&path, 0, &text).map(drop)
    }

    fn newest_path(&self) -> PathBuf {
        self.dir(&self.name()).join("newest.json")
    }

    fn name(&self) -> String {
        if self.kind == super::RESOLVER {
            self.kind.into()
        } else {
            format!("transport-{}", self.kind)
        }
    }

    /// Of the process that listens on the port of this number.
    fn numbered(&self, number: u16) -> String {
        format!("{}.{number}", self.name())
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.places.run.join("services").join(name)
    }

    fn keys(&self) -> PathBuf {
        self.places.state.join("transports").join(self.kind)
    }
}
