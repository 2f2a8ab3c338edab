//! Numbers for requests, which only rise.

use super::{Found, HomeError, Shelf};

const NAME: &str = "sequence";

/// So many numbers are set aside at once: at one request a minute the disk is written twice in
/// three days, and a crash skips as many.
const BLOCK: u64 = 2_000;

/// SQLite's greatest integer, which is where the controller keeps the number.
const LAST: u64 = i64::MAX as u64;

/// Numbers for requests: greater than all that were given before, whatever died in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Given next.
    next: u64,
    /// All below were set aside on the disk.
    reserved: u64,
}

impl Sequence {
    /// Goes on behind all that was set aside. When the file is lost the controller refuses what is
    /// too small, and says what is not.
    pub(super) fn open(shelf: &Shelf) -> Result<Self, HomeError> {
        let found: Found<u64> = shelf.get(NAME)?;
        // The file before the last is one block behind, or more.
        let behind = if found.is_damaged() { BLOCK } else { 0 };
        let next = found.value().unwrap_or(1).saturating_add(behind).min(LAST);
        Ok(Self { next, reserved: next })
    }

    pub(super) fn reserve(&mut self, shelf: &Shelf) -> Result<(), HomeError> {
        if self.next >= self.reserved {
            let reserved = self.next.saturating_add(BLOCK);
            shelf.put(NAME, &reserved)?;
            self.reserved = reserved;
        }
        Ok(())
    }

    pub(super) const fn next(&mut self) -> u64 {
        let given = self.next;
        self.next = if given < LAST { given + 1 } else { LAST };
        given
    }

    pub(super) fn rise(&mut self, above: u64) {
        self.next = self.next.max(above.saturating_add(1)).min(LAST);
    }
}
