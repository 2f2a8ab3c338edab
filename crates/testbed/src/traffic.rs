//! Clients and a server, in Python: nothing of ours tests itself.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::bed::Namespace;

const SCRIPT: &str = include_str!("traffic.py");

/// The server's port, TCP and UDP.
pub const PORT: u16 = 7_000;

/// What clients found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Asked {
    /// The source addresses that the server saw, and how often.
    pub seen: BTreeMap<String, u64>,
    /// Which of them each client's address had, in order.
    #[serde(default)]
    pub by_client: BTreeMap<String, Vec<String>>,
    /// What failed.
    pub errors: u64,
    /// What was tried.
    pub tried: u64,
}

/// Something that goes on until it is told to end.
#[derive(Debug)]
pub struct Job {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Namespace {
    /// Runs a part of the script to its end.
    ///
    /// # Errors
    /// When it can't be run.
    pub fn traffic(&self, args: &[&str]) -> Result<Asked> {
        self.job(args)?.end()
    }

    /// Starts a part of the script; it is under way when this returns.
    ///
    /// # Errors
    /// When it can't be run.
    pub fn job(&self, args: &[&str]) -> Result<Job> {
        self.job_as("0", PORT, args)
    }

    /// Starts a part of the script as a user, for another port.
    ///
    /// # Errors
    /// When it can't be run.
    pub fn job_as(&self, user: &str, port: u16, args: &[&str]) -> Result<Job> {
        let mut command = self.command("setpriv");
        command.args(["--reuid", user, "--clear-groups", "/usr/bin/python3"]);
        command
            .env("PORT", port.to_string())
            .args(["-c", SCRIPT])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().context("can't run python3")?;
        let mut output = BufReader::new(process.stdout.take().context("no output")?);
        output.read_line(&mut String::new())?;
        Ok(Job { process, output })
    }
}

impl Job {
    /// Ends it, and gives what it found out.
    ///
    /// # Errors
    /// When it did not live to tell.
    pub fn end(mut self) -> Result<Asked> {
        if let Some(mut stdin) = self.process.stdin.take() {
            // It may have ended by itself.
            let _ = stdin.write_all(b"end\n");
        }
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("no result: {line}"))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
