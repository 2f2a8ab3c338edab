//! How a client asks a node's witness, through one of the node's front doors.
//!
//! ```text
//! client ── front door ──> GET http://100.64.0.1:30000/receipt/DOOR/EPOCH/TOKEN
//!        <──────────────── the receipt, as 32 hexadecimal digits
//! ```

use std::fmt;
use std::net::SocketAddr;

use damm_fleet::FrontdoorId;

use crate::credential::TunnelAddresses;
use crate::evidence::{Epoch, Receipt, Token, WitnessKey};

/// The port of every node's witness, of TCP, at [`TunnelAddresses::SERVER`]. No transport has it,
/// and Linux gives it to no outgoing socket.
pub const WITNESS_PORT: u16 = 30_000;

/// What the path of a question begins with.
const PATH: &str = "/receipt/";

/// Where a client asks, in IPv4 and IPv6.
pub fn witness_addresses() -> [SocketAddr; 2] {
    let TunnelAddresses { v4, v6 } = TunnelAddresses::SERVER;
    [(v4, WITNESS_PORT).into(), (v6, WITNESS_PORT).into()]
}

/// What a client asks for: a receipt for a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The front door that the client means to come through.
    pub door: FrontdoorId,
    /// The epoch that the token is for.
    pub epoch: Epoch,
    /// The token.
    pub token: Token,
}

impl Question {
    /// The path of the request.
    pub fn path(&self) -> String {
        format!("{PATH}{}/{}/{}", self.door, self.epoch.number(), self.token)
    }

    /// The question in a path as [`path`](Self::path) writes it, and in no other.
    pub fn from_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(PATH)?.split('/');
        let door = parts.next()?.parse().ok()?;
        let epoch = Epoch::new(parts.next()?.parse().ok()?);
        let question = Self { door, epoch, token: parts.next()?.parse().ok()? };
        (question.path() == path).then_some(question)
    }

    /// The receipt that answers it.
    pub fn receipt(&self, key: &WitnessKey) -> Receipt {
        key.receipt(self.door, self.epoch, &self.token)
    }
}

/// Whoever reads it could tell whose report is whose.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        let token = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a50f".parse().unwrap();
        Question { door: FrontdoorId::from_raw(7), epoch: Epoch::new(988_416), token }
    }

    #[test]
    fn a_question_reads_back_and_is_written_in_one_way_only() {
        let path = question().path();
        assert_eq!(Question::from_path(&path), Some(question()));
        let bad = [
            String::new(),
            path[1..].to_owned(),
            format!("{path}/"),
            format!("{path}0"),
            path.to_uppercase(),
            path.replace("988416", "0988416"),
            path.replace("988416", "-1"),
            path.replace("988416", "4294967296"),
            path.replace("/a5", "/A5"),
            path.replace("/a5", "/+5"),
            path.replace("988416/", ""),
        ];
        for bad in bad {
            assert_eq!(Question::from_path(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_receipt_is_for_one_key_door_epoch_and_token() {
        let (asked, key) = (question(), WitnessKey::new([3; 32]));
        let others = [
            Question { door: FrontdoorId::from_raw(8), ..asked },
            Question { epoch: Epoch::new(988_417), ..asked },
            Question { token: "00".repeat(16).parse().unwrap(), ..asked },
        ];
        assert!(others.iter().all(|other| other.receipt(&key) != asked.receipt(&key)));
        assert_ne!(asked.receipt(&WitnessKey::new([4; 32])), asked.receipt(&key));
    }

    #[test]
    fn a_question_does_not_show_itself() {
        assert_eq!(format!("{:?}", question()), "Question(…)");
    }
}
