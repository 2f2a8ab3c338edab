//! Ctrl-C, and the end of `--wait`.

use std::io::Write;

use damm_engine::Stop;
use damm_fleet::Span;
use tokio::task::JoinHandle;

use crate::exit::Exit;

/// Listens until it is dropped.
pub struct Watch(Vec<JoinHandle<()>>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Stops cleanly at the first ctrl-C, or when the time is up; at the second the process ends.
pub fn watch(stop: Stop, limit: Option<Span>) -> Watch {
    let asked = stop.clone();
    let mut tasks = vec![tokio::spawn(async move {
        signalled().await;
        asked.stop();
        say("\nStopping: what is under way is finished and written down first.");
        signalled().await;
        say("It is safe to end it now, and it ends: all is in the ledger. Run the same command \
             again.");
        std::process::exit(Exit::Partial as i32);
    })];
    if let Some(limit) = limit {
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep(limit.to_std()).await;
            stop.stop();
        }));
    }
    Watch(tasks)
}

/// Tells whoever reads, if anybody does any more.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Returns at ctrl-C, or when the system asks the process to end.
#[cfg(unix)]
pub async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
pub async fn signalled() {
    drop(tokio::signal::ctrl_c().await);
}
