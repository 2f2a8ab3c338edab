//! What was asked of a front.

use bytes::Bytes;

/// One request of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The method.
    pub method: String,
    /// The path, still encoded, with the query.
    pub path: String,
    /// The answer's status; none where the answer was withheld.
    pub status: Option<u16>,
    /// Whether the double saw the request.
    pub served: bool,
    /// The body, where the front was told to [keep](crate::Front::keep_bodies) it.
    pub body: Option<Bytes>,
}
