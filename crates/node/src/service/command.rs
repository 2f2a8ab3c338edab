//! Programs that do one thing and end.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::ServiceError;

/// Runs a program to its end and gives what it printed. `input` may hold secrets; the words may
/// not, since every user can read them.
///
/// # Errors
///
/// When it can't be started or ends with another code than 0, with what it said.
pub(crate) async fn run(words: &[&str], input: &[u8]) -> Result<String, ServiceError> {
    let failed =
        |why: String| ServiceError::Command { command: words.join(" "), why: why.trim().into() };
    let (name, arguments) = words.split_first().ok_or_else(|| failed("no program".into()))?;
    let mut child = Command::new(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let stdin = child.stdin.take();
    let (written, output) = tokio::join!(feed(stdin, input), child.wait_with_output());
    let output = output.map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(if said.trim().is_empty() {
            output.status.to_string()
        } else {
            said.into()
        }));
    }
    written.map_err(|e| failed(e.to_string()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A program that ends without reading all of its input has decided for itself.
async fn feed(stdin: Option<tokio::process::ChildStdin>, input: &[u8]) -> std::io::Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match stdin.write_all(input).await {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_program_prints_comes_back_and_what_it_complains_of_is_the_error() {
        assert_eq!(run(&["cat"], b"words").await.ok().as_deref(), Some("words"));
        let error = run(&["sh", "-c", "echo no such thing >&2; exit 3"], b"").await.unwrap_err();
        assert!(error.to_string().ends_with("failed: no such thing"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error_with_its_name() {
        let error = run(&["/nowhere/at-all"], b"").await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/at-all"), "{error}");
    }
}
