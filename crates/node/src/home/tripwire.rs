//! Points at which a test can make the agent die.

use std::fmt;
use std::sync::Arc;

/// Is told of each point.
type Passed = dyn Fn(&str) + Send + Sync;

/// Asked with a point's name at each step of keeping a file or applying a config, such as
/// `held half written` or `before applying`. A test's answer is to kill the process; the agent's
/// own says nothing and does nothing.
#[derive(Clone, Default)]
pub struct Tripwire(Option<Arc<Passed>>);

impl Tripwire {
    /// A tripwire that tells `passed` of each point.
    pub fn new(passed: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(passed)))
    }

    /// The agent comes past a point.
    pub(crate) fn pass(&self, what: &str, step: &str) {
        if let Some(passed) = &self.0 {
            passed(&format!("{what} {step}"));
        }
    }
}

impl fmt::Debug for Tripwire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tripwire")
    }
}
