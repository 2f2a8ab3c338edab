//! From a catalog to a document.

use damm_catalog::Catalog;
use damm_fleet::Timestamp;

use crate::document::Document;
use crate::door::{Door, doors};
use crate::error::Error;
use crate::format::Format;
use crate::identity::Identity;
use crate::settings::Settings;
use crate::wanted::Wanted;
use crate::{headers, links, mihomo, outline, sing_box, sip008, wireguard};

/// All that a client's document follows from.
#[derive(Debug, Clone, Copy)]
pub struct Subscription<'a> {
    /// What the client is told. Whoever renders it has verified it.
    pub catalog: &'a Catalog,
    /// The signed envelope around it, which [`Format::Damm`] hands on as it is.
    pub signed: &'a [u8],
    /// What the client proves itself with.
    pub identity: &'a Identity,
    /// What the operator chose.
    pub settings: &'a Settings,
}

impl Subscription<'_> {
    /// The document that is wanted, at this moment.
    ///
    /// # Errors
    ///
    /// [`Error::NotHolding`]; and where no door can be told, [`Error::NoDoor`] or
    /// [`Error::NoSuchDoor`]. Outline has words for that: it gets a document that says so.
    pub fn render(self, wanted: Wanted, now: Timestamp) -> Result<Document, Error> {
        let Catalog { not_before: from, expires: until, .. } = *self.catalog;
        if now < from || now >= until {
            return Err(Error::NotHolding { from, until, now });
        }
        let bytes = match wanted.format {
            Format::Damm => self.signed.to_vec(),
            _ => self.text(wanted)?.into_bytes(),
        };
        let headers = headers::of(wanted.format, self.catalog, self.settings);
        Ok(Document::new(wanted.format.media_type(), headers, bytes))
    }

    fn text(self, wanted: Wanted) -> Result<String, Error> {
        let doors = doors(self.catalog, self.identity);
        let none = Error::NoDoor { format: wanted.format };
        let some = !doors.is_empty();
        match wanted.format {
            // Written as it is, above.
            Format::Damm => Err(none),
            Format::SingBox => some.then(|| sing_box::profile(&doors, self.settings)).ok_or(none),
            Format::Mihomo => some.then(|| mihomo::config(&doors, self.settings)).ok_or(none),
            Format::Links => links::subscription(&doors, self.settings).ok_or(none),
            Format::Sip008 => {
                let doors = told(&doors, sip008::can_go);
                let some = !doors.is_empty();
                some.then(|| sip008::config(self.catalog, &doors)).ok_or(none)
            }
            Format::Outline => match one(&doors, outline::can_go, wanted) {
                Ok((door, way)) => Ok(outline::key(door, way)),
                Err(Error::NoDoor { .. }) => Ok(outline::nothing()),
                Err(error) => Err(error),
            },
            Format::Wireguard => {
                let (door, way) = one(&doors, wireguard::can_go, wanted)?;
                Ok(wireguard::config(door, way))
            }
        }
    }
}

/// The doors that a format can tell.
fn told<'a, W>(
    doors: &'a [Door],
    can_go: impl Fn(&'a Door) -> Option<&'a W>,
) -> Vec<(&'a Door, &'a W)> {
    doors.iter().filter_map(|door| Some((door, can_go(door)?))).collect()
}

/// The one that is wanted of them.
fn one<'a, W>(
    doors: &'a [Door],
    can_go: impl Fn(&'a Door) -> Option<&'a W>,
    wanted: Wanted,
) -> Result<(&'a Door, &'a W), Error> {
    let Wanted { format, door } = wanted;
    let told = told(doors, can_go);
    let have = told.len();
    let found = told.get(usize::from(door).wrapping_sub(1)).copied();
    found.ok_or(match have {
        0 => Error::NoDoor { format },
        _ => Error::NoSuchDoor { format, wanted: door, have },
    })
}
