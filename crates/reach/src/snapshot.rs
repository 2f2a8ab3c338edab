//! A room's state as bytes, for a restart.

use crate::bytes::{Reader, Writer};
use crate::door::Door;
use crate::ground::Ground;
use crate::room::Reach;
use crate::settings::Settings;
use crate::voice::Voices;
use crate::weather::Isp;

/// What a snapshot begins with: its name, and the version of what follows.
const BEGIN: u64 = u64::from_le_bytes(*b"dammrch4");

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSnapshot {
    /// They were written by something else, or by another version.
    #[error("this is no snapshot of this version of damm: begin with an empty state")]
    Foreign,
    /// They are cut short, or were changed.
    #[error("the snapshot is damaged: take an older one, or begin with an empty state")]
    Damaged,
}

impl Reach {
    /// Everything that the room knows. Restoring it, and then the same reports and ticks, gives the
    /// same verdicts to the byte. It holds neither addresses nor names of clients, but the numbers
    /// of reporters, which are of use for a day at most: keep it no longer.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.u64(BEGIN);
        to.u32(self.swept);
        to.count(self.names.len());
        self.names.iter().for_each(|name| to.text(name));
        to.count(self.networks.len());
        self.networks.iter().for_each(|isp| isp.write(&mut to));
        to.count(self.doors.len());
        self.doors.iter().for_each(|door| door.write(&mut to));
        self.voices.write(&mut to);
        self.ground.write(&mut to);
        to.done()
    }

    /// The room that a snapshot was taken of.
    ///
    /// # Errors
    ///
    /// [`BadSnapshot`]; whatever the bytes are, nothing worse happens.
    pub fn restore(settings: Settings, bytes: &[u8]) -> Result<Self, BadSnapshot> {
        let mut from = Reader::of(bytes);
        match from.u64() {
            Some(BEGIN) => {}
            _ => return Err(BadSnapshot::Foreign),
        }
        Self::read(settings, &mut from).ok_or(BadSnapshot::Damaged)
    }

    fn read(settings: Settings, from: &mut Reader<'_>) -> Option<Self> {
        let mut room = Self::new(settings);
        room.swept = from.u32()?;
        for _ in 0..from.count(4)? {
            room.names.push(from.text()?);
        }
        for at in 0..from.count(34)? {
            let isp = Isp::read(from)?;
            room.network_places.insert(isp.network, at as u32);
            room.networks.push(isp);
        }
        for at in 0..from.count(38)? {
            let door = Door::read(from, room.networks.len())?;
            room.door_places.insert(door.id, at as u32);
            room.doors.push(door);
        }
        room.voices = Voices::read(from)?;
        room.ground = Ground::read(from)?;
        let alone = room.network_places.len() == room.networks.len()
            && room.door_places.len() == room.doors.len();
        (alone && from.is_at_end()).then_some(room)
    }
}
