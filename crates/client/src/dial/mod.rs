//! Trying a door for real.

mod ask;
mod pinned;
mod shadowsocks;
mod trojan;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use damm_fleet::Span;
use damm_formats::{Door, Way};
use damm_protocol::Question;
use damm_protocol::evidence::{Ending, Phase, Receipt};
use tokio::time::{Instant, timeout};

/// What came of trying a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// How far it came.
    pub phase: Phase,
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub elapsed: Span,
    /// Bytes that came back.
    pub received: u64,
    /// What the door's node says to it.
    pub receipt: Option<Receipt>,
}

impl Met {
    /// Whether the client got through.
    pub fn works(&self) -> bool {
        self.ending == Ending::Ok
    }
}

/// Whatever can try a door: an app's own engine, or [`Real`].
#[async_trait]
pub trait Dial: Send + Sync {
    /// Goes through a door and asks its node's witness.
    async fn meet(&self, door: &Door, question: &Question) -> Met;
}

/// Goes through Shadowsocks' and Trojan's doors by itself. Of WireGuard's, which need a tunnel and
/// the rights to make one, it has nothing to say: they are left to who has one.
#[derive(Debug, Clone, Copy)]
pub struct Real {
    /// The longest that one try takes.
    pub patience: Duration,
}

impl Default for Real {
    fn default() -> Self {
        Self { patience: Duration::from_secs(10) }
    }
}

/// How far a try is, for when patience runs out in the middle of it: a door that lets a client in
/// and then freezes is told apart from one that can't be reached.
#[derive(Debug)]
struct Progress(Mutex<(Phase, u64)>);

impl Progress {
    const fn new() -> Self {
        Self(Mutex::new((Phase::Connection, 0)))
    }

    fn reached(&self, phase: Phase, received: u64) {
        // Nothing panics while it is held, and a pair of numbers is whole all the same.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (phase, received);
    }

    fn stalled(&self) -> Stopped {
        let (phase, received) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Stopped { phase, ending: Ending::TimedOut, received }
    }
}

/// How far a try came, and what stopped it.
struct Stopped {
    phase: Phase,
    ending: Ending,
    received: u64,
}

impl Stopped {
    fn by(phase: Phase, error: &std::io::Error) -> Self {
        Self { phase, ending: ending(error), received: 0 }
    }
}

#[async_trait]
impl Dial for Real {
    async fn meet(&self, door: &Door, question: &Question) -> Met {
        let begun = Instant::now();
        let at = SocketAddr::new(door.address, door.port);
        let progress = Progress::new();
        let going = async {
            match &door.way {
                Way::Shadowsocks(way) => shadowsocks::ask(at, way, question, &progress).await,
                Way::Trojan(way) => trojan::ask(at, way, question, &progress).await,
                Way::Wireguard(_) => Err(said_nothing()),
            }
        };
        let met = timeout(self.patience, going).await;
        let met = met.unwrap_or_else(|_| Err(progress.stalled()));
        let elapsed = begun.elapsed().as_millis();
        let elapsed = Span::from_millis(u64::try_from(elapsed).unwrap_or(u64::MAX));
        match met {
            Ok((receipt, received)) => {
                Met { phase: Phase::Application, ending: Ending::Ok, elapsed, received, receipt }
            }
            Err(Stopped { phase, ending, received }) => {
                Met { phase, ending, elapsed, received, receipt: None }
            }
        }
    }
}

const fn said_nothing() -> Stopped {
    Stopped { phase: Phase::Connection, ending: Ending::Abandoned, received: 0 }
}

fn ending(error: &std::io::Error) -> Ending {
    match error.kind() {
        ErrorKind::ConnectionRefused => Ending::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Ending::Reset,
        ErrorKind::TimedOut => Ending::TimedOut,
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => Ending::Closed,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Ending::Unreachable,
        _ => Ending::Unknown,
    }
}
