//! Points at which a test can make a process seem to die.

use std::fmt;
use std::sync::Arc;

use crate::Store;
use crate::error::{Error, Result};

/// Asked with a point's name before and after each commit, such as `before begin` and
/// `after begin`; `true` makes the call fail with [`Error::Tripped`], as if the process had died
/// there. Before: nothing is written. After: it is written, and the caller does not learn so.
#[derive(Clone)]
pub struct Tripwire(Arc<dyn Fn(&'static str) -> bool + Send + Sync>);

impl Tripwire {
    /// A tripwire that asks `trips`.
    pub fn new(trips: impl Fn(&'static str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(trips))
    }
}

impl fmt::Debug for Tripwire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tripwire")
    }
}

/// The two sides of one kind of commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// The name of the moment before.
    pub before: &'static str,
    /// The name of the moment after.
    pub after: &'static str,
}

/// A point by the name of its method.
macro_rules! point {
    ($name:literal) => {
        $crate::tripwire::Point {
            before: concat!("before ", $name),
            after: concat!("after ", $name),
        }
    };
}
pub(crate) use point;

impl Store {
    /// The same state, with a tripwire on the writes through this handle and its clones.
    #[must_use]
    pub fn with_tripwire(self, tripwire: Tripwire) -> Self {
        let tripwire = Some(tripwire);
        Self { tripwire, ..self }
    }

    pub(crate) fn trip(&self, point: &'static str) -> Result<()> {
        match &self.tripwire {
            Some(Tripwire(trips)) if trips(point) => Err(Error::Tripped(point)),
            _ => Ok(()),
        }
    }
}
