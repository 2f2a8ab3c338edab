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

/// Stops cleanly at the first ctrl-C, or when the time is up; at the second the process ends. From
/// its return on no signal ends the process by itself.
pub fn watch(stop: Stop, limit: Option<Span>) -> Watch {
    let asked = stop.clone();
    let mut signals = Signals::new();
    let mut tasks = vec![tokio::spawn(async move {
        signals.next().await;
        asked.stop();
        say("\nStopping: what is under way is finished and written down first.");
        signals.next().await;
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

/// Returns at ctrl-C, or when the system asks the process to end. Heeded from the call on.
pub fn signalled() -> impl Future<Output = ()> {
    let mut signals = Signals::new();
    async move { signals.next().await }
}

/// Ctrl-C, and what the system asks a process to end with.
struct Signals(Vec<Heeded>);

#[cfg(unix)]
type Heeded = tokio::signal::unix::Signal;

#[cfg(not(unix))]
type Heeded = std::convert::Infallible;

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            match self.0.iter_mut().any(|signal| signal.poll_recv(cx).is_ready()) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

#[cfg(not(unix))]
impl Signals {
    const fn new() -> Self {
        Self(Vec::new())
    }

    async fn next(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
