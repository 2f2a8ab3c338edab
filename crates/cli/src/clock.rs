//! The one place where the command line reads the machine's clock and draws from its randomness.

use damm_fleet::{Seed, Timestamp};

use crate::exit::{Failure, Result};

/// The moment.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.map_or(0, |d| d.as_millis());
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Fresh bytes from the operating system.
///
/// # Errors
///
/// When the operating system has none to give.
pub fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|e| Failure::error(format!("the system gives no random bytes: {e}")))?;
    Ok(bytes)
}

/// A seed that nobody has drawn before.
///
/// # Errors
///
/// As [`random`].
pub fn seed() -> Result<Seed> {
    random().map(Seed::new)
}
