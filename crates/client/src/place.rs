//! Places where catalogs lie, and what a client remembers of each.

use std::net::SocketAddr;
use std::path::PathBuf;

use damm_channels::read::{ReadError, Reader};
use damm_fleet::{RegionName, Span, Timestamp};
use damm_protocol::{Assignment, At, Place};
use serde::{Deserialize, Serialize};

/// A place that fails rests for so long at first, and twice as long each time.
const REST: Span = Span::from_secs(30);
/// And no longer than this.
const LONGEST_REST: Span = Span::from_hours(1);

/// What a client remembers of a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The place's mark for what was fetched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<String>,
    /// How often in a row it failed.
    #[serde(default)]
    pub(crate) misses: u32,
    /// Until when it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rests: Option<Timestamp>,
}

impl Memory {
    /// Whether it may be asked.
    pub(crate) fn is_up(&self, now: Timestamp) -> bool {
        self.rests.is_none_or(|until| until <= now)
    }

    /// It answered.
    pub(crate) fn answered(&mut self, mark: Option<String>) {
        *self = Self { mark, misses: 0, rests: None };
    }

    /// It did not.
    pub(crate) fn failed(&mut self, now: Timestamp) {
        let rest = REST.scale(f64::from(1u32 << self.misses.min(10))).min(LONGEST_REST);
        (self.misses, self.rests) = (self.misses.saturating_add(1), Some(now + rest));
    }
}

/// What is asked for of a place, for one region.
pub(crate) struct Source<'a> {
    /// What the place is remembered by: no secret.
    pub name: String,
    pub reader: Reader,
    pub region: &'a RegionName,
    /// What to ask for: one name, or one for each of the client's buckets.
    pub objects: Vec<String>,
    /// Whether what lies there is sealed.
    pub sealed: bool,
}

impl<'a> Source<'a> {
    /// The client's own path at a controller.
    pub fn controller(
        url: &str,
        assignment: &Assignment,
        region: &'a RegionName,
    ) -> Result<Self, ReadError> {
        let object = format!("c/{}?format=damm&region={region}", assignment.path.expose());
        Ok(Self {
            name: format!("controller {url} {region}"),
            reader: Reader::web(url)?,
            region,
            objects: vec![object],
            sealed: false,
        })
    }

    /// A place that the assignment names; nothing where it has nothing for the region.
    pub fn place(
        place: &Place,
        region: &'a RegionName,
        resolver: Option<SocketAddr>,
    ) -> Option<Result<Self, ReadError>> {
        let objects = place.objects.get(region)?.clone();
        let (what, reader) = match &place.at {
            At::Files { url } => (url, Reader::web(url)),
            At::Directory { path } => (path, Ok(Reader::Directory(PathBuf::from(path)))),
            At::Names { zone } => (zone, Reader::names(zone, resolver?)),
        };
        let name = format!("place {what} {region}");
        Some(reader.map(|reader| Self { name, reader, region, objects, sealed: place.sealed }))
    }
}
