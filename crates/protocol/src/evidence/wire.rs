//! Reports as bytes: CBOR (RFC 8949), or JSON for people.

use super::report::{Report, VERSION};

/// The longest report that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1_024;

/// The most entries in one report: four times what a client has doors.
pub const MAX_ENTRIES: usize = 64;

/// Why bytes are no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReport {
    /// It is too long.
    #[error("the report has {0} bytes; send at most {MAX_BYTES}")]
    TooLong(usize),
    /// It is no CBOR or JSON of this shape. What it is instead is not said: it may hold secrets.
    #[error("this is no report: send the CBOR or JSON of version {VERSION}")]
    Unread,
    /// It is of another version.
    #[error("version {0} of the report's format is not known; send version {VERSION}")]
    Version(u8),
    /// It says too much at once.
    #[error("the report has {0} entries; send at most {MAX_ENTRIES}")]
    TooMany(usize),
}

impl Report {
    /// Where it is sent, below the controller's address.
    pub const PATH: &'static str = "/r/reports";

    /// The report in CBOR.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and every field has a form in CBOR.
        let written = ciborium::into_writer(self, &mut bytes);
        debug_assert!(written.is_ok());
        bytes
    }

    /// The report in JSON, as people read it.
    pub fn to_json(&self) -> String {
        // Every field has a form in JSON, and no map has keys that are no text.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads CBOR.
    ///
    /// # Errors
    ///
    /// [`BadReport`]; whatever the bytes are, nothing worse happens.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, BadReport> {
        let mut rest = short(bytes)?;
        let report = ciborium::from_reader(&mut rest).map_err(|_| BadReport::Unread)?;
        match rest.is_empty() {
            true => checked(report),
            false => Err(BadReport::Unread),
        }
    }

    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// [`BadReport`]; whatever the bytes are, nothing worse happens.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BadReport> {
        checked(serde_json::from_slice(short(bytes)?).map_err(|_| BadReport::Unread)?)
    }
}

fn short(bytes: &[u8]) -> Result<&[u8], BadReport> {
    match bytes.len() <= MAX_BYTES {
        true => Ok(bytes),
        false => Err(BadReport::TooLong(bytes.len())),
    }
}

fn checked(report: Report) -> Result<Report, BadReport> {
    match report {
        Report { v, .. } if v != VERSION => Err(BadReport::Version(v)),
        Report { entries, .. } if entries.len() > MAX_ENTRIES => {
            Err(BadReport::TooMany(entries.len()))
        }
        report => Ok(report),
    }
}
