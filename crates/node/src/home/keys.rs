//! This server's private keys.

use damm_fleet::NodeId;
use damm_protocol::{AgentKey, Secret32};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Found, HomeError, Shelf};

const NAME: &str = "keys";

/// This server's private keys. They were made on it and never leave it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Keys {
    node: NodeId,
    identity: Secret32,
    overlay: Secret32,
}

impl Keys {
    /// The keys that are there; new ones when there are none, or when those that were there are
    /// damaged and nobody knows them yet.
    pub(super) fn open(shelf: &Shelf, node: NodeId, joined: bool) -> Result<Self, HomeError> {
        let path = || shelf.path(NAME);
        match shelf.get::<Self>(NAME)? {
            Found::Whole(keys) | Found::Previous(keys) if keys.node != node => {
                Err(HomeError::AnothersHome { path: path(), owner: keys.node, node })
            }
            Found::Whole(keys) => Ok(keys),
            Found::Previous(keys) => keys.keep(shelf),
            Found::Nothing | Found::Lost if joined => Err(HomeError::KeysLost { path: path() }),
            Found::Nothing | Found::Lost => Self::draw(node)?.keep(shelf),
        }
    }

    /// What requests are signed with.
    pub fn identity(&self) -> AgentKey {
        AgentKey::new(&self.identity)
    }

    /// The key in the overlay.
    pub const fn overlay(&self) -> &Secret32 {
        &self.overlay
    }

    fn draw(node: NodeId) -> Result<Self, HomeError> {
        Ok(Self { node, identity: draw()?, overlay: draw()? })
    }

    /// Twice: keys are all that can't be had again, so the copy is there from the start.
    fn keep(self, shelf: &Shelf) -> Result<Self, HomeError> {
        shelf.put(NAME, &self)?;
        shelf.put(NAME, &self)?;
        Ok(self)
    }
}

fn draw() -> Result<Secret32, HomeError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|e| HomeError::NoRandomness(e.to_string()))?;
    Ok(Secret32::new(*bytes))
}
