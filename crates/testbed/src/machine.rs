//! A server with a data plane, in a namespace.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use damm_node::dataplane::Observation;
use damm_protocol::{NodeConfig, Secret32};

use crate::bed::{Bed, Namespace};
use crate::driver::{Answer, HOME, Order, SOCKET};

/// A server with a data plane. Its overlay's processes outlive its agent, as on a real one.
#[derive(Debug)]
pub struct Machine {
    /// Where it is.
    pub namespace: Namespace,
    /// Its key in the overlay.
    pub key: Secret32,
    again: Vec<String>,
    home: PathBuf,
    keeper: Child,
    agent: Option<Agent>,
}

#[derive(Debug)]
struct Agent {
    process: Child,
    stream: BufReader<UnixStream>,
}

impl Machine {
    /// A server in a namespace, with a file system of its own below `/run/wireguard`.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn new(bed: &Bed, namespace: &Namespace, key: u8) -> Result<Self> {
        let home = bed.dir().join(&namespace.0);
        std::fs::create_dir_all(&home)?;
        std::fs::create_dir_all("/run/wireguard")?;
        let ready = "mount -t tmpfs none /run/wireguard && echo ready && exec sleep 3600";
        let mut keeper = namespace
            .command("sh")
            .args(["-c", ready])
            .stdout(Stdio::piped())
            .spawn()
            .context("can't start a machine")?;
        let mut line = String::new();
        let stdout = keeper.stdout.take().context("no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        if line.trim() != "ready" {
            bail!("a machine did not start");
        }
        let again = bed.again().to_vec();
        let namespace = namespace.clone();
        let key = Secret32::new([key; 32]);
        Ok(Self { namespace, key, again, home, keeper, agent: None })
    }

    /// The state directory.
    pub fn home(&self) -> &std::path::Path {
        &self.home
    }

    /// A command on the server, which sees its files too.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.keeper.id().to_string(), "-m", "-n", "--", program]);
        command
    }

    fn start(&mut self) -> Result<&mut Agent> {
        if self.agent.is_none() {
            let path = self.home.join("order.sock");
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path)?;
            let exe = std::env::current_exe()?;
            let exe = exe.to_str().context("a path that is no text")?;
            let mut command = self.command(exe);
            command.args(&self.again).env(SOCKET, &path).env(HOME, &self.home);
            let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
            let (stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            self.agent = Some(Agent { process, stream: BufReader::new(stream) });
        }
        self.agent.as_mut().context("no agent")
    }

    /// Gives an order without waiting for the answer.
    ///
    /// # Errors
    /// When the agent can't be started.
    pub fn tell(&mut self, order: &Order) -> Result<()> {
        let text = serde_json::to_string(order)?;
        let agent = self.start()?;
        writeln!(agent.stream.get_mut(), "{text}")?;
        Ok(())
    }

    /// Gives an order, and waits for the answer.
    ///
    /// # Errors
    /// When it fails.
    pub fn order(&mut self, order: &Order) -> Result<Answer> {
        self.tell(order)?;
        let mut line = String::new();
        self.start()?.stream.read_line(&mut line).context("the machine does not answer")?;
        let answer: Answer = serde_json::from_str(&line).context("the machine died")?;
        match answer.error {
            Some(error) => bail!("{}: {error}", self.namespace.0),
            None => Ok(answer),
        }
    }

    /// Applies a config.
    ///
    /// # Errors
    /// When that fails.
    pub fn apply(&mut self, config: &NodeConfig) -> Result<Answer> {
        self.order(&Order::Apply(Box::new(config.clone()), self.key.clone()))
    }

    /// What is going on.
    ///
    /// # Errors
    /// When it can't be seen.
    pub fn observe(&mut self) -> Result<Observation> {
        self.order(&Order::Observe)?.observation.context("no observation")
    }

    /// Kills the agent, as `kill -9` does; what it started goes on.
    pub fn kill(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            // `nsenter` became the agent: there is no process between.
            let _ = agent.process.kill();
            let _ = agent.process.wait();
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
