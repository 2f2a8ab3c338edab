//! Programs that do one thing and end, or are ended: one that hangs must not hold up the agent.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// Why a program did not come to its end.
#[derive(Debug)]
pub(crate) enum Unfinished {
    /// It can't be started, or spoken with.
    Failed(io::Error),
    /// It took longer than it may, and was ended with all that it had started.
    Hung,
}

/// Runs a program to its end, which comes within `limit`. `input` may hold secrets; the words may
/// not, since every user can read them.
pub(crate) async fn run(
    program: &str,
    args: &[&str],
    input: &[u8],
    limit: Duration,
) -> Result<Output, Unfinished> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what it starts can be ended with it.
    let mut child =
        command.process_group(0).kill_on_drop(true).spawn().map_err(Unfinished::Failed)?;
    let group = group(&child);
    let stdin = child.stdin.take();
    let ends = async { tokio::join!(feed(stdin, input), child.wait_with_output()) };
    match tokio::time::timeout(limit, ends).await {
        Ok((written, output)) => written.and(output).map_err(Unfinished::Failed),
        Err(_) => {
            if let Some(group) = group {
                // It may have ended just now: that is what was wanted.
                let _ = kill_process_group(group, Signal::KILL);
            }
            Err(Unfinished::Hung)
        }
    }
}

fn group(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// A program that ends without reading all of its input has decided for itself.
async fn feed(stdin: Option<tokio::process::ChildStdin>, input: &[u8]) -> io::Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match stdin.write_all(input).await {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes who it is, then hangs, and so does what it has started; both ignore polite words.
    const HANGS: &str = "trap '' TERM; sleep 600 & echo $$ $! >\"$0\"; wait";

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_with_all_that_it_started() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let began = || std::fs::read_to_string(path).unwrap();
        // A busy machine may need more time to start it: then there is nothing to look at yet.
        let mut limit = Duration::from_millis(200);
        while began().is_empty() {
            let ended = run("sh", &["-c", HANGS, path], b"", limit).await;
            assert!(matches!(ended, Err(Unfinished::Hung)), "{ended:?}");
            limit *= 2;
        }
        for pid in began().split_whitespace() {
            let state = format!("/proc/{pid}/stat");
            // It is gone, or dead and not yet taken note of.
            while std::fs::read_to_string(&state).is_ok_and(|s| !s.contains(") Z ")) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    #[tokio::test]
    async fn a_program_that_hangs_before_it_reads_is_ended_too() {
        // More than a pipe holds.
        let input = vec![0; 1 << 20];
        let ended = run("sleep", &["600"], &input, Duration::from_millis(50)).await;
        assert!(matches!(ended, Err(Unfinished::Hung)), "{ended:?}");
    }
}
