//! What an entry says, in the detector's words.

use damm_protocol::evidence::{Around, Ending, Entry, NodeSaw, Phase};
use damm_reach::Outcome;

/// What an entry says; nothing when it says nothing of the door.
///
/// A receipt is stronger than any word: who shows one got through, but for a transfer that froze
/// after it. Without one a success is a claim.
pub(crate) fn outcome(entry: &Entry, saw: NodeSaw) -> Option<Outcome> {
    let froze = entry.phase == Phase::Transfer && entry.ending != Ending::Ok;
    let offline = matches!(entry.ctl, Some(Around { in_country_ok: false, other_ep_ok: false }));
    match (saw, entry.ending) {
        (_, Ending::Abandoned) => None,
        _ if froze => Some(Outcome::Stalled { received: entry.rx.unwrap_or(0) }),
        (NodeSaw::Through, _) => Some(Outcome::Verified),
        (NodeSaw::Nothing, Ending::Ok) => Some(Outcome::Claimed),
        // Its own network was down; nobody beyond it is to blame.
        _ if offline => Some(Outcome::Offline),
        _ => Some(Outcome::Failed),
    }
}
