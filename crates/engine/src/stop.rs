//! A way to stop: what is under way is finished and recorded, nothing new is begun.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that is raised once, by whoever holds a clone.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Raises the flag.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was raised.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it is raised.
    pub async fn stopped(&self) {
        // It fails only when the sender is gone, and this holds it.
        let _ = self.0.subscribe().wait_for(|raised| *raised).await;
    }
}
