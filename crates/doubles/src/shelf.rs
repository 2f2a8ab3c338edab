//! Things that come, are ready, and go, each in its time.

use std::collections::BTreeMap;

use damm_fleet::{Span, Timestamp};

/// A thing with its moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Aged<T> {
    /// The thing.
    pub item: T,
    /// When it was made.
    pub made_at: Timestamp,
    /// Listings leave it out before then.
    pub listed_at: Timestamp,
    /// It is ready then; never, where none.
    pub ready_at: Option<Timestamp>,
    /// It is gone then.
    pub gone_at: Option<Timestamp>,
}

impl<T> Aged<T> {
    /// A thing that is listed and ready as soon as it is made.
    pub const fn new(item: T, now: Timestamp) -> Self {
        Self { item, made_at: now, listed_at: now, ready_at: Some(now), gone_at: None }
    }

    /// Listed only after a time.
    #[must_use]
    pub fn listed_in(mut self, span: Span) -> Self {
        self.listed_at = self.made_at + span;
        self
    }

    /// Ready only after a time.
    #[must_use]
    pub fn ready_in(mut self, span: Span) -> Self {
        self.ready_at = Some(self.made_at + span);
        self
    }

    /// Never ready.
    #[must_use]
    pub const fn never_ready(mut self) -> Self {
        self.ready_at = None;
        self
    }

    /// Whether it is ready.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.ready_at.is_some_and(|at| at <= now)
    }

    /// Whether it is on its way out.
    pub const fn is_going(&self) -> bool {
        self.gone_at.is_some()
    }

    fn is_there(&self, now: Timestamp) -> bool {
        self.gone_at.is_none_or(|at| at > now)
    }
}

/// Things by their ids. What is gone is forgotten when the shelf is next looked at.
#[derive(Debug, Clone)]
pub struct Shelf<T> {
    things: BTreeMap<String, Aged<T>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { things: BTreeMap::new() }
    }
}

impl<T> Shelf<T> {
    /// Puts a thing there.
    pub fn put(&mut self, id: impl Into<String>, thing: Aged<T>) {
        self.things.insert(id.into(), thing);
    }

    /// A thing that is there, listed or not.
    pub fn get(&mut self, id: &str, now: Timestamp) -> Option<&mut Aged<T>> {
        self.things.get_mut(id).filter(|t| t.is_there(now))
    }

    /// All that is there, listed or not, in the order of ids. Quotas count these.
    pub fn there(&mut self, now: Timestamp) -> impl Iterator<Item = (&String, &mut Aged<T>)> {
        self.things.retain(|_, t| t.is_there(now));
        self.things.iter_mut()
    }

    /// All that listings show, in the order of ids.
    pub fn listed(&mut self, now: Timestamp) -> impl Iterator<Item = (&String, &mut Aged<T>)> {
        self.there(now).filter(move |(_, t)| t.listed_at <= now)
    }

    /// Lets a thing be gone after a time, unless it is on its way already; tells whether it was
    /// there.
    pub fn remove_in(&mut self, id: &str, span: Span, now: Timestamp) -> bool {
        let there = self.get(id, now);
        there.map(|t| t.gone_at.get_or_insert(now + span)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_listed_ready_and_gone_in_its_time() {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        let mut shelf = Shelf::default();
        let thing = Aged::new("x", at(0)).listed_in(Span::from_secs(5));
        shelf.put("1", thing.ready_in(Span::from_secs(20)));
        let count =
            |shelf: &mut Shelf<_>, s| (shelf.there(at(s)).count(), shelf.listed(at(s)).count());
        assert_eq!(count(&mut shelf, 4), (1, 0));
        assert_eq!(count(&mut shelf, 5), (1, 1));
        assert!(shelf.get("1", at(19)).is_some_and(|t| !t.is_ready(at(19))));
        assert!(shelf.get("1", at(20)).is_some_and(|t| t.is_ready(at(20))));
        assert!(shelf.remove_in("1", Span::from_secs(10), at(30)));
        assert!(shelf.remove_in("1", Span::from_secs(99), at(31)), "as before");
        assert_eq!(count(&mut shelf, 39), (1, 1));
        assert_eq!(count(&mut shelf, 40), (0, 0));
        assert!(!shelf.remove_in("1", Span::ZERO, at(40)));
    }
}
