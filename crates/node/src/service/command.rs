//! Programs that do one thing and end.

use std::time::Duration;

use super::ServiceError;
use crate::tool::{self, Unfinished};

/// A program that takes longer hangs. The slowest make keys, of thousands of bits on a slow server.
const LIMIT: Duration = Duration::from_mins(2);

/// Runs a program to its end and gives what it printed. `input` may hold secrets; the words may
/// not, since every user can read them.
///
/// # Errors
///
/// When it can't be started, hangs, or ends with another code than 0, with what it said.
pub(crate) async fn run(words: &[&str], input: &[u8]) -> Result<String, ServiceError> {
    within(LIMIT, words, input).await
}

async fn within(limit: Duration, words: &[&str], input: &[u8]) -> Result<String, ServiceError> {
    let failed =
        |why: String| ServiceError::Command { command: words.join(" "), why: why.trim().into() };
    let (name, arguments) = words.split_first().ok_or_else(|| failed("no program".into()))?;
    let output = match tool::run(name, arguments, input, limit).await {
        Ok(output) => output,
        Err(Unfinished::Failed(error)) => return Err(failed(error.to_string())),
        Err(Unfinished::Hung) => {
            let (command, seconds) = (words.join(" "), limit.as_secs());
            return Err(ServiceError::Hung { command, seconds });
        }
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(if said.trim().is_empty() {
            output.status.to_string()
        } else {
            said.into()
        }));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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

    #[tokio::test]
    async fn a_program_that_hangs_is_an_error_with_its_name_and_what_to_do() {
        let error = within(Duration::from_millis(50), &["sleep", "600"], b"").await.unwrap_err();
        assert!(matches!(error, ServiceError::Hung { .. }), "{error}");
        let said = error.to_string();
        assert!(said.starts_with("`sleep 600` did not end") && said.contains("by hand"), "{said}");
    }
}
