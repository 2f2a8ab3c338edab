//! What is wrong.

use damm_fleet::Timestamp;
use damm_protocol::Problem;

/// What is wrong, by where it was noticed.
#[derive(Debug, Default)]
pub(super) struct Problems {
    /// With files, at the start; told for a while.
    pub(super) found: Vec<Problem>,
    pub(super) found_until: Timestamp,
    /// With the disk, now.
    pub(super) disk: Option<Problem>,
    /// With what the controller sent.
    pub(super) refused: Option<Problem>,
    /// With what is in force.
    pub(super) seen: Vec<Problem>,
}

impl Problems {
    /// All of it, in the order in which it is told.
    pub(super) fn all(&mut self, now: Timestamp) -> Vec<Problem> {
        if now >= self.found_until {
            self.found.clear();
        }
        let single = [&self.disk, &self.refused].into_iter().flatten();
        self.found.iter().chain(single).chain(&self.seen).cloned().collect()
    }
}

/// A problem with a part of the server.
pub(super) fn problem(part: &str, message: String) -> Problem {
    Problem { part: part.to_owned(), message }
}
