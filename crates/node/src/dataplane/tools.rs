//! The programs that the data plane is made with.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::dataplane::DataplaneError;

/// How much of what a program said is repeated in an error.
const SAYS: usize = 400;

/// Runs programs, and counts those that change something.
#[derive(Debug, Default)]
pub struct Tools {
    changes: AtomicU64,
}

struct Output {
    ok: bool,
    out: String,
    err: String,
}

impl Tools {
    /// How often something was changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Counts a change that no program made.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// What a program prints that only looks.
    pub async fn look(
        &self,
        program: &'static str,
        args: &[&str],
        input: &str,
    ) -> Result<String, DataplaneError> {
        success(program, run(program, args, input).await?)
    }

    /// What a program prints that only looks, as far as it comes: some of what it looks at may be
    /// broken, and nothing of ours.
    pub async fn glance(
        &self,
        program: &'static str,
        args: &[&str],
    ) -> Result<String, DataplaneError> {
        Ok(run(program, args, "").await?.out)
    }

    /// Runs a program that changes something.
    pub async fn change(
        &self,
        program: &'static str,
        args: &[&str],
        input: &str,
    ) -> Result<(), DataplaneError> {
        self.changed();
        success(program, run(program, args, input).await?).map(|_| ())
    }
}

fn success(program: &'static str, output: Output) -> Result<String, DataplaneError> {
    if output.ok {
        return Ok(output.out);
    }
    let says = output.err.trim().chars().take(SAYS).collect();
    Err(DataplaneError::Failed { program, says })
}

async fn run(program: &'static str, args: &[&str], input: &str) -> Result<Output, DataplaneError> {
    let start = |source| DataplaneError::Start { program, source };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    let mut stdin = child.stdin.take();
    let write = async move {
        if let Some(stdin) = &mut stdin {
            // A program that ends without reading says why itself.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        drop(stdin);
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output.map_err(start)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) })
}
