//! What the caller knows of clients, doors and networks.

use damm_fleet::{Asn, FrontdoorId, Network, Timestamp};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{Epoch, ReporterKey, WitnessKey};

/// What the caller knows of clients and doors. Asked for each entry, so answers should be at hand.
pub trait Roll {
    /// A client that is let in.
    fn member(&self, credential: CredentialId) -> Option<Member>;

    /// Whether a network is one of those that the client's population is for.
    fn is_home(&self, credential: CredentialId, network: Network) -> bool;

    /// What a client makes its tokens with.
    fn reporter_key(&self, credential: CredentialId) -> ReporterKey;

    /// When a client is to report in an epoch; see [`ReporterKey::due`].
    fn due(&self, credential: CredentialId, epoch: Epoch) -> Timestamp {
        self.reporter_key(credential).due(epoch)
    }

    /// Whether a client was told of a door, now or within the last catalog's life.
    fn was_told(&self, credential: CredentialId, door: FrontdoorId) -> bool;

    /// What the door's node signs receipts with; nothing for a door that is not known.
    fn witness_key(&self, door: FrontdoorId) -> Option<WitnessKey>;
}

/// A client, as far as its reports go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its population's country, ISO 3166-1 alpha-2 in capitals.
    pub country: [u8; 2],
    /// The day on which it was enrolled.
    pub enrolled: Timestamp,
}

/// Where a report came from, as far as that could be seen. The address itself never gets here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The network that announces the address, by the operator's table.
    Seen(Network),
    /// Nobody could tell: there is no table, or the report came through a relay or a front door.
    Unseen,
}

/// AS0 is nobody's (RFC 7607): a country's clients of whom no more is known.
pub(crate) const NOBODY: Asn = Asn(0);
