//! The client's own file.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use damm_fleet::{FrontdoorId, RegionName, Timestamp};
use damm_protocol::evidence::Epoch;
use damm_protocol::{Assignment, ClientSecret, InvitationCode, Secret32};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::file;
use crate::held::Held;
use crate::place::Memory;

/// The file's version.
const VERSION: u8 = 1;

/// All that a client keeps. It is a secret from end to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    version: u8,
    secret: Secret32,
    /// Where the controller is reached, the first to be tried first.
    pub controllers: Vec<String>,
    /// What it enrols with; gone once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) invitation: Option<InvitationCode>,
    /// What it was told of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assignment: Option<Assignment>,
    /// The newest catalog of each region.
    #[serde(default)]
    pub(crate) held: BTreeMap<RegionName, Held>,
    /// Catalogs of before that still hold: their doors are tried too, so that the end of a block is
    /// seen.
    #[serde(default)]
    pub(crate) former: Vec<Held>,
    /// What it saw of its doors.
    #[serde(default)]
    pub(crate) doors: BTreeMap<FrontdoorId, Known>,
    /// What it remembers of places.
    #[serde(default)]
    pub(crate) places: BTreeMap<String, Memory>,
    /// The last half hour that it reported in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reported: Option<Epoch>,
}

/// What a client saw of a door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// When it last got through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked: Option<Timestamp>,
    /// When it last did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Timestamp>,
    /// How often in a row it did not.
    #[serde(default)]
    pub misses: u32,
    /// Until when the last catalog holds that named it: so long it is tried, although it may have
    /// left the catalog, so that the end of a block is seen.
    pub until: Timestamp,
}

impl Profile {
    /// A client that has not enrolled yet, with 32 bytes that were drawn from the operating system.
    pub fn new(secret: [u8; 32], controller: &str, invitation: InvitationCode) -> Self {
        Self {
            version: VERSION,
            secret: Secret32::new(secret),
            controllers: vec![controller.to_owned()],
            invitation: Some(invitation),
            assignment: None,
            held: BTreeMap::new(),
            former: Vec::new(),
            doors: BTreeMap::new(),
            places: BTreeMap::new(),
            reported: None,
        }
    }

    /// The same client, which tries to enrol once more.
    pub fn again(self, controller: &str, invitation: InvitationCode) -> Self {
        let controllers = vec![controller.to_owned()];
        Self { controllers, invitation: Some(invitation), ..self }
    }

    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// [`Error::Profile`] when it can't be read, or is none. What stands in it is not said.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bad = |why: String| Error::Profile { path: path.to_owned(), what: "read", why };
        let text = match fs::read(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(Error::NotEnrolled),
            read => read.map_err(|e| bad(e.to_string()))?,
        };
        let profile: Self = serde_json::from_slice(&text)
            .map_err(|e| bad(format!("line {} is not as damm writes it", e.line())))?;
        match profile.version {
            VERSION => Ok(profile),
            other => Err(bad(format!("it is of version {other}, and this damm reads {VERSION}"))),
        }
    }

    /// Writes the profile, whole or not at all, for its owner's eyes alone.
    ///
    /// # Errors
    ///
    /// [`Error::Profile`]; what stood there before still does.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let bad = |why: String| Error::Profile { path: path.to_owned(), what: "written", why };
        let text = serde_json::to_vec_pretty(self).map_err(|e| bad(e.to_string()))?;
        file::write(path, &text).map_err(|e| bad(e.to_string()))
    }

    /// What follows from the client's secret.
    pub fn secret(&self) -> ClientSecret {
        ClientSecret::new(self.secret.clone())
    }

    /// What the client was told of itself.
    ///
    /// # Errors
    ///
    /// [`Error::NotEnrolled`] before it was.
    pub fn assignment(&self) -> Result<&Assignment, Error> {
        self.assignment.as_ref().ok_or(Error::NotEnrolled)
    }

    /// The newest catalog of each region, as it was signed and verified.
    pub const fn catalogs(&self) -> &BTreeMap<RegionName, Held> {
        &self.held
    }

    /// What is known of doors that are told or were lately.
    pub const fn doors(&self) -> &BTreeMap<FrontdoorId, Known> {
        &self.doors
    }
}
