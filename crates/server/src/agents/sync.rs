//! The agents' requests for the rest of their lives: what they say, and their wait for news.

use std::time::Duration;

use damm_fleet::{NodeId, Span};
use damm_protocol::{Refusal, SyncAnswer, SyncRequest};
use damm_store::StoredAgent;
use tokio::sync::watch;

use super::join::AHEAD;
use super::refusal::Denied;
use super::routes::Sent;
use super::{AgentsEndpoint, params};

/// The longest that an answer is held back for news. What lies between forgets connections that
/// are silent for much longer.
pub const LONGEST_WAIT: Span = Span::from_secs(60);

/// The highest sequence number: the largest whole number that JSON holds exactly.
const LAST: u64 = (1 << 53) - AHEAD;

/// A request that was taken, and may wait for news.
pub(super) struct Heard {
    node: NodeId,
    have: u64,
    wait: Duration,
    generation: watch::Receiver<u64>,
}

impl AgentsEndpoint {
    /// Takes what an agent says.
    pub(super) async fn hear(&self, sent: &Sent) -> Result<Heard, Denied> {
        let request: SyncRequest = sent.parse()?;
        if request.sequence >= LAST {
            let why = "its sequence number is too large".to_owned();
            return Err(Refusal::Malformed { why }.into());
        }
        let identity = self.desk().agents.get(&request.node).map(|k| k.stored.identity);
        let identity = identity.ok_or(Refusal::Unknown)?;
        let signed = sent.signed(SyncRequest::PATH).verify(&identity);
        signed.map_err(|_| Refusal::Signature)?;
        request.transports.as_ref().map_or(Ok(()), params::check)?;
        self.take_number(request.node, request.sequence).await?;
        let (heard, keep, news) = self.note(request)?;
        if let Some(agent) = keep {
            self.store.put_agents(&[agent]).await?;
        }
        if news {
            self.tell_news();
        }
        Ok(heard)
    }

    /// Takes a sequence number, once. It counts as used, over a crash too, before anything is
    /// answered.
    async fn take_number(&self, node: NodeId, sequence: u64) -> Result<(), Denied> {
        let ahead = {
            let mut desk = self.desk();
            let known = desk.agents.get_mut(&node).ok_or(Refusal::Unknown)?;
            if sequence <= known.last {
                return Err(Refusal::Replayed { above: known.last }.into());
            }
            known.last = sequence;
            (sequence > known.stored.sequence).then_some(sequence + AHEAD)
        };
        let Some(ahead) = ahead else {
            return Ok(());
        };
        self.store.put_sequences(&[(node, ahead)].into()).await?;
        if let Some(known) = self.desk().agents.get_mut(&node) {
            known.stored.sequence = known.stored.sequence.max(ahead);
        }
        Ok(())
    }

    /// Notes what was said: the answer has what has to be kept, and whether it is news.
    fn note(&self, request: SyncRequest) -> Result<(Heard, Option<StoredAgent>, bool), Refusal> {
        let mut desk = self.desk();
        let (subjects, draining) = (desk.subjects(request.node), desk.draining(request.node));
        let known = desk.agents.get_mut(&request.node).ok_or(Refusal::Unknown)?;
        let changed = request.report.as_ref().map(|r| known.hear(r, &subjects, &draining));
        let changed = changed.unwrap_or_default();
        let transports = request.transports.filter(|t| *t != known.stored.transports);
        let published = transports.is_some();
        if let Some(transports) = transports {
            known.stored.transports = transports;
        }
        let back = !std::mem::replace(&mut known.heard, true);
        known.heard_at = self.clock.now();
        let keep = (changed.lasting || published).then(|| known.stored.clone());
        let heard = Heard {
            node: request.node,
            have: request.have,
            wait: request.wait.min(LONGEST_WAIT).to_std(),
            generation: known.generation.subscribe(),
        };
        Ok((heard, keep, changed.news || published || back))
    }

    /// Answers at once when there is news, else when there is some, else when the time is up.
    pub(super) async fn wait(&self, heard: Heard) -> Result<SyncAnswer, Denied> {
        let Heard { node, have, wait, mut generation } = heard;
        let newer = generation.wait_for(|generation| *generation > have);
        match tokio::time::timeout(wait, newer).await {
            // The node has left the target.
            Ok(Err(_)) => Err(Refusal::Unknown.into()),
            Ok(Ok(_)) | Err(_) => Ok(SyncAnswer { config: self.config(node, have) }),
        }
    }
}
