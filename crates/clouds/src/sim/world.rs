//! The world: one state, one clock, one storage, and the way that every call takes through it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use damm_fleet::{ProviderName, Span, Timestamp, Topology};

use super::account::Refusal;
use super::dice::{Dice, Throw};
use super::state::State;
use super::storage::{SimStorage, StorageError};
use crate::clock::Clock;
use crate::error::Error;
use crate::traits::Result;

/// All accounts of the embedded cloud in one state file, with their machines' agents.
///
/// # Guarantees
///
/// - What a call did is in the storage before the call answers, whatever the answer is.
/// - The same topology, clock and sequence of calls give the same world.
pub struct SimWorld {
    clock: Arc<dyn Clock>,
    storage: Arc<dyn SimStorage>,
    state: Mutex<State>,
    /// One write at a time, so that an older state of an object never lands over a newer one.
    /// Whoever waits here mostly finds its objects written by the one before: a group commit.
    writer: tokio::sync::Mutex<()>,
}

/// Why the world can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The storage can't be read.
    #[error("the embedded cloud's objects can't be read from the state file")]
    Storage(#[source] StorageError),
    /// An object is not what this version writes.
    #[error("the embedded cloud's object `{key}` is damaged; restore the state file from a copy")]
    Damaged {
        /// The object's key.
        key: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// An object of an unknown kind.
    #[error(
        "the embedded cloud's object `{0}` is of no known kind; \
         was the state file written by a newer version?"
    )]
    UnknownKind(String),
}

/// What kind of call it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    operation: &'static str,
    writes: bool,
}

impl Call {
    pub(super) const fn read(operation: &'static str) -> Self {
        Self { operation, writes: false }
    }

    pub(super) const fn write(operation: &'static str) -> Self {
        Self { operation, writes: true }
    }
}

/// The moment and the dice of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) now: Timestamp,
    pub(super) dice: Dice,
}

/// What becomes of an answer on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    BecomesAnError,
    GetsLost,
}

impl SimWorld {
    /// Opens the world of a state file, with accounts for the topology's providers of kind `sim`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the storage fails or holds what this version can't read.
    pub async fn open(
        storage: Arc<dyn SimStorage>,
        clock: Arc<dyn Clock>,
        topology: &Topology,
    ) -> std::result::Result<Arc<Self>, OpenError> {
        let objects = storage.load().await.map_err(OpenError::Storage)?;
        let mut state = State::configured(topology, clock.now());
        state.load(objects)?;
        let world =
            Self { clock, storage, state: Mutex::new(state), writer: tokio::sync::Mutex::new(()) };
        world.adopt(topology);
        Ok(Arc::new(world))
    }

    /// Takes over a topology that was edited: settings, dials, zones and balancers.
    pub fn adopt(&self, topology: &Topology) {
        let now = self.clock.now();
        self.lock().adopt(topology, now);
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements of a call but for indexes of the one
        // object at hand; going on is better than a second panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one call through the vendor: the way there, the front desk, the work, the record of
    /// it, and the way back.
    pub(super) async fn call<T>(
        &self,
        provider: &ProviderName,
        call: Call,
        work: impl FnOnce(&mut State, Scene) -> std::result::Result<T, Refusal> + Send,
    ) -> Result<T>
    where
        T: Send,
    {
        let (latency, timeout) = self.delays(provider);
        let there = latency.scale(0.5);
        self.pause(there).await;
        let (answer, fate) = self.serve(provider, call, work);
        let answer = match self.flush().await {
            Ok(()) => answer,
            Err(e) => Err(unwritten(&e)),
        };
        let back = latency.as_millis() - there.as_millis();
        self.pause(Span::from_millis(back)).await;
        let answer = match fate {
            Fate::Arrives => answer,
            Fate::BecomesAnError => Err(Refusal::server_error()),
            Fate::GetsLost => {
                self.pause(timeout).await;
                Err(Refusal::no_answer())
            }
        };
        answer.map_err(|r| told(provider, call, r))
    }

    /// What the vendor does, in one moment.
    fn serve<T>(
        &self,
        provider: &ProviderName,
        call: Call,
        work: impl FnOnce(&mut State, Scene) -> std::result::Result<T, Refusal>,
    ) -> (std::result::Result<T, Refusal>, Fate) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.settle(now);
        let Some(account) = state.accounts.get_mut(provider) else {
            let unknown = Refusal::rejected("there is no such account");
            return (Err(unknown), Fate::Arrives);
        };
        let dice = account.next_dice(provider);
        let desk = account.front_desk(call.writes, dice, now);
        let fate = fate(account.config.dial(), dice);
        state.count(provider);
        match desk {
            Ok(()) => (work(&mut state, Scene { now, dice }), fate),
            Err(refusal) => (Err(refusal), Fate::Arrives),
        }
    }

    /// Writes what was touched, unless it was only counted.
    pub(super) async fn flush(&self) -> std::result::Result<(), StorageError> {
        if !self.lock().must_write() {
            return Ok(());
        }
        let _turn = self.writer.lock().await;
        let objects = match self.lock() {
            state if state.must_write() => state.unwritten(),
            _ => return Ok(()),
        };
        let rows: Vec<_> =
            objects.iter().map(|(key, _, json)| (key.to_string(), json.clone())).collect();
        self.storage.put(&rows).await?;
        self.lock().written(&objects);
        Ok(())
    }

    fn delays(&self, provider: &ProviderName) -> (Span, Span) {
        let state = self.lock();
        let account = state.accounts.get(provider);
        account.map_or((Span::ZERO, Span::ZERO), |a| {
            (a.config.settings.latency, a.config.settings.timeout)
        })
    }

    async fn pause(&self, span: Span) {
        if span > Span::ZERO {
            self.clock.sleep(span).await;
        }
    }
}

fn fate(dial: &damm_fleet::topology::Dial, dice: Dice) -> Fate {
    match dice.hit(dial.lost_response, Throw::LostResponse) {
        true => Fate::GetsLost,
        false if dice.hit(dial.error_after, Throw::ErrorAfter) => Fate::BecomesAnError,
        false => Fate::Arrives,
    }
}

fn unwritten(e: &StorageError) -> Refusal {
    let class = damm_fleet::FailureClass::Unknown;
    Refusal::new(class, format!("the state file can't be written: {e}"))
}

pub(super) fn told(provider: &ProviderName, call: Call, refusal: Refusal) -> Error {
    Error {
        class: refusal.class,
        provider: provider.to_string(),
        operation: call.operation,
        message: refusal.message,
        retry_after: refusal.retry_after,
    }
}
