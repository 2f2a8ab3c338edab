//! The clock that everything outside the pure rooms reads and sleeps by.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use damm_fleet::{Span, Timestamp};

/// Tells the time and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The moment.
    fn now(&self) -> Timestamp;

    /// Returns when `now` has moved on by at least `span`.
    async fn sleep(&self, span: Span);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = since.map_or(0, |d| d.as_millis());
        Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, span: Span) {
        tokio::time::sleep(span.to_std()).await;
    }
}

/// A clock that moves only when told to, or when somebody sleeps: nobody ever really waits.
///
/// # Guarantees
///
/// - Sleepers that run beside each other overlap: the one with the earliest deadline goes first,
///   and time never runs backwards.
/// - With one task at a time the same calls give the same moments.
///
/// # Caveats
///
/// A sleeper waits for earlier ones only as long as they are polled; one that nobody polls is
/// overtaken after a few turns, so that nothing hangs.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    time: Arc<Mutex<Time>>,
}

#[derive(Debug, Default)]
struct Time {
    now: Timestamp,
    /// Deadlines of those asleep, with a number that tells equal ones apart.
    asleep: BTreeSet<(Timestamp, u64)>,
    slept: u64,
}

/// Turns that a sleeper leaves to earlier ones before it goes ahead.
const PATIENCE: u32 = 64;

impl ManualClock {
    /// A clock that stands at a moment.
    pub fn at(now: Timestamp) -> Self {
        let time = Time { now, ..Time::default() };
        Self { time: Arc::new(Mutex::new(time)) }
    }

    /// Moves the clock on.
    pub fn advance(&self, span: Span) {
        let mut time = self.lock();
        time.now = time.now + span;
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        // A panic elsewhere leaves the time as it was, which is still a time.
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sleeper; it takes itself off the list when it wakes or is dropped.
struct Sleeper<'a> {
    clock: &'a ManualClock,
    deadline: (Timestamp, u64),
}

impl<'a> Sleeper<'a> {
    fn new(clock: &'a ManualClock, span: Span) -> Self {
        let mut time = clock.lock();
        time.slept += 1;
        let deadline = (time.now + span, time.slept);
        time.asleep.insert(deadline);
        drop(time);
        Self { clock, deadline }
    }

    /// Moves the clock to the deadline when nobody has an earlier one.
    fn wake(&self, patient: bool) -> bool {
        let mut time = self.clock.lock();
        let first = time.asleep.first().is_none_or(|d| *d == self.deadline);
        let due = time.now >= self.deadline.0 || first || !patient;
        if due {
            time.now = time.now.max(self.deadline.0);
        }
        due
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.lock().asleep.remove(&self.deadline);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    async fn sleep(&self, span: Span) {
        let sleeper = Sleeper::new(self, span);
        let mut turns = 0;
        poll_fn(|cx| {
            turns += 1;
            // The first turn is always given away, so that others can lie down beside us.
            if turns > 1 && sleeper.wake(turns < PATIENCE) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn sleepers_beside_each_other_overlap() {
        let clock = ManualClock::default();
        let naps = [300, 100, 200].map(|ms| {
            let clock = clock.clone();
            async move {
                clock.sleep(Span::from_millis(ms)).await;
                clock.now().as_millis()
            }
        });
        assert_eq!(join_all(naps).await, [300, 100, 200]);
        assert_eq!(clock.now().as_millis(), 300);
    }

    #[tokio::test]
    async fn a_sleeper_that_nobody_polls_holds_nobody_up() {
        let clock = ManualClock::default();
        let mut forgotten = Box::pin(clock.sleep(Span::from_secs(1)));
        assert!(futures::poll!(&mut forgotten).is_pending());
        clock.sleep(Span::from_secs(5)).await;
        assert_eq!(clock.now().as_millis(), 5_000);
        forgotten.await;
        assert_eq!(clock.now().as_millis(), 5_000);
    }

    #[tokio::test]
    async fn a_dropped_sleeper_is_forgotten() {
        let clock = ManualClock::default();
        drop(clock.sleep(Span::from_secs(1)));
        clock.sleep(Span::from_secs(5)).await;
        assert!(clock.lock().asleep.is_empty());
        assert_eq!(clock.now().as_millis(), 5_000);
    }

    #[test]
    fn the_machines_clock_is_past_the_year_2020() {
        assert!(WallClock.now() > "2020-01-01T00:00:00Z".parse().unwrap());
    }
}
