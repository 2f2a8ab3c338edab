//! The programs that the data plane is made with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::dataplane::DataplaneError;
use crate::tool::{self, Unfinished};

/// A program that takes longer hangs: `nft` with 256 addresses takes some milliseconds, and a
/// second on a server that has a hundred times as much to do as it can.
const LIMIT: Duration = Duration::from_secs(30);
/// How much of what a program said is repeated in an error.
const SAYS: usize = 400;

/// Runs programs, and counts those that change something.
#[derive(Debug)]
pub struct Tools {
    changes: AtomicU64,
    /// What each program has until it is stopped.
    limit: Duration,
}

impl Default for Tools {
    fn default() -> Self {
        Self { changes: AtomicU64::new(0), limit: LIMIT }
    }
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
        success(program, self.run(program, args, input).await?)
    }

    /// What a program prints that only looks, as far as it comes: some of what it looks at may be
    /// broken, and nothing of ours.
    pub async fn glance(
        &self,
        program: &'static str,
        args: &[&str],
    ) -> Result<String, DataplaneError> {
        Ok(self.run(program, args, "").await?.out)
    }

    /// Runs a program that changes something.
    pub async fn change(
        &self,
        program: &'static str,
        args: &[&str],
        input: &str,
    ) -> Result<(), DataplaneError> {
        self.changed();
        success(program, self.run(program, args, input).await?).map(|_| ())
    }

    async fn run(
        &self,
        program: &'static str,
        args: &[&str],
        input: &str,
    ) -> Result<Output, DataplaneError> {
        let ended = tool::run(program, args, input.as_bytes(), self.limit).await;
        let output = ended.map_err(|why| match why {
            Unfinished::Failed(source) => DataplaneError::Start { program, source },
            Unfinished::Hung => DataplaneError::Hung { program, seconds: self.limit.as_secs() },
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        Ok(Output { ok: output.status.success(), out, err })
    }
}

fn success(program: &'static str, output: Output) -> Result<String, DataplaneError> {
    if output.ok {
        return Ok(output.out);
    }
    let says = output.err.trim().chars().take(SAYS).collect();
    Err(DataplaneError::Failed { program, says })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tool_that_hangs_is_named_with_what_to_do() {
        let tools = Tools { limit: Duration::from_millis(50), ..Tools::default() };
        let looked = tools.look("sleep", &["600"], "").await.map(drop);
        let glanced = tools.glance("sleep", &["600"]).await.map(drop);
        let changed = tools.change("sleep", &["600"], "").await;
        for hung in [looked, glanced, changed] {
            let error = hung.unwrap_err();
            assert!(matches!(error, DataplaneError::Hung { program: "sleep", .. }), "{error}");
            assert!(error.to_string().contains("run `sleep` by hand"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_a_tool_says_comes_back_and_its_complaint_is_the_error() {
        let tools = Tools::default();
        assert_eq!(tools.look("cat", &[], "words").await.ok().as_deref(), Some("words"));
        let refused = tools.change("sh", &["-c", "echo no >&2; exit 3"], "").await.unwrap_err();
        assert!(matches!(&refused, DataplaneError::Failed { says, .. } if says == "no"));
        let absent = tools.look("/nowhere/at-all", &[], "").await.unwrap_err();
        assert!(matches!(absent, DataplaneError::Start { .. }), "{absent}");
    }
}
