//! A process that dies at a chosen point: before or after any commit of the state, and before or
//! after any call to a provider or an agent.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use damm_clouds::Error;
use damm_store::Tripwire;
use tokio::sync::Notify;

use super::tap::{Tap, looks};

/// Counts points, and dies at one of them.
#[derive(Debug, Default)]
pub struct Fuse {
    /// The point at which to die, from 1; 0: never.
    at: u64,
    /// Whether looking alone counts for nothing: most of a life is looking.
    hot: bool,
    passed: AtomicU64,
    dead: AtomicBool,
    died: Notify,
}

impl Fuse {
    pub fn at(at: u64, hot: bool) -> Arc<Self> {
        Arc::new(Self { at, hot, ..Self::default() })
    }

    /// Whether the process is dead from this point on.
    pub fn burns(&self, looks: bool) -> bool {
        if looks && self.hot {
            return self.is_dead();
        }
        let passed = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
        if passed == self.at {
            self.dead.store(true, Ordering::Relaxed);
            self.died.notify_one();
        }
        self.is_dead()
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Whether it never burns.
    pub const fn is_never(&self) -> bool {
        self.at == 0
    }

    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    pub async fn died(&self) {
        self.died.notified().await;
    }

    pub fn tripwire(self: &Arc<Self>) -> Tripwire {
        let fuse = self.clone();
        Tripwire::new(move |point| fuse.burns(point.ends_with("put_reports")))
    }

    /// A dead process neither makes a call nor hears an answer.
    async fn point(&self, call: &'static str) -> Option<Error> {
        if self.burns(looks(call)) {
            pending::<()>().await;
        }
        None
    }
}

#[async_trait]
impl Tap for Fuse {
    async fn before(&self, call: &'static str) -> Option<Error> {
        self.point(call).await
    }

    async fn after(&self, call: &'static str) -> Option<Error> {
        self.point(call).await
    }
}

/// A small, fast generator for choices within a case (SplitMix64).
pub struct Draw(pub u64);

impl Draw {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }
}

/// Names the case when it fails.
pub struct Blame<'a> {
    pub seed: u64,
    pub test: &'a str,
    pub name: &'a str,
}

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        let Self { seed, test, name } = self;
        eprintln!(
            "seed {seed} failed; alone: DAMM_CRASH_SEED={seed} cargo test -p damm-engine \
             --test {test} {name}"
        );
    }
}
